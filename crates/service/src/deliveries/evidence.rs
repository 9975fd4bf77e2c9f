//! The evidence of one delivery: each state with its time and source, and whether anything beyond the device's own word shows that
//! the command did what it says.

use plist::{Dictionary, Value};
use serde_json::Value as Json;
use store::{
    AuditEvent, AuditFilter, Channel, Command, Connection, Delivery, DeliveryEvent, DeliveryState, Device,
    Enrollment, Page as StorePage, Report,
};

use super::conclusion::{self, Known};
use super::{listing, settings};
use crate::views::{DeliveryStepView, EvidenceView, FindingsView, SettingResultView, VerificationView};
use crate::{Error, plist_json, results};

/// The act that stands in the record when an erase is proven (see `lifecycle`).
const ERASE_VERIFIED: &str = "device.erase_verified";

/// The act that stands in the record when an erase was not answered in time (see `schedule`).
pub(crate) const UNANSWERED: &str = "command.unanswered";

/// Everything about `delivery`.
pub(super) fn of(connection: &mut Connection, delivery: &Delivery) -> Result<EvidenceView, Error> {
    let command = delivery.command(connection)?;
    let channel = Channel::find(connection, delivery.channel_id)?;
    let enrollment = Enrollment::find(connection, delivery.enrollment_id)?;
    let device = Device::find(connection, enrollment.device_id)?;
    let events = DeliveryEvent::list(connection, delivery.seq)?;
    let verification = verification(connection, delivery, &command, &enrollment)?;
    let state = shown_state(connection, delivery, &command)?;
    let obliteration = obliteration(&command);
    let known = Known {
        request_type: &command.request_type,
        platform: device.platform,
        obliteration: obliteration.as_deref(),
        state,
        hand_outs: u64::from(delivery.progress.hand_outs),
        verified: verification.is_some(),
    };
    let answer = events.iter().rev().find(|event| event.result.is_some() || event.result_digest.is_some());
    let result = answer.and_then(|event| event.result.as_deref()).and_then(read);
    let acknowledged = answer.is_some_and(|event| event.state == DeliveryState::Acknowledged);
    let findings = result.as_ref().filter(|_| acknowledged);
    Ok(EvidenceView {
        findings: findings.map(|result| findings_of(&command, result)).unwrap_or_default(),
        facts: answer.and_then(|event| serde_json::from_str(event.facts_json.as_deref()?).ok()),
        settings: settings_of(&command, findings),
        conclusion: conclusion::conclude(&known),
        delivery: listing::view((delivery, state), &command, &channel, &device, verification.is_some()),
        verification,
        history: history(delivery, &command, &events),
        requested_by: command.created_by.clone(),
        reason: command.reason.clone(),
        command: body(&command).map_or(Json::Null, |body| plist_json::command_to_json(&body)),
        result: result.map(|result| plist_json::dictionary_to_json(&result)),
        result_digest: answer.and_then(|event| event.result_digest.as_deref()).map(hex::encode),
    })
}

fn settings_of(command: &Command, result: Option<&Dictionary>) -> Vec<SettingResultView> {
    let sent = if command.request_type == "Settings" { body(command) } else { None };
    sent.zip(result).map(|(sent, result)| settings::results(&sent, result)).unwrap_or_default()
}

fn findings_of(command: &Command, result: &Dictionary) -> FindingsView {
    let found = results::findings(&command.request_type, result);
    FindingsView { malformed: found.malformed, missing: found.missing, unknown: found.unknown }
}

/// The state to show. An erase that was not answered in time is shown as such, although it is offered again to a device that polls.
pub(super) fn shown_state(
    connection: &mut Connection,
    delivery: &Delivery,
    command: &Command,
) -> Result<DeliveryState, Error> {
    let state = delivery.progress.state;
    if state != DeliveryState::HandedOut || command.request_type != "EraseDevice" {
        return Ok(state);
    }
    let filter = AuditFilter {
        action: Some(UNANSWERED.to_owned()),
        target: Some(format!("delivery:{}", delivery.seq)),
        since: delivery.progress.last_handed_out_at,
        ..AuditFilter::default()
    };
    let noted = AuditEvent::list(connection, &filter, StorePage::first(1))?;
    Ok(if noted.is_empty() { state } else { DeliveryState::NoReply })
}

/// The states in order, the first being that somebody asked.
fn history(delivery: &Delivery, command: &Command, events: &[DeliveryEvent]) -> Vec<DeliveryStepView> {
    let asked = DeliveryStepView {
        state: DeliveryState::Queued.to_string(),
        at: delivery.enqueued_at,
        source: if command.created_by == crate::own_commands::AUTHOR { "ward" } else { "operator" }
            .to_owned(),
        identity_id: None,
        detail: Some(format!("asked for by {}", command.created_by)),
    };
    let rest = events.iter().map(|event| DeliveryStepView {
        state: event.state.to_string(),
        at: event.at,
        source: source(event.state).to_owned(),
        identity_id: event.identity_id.map(|id| id.0),
        detail: event.detail.clone(),
    });
    std::iter::once(asked).chain(rest).collect()
}

/// Who says so: what Ward concludes is not what the device said.
const fn source(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Pushed => "apns",
        DeliveryState::HandedOut
        | DeliveryState::NotNow
        | DeliveryState::Acknowledged
        | DeliveryState::Error
        | DeliveryState::FormatError => "device",
        DeliveryState::Cancelled => "operator",
        DeliveryState::Queued
        | DeliveryState::Expired
        | DeliveryState::Superseded
        | DeliveryState::NoReply => "ward",
    }
}

/// The inner dictionary as it stands in the database, without what is filled in at hand-out.
pub(crate) fn body(command: &Command) -> Option<Dictionary> {
    read(&command.body)
}

fn read(xml: &[u8]) -> Option<Dictionary> {
    plist::from_bytes::<Dictionary>(xml).ok()
}

/// The `ObliterationBehavior` of an erase.
pub(super) fn obliteration(command: &Command) -> Option<String> {
    if command.request_type != "EraseDevice" {
        return None;
    }
    body(command)?.get("ObliterationBehavior")?.as_string().map(ToOwned::to_owned)
}

/// Evidence beyond the device's own answer, if there is any.
pub(super) fn verification(
    connection: &mut Connection,
    delivery: &Delivery,
    command: &Command,
    enrollment: &Enrollment,
) -> Result<Option<VerificationView>, Error> {
    if command.request_type == "EraseDevice" {
        return erased(connection, delivery, enrollment);
    }
    if delivery.progress.state != DeliveryState::Acknowledged {
        return Ok(None);
    }
    let Some(source) = shown_by(&command.request_type) else { return Ok(None) };
    let Some(report) =
        Report::first_after(connection, enrollment.device_id, source, delivery.progress.changed_at)?
    else {
        return Ok(None);
    };
    let Ok(facts) = serde_json::from_str::<Json>(&report.facts) else { return Ok(None) };
    let seen = body(command).and_then(|body| effect(&command.request_type, &body, &facts));
    Ok(seen.map(|detail| VerificationView {
        at: report.observed_at,
        how: "report".to_owned(),
        detail,
        enrollment_id: Some(report.enrollment_id.0),
    }))
}

/// An erase is proven by what only an erased device can do; the device's life cycle notices that and records it.
fn erased(
    connection: &mut Connection,
    delivery: &Delivery,
    enrollment: &Enrollment,
) -> Result<Option<VerificationView>, Error> {
    let filter = AuditFilter {
        action: Some(ERASE_VERIFIED.to_owned()),
        target: Some(format!("enrollment:{}", enrollment.id)),
        ..AuditFilter::default()
    };
    for act in AuditEvent::list(connection, &filter, StorePage::first(20))? {
        let detail: Json = serde_json::from_str(&act.detail).unwrap_or_default();
        if detail.get("delivery").and_then(Json::as_i64) != Some(delivery.seq.0) {
            continue;
        }
        let proof = detail.get("proof").and_then(Json::as_str).unwrap_or_default();
        let how = if proof.contains("challenge") {
            "return_to_service_challenge"
        } else {
            "awaiting_configuration"
        };
        let after = Enrollment::list_for_device(connection, enrollment.device_id)?;
        let next =
            after.iter().filter(|other| other.epoch > enrollment.epoch).min_by_key(|other| other.epoch);
        return Ok(Some(VerificationView {
            at: act.at,
            how: how.to_owned(),
            detail: proof.to_owned(),
            enrollment_id: next.map(|next| next.id.0),
        }));
    }
    Ok(None)
}

/// Which report shows the effect of a command.
fn shown_by(request_type: &str) -> Option<&'static str> {
    Some(match request_type {
        "EnableLostMode" | "DisableLostMode" => "DeviceInformation",
        "ClearPasscode" => "SecurityInfo",
        "InstallProfile" | "RemoveProfile" => "ProfileList",
        _ => return None,
    })
}

/// What of the effect `facts` show, in words; `None` if they do not.
fn effect(request_type: &str, command: &Dictionary, facts: &Json) -> Option<String> {
    let flag = |key: &str| facts.get(key).and_then(Json::as_bool);
    match request_type {
        "EnableLostMode" if flag("DeviceInformation.IsMDMLostModeEnabled") == Some(true) => {
            Some("the device reports Lost Mode".to_owned())
        }
        "DisableLostMode" if flag("DeviceInformation.IsMDMLostModeEnabled") == Some(false) => {
            Some("the device reports that Lost Mode is off".to_owned())
        }
        "ClearPasscode" if flag("SecurityInfo.PasscodePresent") == Some(false) => {
            Some("the device reports that no passcode is set".to_owned())
        }
        "InstallProfile" => {
            let summary = protocol_profile::inspect(command.get("Payload")?.as_data()?).ok()?;
            is_listed(facts, &summary.identifier)
                .then(|| format!("the device lists the profile {}", summary.identifier))
        }
        "RemoveProfile" => {
            let identifier = command.get("Identifier").and_then(Value::as_string)?;
            let listed = facts.get("ProfileList").is_some() && !is_listed(facts, identifier);
            listed.then(|| format!("the device no longer lists the profile {identifier}"))
        }
        _ => None,
    }
}

fn is_listed(facts: &Json, identifier: &str) -> bool {
    let profiles = facts.get("ProfileList").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    profiles.iter().any(|profile| profile.get("PayloadIdentifier").and_then(Json::as_str) == Some(identifier))
}

#[cfg(test)]
mod tests {
    use protocol_mdm::commands;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_effect_is_claimed_only_when_the_report_shows_it() {
        let lost = commands::enable_lost_mode(Some("x"), None, None);
        let on = json!({"DeviceInformation.IsMDMLostModeEnabled": true});
        let off = json!({"DeviceInformation.IsMDMLostModeEnabled": false});
        assert!(effect("EnableLostMode", &lost, &on).is_some());
        assert!(effect("EnableLostMode", &lost, &off).is_none());
        assert!(effect("EnableLostMode", &lost, &json!({})).is_none());
        assert!(effect("DisableLostMode", &commands::disable_lost_mode(), &off).is_some());
    }

    #[test]
    fn a_removed_profile_is_gone_only_when_a_list_without_it_came() {
        let command = commands::remove_profile("org.ward.wifi");
        let with = json!({"ProfileList": [{"PayloadIdentifier": "org.ward.wifi"}]});
        let without = json!({"ProfileList": [{"PayloadIdentifier": "other"}]});
        assert!(effect("RemoveProfile", &command, &with).is_none());
        assert!(effect("RemoveProfile", &command, &without).is_some());
        assert!(effect("RemoveProfile", &command, &json!({})).is_none());
    }
}
