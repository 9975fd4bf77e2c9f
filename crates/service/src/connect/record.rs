//! Recording what a device says of a command. Repeated, stray and late answers are harmless.

use catalog::Platform;
use plist::Value;
use protocol_mdm::Status;
use serde_json::json;
use store::{Channel, Command, DeliverySeq, DeliveryState, Device, NewEvent, Recorded};

use super::{Answer, secrets};
use crate::lifecycle::Speaker;
use crate::results;
use crate::work::Work;
use crate::{Error, desired};

/// How the words beside the error of an erase begin that may have been carried out all the same.
pub(crate) const MAY_HAVE_ERASED: &str = "error, may have erased";

/// Records the answer, if it is one.
pub(super) fn record(
    work: &mut Work<'_, '_>,
    speaker: &mut Speaker,
    channel: &Channel,
    answer: &Answer,
) -> Result<(), Error> {
    let Some(state) = state_of(&answer.status) else { return Ok(()) };
    let Some(uuid) = answer.command_uuid.as_deref() else { return Ok(()) };
    let (seq, command) = match work.tx.find_pending(channel.id, uuid) {
        Some(pending) => (pending.seq, pending.command_id),
        None => match work.tx.find_delivery(channel.id, uuid)? {
            Some(delivery) => (delivery.seq, delivery.command_id),
            // A restored backup, a purged queue, or a device that makes things up.
            None => {
                metrics::counter!("ward_stray_answers_total").increment(1);
                tracing::info!(command.uuid = uuid, enrollment.id = %speaker.enrollment.id, "A device answered a command that is not in its queue");
                return Ok(());
            }
        },
    };
    let command = Command::find(work.tx, command)?;
    let was_pending = work.tx.pending_by_seq(seq).is_some();
    let mut event = NewEvent {
        identity_id: Some(speaker.identity.id),
        detail: detail(work, speaker, &command, answer)?,
        ..NewEvent::new(state, work.now)
    };
    if state != DeliveryState::NotNow {
        event.result = Some(answer.xml.clone());
        event.result_digest = Some(answer.digest.to_vec());
    }
    if was_pending && state.is_answer() {
        event.facts_json = accept(work, speaker, channel, (seq, &command, state), answer)?;
    }
    let recorded = work.tx.record(seq, event)?;
    if recorded == Recorded::Late && !was_pending {
        accept(work, speaker, channel, (seq, &command, state), answer)?;
    }
    if recorded != Recorded::Ignored {
        let told = json!({ "command_uuid": uuid, "request_type": command.request_type, "delivery": seq.0 });
        work.tell(kind_of(state), &speaker.enrollment, told);
    }
    Ok(())
}

/// An answer that says something new: its secrets are sealed, its facts kept, and what it means for the enrolment is done.
fn accept(
    work: &mut Work<'_, '_>,
    speaker: &mut Speaker,
    channel: &Channel,
    (seq, command, state): (DeliverySeq, &Command, DeliveryState),
    answer: &Answer,
) -> Result<Option<String>, Error> {
    for secret in &answer.secrets {
        secrets::keep(work, speaker, secret, &command.request_type)?;
    }
    secrets::settle(work, speaker, (seq, command, state), answer)?;
    let told = results::Answer {
        enrollment: &speaker.enrollment,
        channel,
        seq: Some(seq),
        command_uuid: &command.uuid,
        request_type: &command.request_type,
        status: state,
        body: &answer.body,
        at: work.now,
    };
    let applied = results::apply(work.tx, work.context, &told)?;
    desired::note_answer(work, &speaker.enrollment, channel, (command, state), answer.error.as_deref())?;
    let released = command.request_type == "DeviceConfigured" && state == DeliveryState::Acknowledged;
    if released && speaker.enrollment.awaiting_configuration {
        speaker.enrollment.awaiting_configuration = false;
        work.save(&speaker.enrollment)?;
    }
    Ok(applied.facts_json)
}

/// The words beside the state. An erase that a Mac answers with an error may have happened all the same: its default behaviour is to
/// say that the modern way failed and then to erase in the old way.
fn detail(
    work: &mut Work<'_, '_>,
    speaker: &Speaker,
    command: &Command,
    answer: &Answer,
) -> Result<Option<String>, Error> {
    let mut detail = answer.error.clone();
    if let Status::Unknown(word) = &answer.status {
        let word: String = word.chars().take(60).collect();
        detail = Some(format!("the device answered '{word}', which is no known status"));
    }
    if command.request_type == "EraseDevice"
        && matches!(answer.status, Status::Error | Status::CommandFormatError)
    {
        let device = Device::find(work.tx, speaker.enrollment.device_id)?;
        let outcome = erase_outcome(device.platform, answer);
        detail = Some(detail.map_or_else(|| outcome.to_owned(), |text| format!("{outcome}: {text}")));
    }
    Ok(detail)
}

fn erase_outcome(platform: Option<Platform>, answer: &Answer) -> &'static str {
    let behavior = answer.command.as_ref().and_then(|command| command.get("ObliterationBehavior"));
    let keeps = behavior.and_then(Value::as_string) == Some("DoNotObliterate");
    let may_be_mac = platform.is_none_or(|platform| platform == Platform::MacOs);
    if may_be_mac && !keeps && answer.status == Status::Error { MAY_HAVE_ERASED } else { "error, not erased" }
}

/// The state that a status leads to. A word that is not known ends the delivery too: offered again, it would come back in a circle. It
/// is no answer, so one that comes after it counts.
fn state_of(status: &Status) -> Option<DeliveryState> {
    match status {
        Status::Idle => None,
        Status::Acknowledged => Some(DeliveryState::Acknowledged),
        Status::Error => Some(DeliveryState::Error),
        Status::Unknown(_) => Some(DeliveryState::NoReply),
        Status::CommandFormatError => Some(DeliveryState::FormatError),
        Status::NotNow => Some(DeliveryState::NotNow),
    }
}

const fn kind_of(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Acknowledged => "command.acknowledged",
        DeliveryState::NotNow => "command.not_now",
        DeliveryState::FormatError => "command.format_error",
        DeliveryState::NoReply => "command.no_reply",
        _ => "command.error",
    }
}
