//! What Apple says the answers to Ward's commands consist of. Keys that are not named here are kept as facts of any kind.

use super::kinds::Kind::{self, Array, Bytes, Date, Dictionary, Number, Text, Truth, Whole};

/// A key and its kind.
pub(crate) type Field = (&'static str, Kind);

/// Where facts stand in an answer: the containing key (none: the top level), the prefix of their names (may be empty), and their kinds.
pub(crate) type Answer = (Option<&'static str>, &'static str, &'static [Field]);

/// The parts of the answer to a command; `None` for commands that this module does not know.
pub(crate) fn answer(request_type: &str) -> Option<&'static [Answer]> {
    Some(match request_type {
        "DeviceInformation" => &[(Some("QueryResponses"), "DeviceInformation", DEVICE_INFORMATION)],
        "SecurityInfo" => &[(Some("SecurityInfo"), "SecurityInfo", SECURITY_INFO)],
        "ProfileList" => &[(None, "", &[("ProfileList", Array)])],
        "CertificateList" => &[(None, "", &[("CertificateList", Array)])],
        "InstalledApplicationList" => &[(None, "", &[("InstalledApplicationList", Array)])],
        "DeviceLock" => &[(None, "DeviceLock", &[("MessageResult", Text)])],
        // Acknowledged without an answer of their own, or with one that is a secret (DeviceLocation).
        "EraseDevice" | "RestartDevice" | "ShutDownDevice" | "ClearPasscode" | "InstallProfile"
        | "RemoveProfile" | "EnableLostMode" | "DisableLostMode" | "DeviceLocation" | "PlayLostModeSound" => {
            &[]
        }
        _ => return None,
    })
}

/// The kinds inside a nested dictionary.
pub(crate) fn nested(path: &str) -> &'static [Field] {
    match path {
        "DeviceInformation.OrganizationInfo" => ORGANIZATION_INFO,
        "DeviceInformation.MDMOptions" => MDM_OPTIONS,
        "DeviceInformation.OSUpdateSettings" => UPDATE_SETTINGS,
        "DeviceInformation.SoftwareUpdateSettings" => &[("RecommendationsCadence", Whole)],
        "DeviceInformation.AccessibilitySettings" => ACCESSIBILITY_SETTINGS,
        "SecurityInfo.FirewallSettings" => FIREWALL_SETTINGS,
        "SecurityInfo.FirmwarePasswordStatus" => FIRMWARE_PASSWORD_STATUS,
        "SecurityInfo.ManagementStatus" => MANAGEMENT_STATUS,
        "SecurityInfo.SecureBoot" => SECURE_BOOT,
        _ => &[],
    }
}

const DEVICE_INFORMATION: &[Field] = &[
    ("UDID", Text),
    ("ProvisioningUDID", Text),
    ("OrganizationInfo", Dictionary),
    ("MDMOptions", Dictionary),
    ("LastCloudBackupDate", Date),
    ("AwaitingConfiguration", Truth),
    ("iTunesStoreAccountIsActive", Truth),
    ("iTunesStoreAccountHash", Text),
    ("DeviceName", Text),
    ("OSVersion", Text),
    ("SupplementalOSVersionExtra", Text),
    ("BuildVersion", Text),
    ("SupplementalBuildVersion", Text),
    ("ModelName", Text),
    ("Model", Text),
    ("ModelNumber", Text),
    ("IsAppleSilicon", Truth),
    ("ProductName", Text),
    ("SerialNumber", Text),
    ("DeviceCapacity", Number),
    ("AvailableDeviceCapacity", Number),
    ("IMEI", Text),
    ("MEID", Text),
    ("ModemFirmwareVersion", Text),
    ("CellularTechnology", Whole),
    ("BatteryLevel", Number),
    ("HasBattery", Truth),
    ("IsSupervised", Truth),
    ("IsMultiUser", Truth),
    ("IsDeviceLocatorServiceEnabled", Truth),
    ("IsActivationLockEnabled", Truth),
    ("IsActivationLockSupported", Truth),
    ("IsDoNotDisturbInEffect", Truth),
    ("SupportsLOMDevice", Truth),
    ("DeviceID", Text),
    ("EASDeviceIdentifier", Text),
    ("IsCloudBackupEnabled", Truth),
    ("ActiveManagedUsers", Array),
    ("OSUpdateSettings", Dictionary),
    ("LocalHostName", Text),
    ("HostName", Text),
    ("AutoSetupAdminAccounts", Array),
    ("SystemIntegrityProtectionEnabled", Truth),
    ("IsMDMLostModeEnabled", Truth),
    ("MaximumResidentUsers", Whole),
    ("EstimatedResidentUsers", Whole),
    ("QuotaSize", Whole),
    ("ResidentUsers", Whole),
    ("UserSessionTimeout", Whole),
    ("TemporarySessionTimeout", Whole),
    ("TemporarySessionOnly", Truth),
    ("ManagedAppleIDDefaultDomains", Array),
    ("OnlineAuthenticationGracePeriod", Whole),
    ("SkipLanguageAndLocaleSetupForNewUsers", Truth),
    ("DiagnosticSubmissionEnabled", Truth),
    ("AppAnalyticsEnabled", Truth),
    ("TimeZone", Text),
    ("ICCID", Text),
    ("BluetoothMAC", Text),
    ("WiFiMAC", Text),
    ("EthernetMAC", Text),
    ("CurrentCarrierNetwork", Text),
    ("SIMCarrierNetwork", Text),
    ("SubscriberCarrierNetwork", Text),
    ("CarrierSettingsVersion", Text),
    ("PhoneNumber", Text),
    ("DataRoamingEnabled", Truth),
    ("VoiceRoamingEnabled", Truth),
    ("PersonalHotspotEnabled", Truth),
    ("IsNetworkTethered", Truth),
    ("IsRoaming", Truth),
    ("SIMMCC", Text),
    ("SIMMNC", Text),
    ("SubscriberMCC", Text),
    ("SubscriberMNC", Text),
    ("CurrentMCC", Text),
    ("CurrentMNC", Text),
    ("ServiceSubscriptions", Array),
    ("PINRequiredForEraseDevice", Truth),
    ("PINRequiredForDeviceLock", Truth),
    ("SupportsiOSAppInstalls", Truth),
    ("SoftwareUpdateDeviceID", Text),
    ("SoftwareUpdateSettings", Dictionary),
    ("AccessibilitySettings", Dictionary),
    ("DevicePropertiesAttestation", Array),
    ("EACSPreflight", Text),
];

const ORGANIZATION_INFO: &[Field] = &[
    ("OrganizationName", Text),
    ("OrganizationShortName", Text),
    ("OrganizationAddress", Text),
    ("OrganizationPhone", Text),
    ("OrganizationEmail", Text),
];

const MDM_OPTIONS: &[Field] = &[
    ("ActivationLockAllowedWhileSupervised", Truth),
    ("BootstrapTokenAllowed", Truth),
    ("PromptUserToAllowBootstrapTokenForAuthentication", Truth),
    ("IdleRebootAllowed", Truth),
];

const UPDATE_SETTINGS: &[Field] = &[
    ("CatalogURL", Text),
    ("IsDefaultCatalog", Truth),
    ("PreviousScanDate", Date),
    ("PerformPeriodicCheck", Truth),
    ("AutoCheckEnabled", Truth),
    ("BackgroundDownloadEnabled", Truth),
    ("AutomaticAppInstallationEnabled", Truth),
    ("AutomaticOSInstallationEnabled", Truth),
    ("AutomaticSecurityUpdatesEnabled", Truth),
];

const ACCESSIBILITY_SETTINGS: &[Field] = &[
    ("BoldTextEnabled", Truth),
    ("IncreaseContrastEnabled", Truth),
    ("ReduceMotionEnabled", Truth),
    ("ReduceTransparencyEnabled", Truth),
    ("TextSize", Whole),
    ("TouchAccommodationsEnabled", Truth),
    ("VoiceOverEnabled", Truth),
    ("ZoomEnabled", Truth),
    ("GrayscaleEnabled", Truth),
];

const SECURITY_INFO: &[Field] = &[
    ("HardwareEncryptionCaps", Whole),
    ("PasscodePresent", Truth),
    ("PasscodeCompliant", Truth),
    ("PasscodeCompliantWithProfiles", Truth),
    ("PasscodeLockGracePeriod", Whole),
    ("PasscodeLockGracePeriodEnforced", Whole),
    ("AutoLockTime", Whole),
    ("FDE_Enabled", Truth),
    ("FDE_HasPersonalRecoveryKey", Truth),
    ("FDE_HasInstitutionalRecoveryKey", Truth),
    ("FDE_PersonalRecoveryKeyCMS", Bytes),
    ("FDE_PersonalRecoveryKeyDeviceKey", Text),
    ("SystemIntegrityProtectionEnabled", Truth),
    ("FirewallSettings", Dictionary),
    ("FirmwarePasswordStatus", Dictionary),
    ("ManagementStatus", Dictionary),
    ("SecureBoot", Dictionary),
    ("RemoteDesktopEnabled", Truth),
    ("AuthenticatedRootVolumeEnabled", Truth),
    ("BootstrapTokenAllowedForAuthentication", Text),
    ("BootstrapTokenRequiredForSoftwareUpdate", Truth),
    ("BootstrapTokenRequiredForKernelExtensionApproval", Truth),
    ("IsRecoveryLockEnabled", Truth),
];

const FIREWALL_SETTINGS: &[Field] = &[
    ("FirewallEnabled", Truth),
    ("BlockAllIncoming", Truth),
    ("StealthMode", Truth),
    ("Applications", Array),
    ("LoggingEnabled", Truth),
    ("LoggingOption", Text),
];

const FIRMWARE_PASSWORD_STATUS: &[Field] =
    &[("PasswordExists", Truth), ("ChangePending", Truth), ("AllowOroms", Truth)];

const MANAGEMENT_STATUS: &[Field] = &[
    ("EnrolledViaDEP", Truth),
    ("UserApprovedEnrollment", Truth),
    ("IsUserEnrollment", Truth),
    ("IsActivationLockManageable", Truth),
];

const SECURE_BOOT: &[Field] =
    &[("SecureBootLevel", Text), ("ExternalBootLevel", Text), ("ReducedSecurity", Array)];
