//! What is never sent to a personal device, whoever asks and by whatever entry: the one place that says so for all of them.

use catalog::{Refusal, Rule};
use plist::{Dictionary, Value};
use protocol_mdm::privacy::PERSONAL_QUERIES;

/// Commands that take a personal device from its owner, or look where the hospital has no business.
const FORBIDDEN: &[(&str, &str)] = &[
    ("EraseDevice", "A personal device is never erased: remove its work data by RemoveProfile."),
    ("DeviceLock", "A personal device is not locked by the hospital."),
    ("ClearPasscode", "The passcode of a personal device is its owner's."),
    ("EnableLostMode", "A personal device is not located or blocked by the hospital."),
    ("DeviceLocation", "A personal device is never located."),
    ("PlayLostModeSound", "A personal device is not in Lost Mode."),
    ("RestartDevice", "A personal device is not restarted by the hospital."),
    ("ShutDownDevice", "A personal device is not shut down by the hospital."),
];

/// Lists of which a personal device tells only the managed part, and the key that asks for it.
const MANAGED_ONLY: &[(&str, &str)] = &[
    ("ProfileList", "ManagedOnly"),
    ("CertificateList", "ManagedOnly"),
    ("InstalledApplicationList", "ManagedAppsOnly"),
];

/// Why `command` is not sent to a personal device; empty when it may be.
pub(crate) fn refusals(command: &Dictionary) -> Vec<Refusal> {
    let request_type = command.get("RequestType").and_then(Value::as_string).unwrap_or_default();
    if let Some((_, advice)) = FORBIDDEN.iter().find(|(name, _)| *name == request_type) {
        return vec![Refusal::new("", Rule::Ownership, *advice)];
    }
    if let Some((_, key)) = MANAGED_ONLY.iter().find(|(name, _)| *name == request_type)
        && command.get(key).and_then(Value::as_boolean) != Some(true)
    {
        return vec![Refusal::new(
            *key,
            Rule::Ownership,
            format!("Set {key} to true: the rest is the owner's."),
        )];
    }
    if request_type != "DeviceInformation" {
        return Vec::new();
    }
    let queries = command.get("Queries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let unwanted = queries.iter().enumerate().filter_map(|(index, query)| {
        let name = query.as_string().unwrap_or_default();
        let advice = format!("{name} is not asked of a personal device.");
        (!PERSONAL_QUERIES.contains(&name))
            .then(|| Refusal::new(format!("Queries[{index}]"), Rule::Ownership, advice))
    });
    unwanted.collect()
}

#[cfg(test)]
mod tests {
    use protocol_mdm::commands;

    use super::*;

    #[test]
    fn nothing_that_erases_locks_or_locates_goes_to_a_personal_device() {
        let erase = commands::erase_device(&commands::EraseDevice::default());
        let all = [
            erase,
            commands::device_lock(None, None, None),
            commands::device_location(),
            commands::shut_down_device(),
        ];
        for command in all {
            assert_eq!(
                refusals(&command).iter().map(|refusal| refusal.rule).collect::<Vec<_>>(),
                [Rule::Ownership],
                "{command:?}"
            );
        }
    }

    #[test]
    fn a_personal_device_is_asked_for_managed_things_only() {
        assert_eq!(refusals(&commands::profile_list(false)).len(), 1);
        assert!(refusals(&commands::profile_list(true)).is_empty());
        let refused = refusals(&commands::device_information(&["OSVersion", "SerialNumber", "WiFiMAC"]));
        let paths: Vec<&str> = refused.iter().map(|refusal| refusal.key_path.as_str()).collect();
        assert_eq!(paths, ["Queries[1]", "Queries[2]"]);
        assert!(refusals(&commands::security_info()).is_empty());
    }
}
