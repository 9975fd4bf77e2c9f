//! What to use in place of what Apple took away (Apple's change notes for OS 26 and 27).

const SUCCESSORS: &[(&str, &str)] = &[
    ("AvailableOSUpdates", "Apple's software lookup service and the softwareupdate status items"),
    ("OSUpdateStatus", "the softwareupdate.install-state status item"),
    ("ScheduleOSUpdate", "a declaration com.apple.configuration.softwareupdate.enforcement.specific"),
    ("ScheduleOSUpdateScan", "a declaration com.apple.configuration.softwareupdate.settings"),
    ("SoftwareUpdateSettings", "RecommendedCadence of com.apple.configuration.softwareupdate.settings"),
    ("SoftwareUpdateDeviceID", "the softwareupdate.device-id status item"),
    ("OSUpdateSettings", "com.apple.configuration.softwareupdate.settings"),
    ("com.apple.SoftwareUpdate", "a declaration com.apple.configuration.softwareupdate.settings"),
    ("allowRapidSecurityResponseInstallation", "com.apple.configuration.softwareupdate.settings"),
    ("allowRapidSecurityResponseRemoval", "com.apple.configuration.softwareupdate.settings"),
    ("enforcedSoftwareUpdateDelay", "com.apple.configuration.softwareupdate.settings"),
    ("enforcedSoftwareUpdateMajorOSDeferredInstallDelay", "com.apple.configuration.softwareupdate.settings"),
    ("enforcedSoftwareUpdateMinorOSDeferredInstallDelay", "com.apple.configuration.softwareupdate.settings"),
    ("enforcedSoftwareUpdateNonOSDeferredInstallDelay", "com.apple.configuration.softwareupdate.settings"),
    ("forceDelayedSoftwareUpdates", "com.apple.configuration.softwareupdate.settings"),
    ("forceDelayedAppSoftwareUpdates", "com.apple.configuration.softwareupdate.settings"),
    ("forceDelayedMajorSoftwareUpdates", "com.apple.configuration.softwareupdate.settings"),
    ("MaximumResidentUsers", "SharedDeviceConfiguration"),
    ("PasscodeLockGracePeriod", "PasscodePolicy of SharedDeviceConfiguration"),
    ("RequestUnlockToken", "the UnlockToken that the device sends with TokenUpdate"),
    ("ManagedAppleID", "AssignedManagedAppleID"),
    ("IMEI", "ServiceSubscriptions"),
    ("MEID", "ServiceSubscriptions"),
    ("ICCID", "ServiceSubscriptions"),
    ("PhoneNumber", "ServiceSubscriptions"),
    ("IsRoaming", "ServiceSubscriptions"),
    ("CurrentCarrierNetwork", "ServiceSubscriptions"),
    ("SubscriberCarrierNetwork", "ServiceSubscriptions"),
    ("CarrierSettingsVersion", "ServiceSubscriptions"),
    ("com.apple.mobiledevice.passwordpolicy", "a declaration com.apple.configuration.passcode.settings"),
    ("com.apple.dnsProxy.managed", "a declaration com.apple.configuration.network.dns-proxy"),
    ("com.apple.dnsSettings.managed", "a declaration com.apple.configuration.network.dns-settings"),
    ("com.apple.relay.managed", "a declaration com.apple.configuration.network.relay"),
    ("com.apple.AssetCache.managed", "a declaration com.apple.configuration.content-cache.settings"),
    ("com.apple.applicationaccess.new", "a declaration com.apple.configuration.app.settings"),
    ("com.apple.sso", "com.apple.extensiblesso"),
];

/// What stands in its place, for a sentence that begins with "Use".
pub(crate) fn of(name: &str) -> Option<&'static str> {
    SUCCESSORS.iter().find(|(gone, _)| *gone == name).map(|(_, successor)| *successor)
}
