//! Escrowed secrets: which there are, and the reading of those that a person needs, which is recorded before it is shown.

pub(crate) mod key;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use store::{Enrollment, Secret, SecretId, SecretKind};
use uuid::Uuid;

use crate::audit::{self, Act};
use crate::operators::Operator;
use crate::views::{EscrowCertificateView, RevealRequest, RevealedSecretView, SecretView};
use crate::{Context, Error, targets};

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
                    views.extend(secrets.iter().filter(|secret| secret.removed_at.is_none()).map(view));
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

    /// The value of a secret that a person needs. The act stands in the record, with its reason, before the value leaves the database.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`] for secrets that only the server uses; [`Error::Invalid`] without a reason.
    pub async fn reveal(
        &self,
        operator: &Operator,
        id: Uuid,
        request: RevealRequest,
    ) -> Result<RevealedSecretView, Error> {
        let reason = request.reason.trim().to_owned();
        if reason.is_empty() || reason.chars().count() > 1_000 {
            return Err(Error::invalid(
                "reason",
                "say in 1 to 1000 characters why you need it: it is recorded",
            ));
        }
        let (context, now) = (self.context.clone(), self.context.now());
        let act = Act::new(operator, "secret.reveal").on(id.to_string()).of_class(catalog::Class::D2);
        self.context
            .store
            .tx("reveal_secret", move |tx| {
                let secret = Secret::find(tx, SecretId(id)).map_err(|error| match error {
                    store::Error::NotFound => Error::not_found("secret", id),
                    other => other.into(),
                })?;
                if !is_revealable(secret.kind) {
                    let reason =
                        "this kind is never shown; the server uses this secret itself when a command needs it";
                    return Err(Error::Forbidden(reason.to_owned()));
                }
                let plain = secret.open(&context.sealer)?;
                // The key of a disk comes encrypted to the operator's certificate, as bytes.
                let value = String::from_utf8(plain.to_vec()).unwrap_or_else(|_| STANDARD.encode(&*plain));
                let detail =
                    json!({ "kind": secret.kind, "enrollment": secret.enrollment_id, "reason": reason });
                audit::record(tx, now, &act.clone().with(detail))?;
                Ok(RevealedSecretView { id, kind: secret.kind.to_string(), value })
            })
            .await
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

fn view(secret: &Secret) -> SecretView {
    SecretView {
        id: secret.id.0,
        kind: secret.kind.to_string(),
        enrollment_id: secret.enrollment_id.0,
        created_at: secret.created_at,
        source: secret.source.clone(),
        from_before: secret.from_before,
        confirmed_at: secret.confirmed_at,
        revealable: is_revealable(secret.kind),
    }
}

#[cfg(test)]
mod tests;
