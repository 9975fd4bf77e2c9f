//! What a device is asked for its state: as much as its platform, its enrolment and its ownership allow.

use catalog::{DeviceFacts, Ownership, What};
use plist::Dictionary;
use protocol_mdm::commands;
use protocol_mdm::privacy::PERSONAL_QUERIES;
use store::{Channel, ChannelId, Connection, Device, Enrollment};

use crate::Error;
use crate::commands::personal_refusals;

/// Answers that are long, costly to make or a burden to keep: asked for by people only.
const NOT_BY_ITSELF: &[&str] =
    &["DevicePropertiesAttestation", "PushToken", "ActiveManagedUsers", "AutoSetupAdminAccounts"];

/// The questions for an enrolment, each one checked like an operator's command.
pub(super) fn of(
    connection: &mut Connection,
    enrollment: &Enrollment,
    channel: ChannelId,
) -> Result<Vec<Dictionary>, Error> {
    let device = Device::find(connection, enrollment.device_id)?;
    let channel = Channel::find(connection, channel)?;
    let facts = facts(&device, enrollment, &channel);
    let personal = enrollment.ownership == Ownership::Personal;
    let queries = queries(&facts);
    let mut questions = vec![commands::security_info(), commands::profile_list(personal)];
    if !queries.is_empty() {
        questions.insert(0, commands::device_information(&queries));
    }
    questions.retain(|question| {
        catalog::check(What::Command(question), &facts).is_accepted()
            && (!personal || personal_refusals(question).is_empty())
    });
    Ok(questions)
}

/// What shows the effect of a command that a device has acknowledged.
pub(super) fn about_effect(request_type: &str) -> Option<Dictionary> {
    match request_type {
        "EnableLostMode" | "DisableLostMode" => Some(commands::device_information(&["IsMDMLostModeEnabled"])),
        "ClearPasscode" => Some(commands::security_info()),
        _ => None,
    }
}

fn facts(device: &Device, enrollment: &Enrollment, channel: &Channel) -> DeviceFacts {
    DeviceFacts {
        platform: device.platform,
        os_version: device.os_version.as_deref().and_then(|text| text.parse().ok()),
        supervised: device.supervised,
        enrollment: enrollment.kind,
        channel: channel.kind,
        shared_ipad: None,
        access_rights: u32::try_from(enrollment.access_rights).ok(),
        ownership: enrollment.ownership,
        has_passcode: None,
    }
}

/// The properties to ask for; of a personal device only those that say nothing about its owner.
fn queries(facts: &DeviceFacts) -> Vec<&'static str> {
    let mut queries = catalog::supported_queries(facts);
    queries.retain(|query| {
        !NOT_BY_ITSELF.contains(query)
            && (facts.ownership != Ownership::Personal || PERSONAL_QUERIES.contains(query))
    });
    queries
}

#[cfg(test)]
mod tests {
    use catalog::{ChannelKind, EnrollmentType, Platform};

    use super::*;

    #[test]
    fn a_personal_device_is_asked_for_nothing_that_names_it_or_its_owner() {
        let mut facts = DeviceFacts::unknown(EnrollmentType::User, Ownership::Personal, ChannelKind::Device);
        facts.platform = Some(Platform::Ios);
        let asked = queries(&facts);
        assert!(asked.contains(&"OSVersion"));
        for secret in ["SerialNumber", "UDID", "IMEI", "WiFiMAC", "DeviceName", "PhoneNumber"] {
            assert!(!asked.contains(&secret), "{secret}");
        }
    }

    #[test]
    fn a_mac_is_not_asked_what_only_a_phone_can_answer() {
        let mut facts =
            DeviceFacts::unknown(EnrollmentType::Device, Ownership::Corporate, ChannelKind::Device);
        facts.platform = Some(Platform::MacOs);
        facts.os_version = "15.1".parse().ok();
        let asked = queries(&facts);
        assert!(asked.contains(&"IsAppleSilicon") && asked.contains(&"SerialNumber"));
        assert!(!asked.contains(&"IsMDMLostModeEnabled"));
    }
}
