//! The messages that need no bookkeeping: users who are declined, tokens that are not to be had, and Return to Service on the device's
//! own initiative.

use gate::{Decision, Exit};
use protocol_mdm::{GetToken, reply};
use serde_json::json;

use crate::lifecycle::Speaker;
use crate::work::{Settled, Work};
use crate::{Error, Reply};

/// The tokens that Apple's devices ask for. There is no key yet to make any of them with.
const TOKEN_SERVICES: [&str; 2] = ["com.apple.maid", "com.apple.watch.pairing"];

/// Declines to manage a user during this session: a network or mobile user of a Mac, or a temporary session of a Shared iPad, which has
/// no name that it could be told by. Apple: "UserAuthenticate".
pub(super) fn decline_user(work: &mut Work<'_, '_>, speaker: &Speaker) -> Result<Settled<Reply>, Error> {
    let exit = Exit::UserDeclined { enrollment: speaker.enrollment.id };
    Ok(match work.context.gate.decide(work.tx, &exit)? {
        Decision::Leave(permit) => Ok(Reply::UserDeclined(permit)),
        Decision::Withhold(reason) => Err(Error::Withheld(reason.to_owned())),
    })
}

/// A token of a named service. Apple: "GetToken".
pub(super) fn token(message: &GetToken) -> Settled<Reply> {
    if TOKEN_SERVICES.contains(&message.token_service_type.as_str()) {
        Err(Error::Unavailable(format!("there is no key for {} tokens yet", message.token_service_type)))
    } else {
        Err(Error::Malformed("unknown TokenServiceType".to_owned()))
    }
}

/// The device asks how it should return to service: it should not. Apple: "ReturnToService" (check-in).
pub(super) fn stay(work: &mut Work<'_, '_>, speaker: &Speaker) -> Result<Settled<Reply>, Error> {
    let exit = Exit::ReturnToServiceReply { enrollment: speaker.enrollment.id };
    Ok(match work.context.gate.decide(work.tx, &exit)? {
        Decision::Leave(permit) => {
            work.audit_exit(&permit, &speaker.enrollment, &json!({ "enabled": false }))?;
            Ok(Reply::Plist { body: reply::return_to_service_disabled(), permit })
        }
        Decision::Withhold(reason) => Err(Error::Withheld(reason.to_owned())),
    })
}
