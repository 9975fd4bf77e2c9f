//! The whole loop over real TLS: simulated devices and a simulated Apple against a started Ward, and what a hospital would notice.

mod doors;
mod enrollment;
mod epochs;
mod erase;
mod groups;
mod hostile;
mod identity;
mod inventory;
mod kill;
mod limits;
mod links;
mod lock;
mod lost_mode;
mod mac_secrets;
mod personal;
mod push;
mod push_faults;
mod queue;
mod refusals;
mod renewal;
mod reports;
mod scep;
mod secrets;
mod support;
mod sync;
mod tokens;
