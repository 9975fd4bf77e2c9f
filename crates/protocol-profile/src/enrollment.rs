//! The enrolment profile: CA certificates, one SCEP identity, one MDM payload.
//! Apple: "MDM", "SCEP", "CertificateRoot" (profile-specific payload keys).

use pki::{Certificate, PrivateKey};
use plist::{Dictionary, Value};
use plist_guard::write_xml;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::{AccessRights, Error};

/// What Ward tells devices that it can do: user channels (newer Macs refuse a profile without it, and it can be neither added nor
/// removed later), bootstrap tokens, GetToken.
pub const CAPABILITIES: [&str; 3] =
    ["com.apple.mdm.per-user-connections", "com.apple.mdm.bootstraptoken", "com.apple.mdm.token"];

/// The namespace of the UUIDs in Ward's profiles.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d0f_2c1e_55a4_5c0b_9a3e_7d1b_41c8_02f7);

/// How the device gets its identity. Apple: "SCEP".
#[derive(Debug, Clone)]
pub struct ScepPayload {
    /// `URL` of the SCEP server.
    pub url: String,
    /// `Name`: sent back by the device as `message`.
    pub name: String,
    /// `Challenge`: good for one enrolment.
    pub challenge: SecretString,
    /// `Subject`: one attribute an RDN, short name or dotted OID and a literal value. iOS expands no variables, and a Mac does not
    /// present a certificate with an empty subject.
    pub subject: Vec<(String, String)>,
    /// `Keysize` in bits; Apple's default of 1024 is refused by every CA today.
    pub key_size: u16,
    /// `CAFingerprint`: raw digest of the CA certificate; for a URL without TLS.
    pub ca_fingerprint: Option<Vec<u8>>,
}

impl ScepPayload {
    /// A payload with a key of 2048 bits.
    #[must_use]
    pub fn new(url: String, name: String, challenge: SecretString, subject: Vec<(String, String)>) -> Self {
        Self { url, name, challenge, subject, key_size: 2048, ca_fingerprint: None }
    }

    /// What stands in the `PayloadContent` of a `com.apple.security.scep` payload, challenge included: a secret for as long as the
    /// challenge is good.
    #[must_use]
    pub fn to_content(&self) -> Dictionary {
        self.content(self.challenge.expose_secret())
    }

    fn content(&self, challenge: &str) -> Dictionary {
        let attribute = |(kind, value): &(String, String)| {
            Value::Array(vec![Value::Array(vec![kind.as_str().into(), value.as_str().into()])])
        };
        let mut content = Dictionary::new();
        content.insert("URL".into(), self.url.as_str().into());
        content.insert("Name".into(), self.name.as_str().into());
        content.insert("Subject".into(), Value::Array(self.subject.iter().map(attribute).collect()));
        content.insert("Challenge".into(), challenge.into());
        content.insert("Keysize".into(), self.key_size.into());
        content.insert("Key Type".into(), "RSA".into());
        // Signing and decrypting: the device signs with it, and profiles are encrypted for it.
        content.insert("Key Usage".into(), 5.into());
        if let Some(fingerprint) = &self.ca_fingerprint {
            content.insert("CAFingerprint".into(), Value::Data(fingerprint.clone()));
        }
        content
    }
}

/// An enrolment profile. The same values give the same bytes.
#[derive(Debug, Clone)]
pub struct EnrollmentProfile {
    /// `PayloadIdentifier`, the seed of all UUIDs. It must not change while the enrolment lives: a renewal with another one is refused
    /// by the device as a second enrolment.
    pub identifier: String,
    /// `PayloadOrganization`: shown to the person who installs the profile.
    pub organization: String,
    /// `PayloadDisplayName`.
    pub display_name: String,
    /// `PayloadDescription`.
    pub description: Option<String>,
    /// `ServerURL`; must not change while the enrolment lives.
    pub server_url: String,
    /// `CheckInURL`; without one the device checks in at the server URL. Must not change while the enrolment lives.
    pub check_in_url: Option<String>,
    /// `Topic` of the push certificate; must not change while the enrolment lives.
    pub topic: String,
    /// `AccessRights`; no right can be added while the enrolment lives.
    pub access_rights: AccessRights,
    /// The identity.
    pub scep: ScepPayload,
    /// Certificates that the device has to trust: the chain of the server's own certificate where it is private, and the device CA.
    pub ca_certificates: Vec<Certificate>,
    /// `ServerCapabilities`.
    pub server_capabilities: Vec<String>,
    /// `SignMessage`: every request carries `Mdm-Signature`.
    pub sign_message: bool,
    /// `CheckOutWhenRemoved`.
    pub check_out_when_removed: bool,
    /// `PayloadRemovalDisallowed`: honoured on supervised devices only.
    pub removal_disallowed: bool,
}

impl EnrollmentProfile {
    /// A profile with Ward's usual choices: signed messages, check-out, all capabilities, removable.
    #[must_use]
    pub fn new(
        identifier: String,
        organization: String,
        server_url: String,
        topic: String,
        access_rights: AccessRights,
        scep: ScepPayload,
    ) -> Self {
        Self {
            display_name: format!("{organization}: device management"),
            identifier,
            organization,
            description: None,
            server_url,
            check_in_url: None,
            topic,
            access_rights,
            scep,
            ca_certificates: Vec::new(),
            server_capabilities: CAPABILITIES.map(str::to_owned).to_vec(),
            sign_message: true,
            check_out_when_removed: true,
            removal_disallowed: false,
        }
    }

    /// The profile as an XML property list, challenge included: a secret for as long as the challenge is good.
    #[must_use]
    pub fn to_plist(&self) -> Vec<u8> {
        self.write(self.scep.challenge.expose_secret())
    }

    /// SHA-256 of everything but the challenge: a device that has a profile of the same digest needs no other one.
    #[must_use]
    pub fn digest_without_challenge(&self) -> [u8; 32] {
        pki::sha256(&self.write(""))
    }

    /// The profile, signed (CMS, attached, DER).
    ///
    /// # Errors
    /// [`Error::Signature`] where signing fails.
    pub fn sign(
        &self,
        certificate: &Certificate,
        key: &PrivateKey,
        chain: &[Certificate],
    ) -> Result<Vec<u8>, Error> {
        pki::cms::sign_attached(certificate, key, chain, &self.to_plist()).map_err(Error::Signature)
    }

    /// `PayloadUUID` of the whole profile.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        Uuid::new_v5(&NAMESPACE, self.identifier.as_bytes())
    }

    fn write(&self, challenge: &str) -> Vec<u8> {
        let mut payloads: Vec<Value> = Vec::new();
        let mut seen = Vec::new();
        for certificate in &self.ca_certificates {
            let fingerprint = certificate.fingerprint();
            if !seen.contains(&fingerprint) {
                payloads.push(self.certificate_payload(certificate).into());
                seen.push(fingerprint);
            }
        }
        payloads.push(self.scep_payload(challenge).into());
        payloads.push(self.mdm_payload().into());

        let mut profile = Dictionary::new();
        profile.insert("PayloadType".into(), "Configuration".into());
        profile.insert("PayloadVersion".into(), 1.into());
        profile.insert("PayloadIdentifier".into(), self.identifier.as_str().into());
        profile.insert("PayloadUUID".into(), text_of(self.uuid()).into());
        profile.insert("PayloadDisplayName".into(), self.display_name.as_str().into());
        profile.insert("PayloadOrganization".into(), self.organization.as_str().into());
        if let Some(description) = &self.description {
            profile.insert("PayloadDescription".into(), description.as_str().into());
        }
        if self.removal_disallowed {
            profile.insert("PayloadRemovalDisallowed".into(), true.into());
        }
        profile.insert("PayloadContent".into(), Value::Array(payloads));
        write_xml(&profile)
    }

    /// What every payload begins with; `part` makes its identifier and UUID.
    fn payload(&self, payload_type: &str, part: &str, display_name: &str) -> Dictionary {
        let identifier = format!("{}.{part}", self.identifier);
        let mut payload = Dictionary::new();
        payload.insert("PayloadType".into(), payload_type.into());
        payload.insert("PayloadVersion".into(), 1.into());
        payload.insert("PayloadUUID".into(), self.part_uuid(part).into());
        payload.insert("PayloadIdentifier".into(), identifier.into());
        payload.insert("PayloadDisplayName".into(), display_name.into());
        payload
    }

    fn part_uuid(&self, part: &str) -> String {
        text_of(Uuid::new_v5(&self.uuid(), part.as_bytes()))
    }

    fn certificate_payload(&self, certificate: &Certificate) -> Dictionary {
        let is_root = certificate.is_self_signed();
        let payload_type = if is_root { "com.apple.security.root" } else { "com.apple.security.pkcs1" };
        let name = certificate.common_name().unwrap_or_else(|| "Certificate authority".to_owned());
        let part = format!("ca.{}", certificate.fingerprint());
        let mut payload = self.payload(payload_type, &part, &name);
        payload.insert("PayloadContent".into(), Value::Data(certificate.der().to_vec()));
        payload
    }

    fn scep_payload(&self, challenge: &str) -> Dictionary {
        let mut payload = self.payload("com.apple.security.scep", "scep", "Device identity");
        payload.insert("PayloadContent".into(), self.scep.content(challenge).into());
        payload
    }

    fn mdm_payload(&self) -> Dictionary {
        let mut payload = self.payload("com.apple.mdm", "mdm", "Device management");
        payload.insert("IdentityCertificateUUID".into(), self.part_uuid("scep").into());
        payload.insert("Topic".into(), self.topic.as_str().into());
        payload.insert("ServerURL".into(), self.server_url.as_str().into());
        if let Some(url) = &self.check_in_url {
            payload.insert("CheckInURL".into(), url.as_str().into());
        }
        payload.insert("AccessRights".into(), self.access_rights.bits().into());
        payload.insert("SignMessage".into(), self.sign_message.into());
        payload.insert("CheckOutWhenRemoved".into(), self.check_out_when_removed.into());
        let capabilities = self.server_capabilities.iter().map(|name| Value::from(name.as_str()));
        payload.insert("ServerCapabilities".into(), Value::Array(capabilities.collect()));
        payload
    }
}

fn text_of(uuid: Uuid) -> String {
    uuid.hyphenated().to_string().to_uppercase()
}

#[cfg(test)]
mod tests;
