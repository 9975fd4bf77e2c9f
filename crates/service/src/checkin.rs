//! Check-in messages: one method for all of them, so that whatever holds for every message stands in one place.

use std::sync::Arc;

use protocol_mdm::{ChannelKind, Checkin, EnrollmentKey, Identifiers};
use store::Channel;

use crate::identity::{Caller, Identities};
use crate::lifecycle::{self, Admission, Speaker};
use crate::work::{self, Settled, Work};
use crate::{Context, Error, IdentityRefusal, Reply, declarations, quarantine};

mod authenticate;
mod bootstrap;
mod check_out;
mod inherit;
mod simple;
mod token_update;

#[cfg(test)]
mod tests;

/// Answers check-ins.
pub struct Checkins {
    context: Context,
    identities: Arc<Identities>,
}

impl Checkins {
    /// Answers with these.
    #[must_use]
    pub fn new(context: Context, identities: Arc<Identities>) -> Self {
        Self { context, identities }
    }

    /// Answers one check-in of a caller whose certificate has been verified.
    ///
    /// # Errors
    /// [`Error::Identity`] when the caller may not speak in the name that the message has, [`Error::Malformed`],
    /// [`Error::Forbidden`] for an enrolment that is not accepted, [`Error::Unavailable`] when the device must try again.
    pub async fn receive(&self, caller: &Caller, message: Checkin) -> Result<Reply, Error> {
        let message_type = message.message_type();
        let (key, nameless) = resolve(message.identifiers())?;
        metrics::counter!("ward_checkins_total", "message" => message_type).increment(1);
        let caller = caller.clone();
        work::run(&self.context, &self.identities, message_type, move |work| {
            dispatch(work, &caller, (&key, nameless), &message)
        })
        .await
    }
}

/// The channel that speaks, and whether it is a temporary session of a Shared iPad, which no name tells from another one.
pub(crate) fn resolve(identifiers: &Identifiers) -> Result<(EnrollmentKey, bool), Error> {
    match (identifiers.resolve(), &identifiers.udid) {
        (Ok(key), _) => Ok((key, false)),
        (Err(protocol_mdm::Error::UnnamedSharedIpadUser), Some(device)) => {
            let key = EnrollmentKey { device: device.clone(), user: None, kind: ChannelKind::SharedIpad };
            Ok((key, true))
        }
        (Err(error), _) => Err(Error::Malformed(error.to_string())),
    }
}

fn dispatch(
    work: &mut Work<'_, '_>,
    caller: &Caller,
    (key, nameless): (&EnrollmentKey, bool),
    message: &Checkin,
) -> Result<Settled<Reply>, Error> {
    if let Checkin::Authenticate(message) = message {
        return authenticate::receive(work, caller, key, message);
    }
    match lifecycle::admit(work, caller, key, matches!(message, Checkin::CheckOut(_)))? {
        Err(refusal) => Ok(Err(refusal)),
        Ok(Admission::Stranger(reason)) => {
            quarantine::note(work, caller, key, reason)?;
            Ok(for_stranger(message))
        }
        Ok(Admission::Over) if matches!(message, Checkin::CheckOut(_)) => Ok(Ok(Reply::Nothing)),
        Ok(Admission::Over) => Ok(Err(IdentityRefusal::Revoked.into())),
        // A certificate that was replaced speaks for nobody any more; the alarm has been raised.
        Ok(Admission::Speaker(speaker)) if speaker.retired => Ok(for_stranger(message)),
        Ok(Admission::Speaker(speaker)) if nameless => simple::decline_user(work, &speaker),
        Ok(Admission::Speaker(mut speaker)) => {
            let settled = answer(work, &mut speaker, key, message)?;
            touch(work, &speaker, key)?;
            Ok(settled)
        }
    }
}

/// What a device gets of which only the certificate is known: nothing that would change it, and a 503 where nothing would be an
/// answer.
fn for_stranger(message: &Checkin) -> Settled<Reply> {
    match message {
        Checkin::DeclarativeManagement(_) | Checkin::GetToken(_) => {
            Err(Error::Unavailable("the device is not known here".to_owned()))
        }
        _ => Ok(Reply::Nothing),
    }
}

fn answer(
    work: &mut Work<'_, '_>,
    speaker: &mut Speaker,
    key: &EnrollmentKey,
    message: &Checkin,
) -> Result<Settled<Reply>, Error> {
    match message {
        Checkin::TokenUpdate(message) => token_update::receive(work, speaker, key, message),
        Checkin::CheckOut(_) => check_out::receive(work, speaker, key),
        Checkin::SetBootstrapToken(message) => bootstrap::store(work, speaker, message),
        Checkin::GetBootstrapToken(_) => bootstrap::give(work, speaker),
        Checkin::DeclarativeManagement(message) => declarations::receive(work, speaker, message),
        Checkin::GetToken(message) => Ok(simple::token(message)),
        Checkin::ReturnToService(_) => simple::stay(work, speaker),
        Checkin::UserAuthenticate(_) => simple::decline_user(work, speaker),
        Checkin::Authenticate(_) => Err(Error::Internal("dispatched twice".to_owned())),
    }
}

fn touch(work: &mut Work<'_, '_>, speaker: &Speaker, key: &EnrollmentKey) -> Result<(), Error> {
    if let Some(channel) = Channel::find_by_key(work.tx, speaker.enrollment.id, &key.to_string())? {
        work.context.store.touch(channel.id, work.now);
    }
    Ok(())
}
