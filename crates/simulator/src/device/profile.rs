//! Configuration profiles as a device reads them: opened if signed or encrypted, taken apart, kept.

use anyhow::{Context as _, Result, bail, ensure};
use pki::Certificate;
use pki::cms::{SignedMessage, decrypt};
use plist::{Dictionary, Value};

use crate::web::Identity;

/// The payload types that carry a certificate.
const CERTIFICATES: [&str; 3] =
    ["com.apple.security.root", "com.apple.security.pkcs1", "com.apple.security.pem"];

/// The payload type of an identity by SCEP.
pub(crate) const SCEP: &str = "com.apple.security.scep";

/// A profile, opened.
#[derive(Clone)]
pub(crate) struct Profile {
    pub(crate) identifier: String,
    pub(crate) uuid: String,
    pub(crate) display_name: Option<String>,
    pub(crate) organization: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) removal_disallowed: bool,
    pub(crate) payloads: Vec<Payload>,
    /// The certificates of the signature, the signer's first.
    pub(crate) signers: Vec<Certificate>,
    /// The payloads came encrypted to the device's identity.
    pub(crate) encrypted: bool,
    /// The certificates that it brings.
    pub(crate) certificates: Vec<Certificate>,
    /// The identities that the device got for its payloads, by `PayloadUUID`.
    pub(crate) identities: Vec<(String, Identity)>,
    /// Came by `InstallProfile`, so it goes with the enrolment.
    pub(crate) managed: bool,
}

/// One payload of a profile.
#[derive(Debug, Clone)]
pub(crate) struct Payload {
    pub(crate) kind: String,
    pub(crate) identifier: String,
    pub(crate) uuid: String,
    pub(crate) keys: Dictionary,
}

/// The keys of `com.apple.mdm` that a device acts upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MdmPayload {
    pub(crate) identity_uuid: String,
    pub(crate) topic: String,
    pub(crate) server_url: String,
    pub(crate) check_in_url: String,
    pub(crate) sign_message: bool,
    pub(crate) access_rights: Option<u64>,
    pub(crate) check_out_when_removed: bool,
    pub(crate) capabilities: Vec<String>,
}

/// The keys of `com.apple.security.scep` that a device acts upon.
#[derive(Debug, Clone)]
pub(crate) struct ScepPayload {
    pub(crate) url: String,
    pub(crate) name: Option<String>,
    pub(crate) challenge: Option<String>,
    pub(crate) subject: Vec<(String, String)>,
    pub(crate) fingerprint: Option<Vec<u8>>,
}

impl Profile {
    /// Opens a profile: XML or binary property list, bare or CMS-signed, its payloads bare or encrypted to `identity`.
    ///
    /// # Errors
    /// When it is no profile, its signature is wrong, it is encrypted to another device, or a key is missing that
    /// every profile has.
    pub(crate) fn open(bytes: &[u8], identity: Option<&Identity>) -> Result<Self> {
        let (bytes, signers) = unwrap(bytes)?;
        let value =
            Value::from_reader(std::io::Cursor::new(&bytes)).context("the profile is no property list")?;
        let keys = value.into_dictionary().context("the profile is no dictionary")?;
        ensure!(
            text(&keys, "PayloadType").as_deref() == Some("Configuration"),
            "PayloadType is not Configuration"
        );
        let encrypted = keys.get("EncryptedPayloadContent");
        let content = match encrypted {
            Some(sealed) => open_sealed(sealed, identity)?,
            None => {
                keys.get("PayloadContent").and_then(Value::as_array).context("no PayloadContent")?.clone()
            }
        };
        let payloads = content
            .iter()
            .map(|payload| Payload::new(payload.as_dictionary().context("a payload is no dictionary")?))
            .collect::<Result<Vec<_>>>()?;
        let mut seen = std::collections::BTreeSet::new();
        let twice = payloads.iter().find(|payload| !seen.insert(payload.uuid.as_str()));
        ensure!(twice.is_none(), "two payloads have the same PayloadUUID");
        Ok(Self {
            identifier: text(&keys, "PayloadIdentifier").context("no PayloadIdentifier")?,
            uuid: text(&keys, "PayloadUUID").context("no PayloadUUID")?,
            display_name: text(&keys, "PayloadDisplayName"),
            organization: text(&keys, "PayloadOrganization"),
            description: text(&keys, "PayloadDescription"),
            removal_disallowed: flag(&keys, "PayloadRemovalDisallowed"),
            certificates: certificates(&payloads)?,
            identities: Vec::new(),
            payloads,
            signers,
            encrypted: encrypted.is_some(),
            managed: false,
        })
    }

    /// Whether the profile enrols the device.
    pub(crate) fn is_enrolment(&self) -> bool {
        self.payloads.iter().any(|payload| payload.kind == "com.apple.mdm")
    }

    /// Whether a passcode is needed to remove it by hand.
    pub(crate) fn has_removal_passcode(&self) -> bool {
        self.payloads.iter().any(|payload| payload.kind == "com.apple.profileRemovalPassword")
    }

    /// The payloads of this type.
    pub(crate) fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Payload> {
        self.payloads.iter().filter(move |payload| payload.kind == kind)
    }

    /// The MDM payload; a profile has at most one.
    pub(crate) fn mdm(&self) -> Result<MdmPayload> {
        let mut payloads = self.payloads.iter().filter(|payload| payload.kind == "com.apple.mdm");
        let (Some(payload), None) = (payloads.next(), payloads.next()) else {
            bail!("the profile does not have exactly one com.apple.mdm payload");
        };
        let keys = &payload.keys;
        let server_url = text(keys, "ServerURL").context("com.apple.mdm has no ServerURL")?;
        ensure!(server_url.starts_with("https://"), "ServerURL is not https");
        let access_rights = keys.get("AccessRights").and_then(Value::as_unsigned_integer);
        ensure!(access_rights != Some(0), "AccessRights is 0");
        if let Some(rights) = access_rights {
            ensure!(rights & 2 == 0 || rights & 1 != 0, "AccessRights has 2 without 1");
            ensure!(rights & 128 == 0 || rights & 64 != 0, "AccessRights has 128 without 64");
        }
        let capabilities = keys.get("ServerCapabilities").and_then(Value::as_array);
        Ok(MdmPayload {
            identity_uuid: text(keys, "IdentityCertificateUUID").context("no IdentityCertificateUUID")?,
            topic: text(keys, "Topic").context("com.apple.mdm has no Topic")?,
            check_in_url: text(keys, "CheckInURL").unwrap_or_else(|| server_url.clone()),
            server_url,
            sign_message: flag(keys, "SignMessage"),
            access_rights,
            check_out_when_removed: flag(keys, "CheckOutWhenRemoved"),
            capabilities: capabilities
                .map(|list| list.iter().filter_map(Value::as_string).map(str::to_owned).collect())
                .unwrap_or_default(),
        })
    }

    /// The SCEP payload whose `PayloadUUID` is `uuid`.
    pub(crate) fn scep(&self, uuid: &str) -> Result<ScepPayload> {
        let payload = self
            .payloads
            .iter()
            .find(|payload| payload.uuid == uuid)
            .context("IdentityCertificateUUID names no payload")?;
        ensure!(payload.kind == SCEP, "the identity is a {}, not SCEP", payload.kind);
        payload.scep()
    }
}

impl Payload {
    fn new(keys: &Dictionary) -> Result<Self> {
        Ok(Self {
            kind: text(keys, "PayloadType").context("a payload without PayloadType")?,
            identifier: text(keys, "PayloadIdentifier").context("a payload without PayloadIdentifier")?,
            uuid: text(keys, "PayloadUUID").context("a payload without PayloadUUID")?,
            keys: keys.clone(),
        })
    }

    /// What a SCEP payload says.
    pub(crate) fn scep(&self) -> Result<ScepPayload> {
        let keys =
            self.keys.get("PayloadContent").and_then(Value::as_dictionary).context("SCEP without keys")?;
        let size = keys.get("Keysize").and_then(Value::as_unsigned_integer).unwrap_or(1024);
        ensure!(size == 2048, "the simulated device makes RSA keys of 2048 bits, not of {size}");
        Ok(ScepPayload {
            url: text(keys, "URL").context("SCEP without URL")?,
            name: text(keys, "Name"),
            challenge: text(keys, "Challenge"),
            subject: subject(keys)?,
            fingerprint: keys.get("CAFingerprint").and_then(Value::as_data).map(<[u8]>::to_vec),
        })
    }
}

/// The property list in a profile and the certificates of its signature, the signer's first.
fn unwrap(bytes: &[u8]) -> Result<(Vec<u8>, Vec<Certificate>)> {
    if bytes.first() != Some(&0x30) {
        return Ok((bytes.to_vec(), Vec::new()));
    }
    let message = SignedMessage::parse(bytes).context("the signed profile cannot be read")?;
    message.verify().context("the signature of the profile is wrong")?;
    let content = message.content().context("the signed profile is empty")?.to_vec();
    let signer = message.signer().clone();
    let others = message.certificates().iter().filter(|one| one.fingerprint() != signer.fingerprint());
    let chain: Vec<Certificate> = others.cloned().collect();
    Ok((content, std::iter::once(signer).chain(chain).collect()))
}

/// `EncryptedPayloadContent`: CMS that holds the array of payloads as a property list of its own.
fn open_sealed(sealed: &Value, identity: Option<&Identity>) -> Result<Vec<Value>> {
    let sealed = sealed.as_data().context("EncryptedPayloadContent is no data")?;
    let identity = identity.context("the profile is encrypted, and the device has no identity")?;
    let (bytes, _) = decrypt(sealed, &identity.certificate, &identity.key, false)
        .context("the profile is encrypted to another device")?;
    let content =
        Value::from_reader(std::io::Cursor::new(bytes)).context("what was encrypted is no property list")?;
    content.into_array().context("what was encrypted is no array of payloads")
}

/// The certificates that payloads bring: anchors for TLS and contents of the keychain.
fn certificates(payloads: &[Payload]) -> Result<Vec<Certificate>> {
    payloads
        .iter()
        .filter(|payload| CERTIFICATES.contains(&payload.kind.as_str()))
        .map(|payload| {
            let data = payload.keys.get("PayloadContent").and_then(Value::as_data);
            let data = data.with_context(|| format!("{} has no certificate", payload.identifier))?;
            let read = if data.starts_with(b"-----") {
                Certificate::from_pem(data)
            } else {
                Certificate::from_der(data)
            };
            read.with_context(|| format!("{} is no certificate", payload.identifier))
        })
        .collect()
}

/// `Subject` is an array of relative names, each an array of pairs; iOS refuses any other nesting.
fn subject(keys: &Dictionary) -> Result<Vec<(String, String)>> {
    let Some(value) = keys.get("Subject") else { return Ok(Vec::new()) };
    let wrong = "Subject is not an array of arrays of pairs";
    let mut names = Vec::new();
    for relative in value.as_array().context(wrong)? {
        for pair in relative.as_array().context(wrong)? {
            match pair.as_array().map(Vec::as_slice) {
                Some([Value::String(kind), Value::String(text)]) => names.push((kind.clone(), text.clone())),
                _ => bail!(wrong),
            }
        }
    }
    Ok(names)
}

/// The string under `key`.
pub(crate) fn text(keys: &Dictionary, key: &str) -> Option<String> {
    keys.get(key).and_then(Value::as_string).map(str::to_owned)
}

/// The truth under `key`; absent is false.
pub(crate) fn flag(keys: &Dictionary, key: &str) -> bool {
    keys.get(key).and_then(Value::as_boolean).unwrap_or(false)
}
