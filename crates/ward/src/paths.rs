//! Where things lie in the data folder.

use std::path::PathBuf;

use crate::config::Config;

/// The places in a server's data folder.
#[derive(Debug, Clone)]
pub struct Paths {
    /// Keys that never leave the machine.
    pub keys: PathBuf,
    /// The key that opens the sealed columns, 64 hexadecimal digits.
    pub sealing_key: PathBuf,
    /// Certificates of the doors.
    pub tls: PathBuf,
    /// The root of the trial certificates, PEM.
    pub tls_root: PathBuf,
    /// The embedded database.
    pub database: PathBuf,
}

impl Paths {
    /// The places of this configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let (keys, tls) = (config.data.join("keys"), config.data.join("tls"));
        Self {
            sealing_key: keys.join("sealing.key"),
            tls_root: tls.join("root.pem"),
            database: config.data.join("ward.sqlite"),
            keys,
            tls,
        }
    }
}
