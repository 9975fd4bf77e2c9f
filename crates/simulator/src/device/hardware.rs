//! What is printed on the back of a device and survives every erase, and what `DeviceInformation` tells of it.

use plist::{Dictionary, Value};

use super::{DeviceSpec, Model};
use crate::dice::Dice;

const SERIAL: &[u8] = b"CDFGHJKLMNPQRTVWXY0123456789";
const DIGITS: &[u8] = b"0123456789";

/// The identifiers and sizes of one device.
#[derive(Debug, Clone)]
pub(crate) struct Hardware {
    pub(crate) model: Model,
    pub(crate) udid: String,
    pub(crate) serial: String,
    pub(crate) imei: Option<String>,
    pub(crate) name: String,
    pub(crate) os: String,
    pub(crate) capacity: f64,
    wifi: String,
    phone: String,
}

impl Hardware {
    pub(crate) fn new(spec: &DeviceSpec, dice: &mut Dice) -> Self {
        let udid = if spec.model.is_mac() {
            dice.uuid()
        } else {
            format!("00008120-{}", hex::encode_upper(dice.bytes(8)))
        };
        let serial = dice.text(SERIAL, 10);
        let phone = spec.model == Model::IPhone;
        let mac: Vec<String> = dice.bytes(3).iter().map(|byte| format!("{byte:02x}")).collect();
        let capacity = if dice.below(2) == 0 { 128.0 } else { 256.0 };
        Self {
            model: spec.model,
            imei: phone.then(|| format!("35{}", dice.text(DIGITS, 13))),
            name: spec.name.clone().unwrap_or_else(|| {
                format!("{} {}", spec.model.family(), serial.get(6..).unwrap_or_default())
            }),
            udid,
            serial,
            os: spec.os.clone(),
            capacity,
            wifi: format!("02:00:5e:{}", mac.join(":")),
            phone: format!("+1555{}", dice.text(DIGITS, 7)),
        }
    }

    /// `ProductName`, such as `iPhone15,2`.
    pub(crate) const fn product(&self) -> &'static str {
        match self.model {
            Model::IPhone => "iPhone15,2",
            Model::IPad | Model::SharedIPad => "iPad13,18",
            Model::MacAppleSilicon => "Mac14,2",
            Model::MacIntel => "MacBookPro16,1",
        }
    }

    /// `Model`: the order number, on a Mac the product.
    pub(crate) const fn order_number(&self) -> &'static str {
        match self.model {
            Model::IPhone => "MQ9U3LL/A",
            Model::IPad | Model::SharedIPad => "MPQ03LL/A",
            Model::MacAppleSilicon => "Mac14,2",
            Model::MacIntel => "MacBookPro16,1",
        }
    }

    /// `ModelName`.
    pub(crate) const fn model_name(&self) -> &'static str {
        match self.model {
            Model::IPhone => "iPhone",
            Model::IPad | Model::SharedIPad => "iPad",
            Model::MacAppleSilicon => "MacBook Air",
            Model::MacIntel => "MacBook Pro",
        }
    }

    /// `BuildVersion`, made up from the version.
    pub(crate) fn build(&self) -> String {
        let major: u32 = self.os.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(1);
        let minor = self.os.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or(0_u8);
        let letter = char::from(b'A' + minor.min(25));
        // iOS 27 is build 24, macOS 27 is build 26.
        let base = if self.model.is_mac() { major.saturating_sub(1) } else { major.saturating_sub(3) };
        format!("{base}{letter}428")
    }

    /// The recovery key of FileVault, as a person would write it down.
    pub(crate) fn recovery_key(&self) -> String {
        let source = hex::encode_upper(pki::sha256(self.udid.as_bytes()));
        let groups: Vec<&str> = (0..6).filter_map(|group| source.get(group * 4..group * 4 + 4)).collect();
        groups.join("-")
    }

    /// Whether the OS is at least `major`.
    pub(crate) fn os_at_least(&self, major: u32) -> bool {
        self.os.split('.').next().and_then(|part| part.parse::<u32>().ok()).is_some_and(|own| own >= major)
    }

    /// The answers to `DeviceInformation` that never change, by name of the query.
    pub(crate) fn fact(&self, query: &str) -> Option<Value> {
        self.common(query)
            .or_else(|| if self.model.is_mac() { self.of_mac(query) } else { self.of_ios(query) })
    }

    fn common(&self, query: &str) -> Option<Value> {
        Some(match query {
            "UDID" => self.udid.clone().into(),
            "SerialNumber" => self.serial.clone().into(),
            "DeviceName" => self.name.clone().into(),
            "OSVersion" => self.os.clone().into(),
            "BuildVersion" => self.build().into(),
            "ModelName" => self.model_name().into(),
            "Model" => self.order_number().into(),
            "ModelNumber" => self.order_number().into(),
            "ProductName" => self.product().into(),
            "DeviceCapacity" => Value::Real(self.capacity),
            "AvailableDeviceCapacity" => Value::Real(self.capacity / 2.0 - 3.25),
            "BatteryLevel" => Value::Real(0.75),
            "WiFiMAC" | "BluetoothMAC" => self.wifi.clone().into(),
            "TimeZone" => "Europe/London".into(),
            "iTunesStoreAccountIsActive" => false.into(),
            _ => return None,
        })
    }

    fn of_mac(&self, query: &str) -> Option<Value> {
        let silicon = self.model == Model::MacAppleSilicon;
        Some(match query {
            "IsAppleSilicon" | "SupportsiOSAppInstalls" => silicon.into(),
            "HasBattery" | "SystemIntegrityProtectionEnabled" | "IsActivationLockSupported" => true.into(),
            "PINRequiredForEraseDevice" | "PINRequiredForDeviceLock" => (!silicon).into(),
            "HostName" | "LocalHostName" => self.name.replace(' ', "-").into(),
            "EthernetMAC" => self.wifi.clone().into(),
            "ProvisioningUDID" => format!("00008112-{}", self.udid.get(..8).unwrap_or_default()).into(),
            "SoftwareUpdateDeviceID" => self.product().into(),
            "SupportsLOMDevice" => false.into(),
            "EACSPreflight" => (if silicon { "success" } else { "unsupported" }).into(),
            _ => return None,
        })
    }

    fn of_ios(&self, query: &str) -> Option<Value> {
        let phone = self.imei.as_ref();
        Some(match query {
            "IsMultiUser" => (self.model == Model::SharedIPad).into(),
            "MaximumResidentUsers" if self.model == Model::SharedIPad => 10.into(),
            "CellularTechnology" => i64::from(if phone.is_some() { 3 } else { 0 }).into(),
            "ModemFirmwareVersion" => phone.map(|_| "2.80.01")?.into(),
            "ServiceSubscriptions" => Value::Array(vec![Value::Dictionary(self.subscription()?)]),
            "IsDeviceLocatorServiceEnabled"
            | "IsActivationLockEnabled"
            | "IsDoNotDisturbInEffect"
            | "IsCloudBackupEnabled"
            | "IsNetworkTethered"
            | "DiagnosticSubmissionEnabled"
            | "AppAnalyticsEnabled" => false.into(),
            "DataRoamingEnabled" | "PersonalHotspotEnabled" => phone.map(|_| false)?.into(),
            "EASDeviceIdentifier" => self.serial.clone().into(),
            _ => return None,
        })
    }

    fn subscription(&self) -> Option<Dictionary> {
        let mut line = Dictionary::new();
        line.insert("Slot".to_owned(), "CTSubscriptionSlotOne".into());
        line.insert("IMEI".to_owned(), self.imei.clone()?.into());
        line.insert("PhoneNumber".to_owned(), self.phone.clone().into());
        line.insert("CurrentCarrierNetwork".to_owned(), "Simulated Mobile".into());
        line.insert("IsDataPreferred".to_owned(), true.into());
        line.insert("IsRoaming".to_owned(), false.into());
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_the_identifiers_and_a_mac_has_a_uuid() {
        let phone = |seed| Hardware::new(&DeviceSpec::new(Model::IPhone, seed), &mut Dice::new(seed));
        assert_eq!(phone(1).udid, phone(1).udid);
        assert_ne!(phone(1).serial, phone(2).serial);
        assert!(phone(1).udid.starts_with("00008120-") && phone(1).imei.is_some());
        let mac = Hardware::new(&DeviceSpec::new(Model::MacIntel, 1), &mut Dice::new(1));
        assert_eq!(mac.udid.split('-').count(), 5);
        assert_eq!(mac.build(), "26A428");
        assert_eq!(phone(1).build(), "24A428");
    }

    #[test]
    fn a_device_says_nothing_about_what_it_does_not_have() {
        let ipad = Hardware::new(&DeviceSpec::new(Model::IPad, 1), &mut Dice::new(1));
        assert!(ipad.fact("ServiceSubscriptions").is_none());
        assert!(ipad.fact("IsAppleSilicon").is_none());
        assert!(ipad.fact("NoSuchQuery").is_none());
        assert_eq!(ipad.fact("IsMultiUser"), Some(false.into()));
    }
}
