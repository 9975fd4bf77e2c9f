//! TokenUpdate: the push address of a channel, and with the first one the end of the enrolment. Apple: "TokenUpdate".

use catalog::{ChannelKind, Ownership};
use protocol_mdm::{EnrollmentKey, ExposeSecret, TokenUpdate};
use serde_json::json;
use store::{Channel, ChannelId, Enrollment, EnrollmentState, Secret, SecretId, SecretKind};

use super::inherit;
use crate::desired::trigger::{self, Changed};
use crate::lifecycle::{self, Speaker};
use crate::work::{Settled, Work};
use crate::{Error, Reply, organisation, own_commands, push, schedule};

/// The lane of DeviceConfigured: after everything that is to be there when Setup Assistant goes on.
const LAST_LANE: i16 = 1000;

/// Answers the message. It may come once in years or every day, and it is the same each time: what is told is kept, what is not told
/// stays as it was.
pub(super) fn receive(
    work: &mut Work<'_, '_>,
    speaker: &mut Speaker,
    key: &EnrollmentKey,
    message: &TokenUpdate,
) -> Result<Settled<Reply>, Error> {
    let (Some(token), Some(magic)) = (&message.token, &message.push_magic) else {
        return Ok(Err(Error::Malformed("TokenUpdate without Token or PushMagic".to_owned())));
    };
    let enrollment = &mut speaker.enrollment;
    let found = Channel::find_by_key(work.tx, enrollment.id, &key.to_string())?;
    let is_new = found.is_none();
    let mut channel = found.unwrap_or_else(|| user_channel(work, enrollment, key));
    channel.set_push_address(&work.context.sealer, token.expose_secret(), magic.expose_secret())?;
    accept_topic(work, enrollment, message)?;
    channel.topic.clone_from(&enrollment.topic);
    channel.token_updated_at = Some(work.now);
    channel.token_update_tally = channel.token_update_tally.saturating_add(1);
    channel.enabled = enrollment.state != EnrollmentState::Quarantined;
    channel.push_dead_at = None;
    let ids = &message.identifiers;
    channel.user_id = ids.user_id.clone().or(ids.enrollment_user_id.clone()).or(channel.user_id);
    if enrollment.ownership != Ownership::Personal {
        channel.user_short_name = ids.user_short_name.clone().or(channel.user_short_name);
        channel.user_long_name = ids.user_long_name.clone().or(channel.user_long_name);
    }
    if is_new {
        channel.insert(work.tx)?
    } else {
        channel.save(work.tx)?
    }
    work.stale.push(enrollment.id);
    if channel.kind == ChannelKind::Device {
        for_device(work, enrollment, &channel, message)?;
    }
    Ok(Ok(Reply::Nothing))
}

/// The topic of an enrolment is the one of its profile. A device that says another would be pushed with a certificate that is not meant
/// for it, or with none. One that named none so far may still say it.
fn accept_topic(
    work: &mut Work<'_, '_>,
    enrollment: &mut Enrollment,
    message: &TokenUpdate,
) -> Result<(), Error> {
    let Some(topic) = message.topic.as_ref().filter(|topic| **topic != enrollment.topic) else {
        return Ok(());
    };
    if enrollment.topic.is_empty() {
        enrollment.topic.clone_from(topic);
        return work.save(enrollment);
    }
    let detail = json!({ "topic": enrollment.topic, "claimed": topic });
    lifecycle::record_hourly(work, "enrollment.topic_refused", enrollment, ("topic", detail))
}

/// A user's channel appears with its first TokenUpdate; the device's own was made by Authenticate.
fn user_channel(work: &Work<'_, '_>, enrollment: &Enrollment, key: &EnrollmentKey) -> Channel {
    let kind = if key.kind.is_user() { ChannelKind::User } else { ChannelKind::Device };
    Channel {
        id: ChannelId::new(&*work.context.clock),
        enrollment_id: enrollment.id,
        kind,
        key: key.to_string(),
        user_id: None,
        user_short_name: None,
        user_long_name: None,
        push_token: None,
        push_magic: None,
        topic: enrollment.topic.clone(),
        token_updated_at: None,
        token_update_tally: 0,
        enabled: false,
        push_dead_at: None,
        last_pushed_at: None,
        last_seen_at: None,
    }
}

fn for_device(
    work: &mut Work<'_, '_>,
    enrollment: &mut Enrollment,
    channel: &Channel,
    message: &TokenUpdate,
) -> Result<(), Error> {
    if let Some(token) = message.unlock_token.as_ref().filter(|token| !token.expose_secret().is_empty()) {
        keep_secret(work, enrollment, SecretKind::UnlockToken, token.expose_secret(), "TokenUpdate")?;
    }
    let first = enrollment.state == EnrollmentState::Pending;
    if first {
        enrollment.state = EnrollmentState::Enrolled;
        enrollment.enrolled_at = Some(work.now);
    }
    let awaited = enrollment.awaiting_configuration;
    enrollment.awaiting_configuration = message.awaiting_configuration.unwrap_or(awaited);
    work.save(enrollment)?;
    if enrollment.state == EnrollmentState::Quarantined {
        return Ok(());
    }
    if let Some(awaiting) = message.awaiting_configuration {
        inherit::observe(
            work,
            enrollment,
            "TokenUpdate",
            &json!({ "TokenUpdate.AwaitingConfiguration": awaiting }),
        )?;
    }
    // Until now it may have been open whether this is the device.
    organisation::place_enrolled(work.tx, work.context, enrollment, work.now)?;
    if first {
        schedule::after_enrollment(work.tx, work.context, enrollment, channel)?;
        trigger::device_changed(work.tx, work.context, enrollment.device_id, Changed::Enrolled)?;
    }
    if enrollment.awaiting_configuration {
        if first {
            verify_erase_before(work, enrollment)?;
        }
        release_setup_assistant(work, enrollment, channel)?;
    }
    if first {
        push::request(work.tx, channel.id, work.now)?;
        let detail =
            json!({ "epoch": enrollment.epoch, "awaiting_configuration": enrollment.awaiting_configuration });
        work.audit("enrollment.enrolled", enrollment, &detail)?;
        work.tell("enrollment.enrolled", enrollment, detail);
    } else {
        work.tell("enrollment.token_updated", enrollment, json!({ "tally": channel.token_update_tally }));
    }
    Ok(())
}

/// Seals a secret of the device. The one that it replaces stays in the history.
pub(super) fn keep_secret(
    work: &mut Work<'_, '_>,
    enrollment: &Enrollment,
    kind: SecretKind,
    plain: &[u8],
    source: &str,
) -> Result<(), Error> {
    Secret::remove_all(work.tx, enrollment.id, kind, work.now)?;
    let id = SecretId::new(&*work.context.clock);
    let secret = Secret::seal(&work.context.sealer, (id, enrollment.id), kind, plain, source, work.now)?;
    Ok(secret.insert(work.tx)?)
}

/// Setup Assistant waits until it is told to go on. Once is enough.
fn release_setup_assistant(
    work: &mut Work<'_, '_>,
    enrollment: &Enrollment,
    channel: &Channel,
) -> Result<(), Error> {
    let pending = work.tx.pending(channel.id);
    if pending.iter().any(|delivery| &*delivery.request_type == "DeviceConfigured") {
        return Ok(());
    }
    let mut dictionary = plist::Dictionary::new();
    dictionary.insert("RequestType".to_owned(), "DeviceConfigured".into());
    let command = own_commands::OwnCommand {
        enrollment,
        channel: channel.id,
        dictionary,
        lane: LAST_LANE,
        expires_at: None,
        reason: "Setup Assistant waits",
    };
    own_commands::enqueue(work.tx, work.context, command).map(|_| ())
}

/// A device in Setup Assistant has been erased: if an earlier epoch was told to erase itself and has been silent since, it did. Anybody
/// with a link can say that it waits there, so an earlier device that still speaks, or that refused the erase, is not given up for it.
fn verify_erase_before(work: &mut Work<'_, '_>, enrollment: &Enrollment) -> Result<(), Error> {
    let Some(previous) = enrollment.previous_id else { return Ok(()) };
    let mut previous = Enrollment::find(work.tx, previous)?;
    let Some(erase) = inherit::plausible_erase(work, &previous)? else { return Ok(()) };
    lifecycle::verify_erase(work, &previous, erase.seq, "the device waits in Setup Assistant")?;
    if lifecycle::is_live(previous.state) {
        lifecycle::close(work, &mut previous, EnrollmentState::Ended, "erased, and set up again")?;
    }
    Ok(())
}
