//! The restrictions payload (`com.apple.applicationaccess`): which of its keys do more than narrow.

use plist::{Dictionary, Value};

use crate::{Class, Classification};

/// Keys that, when true, can cut the way to the server.
const CUTS_NETWORK: &[&str] = &["forceWiFiToAllowedNetworksOnly", "forceWiFiWhitelisting"];
/// Keys whose presence hides apps or lets only some run.
const HIDES_APPS: &[&str] = &[
    "allowListedAppBundleIDs",
    "whitelistedAppBundleIDs",
    "blockedAppBundleIDs",
    "blacklistedAppBundleIDs",
    "autonomousSingleAppModePermittedAppIDs",
];
/// Keys that hide an app of Apple's when false.
const HIDES_APP_WHEN_FALSE: &[&str] = &[
    "allowAppInstallation",
    "allowUIAppInstallation",
    "allowBookstore",
    "allowCamera",
    "allowChat",
    "allowGameCenter",
    "allowiTunes",
    "allowMusicService",
    "allowNews",
    "allowPodcasts",
    "allowRadioService",
    "allowSafari",
    "allowVideoConferencing",
    "allowEnterpriseAppTrust",
];
/// Keys that open something when true, whose default is closed.
const OPENS_WHEN_TRUE: &[&str] = &[
    "allowManagedToWriteUnmanagedContacts",
    "allowUnmanagedToReadManagedContacts",
    "allowUnpairedExternalBootToRecovery",
    "forceBypassScreenCaptureAlert",
    "forceClassroomUnpromptedScreenObservation",
    "forceClassroomUnpromptedAppAndDeviceLock",
];
/// Protections of a device that end when false.
const PROTECTS_UNLESS_FALSE: &[&str] = &["allowUSBRestrictedMode", "allowOTAPKIUpdates"];

/// The class of a restrictions payload.
pub(super) fn classify(payload: &Dictionary, base: Classification) -> Classification {
    let is = |key: &&&str, wanted: bool| payload.get(key).and_then(Value::as_boolean) == Some(wanted);
    if CUTS_NETWORK.iter().any(|key| is(&key, true)) {
        return Classification::new(
            Class::D1,
            "Keeps the device to networks that profiles bring: it can lose the server.",
        );
    }
    let ratings =
        payload.get("ratingApps").and_then(Value::as_signed_integer).is_some_and(|rating| rating < 1000);
    let unreadable = payload.get("ratingApps").is_some_and(|value| value.as_signed_integer().is_none());
    if ratings || unreadable || HIDES_APPS.iter().any(|key| payload.contains_key(key)) {
        return Classification::new(
            Class::D1,
            "Hides apps, clinical ones among them if they are not listed.",
        );
    }
    if HIDES_APP_WHEN_FALSE.iter().any(|key| is(&key, false)) {
        return Classification::new(Class::D1, "Hides an app that staff may depend on.");
    }
    let opens = OPENS_WHEN_TRUE.iter().any(|key| is(&key, true));
    if opens || PROTECTS_UNLESS_FALSE.iter().any(|key| is(&key, false)) {
        return Classification::new(Class::D2, "Opens something that is closed by default.");
    }
    base
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, table::Table};

    #[test]
    fn every_key_that_is_looked_at_exists() {
        let entry = &Table::get().find(Kind::Payload, "com.apple.applicationaccess")[0];
        // Apple's former spellings, which devices still take.
        let former = ["forceWiFiWhitelisting", "whitelistedAppBundleIDs"];
        let lists = [CUTS_NETWORK, HIDES_APPS, HIDES_APP_WHEN_FALSE, OPENS_WHEN_TRUE, PROTECTS_UNLESS_FALSE];
        let strange: Vec<_> = lists
            .concat()
            .into_iter()
            .filter(|name| !entry.keys.iter().any(|key| key.name == *name) && !former.contains(name))
            .collect();
        assert_eq!(strange, Vec::<&str>::new());
    }
}
