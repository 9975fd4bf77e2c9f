//! What is made once, when the data folder is prepared: the device authority and the first operator.

use std::sync::Arc;

use clock::Clock;
use pki::seal::Sealer;
use pki::{Authority, AuthorityKind};
use secrecy::{ExposeSecret, SecretString};
use store::{ApiToken, AuthorityId, Store, TokenId};

use crate::authorities::Realm;
use crate::{Error, authorities, sealing};

/// The characters of a token that are kept to tell tokens apart.
pub(crate) const PREFIX: usize = 16;

/// Where the device authority comes from.
pub enum AuthoritySource {
    /// It is made.
    New(AuthorityKind),
    /// It is given as PEM.
    Pem {
        /// The certificate.
        certificate: Vec<u8>,
        /// Its key, not encrypted.
        key: Vec<u8>,
    },
}

/// How to begin.
pub struct InitOptions {
    /// The name of the hospital, which goes into the authority's name.
    pub organization: String,
    /// Where the device authority comes from.
    pub authority: AuthoritySource,
}

/// What came of it.
pub struct InitOutcome {
    /// The first operator's token. It is shown once and stored as a hash.
    pub admin_token: SecretString,
}

/// Prepares an empty store.
///
/// # Errors
/// [`Error::Conflict`] when it is prepared already; [`Error::Invalid`] when a given authority cannot be used.
pub async fn initialize(
    store: &Arc<Store>,
    clock: &Arc<dyn Clock>,
    sealer: &Arc<Sealer>,
    options: InitOptions,
) -> Result<InitOutcome, Error> {
    let now = clock.now();
    sealing::prepare(store, clock, sealer).await?;
    let authority = make(options, now).await?;
    let row = authorities::row(sealer, (AuthorityId::new(&**clock), Realm::Devices), &authority, now)?;
    let admin_token = pki::random_token("ward_op_");
    let text = admin_token.expose_secret();
    let token = ApiToken {
        id: TokenId::new(&**clock),
        name: "first operator".to_owned(),
        token_hash: pki::sha256(text.as_bytes()).to_vec(),
        prefix: text.chars().take(PREFIX).collect(),
        created_at: now,
        last_used_at: None,
        revoked_at: None,
    };
    store
        .tx("initialize", move |tx| {
            if store::Authority::active(tx, "device")?.is_some() {
                return Err(Error::Conflict("the data folder has been prepared before".to_owned()));
            }
            row.insert(tx)?;
            token.insert(tx)?;
            Ok(())
        })
        .await?;
    Ok(InitOutcome { admin_token })
}

async fn make(options: InitOptions, now: clock::Timestamp) -> Result<Authority, Error> {
    match options.authority {
        AuthoritySource::New(kind) => {
            let organization: String = options.organization.chars().take(40).collect();
            authorities::create(kind, format!("{organization} device authority"), now).await
        }
        AuthoritySource::Pem { certificate, key } => {
            let read =
                tokio::task::spawn_blocking(move || Authority::from_pem(&certificate, &key, now)).await;
            let read = read.map_err(|error| Error::Internal(error.to_string()))?;
            read.map_err(|error| Error::invalid("authority", error.to_string()))
        }
    }
}
