//! TLS towards receivers.

use std::fmt;

use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{SslConnector, SslMethod, SslVersion};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use zeroize::Zeroizing;

use crate::Trouble;

/// Whom to trust and who to be.
#[derive(Clone, Default)]
pub struct TlsSettings {
    /// The only authorities that are trusted (PEM); those of the system without.
    pub authorities_pem: Option<Vec<u8>>,
    /// Our certificate with its chain, and its key (PEM).
    pub client: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings")
            .field("own_authorities", &self.authorities_pem.is_some())
            .field("client_certificate", &self.client.is_some())
            .finish()
    }
}

impl TlsSettings {
    /// The settings as OpenSSL takes them.
    ///
    /// # Errors
    /// What is given is no certificate, no key, or they do not belong together.
    pub(crate) fn connector(&self) -> Result<SslConnector, Trouble> {
        self.build().map_err(|error| {
            Trouble::new(format!("the TLS certificates or keys of the sink cannot be used: {error}"))
        })
    }

    fn build(&self) -> Result<SslConnector, ErrorStack> {
        let mut builder = SslConnector::builder(SslMethod::tls_client())?;
        builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        if let Some(pem) = &self.authorities_pem {
            let mut store = X509StoreBuilder::new()?;
            for authority in X509::stack_from_pem(pem)? {
                store.add_cert(authority)?;
            }
            builder.set_cert_store(store.build());
        }
        if let Some((chain, key)) = &self.client {
            let mut chain = X509::stack_from_pem(chain)?.into_iter();
            if let Some(leaf) = chain.next() {
                builder.set_certificate(&leaf)?;
            }
            for above in chain {
                builder.add_extra_chain_cert(above)?;
            }
            let key = PKey::private_key_from_pem(key)?;
            builder.set_private_key(&key)?;
            builder.check_private_key()?;
        }
        Ok(builder.build())
    }
}
