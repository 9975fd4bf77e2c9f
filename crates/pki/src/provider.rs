//! OpenSSL's algorithm providers.
//!
//! Single DES (Debian's `scepclient`) and RC2 (PKCS#12 from the macOS keychain) live in the legacy provider. Loading
//! it turns the automatic default provider off, so both are loaded, and kept for the life of the process.

use std::sync::OnceLock;

use openssl::provider::Provider;

use crate::{Error, Result};

/// Makes single DES and RC2 available to OpenSSL; callers decide whether a message may use them.
pub(crate) fn load_legacy() -> Result<()> {
    // A static, because a provider that is dropped is unloaded under everybody else.
    static LOADED: OnceLock<Option<(Provider, Provider)>> = OnceLock::new();
    let loaded = LOADED.get_or_init(|| {
        let default = Provider::load(None, "default").ok()?;
        let legacy = Provider::load(None, "legacy").ok()?;
        Some((default, legacy))
    });
    match loaded {
        Some(_) => Ok(()),
        None => {
            Err(Error::Unsupported("single DES or RC2 without the legacy provider of OpenSSL".to_owned()))
        }
    }
}
