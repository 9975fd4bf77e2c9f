//! Bootstrap tokens: kept sealed, given back to the device that set them. Apple: "SetBootstrapToken", "GetBootstrapToken".

use protocol_mdm::{SetBootstrapToken, reply};
use serde_json::Value;
use store::{Secret, SecretKind};

use super::token_update::keep_secret;
use crate::lifecycle::Speaker;
use crate::work::{Settled, Work};
use crate::{Error, IdentityRefusal, Reply};

/// Keeps the token; a missing or empty one removes what is there.
pub(super) fn store(
    work: &mut Work<'_, '_>,
    speaker: &mut Speaker,
    message: &SetBootstrapToken,
) -> Result<Settled<Reply>, Error> {
    let enrollment = &mut speaker.enrollment;
    let token = message.bootstrap_token.as_ref().filter(|token| !token.expose_secret().is_empty());
    let action = match token {
        Some(token) => {
            keep_secret(
                work,
                enrollment,
                SecretKind::BootstrapToken,
                token.expose_secret(),
                "SetBootstrapToken",
            )?;
            "bootstrap_token.stored"
        }
        None => {
            Secret::remove_all(work.tx, enrollment.id, SecretKind::BootstrapToken, work.now)?;
            "bootstrap_token.removed"
        }
    };
    if let Some(awaiting) =
        message.awaiting_configuration.filter(|now| *now != enrollment.awaiting_configuration)
    {
        enrollment.awaiting_configuration = awaiting;
        work.save(enrollment)?;
    }
    work.audit(action, enrollment, &Value::Null)?;
    Ok(Ok(Reply::Nothing))
}

/// Gives the token back. Where there is none the answer is 200 without a body, not an error. A certificate that has expired, was
/// replaced, or is under suspicion gets no secret.
pub(super) fn give(work: &mut Work<'_, '_>, speaker: &Speaker) -> Result<Settled<Reply>, Error> {
    if speaker.expired {
        return Ok(Err(IdentityRefusal::Expired.into()));
    }
    if !speaker.is_served() {
        return Ok(Ok(Reply::Nothing));
    }
    match Secret::latest(work.tx, speaker.enrollment.id, SecretKind::BootstrapToken)? {
        Some(secret) => Ok(Ok(Reply::OwnSecret(reply::bootstrap_token(&secret.open(&work.context.sealer)?)))),
        None => Ok(Ok(Reply::Nothing)),
    }
}
