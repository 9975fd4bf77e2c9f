//! The hand-out: which delivery a polling device gets, whether it may leave, and the secrets that are put in at the last moment.

use catalog::{ClassContext, Ownership};
use gate::{Decision, Exit};
use plist::Dictionary;
use serde_json::json;
use store::{Channel, Command, DeliveryState, Device, NewEvent, NextOptions, Pending};

use crate::circumstances::Circumstances;
use crate::commands::personal_refusals;
use crate::desired::handout as item;
use crate::lifecycle::Speaker;
use crate::work::{Settled, Work};
use crate::{Error, Reply};

mod fill;
mod passwords;

#[cfg(test)]
mod tests;

/// In a stored command: what is to be filled in when it is handed out. It never leaves the server, and operators may not send it.
pub const FILL_KEY: &str = "WardFill";
/// The value of [`FILL_KEY`] in the InstallProfile that renews an identity.
pub const FILL_RENEWAL: &str = "renewal";
/// In a stored `ReturnToService` dictionary: the device is to come back by other means (ADE), so no profile is put in.
pub const PLAIN_RETURN: &str = "WardPlain";

/// What a device with an expired certificate may still be given, besides its renewal.
const FOR_EXPIRED: [&str; 5] =
    ["EnableLostMode", "DisableLostMode", "DeviceLocation", "PlayLostModeSound", "EraseDevice"];
/// What must not be carried out once more by accident.
const ONCE: [&str; 2] = ["EraseDevice", "DeviceLock"];

/// Finds the next delivery that may leave and hands it out. Zero bytes when there is none.
pub(crate) fn next(
    work: &mut Work<'_, '_>,
    speaker: &Speaker,
    channel: &Channel,
    offer_not_now: bool,
) -> Result<Settled<Reply>, Error> {
    let mut options = NextOptions { offer_not_now, skip: Vec::new() };
    while let Some(pending) = work.tx.next(channel.id, work.now, &options) {
        match offer(work, speaker, &pending)? {
            Some(reply) => return Ok(Ok(reply)),
            // Closed just now, or held back: the next one, please.
            None => options.skip.push(pending.seq),
        }
    }
    Ok(Ok(Reply::Nothing))
}

/// Hands out one delivery, or closes it, or passes over it.
fn offer(work: &mut Work<'_, '_>, speaker: &Speaker, pending: &Pending) -> Result<Option<Reply>, Error> {
    if pending.enrollment_id != speaker.enrollment.id {
        return Ok(None);
    }
    if let Some(why) = must_not_repeat(work, speaker, pending) {
        return end(work, pending, DeliveryState::NoReply, why).map(|()| None);
    }
    let command = Command::find(work.tx, pending.command_id)?;
    let mut dictionary = parse(work, &command)?;
    let renewal = dictionary.get(FILL_KEY).and_then(plist::Value::as_string) == Some(FILL_RENEWAL);
    if speaker.expired && !renewal && !FOR_EXPIRED.contains(&command.request_type.as_str()) {
        return Ok(None);
    }
    if speaker.enrollment.ownership == Ownership::Personal
        && let Some(refusal) = personal_refusals(&dictionary).first()
    {
        return end(work, pending, DeliveryState::Cancelled, &refusal.advice).map(|()| None);
    }
    let for_item = dictionary.get(FILL_KEY).and_then(plist::Value::as_string) == Some(item::FILL_ITEM);
    let mut clear = None;
    if for_item {
        dictionary.remove(FILL_KEY);
        match item::fill(work, speaker, &command, &mut dictionary)? {
            Ok(profile) => clear = profile,
            Err(why) => return end(work, pending, DeliveryState::Cancelled, &why).map(|()| None),
        }
    }
    if let Err(why) = fill::fill(work, speaker, (pending.seq, &command), &mut dictionary)? {
        return end(work, pending, DeliveryState::Cancelled, &why).map(|()| None);
    }
    let leaving = Leaving { request_type: &command.request_type, renewal, clear: clear.as_ref() };
    let permit = match decide(work, speaker, (pending, &leaving), &dictionary)? {
        Decision::Leave(permit) => permit,
        Decision::Withhold(reason) => {
            tracing::info!(command.uuid = %command.uuid, enrollment.id = %speaker.enrollment.id, "The gate withholds a command: {reason}");
            return Ok(None);
        }
    };
    if renewal {
        let detail = json!({ "delivery": pending.seq.0 });
        work.audit_exit(&permit, &speaker.enrollment, &detail)?;
    }
    let event = NewEvent {
        identity_id: Some(speaker.identity.id),
        class: Some(permit.class().to_string()),
        ..NewEvent::new(DeliveryState::HandedOut, work.now)
    };
    work.tx.record(pending.seq, event)?;
    if for_item {
        item::note_sent(work, &speaker.enrollment, &command)?;
    }
    let detail = json!({ "command_uuid": command.uuid, "request_type": command.request_type, "delivery": pending.seq.0 });
    work.tell("command.handed_out", &speaker.enrollment, detail);
    let sent = protocol_mdm::Command::new(command.uuid, dictionary)
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Some(Reply::Plist { body: sent.to_xml(), permit }))
}

/// What the gate is told beside the bytes.
struct Leaving<'a> {
    request_type: &'a str,
    renewal: bool,
    /// The profile in clear, where the bytes hold it encrypted.
    clear: Option<&'a Dictionary>,
}

/// Asks the gate for the bytes that are about to leave.
fn decide(
    work: &mut Work<'_, '_>,
    speaker: &Speaker,
    (pending, leaving): (&Pending, &Leaving<'_>),
    command: &Dictionary,
) -> Result<Decision, Error> {
    let (enrollment, request_type) = (pending.enrollment_id, leaving.request_type);
    if leaving.renewal {
        return Ok(work.context.gate.decide(work.tx, &Exit::RenewalProfile { enrollment })?);
    }
    let device = Device::find(work.tx, speaker.enrollment.device_id)?;
    let met = Circumstances::of(work.tx, &device, speaker.enrollment.ownership, command, work.now)?;
    let (seq, channel) = (pending.seq, pending.channel_id);
    let decided = met.with(|context| {
        let context = &ClassContext { profile: leaving.clear, ..context.clone() };
        let exit = Exit::Command { seq, channel, enrollment, request_type, command, context };
        work.context.gate.decide(work.tx, &exit)
    });
    Ok(decided?)
}

/// Why an erase or a lock that was handed out before and never answered is not handed out again. A device that never got it polls
/// with the same certificate; after five times it is not the network. One that was put off was answered: it is wanted, not lost.
fn must_not_repeat(work: &Work<'_, '_>, speaker: &Speaker, pending: &Pending) -> Option<&'static str> {
    let unanswered = pending.hand_outs.saturating_sub(pending.not_nows);
    if unanswered == 0 || pending.state == DeliveryState::NotNow || !ONCE.contains(&&*pending.request_type) {
        return None;
    }
    if pending.last_identity != Some(speaker.identity.id) {
        return Some("handed out under another certificate, and never answered");
    }
    let limit = work.context.settings.erase_hand_outs;
    (unanswered >= limit).then_some("handed out as often as is sensible, and never answered")
}

fn end(work: &mut Work<'_, '_>, pending: &Pending, state: DeliveryState, why: &str) -> Result<(), Error> {
    // What has left cannot be taken back, only given up.
    let state = if state == DeliveryState::Cancelled && pending.hand_outs > 0 {
        DeliveryState::NoReply
    } else {
        state
    };
    let event = NewEvent { detail: Some(why.to_owned()), ..NewEvent::new(state, work.now) };
    work.tx.record(pending.seq, event)?;
    Ok(())
}

fn parse(work: &Work<'_, '_>, command: &Command) -> Result<Dictionary, Error> {
    let body = command.whole_body(&work.context.sealer)?;
    protocol_mdm::guard::parse_dictionary_within(&body, &protocol_mdm::Limits::OPERATOR).map_err(|error| {
        Error::Internal(format!("the stored command {} cannot be read: {error}", command.id))
    })
}
