//! Ward's escrow key: Macs encrypt their recovery keys to its certificate, in the escrow profile and when a key is rotated.
//!
//! There is one for the server, made when it is first needed. Its private key lies sealed in the database.

use std::sync::Arc;
use std::time::Duration;

use pki::seal::Sealer;
use pki::{Certificate, PrivateKey, cms};
use store::{Connection, Setting};
use zeroize::Zeroizing;

use crate::{Context, Error};

const CERTIFICATE: &str = "escrow_certificate";
pub(crate) const KEY: &str = "escrow_key";
/// A Mac keeps the certificate in a profile for as long as it lives.
const LIFE: Duration = Duration::from_secs(20 * 365 * 86_400);
/// Devices' clocks may be behind.
const BACK_DATED: Duration = Duration::from_secs(86_400);
/// The longest recovery key that is believed, in bytes: Apple's have 29.
const LONGEST: usize = 256;

/// The escrow certificate, made now if there is none yet.
///
/// # Errors
/// The database's, and [`Error::Internal`] when no key can be made.
pub(crate) async fn ensure(context: &Context) -> Result<Certificate, Error> {
    let known = context.store.read("escrow_certificate", certificate).await?;
    if let Some(known) = known {
        return Ok(known);
    }
    let (organization, now) = (context.settings.organization.clone(), context.now());
    let made = tokio::task::spawn_blocking(move || {
        let key = PrivateKey::generate_rsa_2048()?;
        let name: String = format!("{organization} recovery key escrow").chars().take(60).collect();
        let subject = vec![("CN".to_owned(), name)];
        Ok::<_, pki::Error>((Certificate::self_signed(&key, &subject, now - BACK_DATED, now + LIFE)?, key))
    });
    let (certificate, key) = made.await.map_err(|error| Error::Internal(error.to_string()))??;
    let (key, sealer) = (key.to_pkcs8_der()?, context.sealer.clone());
    context
        .store
        .tx("make_escrow_key", move |tx| {
            // Another request may have been faster; its key is in use then.
            if let Some(known) = self::certificate(tx)? {
                return Ok(known);
            }
            Setting::write(tx, CERTIFICATE, &certificate.to_pem())?;
            Setting::seal(tx, &sealer, KEY, &key)?;
            Ok::<_, Error>(certificate.clone())
        })
        .await
}

/// The escrow certificate, if it has been needed before.
pub(crate) fn certificate(connection: &mut Connection) -> Result<Option<Certificate>, Error> {
    let Some(pem) = Setting::read(connection, CERTIFICATE)? else { return Ok(None) };
    Ok(Some(Certificate::from_pem(pem.as_bytes())?))
}

/// What a Mac encrypted to the escrow certificate. `None` when it is for somebody else or no recovery key.
pub(crate) fn open(
    connection: &mut Connection,
    sealer: &Arc<Sealer>,
    message: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let (Some(certificate), Some(key)) = (certificate(connection)?, Setting::open(connection, sealer, KEY)?)
    else {
        return Ok(None);
    };
    let key = PrivateKey::from_pkcs8_der(&key)?;
    let Ok((plain, _)) = cms::decrypt(message, &certificate, &key, false) else { return Ok(None) };
    let plain = Zeroizing::new(plain);
    let is_key = (1..=LONGEST).contains(&plain.len())
        && std::str::from_utf8(&plain).is_ok_and(|text| text.chars().all(|c| c.is_ascii_graphic()));
    Ok(is_key.then_some(plain))
}
