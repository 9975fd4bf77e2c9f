#![doc = include_str!("../README.md")]

mod device;
mod door;
mod enroll;
mod error;
mod mdm;
mod pages;
mod scep;
mod sources;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use device::Device;
pub use door::{DeviceServices, DoorSettings, router};
pub use error::{DeviceError, PageError};
pub use sources::{CertificateHeader, HeaderError, HeaderFormat, Network, ParseNetworkError};
