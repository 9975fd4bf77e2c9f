//! Simulated devices and a simulated Apple, speaking the real protocols.
//!
//! [`SimulatedDevice`] enrols with a configuration profile, gets its identity by SCEP, talks MDM over real TLS, obeys
//! commands and shows what a person would see ([`DeviceState`]). [`SimulatedApple`] issues push certificates and runs an
//! APNs ([`SimulatedApns`]) that wakes the devices of the same process. [`Fleet`] holds many devices.
//!
//! Nothing here looks into the server or uses its checks: what a test shows with these devices was seen on the wire.

pub mod apple;
pub mod device;
pub mod fleet;

mod dice;
mod network;
mod web;

pub use apple::{
    IssuedPushCertificate, PushFault, PushFaults, ReceivedPush, Registry, SimulatedApns, SimulatedApple,
};
pub use device::{
    DeviceSpec, DeviceState, Fault, IdentityMode, InstalledProfile, Model, Phase, ProfileSource,
    SimulatedDevice, WifiNetwork,
};
pub use fleet::{Fleet, FleetSpec, Progress};
pub use network::{Network, NetworkOptions};
