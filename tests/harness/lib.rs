//! What the end to end and interop tests share: a started Ward with a simulated Apple beside it, in this process or in one
//! that can be killed.

mod api;
mod desired;
mod process;
mod raw;
mod world;

pub use api::{Answer, Api};
pub use desired::list;
pub use process::{WardProcess, ward_program};
pub use raw::{RawDevice, RawReply, answer, client, fetch_profile, open_profile, payload, xml};
pub use world::{World, WorldOptions};
