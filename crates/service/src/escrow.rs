//! Escrowed secrets: which there are, and the reading of those that a person needs, which is recorded before it is shown.

pub(crate) mod key;
mod reveal;
mod rotate;
mod rotator;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use store::{Connection, Enrollment, Reveal, Secret, SecretKind};

use crate::views::{EscrowCertificateView, SecretView};
use crate::{Context, Error, targets};

pub(crate) use rotate::note_new;
pub use rotator::{ROTATE_REVEALED, Rotator};

/// The service.
pub struct Escrow {
    context: Context,
}

impl Escrow {
    /// Over the common ground.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// The secrets of a device in all its enrolments, the newest first; never their values.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn list(&self, device: String) -> Result<Vec<SecretView>, Error> {
        self.context
            .store
            .read("list_secrets", move |c| {
                let found = targets::find_device(c, &device).map_err(|miss| miss.into_error(&device))?;
                let mut views = Vec::new();
                for enrollment in Enrollment::list_for_device(c, found.id)? {
                    let secrets = Secret::list_for_enrollment(c, enrollment.id)?;
                    for secret in secrets.iter().filter(|secret| secret.removed_at.is_none()) {
                        views.push(view(c, secret)?);
                    }
                }
                Ok(views)
            })
            .await
    }

    /// The certificate to which Macs encrypt their recovery keys, made now if there is none yet. It goes into an escrow profile
    /// (Apple: "FDERecoveryKeyEscrow", `EncryptCertPayloadUUID`).
    ///
    /// # Errors
    /// The database's.
    pub async fn certificate(&self) -> Result<EscrowCertificateView, Error> {
        let certificate = key::ensure(&self.context).await?;
        Ok(EscrowCertificateView {
            pem: certificate.to_pem(),
            der_base64: STANDARD.encode(certificate.der()),
            fingerprint: certificate.fingerprint().to_string(),
            not_after: certificate.not_after(),
        })
    }

    /// What changes values that were shown.
    #[must_use]
    pub fn rotator(&self) -> Rotator {
        Rotator::new(self.context.clone())
    }
}

const fn is_revealable(kind: SecretKind) -> bool {
    use SecretKind as Kind;
    matches!(
        kind,
        Kind::LockPin
            | Kind::ErasePin
            | Kind::ActivationLockBypassCode
            | Kind::RecoveryKey
            | Kind::RecoveryLock
            | Kind::FirmwarePassword
            | Kind::AdminPassword
            | Kind::Location
    )
}

fn view(connection: &mut Connection, secret: &Secret) -> Result<SecretView, Error> {
    let revealable = is_revealable(secret.kind);
    let reveals = if revealable { Reveal::of_secret(connection, secret.id)? } else { Vec::new() };
    let last = reveals.first();
    Ok(SecretView {
        id: secret.id.0,
        kind: secret.kind.to_string(),
        enrollment_id: secret.enrollment_id.0,
        created_at: secret.created_at,
        source: secret.source.clone(),
        from_before: secret.from_before,
        confirmed_at: secret.confirmed_at,
        revealable,
        reveals: u64::try_from(reveals.len()).unwrap_or_default(),
        revealed_at: last.map(|reveal| reveal.at),
        rotation: last.map(|reveal| reveal.rotation.to_string()),
    })
}

#[cfg(test)]
mod tests;
