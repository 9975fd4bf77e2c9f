#![doc = include_str!("../README.md")]

mod device;
mod door;
mod enroll;
mod error;
mod mdm;
mod pages;
mod scep;
mod sources;

pub use device::Device;
pub use door::{DeviceServices, DoorSettings, router};
pub use error::{DeviceError, PageError};
pub use sources::{CertificateHeader, HeaderError, HeaderFormat, Network, ParseNetworkError};
