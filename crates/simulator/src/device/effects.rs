//! What installed profiles do to a device, as far as anybody can see: passcode rules, networks, FileVault, firewall.

use anyhow::{Context as _, Result};
use pki::Certificate;
use pki::cms::{Cipher, encrypt};
use plist::{Dictionary, Value};
use serde::Serialize;

use super::profile::{Payload, Profile, flag, text};
use super::state::State;

const WIFI: &str = "com.apple.wifi.managed";
const FILE_VAULT: &str = "com.apple.MCX.FileVault2";
const ESCROW: &str = "com.apple.security.FDERecoveryKeyEscrow";

/// A Wi-Fi network that the device knows from a profile, and what it would show there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WifiNetwork {
    /// The name of the network.
    pub ssid: String,
    /// Identifier of the profile that brought it.
    pub profile: String,
    /// Apple's word, such as `WPA2`.
    pub encryption: String,
    /// The certificate that the device presents by EAP-TLS, DER.
    pub identity: Option<Vec<u8>>,
    /// The certificates (DER) by which it knows the RADIUS server.
    pub trusted: Vec<Vec<u8>>,
}

/// A profile as its user sees it in Settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstalledProfile {
    /// `PayloadIdentifier`.
    pub identifier: String,
    /// `PayloadUUID`.
    pub uuid: String,
    /// `PayloadDisplayName`.
    pub name: Option<String>,
    /// Whether MDM brought it.
    pub managed: bool,
    /// Whether its payloads came encrypted.
    pub encrypted: bool,
    /// Whether a supervised device keeps it.
    pub removal_disallowed: bool,
    /// Common name of who signed it.
    pub signer: Option<String>,
    /// The types of its payloads.
    pub payload_types: Vec<String>,
}

/// The strictest of all passcode payloads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PasscodeRules {
    pub(crate) required: bool,
    pub(crate) length: u64,
    /// Minutes until the screen locks.
    pub(crate) inactivity: Option<u64>,
    /// Minutes in which no passcode is asked for again.
    pub(crate) grace: Option<u64>,
}

impl InstalledProfile {
    fn of(profile: &Profile) -> Self {
        Self {
            identifier: profile.identifier.clone(),
            uuid: profile.uuid.clone(),
            name: profile.display_name.clone(),
            managed: profile.managed,
            encrypted: profile.encrypted,
            removal_disallowed: profile.removal_disallowed,
            signer: profile.signers.first().and_then(Certificate::common_name),
            payload_types: profile.payloads.iter().map(|payload| payload.kind.clone()).collect(),
        }
    }
}

impl State {
    /// The payloads of this type, of all profiles.
    fn payloads<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a Profile, &'a Payload)> {
        self.profiles.iter().flat_map(move |profile| profile.of_kind(kind).map(move |one| (profile, one)))
    }

    /// Installs a profile in place of the one with the same identifier.
    pub(crate) fn put_profile(&mut self, profile: Profile) {
        match self.profiles.iter_mut().find(|old| old.identifier == profile.identifier) {
            Some(old) => *old = profile,
            None => self.profiles.push(profile),
        }
        let mut disks = self.payloads(FILE_VAULT);
        let encrypts = disks.any(|(_, one)| text(&one.keys, "Enable").as_deref() == Some("On"));
        drop(disks);
        self.file_vault |= encrypts;
    }

    /// The profiles for other eyes.
    pub(crate) fn installed(&self) -> Vec<InstalledProfile> {
        self.profiles.iter().map(InstalledProfile::of).collect()
    }

    /// The Wi-Fi networks of all profiles.
    pub(crate) fn networks(&self) -> Vec<WifiNetwork> {
        let network = |(profile, payload): (&Profile, &Payload)| {
            let keys = &payload.keys;
            let eap = keys.get("EAPClientConfiguration").and_then(Value::as_dictionary);
            let anchors = eap.and_then(|eap| eap.get("PayloadCertificateAnchorUUID")?.as_array());
            let anchors = anchors.into_iter().flatten().filter_map(Value::as_string);
            Some(WifiNetwork {
                ssid: text(keys, "SSID_STR")?,
                profile: profile.identifier.clone(),
                encryption: text(keys, "EncryptionType").unwrap_or_else(|| "Any".to_owned()),
                identity: text(keys, "PayloadCertificateUUID")
                    .and_then(|uuid| profile.identity(&uuid))
                    .map(|certificate| certificate.der().to_vec()),
                trusted: anchors.filter_map(|uuid| profile.certificate(uuid)).collect(),
            })
        };
        self.payloads(WIFI).filter_map(network).collect()
    }

    /// What all passcode payloads together demand.
    pub(crate) fn passcode_rules(&self) -> PasscodeRules {
        let least = |one: Option<u64>, other: Option<u64>| one.into_iter().chain(other).min();
        let number = |keys: &Dictionary, key: &str| keys.get(key).and_then(Value::as_unsigned_integer);
        self.payloads("com.apple.mobiledevice.passwordpolicy").fold(
            PasscodeRules::default(),
            |rules, (_, payload)| {
                let keys = &payload.keys;
                PasscodeRules {
                    required: rules.required || flag(keys, "forcePIN"),
                    length: rules.length.max(number(keys, "minLength").unwrap_or(0)),
                    inactivity: least(rules.inactivity, number(keys, "maxInactivity")),
                    grace: least(rules.grace, number(keys, "maxGracePeriod")),
                }
            },
        )
    }

    /// Whether the passcode is as the profiles want it.
    pub(crate) fn passcode_complies(&self) -> bool {
        let rules = self.passcode_rules();
        if self.passcode_set { self.passcode_length >= rules.length } else { !rules.required }
    }

    /// What the firewall payloads say of `key`; `None`: nothing.
    pub(crate) fn firewall(&self, key: &str) -> Option<bool> {
        self.payloads("com.apple.security.firewall")
            .filter_map(|(_, payload)| payload.keys.get(key).and_then(Value::as_boolean))
            .reduce(|one, other| one || other)
    }

    /// The recovery key of FileVault, encrypted for whom an escrow payload names.
    pub(crate) fn escrowed_recovery_key(&self) -> Option<Vec<u8>> {
        let (profile, payload) = self.payloads(ESCROW).next().filter(|_| self.file_vault)?;
        let der = profile.certificate(&text(&payload.keys, "EncryptCertPayloadUUID")?)?;
        let certificate = Certificate::from_der(&der).ok()?;
        encrypt(self.recovery_key().as_bytes(), &[&certificate], Cipher::Aes256).ok()
    }
}

impl Profile {
    /// The identity that the payload with this UUID brought.
    fn identity(&self, uuid: &str) -> Option<&Certificate> {
        self.identities.iter().find(|(own, _)| own == uuid).map(|(_, identity)| &identity.certificate)
    }

    /// The certificate (DER) in the payload with this UUID.
    fn certificate(&self, uuid: &str) -> Option<Vec<u8>> {
        let payload = self.payloads.iter().find(|payload| payload.uuid == uuid)?;
        let data = payload.keys.get("PayloadContent")?.as_data()?;
        let read = if data.starts_with(b"-----") {
            Certificate::from_pem(data)
        } else {
            Certificate::from_der(data)
        };
        Some(read.ok()?.der().to_vec())
    }

    /// What refers to other payloads must find them in the same profile.
    ///
    /// # Errors
    /// The reference that leads nowhere.
    pub(crate) fn check_references(&self) -> Result<()> {
        let has = |uuid: &str| self.payloads.iter().any(|payload| payload.uuid == uuid);
        for payload in &self.payloads {
            let eap = payload.keys.get("EAPClientConfiguration").and_then(Value::as_dictionary);
            let anchors = eap.and_then(|eap| eap.get("PayloadCertificateAnchorUUID")?.as_array());
            let anchors = anchors.into_iter().flatten().filter_map(Value::as_string).map(str::to_owned);
            let single = ["PayloadCertificateUUID", "EncryptCertPayloadUUID"];
            let single = single.into_iter().filter_map(|key| text(&payload.keys, key));
            let lost = anchors.chain(single).find(|uuid| !has(uuid));
            lost.map_or(Some(()), |_| None).with_context(|| {
                format!("{} refers to a certificate that is not in the profile", payload.identifier)
            })?;
        }
        Ok(())
    }
}
