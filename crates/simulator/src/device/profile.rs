//! Configuration profiles as a device reads them: opened if signed, taken apart, kept.

use anyhow::{Context as _, Result, bail, ensure};
use pki::Certificate;
use pki::cms::SignedMessage;
use plist::{Dictionary, Value};

/// The payload types that carry a certificate.
const CERTIFICATES: [&str; 3] =
    ["com.apple.security.root", "com.apple.security.pkcs1", "com.apple.security.pem"];

/// A profile, opened.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) identifier: String,
    pub(crate) uuid: String,
    pub(crate) display_name: Option<String>,
    pub(crate) organization: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) removal_disallowed: bool,
    pub(crate) payloads: Vec<Payload>,
    pub(crate) signer: Option<Certificate>,
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
    /// Opens a profile: XML or binary property list, bare or CMS-signed.
    ///
    /// # Errors
    /// When it is no profile, its signature is wrong, or a key is missing that every profile has.
    pub(crate) fn open(bytes: &[u8]) -> Result<Self> {
        let (bytes, signer) = if bytes.first() == Some(&0x30) {
            let message = SignedMessage::parse(bytes).context("the signed profile cannot be read")?;
            message.verify().context("the signature of the profile is wrong")?;
            {
                let content = message.content().context("the signed profile is empty")?.to_vec();
                (content, Some(message.signer().clone()))
            }
        } else {
            (bytes.to_vec(), None)
        };
        let value =
            Value::from_reader(std::io::Cursor::new(&bytes)).context("the profile is no property list")?;
        let keys = value.into_dictionary().context("the profile is no dictionary")?;
        ensure!(
            text(&keys, "PayloadType").as_deref() == Some("Configuration"),
            "PayloadType is not Configuration"
        );
        ensure!(keys.get("EncryptedPayloadContent").is_none(), "the profile is encrypted");
        let content = keys.get("PayloadContent").and_then(Value::as_array).context("no PayloadContent")?;
        let payloads = content
            .iter()
            .map(|payload| Payload::new(payload.as_dictionary().context("a payload is no dictionary")?))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            identifier: text(&keys, "PayloadIdentifier").context("no PayloadIdentifier")?,
            uuid: text(&keys, "PayloadUUID").context("no PayloadUUID")?,
            display_name: text(&keys, "PayloadDisplayName"),
            organization: text(&keys, "PayloadOrganization"),
            description: text(&keys, "PayloadDescription"),
            removal_disallowed: flag(&keys, "PayloadRemovalDisallowed"),
            payloads,
            signer,
            managed: false,
        })
    }

    /// Whether the profile enrols the device.
    pub(crate) fn is_enrolment(&self) -> bool {
        self.payloads.iter().any(|payload| payload.kind == "com.apple.mdm")
    }

    /// The certificates that the profile brings: anchors for TLS and contents of the keychain.
    pub(crate) fn certificates(&self) -> Result<Vec<Certificate>> {
        self.payloads
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
        ensure!(payload.kind == "com.apple.security.scep", "the identity is a {}, not SCEP", payload.kind);
        let keys =
            payload.keys.get("PayloadContent").and_then(Value::as_dictionary).context("SCEP without keys")?;
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

impl Payload {
    fn new(keys: &Dictionary) -> Result<Self> {
        Ok(Self {
            kind: text(keys, "PayloadType").context("a payload without PayloadType")?,
            identifier: text(keys, "PayloadIdentifier").context("a payload without PayloadIdentifier")?,
            uuid: text(keys, "PayloadUUID").context("a payload without PayloadUUID")?,
            keys: keys.clone(),
        })
    }
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
