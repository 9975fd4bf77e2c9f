//! What answers tell of a device: kept as observations, and as the newest state in the device's record.

mod typed;

use catalog::{ChannelKind, Ownership, Platform};
use clock::Timestamp;
use plist::{Dictionary, Value};
use protocol_mdm::secrets::{SecretKind, SecretValue};
use protocol_mdm::{privacy, secrets};
use store::{Channel, DeliverySeq, DeliveryState, Device, Enrollment, Report, ReportId, Tx};

use crate::desired::trigger::{self, Changed};
use crate::{Context, Error, inventory, lifecycle, network, schedule};

pub(crate) use typed::{ODDITIES, findings};

/// A final answer to a command, already cleaned of secrets and of what the ownership forbids.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The enrolment that answered.
    pub enrollment: &'a Enrollment,
    /// The channel that answered.
    pub channel: &'a Channel,
    /// The delivery that is answered; none for a command that nobody knows any more.
    pub seq: Option<DeliverySeq>,
    /// The CommandUUID.
    pub command_uuid: &'a str,
    /// Apple's name of the command.
    pub request_type: &'a str,
    /// What the device says.
    pub status: DeliveryState,
    /// The answer.
    pub body: &'a Dictionary,
    /// When it came.
    pub at: Timestamp,
}

/// What became of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// The facts as a JSON object, if there are any.
    pub facts_json: Option<String>,
}

/// Takes out of an answer what may not be kept of a device of this ownership, then its secrets, which the caller seals.
///
/// `command` is the inner dictionary that was answered, if it is known. Of a personal device no place is kept, not even sealed.
pub fn clean(
    ownership: Ownership,
    command: Option<&Dictionary>,
    request_type: Option<&str>,
    body: &mut Dictionary,
) -> Vec<SecretValue> {
    if ownership == Ownership::Personal {
        privacy::strip_personal(command, body);
    }
    let mut taken = secrets::redact(request_type, body);
    if ownership == Ownership::Personal {
        taken.retain(|secret| secret.kind != SecretKind::Location);
    }
    taken
}

/// Keeps what an acknowledged answer tells: a report is appended, and the device's record follows.
///
/// # Errors
/// [`Error::Unavailable`] or [`Error::Internal`] from the database.
pub fn apply(tx: &mut Tx<'_>, context: &Context, answer: &Answer<'_>) -> Result<Applied, Error> {
    if answer.status != DeliveryState::Acknowledged {
        return Ok(Applied::default());
    }
    let facts = typed::facts(answer.request_type, answer.body);
    let on_device = answer.channel.kind == ChannelKind::Device;
    let disputed = on_device && lifecycle::is_disputed(tx, answer.enrollment)?;
    if disputed {
        tracing::info!(enrollment.id = %answer.enrollment.id, "The answer of a disputed enrolment is kept and does not change the device's record");
    } else if on_device && answer.enrollment.ownership != Ownership::Personal {
        update_device(tx, context, answer, &facts.facts)?;
    } else if on_device {
        update_system(tx, answer, &facts.facts)?;
    }
    if on_device {
        schedule::look_after(tx, context, answer.enrollment, answer.channel.id, answer.request_type)?;
    }
    let oddities = if on_device { typed::oddities(tx, answer, &facts.malformed)? } else { None };
    let told = match facts.to_json() {
        json if on_device => json,
        json => of_user(json, &answer.channel.key),
    };
    let facts_json = (!facts.facts.is_empty()).then(|| told.to_string());
    let kept = if typed::tells_of_device(answer.request_type) { told } else { serde_json::json!({}) };
    let Some(kept) = typed::with_oddities(kept, oddities) else { return Ok(Applied { facts_json }) };
    let report = Report {
        id: ReportId::new(context.clock.as_ref()),
        device_id: answer.enrollment.device_id,
        enrollment_id: answer.enrollment.id,
        source: answer.request_type.to_owned(),
        command_uuid: Some(answer.command_uuid.to_owned()),
        observed_at: answer.at,
        recorded_at: context.now(),
        facts: kept.to_string(),
    };
    // What one user of a device or a disputed enrolment tells is history, and not what the device is known by.
    if on_device && !disputed {
        inventory::keep(tx, context, &report)?;
    } else {
        report.insert(tx)?;
    }
    if on_device && !disputed && answer.request_type == "ProfileList" {
        trigger::device_changed(tx, context, answer.enrollment.device_id, Changed::Profiles)?;
    }
    Ok(Applied { facts_json })
}

/// What one user's channel tells must not be taken for the device's: its keys name the channel.
fn of_user(json: serde_json::Value, key: &str) -> serde_json::Value {
    match json {
        serde_json::Value::Object(map) => map
            .into_iter()
            .map(|(fact, value)| (format!("{fact}@{key}"), value))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other,
    }
}

type Facts = std::collections::BTreeMap<String, Value>;

fn text(facts: &Facts, key: &str) -> Option<String> {
    facts
        .get(&format!("DeviceInformation.{key}"))
        .and_then(Value::as_string)
        .filter(|text| !text.is_empty())
        .map(ToOwned::to_owned)
}

fn flag(facts: &Facts, key: &str) -> Option<bool> {
    facts.get(&format!("DeviceInformation.{key}")).and_then(Value::as_boolean)
}

/// Writes the newest state into the device's row; a key that is absent changes nothing.
fn update_device(
    tx: &mut Tx<'_>,
    context: &Context,
    answer: &Answer<'_>,
    facts: &Facts,
) -> Result<(), Error> {
    let before = Device::find(tx, answer.enrollment.device_id)?;
    let mut device = system(before.clone(), facts);
    device.name = text(facts, "DeviceName").or(device.name);
    device.serial_number = device.serial_number.or_else(|| text(facts, "SerialNumber"));
    device.lost_mode = lost_mode(answer, facts).or(device.lost_mode);
    if device != before {
        device.save(tx)?;
    }
    match (before.lost_mode == Some(true), device.lost_mode == Some(true)) {
        // It is lost although nobody here said so: by hand, or by another server before.
        (false, true) => {
            network::revoke_for_device(tx, context, device.id, network::Reason::Lost, "ward")?;
        }
        (true, false) => network::found(tx, context, device.id)?,
        _ => {}
    }
    Ok(())
}

/// The same for a personal device: only what says nothing about the person.
fn update_system(tx: &mut Tx<'_>, answer: &Answer<'_>, facts: &Facts) -> Result<(), Error> {
    let before = Device::find(tx, answer.enrollment.device_id)?;
    let device = system(before.clone(), facts);
    if device != before {
        device.save(tx)?;
    }
    Ok(())
}

fn system(mut device: Device, facts: &Facts) -> Device {
    device.os_version = text(facts, "OSVersion").or(device.os_version);
    device.build_version = text(facts, "BuildVersion").or(device.build_version);
    device.model_name = text(facts, "ModelName").or(device.model_name);
    device.model = text(facts, "Model").or(device.model);
    device.product_name = text(facts, "ProductName").or(device.product_name);
    device.supervised = flag(facts, "IsSupervised").or(device.supervised);
    let told = device.product_name.as_deref().and_then(Platform::from_product_name);
    device.platform = told.or(device.platform);
    device
}

/// What the answer says of Lost Mode: the device's own report, or that it took the command.
fn lost_mode(answer: &Answer<'_>, facts: &Facts) -> Option<bool> {
    match answer.request_type {
        "EnableLostMode" => Some(true),
        "DisableLostMode" => Some(false),
        _ => flag(facts, "IsMDMLostModeEnabled"),
    }
}

#[cfg(test)]
mod tests;
