//! Rows as operators see them.

use std::collections::BTreeMap;

use clock::Timestamp;
use store::{Channel, DeviceListing, Enrollment, EnrollmentState, Fact, Quarantined};

use crate::Context;
use crate::organisation::Whereabouts;
use crate::results::ODDITIES;
use crate::views::{ChannelView, DeviceView, EnrollmentView, FactView, QuarantineView};

/// Whether a channel can be pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChannelState {
    /// It has a token that Apple accepts, as far as is known.
    Ready,
    /// Apple says that the token is gone.
    Dead,
    /// No TokenUpdate has come.
    NoToken,
    /// The channel is closed.
    Off,
}

impl ChannelState {
    /// The state of a row.
    pub(crate) fn of(channel: &Channel) -> Self {
        if !channel.enabled {
            Self::Off
        } else if channel.push_dead_at.is_some() {
            Self::Dead
        } else if channel.push_token.is_none() || channel.push_magic.is_none() {
            Self::NoToken
        } else {
            Self::Ready
        }
    }

    /// Why such a channel cannot be woken.
    pub(crate) const fn objection(self) -> Option<&'static str> {
        match self {
            Self::Ready => None,
            Self::Dead => Some(
                "Apple says that the push token is no longer in use: it can be woken again after its next TokenUpdate",
            ),
            Self::NoToken => Some("it has given no push token yet"),
            Self::Off => Some("the channel is closed"),
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Dead => "dead",
            Self::NoToken => "no_token",
            Self::Off => "off",
        }
    }
}

fn pending_of(context: &Context, channels: &[Channel]) -> u64 {
    let count = context.store.pending_count(channels.iter().map(|channel| channel.id));
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// When a channel was last heard: memory knows more than the database.
fn heard(context: &Context, channel: &Channel) -> Option<Timestamp> {
    channel.last_seen_at.max(context.store.seen_lately(channel.id))
}

pub(super) fn device(context: &Context, row: &DeviceListing, whereabouts: &Whereabouts) -> DeviceView {
    let (device, enrollment) = (&row.device, row.enrollment.as_ref());
    let person = whereabouts.owner(device.id);
    DeviceView {
        id: device.id.0,
        name: device.name.clone(),
        serial_number: device.serial_number.clone(),
        udid: device.udid.clone(),
        platform: device.platform.map(|platform| platform.to_string()),
        product_name: device.product_name.clone(),
        model_name: device.model_name.clone(),
        os_version: device.os_version.clone(),
        supervised: device.supervised,
        lost_mode: device.lost_mode,
        ownership: enrollment.map(|row| row.ownership.to_string()),
        owner: person
            .as_ref()
            .map(|person| person.email.clone().unwrap_or_else(|| person.name.clone()))
            .or_else(|| enrollment.and_then(|row| row.owner.clone())),
        person,
        place: whereabouts.place(device.id),
        enrollment_id: enrollment.map(|row| row.id.0),
        enrollment_state: enrollment.map(|row| row.state.to_string()),
        enrolled_at: enrollment.and_then(|row| row.enrolled_at),
        last_seen_at: row.channels.iter().filter_map(|channel| heard(context, channel)).max(),
        last_pushed_at: row.channels.iter().filter_map(|channel| channel.last_pushed_at).max(),
        pending: pending_of(context, &row.channels),
        first_seen_at: device.first_seen_at,
        columns: BTreeMap::new(),
    }
}

pub(super) fn enrollment(row: &Enrollment) -> EnrollmentView {
    EnrollmentView {
        id: row.id.0,
        device_id: row.device_id.0,
        apple_id: row.apple_id.clone(),
        kind: row.kind.to_string(),
        ownership: row.ownership.to_string(),
        owner: row.owner.clone(),
        state: row.state.to_string(),
        epoch: row.epoch,
        previous_id: row.previous_id.map(|id| id.0),
        superseded_by: row.superseded_by.map(|id| id.0),
        link_id: row.link_id.map(|id| id.0),
        topic: row.topic.clone(),
        access_rights: row.access_rights,
        identity_id: row.identity_id.map(|id| id.0),
        awaiting_configuration: row.awaiting_configuration,
        quarantine_reason: row.quarantine_reason.clone(),
        authenticated_at: row.authenticated_at,
        enrolled_at: row.enrolled_at,
        ended_at: row.ended_at,
        end_reason: row.end_reason.clone(),
    }
}

pub(super) fn channel(context: &Context, row: &Channel) -> ChannelView {
    ChannelView {
        id: row.id.0,
        enrollment_id: row.enrollment_id.0,
        kind: row.kind.to_string(),
        key: row.key.clone(),
        user_short_name: row.user_short_name.clone(),
        user_long_name: row.user_long_name.clone(),
        topic: row.topic.clone(),
        push: ChannelState::of(row).as_str().to_owned(),
        push_dead_at: row.push_dead_at,
        token_updated_at: row.token_updated_at,
        last_pushed_at: row.last_pushed_at,
        last_seen_at: heard(context, row),
        pending: pending_of(context, std::slice::from_ref(row)),
    }
}

/// The facts with their ages at `at`, by key.
pub(crate) fn facts(facts: BTreeMap<String, Fact>, at: Timestamp) -> Vec<FactView> {
    let view = |(key, fact): (String, Fact)| FactView {
        key,
        value: fact.value,
        observed_at: fact.observed_at,
        age_seconds: at.since(fact.observed_at).as_secs(),
        source: fact.source,
        command_uuid: fact.command_uuid,
    };
    facts.into_iter().map(view).collect()
}

/// Which answers of a device could not be read whole.
pub(super) fn oddities(facts: &[FactView]) -> Vec<String> {
    let odd = |fact: &FactView| {
        let command = fact.key.strip_prefix(ODDITIES)?;
        let complaints = fact.value.as_array().filter(|list| !list.is_empty())?;
        let first = complaints.first().and_then(serde_json::Value::as_str).unwrap_or_default();
        let more = match complaints.len() {
            0 | 1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        Some(format!(
            "Its answer to {command} is not what Apple describes: {first}{more}. The answer is kept as it came."
        ))
    };
    facts.iter().filter_map(odd).collect()
}

/// What a person should know before acting on a device.
pub(super) fn notes(context: &Context, enrollment: Option<&Enrollment>, channels: &[Channel]) -> Vec<String> {
    let Some(enrollment) = enrollment else { return vec!["This device was never enrolled.".to_owned()] };
    let mut notes = Vec::new();
    match enrollment.state {
        EnrollmentState::Enrolled => {}
        EnrollmentState::Pending => {
            notes.push("The enrolment is not complete: its first TokenUpdate has not come.".to_owned())
        }
        EnrollmentState::Quarantined => {
            let reason = enrollment.quarantine_reason.as_deref().unwrap_or("no reason is recorded");
            notes.push(format!("Quarantined, it gets no commands: {reason}"));
        }
        EnrollmentState::CheckedOut | EnrollmentState::Superseded | EnrollmentState::Ended => {
            notes.push("Not under management now.".to_owned());
        }
    }
    if channels.iter().any(|channel| ChannelState::of(channel) == ChannelState::Dead) {
        notes.push("Apple no longer delivers pushes to it. It still comes by itself now and then; a new token repairs this.".to_owned());
    }
    let heard = channels.iter().filter_map(|channel| heard(context, channel)).max();
    if let Some(at) = heard.filter(|at| context.now().since(*at).as_secs() > 7 * 86_400) {
        notes.push(format!("Not heard of since {at}."));
    }
    notes
}

pub(super) fn unknown(row: &Quarantined) -> QuarantineView {
    QuarantineView {
        id: row.id.0,
        kind: "unknown_device".to_owned(),
        apple_id: row.apple_id.clone(),
        fingerprint: Some(hex::encode(&row.fingerprint)),
        first_seen_at: row.first_seen_at,
        last_seen_at: row.last_seen_at,
        count: row.count,
        reason: row.reason.clone(),
        enrollment_id: None,
    }
}

pub(super) fn apart(row: &Enrollment) -> QuarantineView {
    QuarantineView {
        id: row.id.0,
        kind: "enrollment".to_owned(),
        apple_id: row.apple_id.clone(),
        fingerprint: None,
        first_seen_at: row.authenticated_at,
        last_seen_at: row.enrolled_at.unwrap_or(row.authenticated_at),
        count: 1,
        reason: row.quarantine_reason.clone().unwrap_or_default(),
        enrollment_id: Some(row.id.0),
    }
}
