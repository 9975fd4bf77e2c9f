//! What a profile that somebody gave holds, and whether it may be let in.

use std::borrow::Cow;

use memchr::memmem;
use pki::cms::SignedMessage;
use plist::{Dictionary, Value};
use plist_guard::{Limits, parse_any_dictionary};

use crate::Error;

/// The payload that puts a device under management.
const MDM: &str = "com.apple.mdm";

/// What a profile says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileSummary {
    /// `PayloadIdentifier`: installing a profile replaces the one with the same.
    pub identifier: String,
    /// `PayloadUUID`.
    pub uuid: String,
    /// `PayloadDisplayName`.
    pub display_name: Option<String>,
    /// Its payloads, nested ones included, in order.
    pub payloads: Vec<PayloadSummary>,
    /// Whether the file is signed; the signature then fits the content. Who signed is not judged.
    pub signed: bool,
    /// Whether some content is encrypted and could not be looked into.
    pub encrypted: bool,
    /// Whether a data value names the MDM payload, so that a profile within a profile may hold it.
    hides_mdm: bool,
}

/// What a payload says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadSummary {
    /// `PayloadType`.
    pub payload_type: String,
    /// `PayloadIdentifier`.
    pub identifier: Option<String>,
    /// `PayloadUUID`.
    pub uuid: Option<String>,
}

impl ProfileSummary {
    /// Whether the profile puts a device under management.
    #[must_use]
    pub fn contains_mdm(&self) -> bool {
        self.hides_mdm || self.payloads.iter().any(|payload| is_mdm(&payload.payload_type))
    }
}

/// Reads a profile: XML, binary, or either within a CMS signature.
///
/// # Errors
/// For what is no profile, has a key twice in a dictionary, or a signature that does not fit.
pub fn inspect(file: &[u8]) -> Result<ProfileSummary, Error> {
    let content = content_of(file)?;
    summarize(&content, matches!(content, Cow::Owned(_)))
}

/// The property list of a file: itself, or what is signed in it. The signature fits; who signed is not judged.
pub(crate) fn content_of(file: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    // An ASN.1 SEQUENCE begins with this byte; no property list does.
    if file.first() != Some(&0x30) {
        return Ok(Cow::Borrowed(file));
    }
    let message = SignedMessage::parse(file).map_err(Error::Signature)?;
    message.verify().map_err(Error::Signature)?;
    let content = message.content().ok_or(Error::NothingSigned)?;
    if content.first() == Some(&0x30) {
        return Err(Error::NothingSigned);
    }
    Ok(Cow::Owned(content.to_vec()))
}

/// Reads a profile that an operator gives, or that is sent raw, and refuses what may not be let in: one that carries MDM or could fetch
/// such a profile, and one that cannot be looked into.
///
/// # Errors
/// As [`inspect`], and [`Error::ContainsMdm`], [`Error::Encrypted`].
pub fn check_uploadable(file: &[u8]) -> Result<ProfileSummary, Error> {
    let summary = inspect(file)?;
    if summary.contains_mdm() {
        return Err(Error::ContainsMdm);
    }
    if summary.encrypted {
        return Err(Error::Encrypted);
    }
    Ok(summary)
}

fn summarize(content: &[u8], signed: bool) -> Result<ProfileSummary, Error> {
    let profile = parse_any_dictionary(content, &Limits::OPERATOR)?;
    // "Profile Service" makes the device fetch another profile, which nobody has seen.
    if profile.get("PayloadType").and_then(Value::as_string) != Some("Configuration") {
        return Err(Error::NotAProfile("PayloadType is not Configuration"));
    }
    let mut summary = ProfileSummary {
        identifier: text(&profile, "PayloadIdentifier").ok_or(Error::NotAProfile("no PayloadIdentifier"))?,
        uuid: text(&profile, "PayloadUUID").ok_or(Error::NotAProfile("no PayloadUUID"))?,
        display_name: text(&profile, "PayloadDisplayName"),
        payloads: Vec::new(),
        signed,
        encrypted: false,
        hides_mdm: false,
    };
    if !matches!(profile.get("PayloadContent"), None | Some(Value::Array(_))) {
        return Err(Error::NotAProfile("PayloadContent is not an array"));
    }
    for (key, value) in &profile {
        summary.visit(Some(key), value);
    }
    Ok(summary)
}

impl ProfileSummary {
    /// Looks at every value, however deep: readers differ in where they accept payloads.
    fn visit(&mut self, key: Option<&str>, value: &Value) {
        if key.is_some_and(|key| key.eq_ignore_ascii_case("EncryptedPayloadContent")) {
            self.encrypted = true;
        }
        match value {
            Value::Dictionary(entries) => {
                let payload_type = entries.get("PayloadType").and_then(Value::as_string);
                if let Some(payload_type) = payload_type {
                    self.payloads.push(PayloadSummary {
                        payload_type: payload_type.to_owned(),
                        identifier: text(entries, "PayloadIdentifier"),
                        uuid: text(entries, "PayloadUUID"),
                    });
                }
                for (key, value) in entries {
                    self.visit(Some(key), value);
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.visit(None, item);
                }
            }
            Value::Data(bytes) => self.hides_mdm |= memmem::find(bytes, MDM.as_bytes()).is_some(),
            _ => {}
        }
    }
}

/// Nearly the type is treated as the type: nobody needs a profile with ` COM.APPLE.MDM`.
fn is_mdm(payload_type: &str) -> bool {
    payload_type.trim().eq_ignore_ascii_case(MDM)
}

fn text(from: &Dictionary, key: &str) -> Option<String> {
    from.get(key).and_then(Value::as_string).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests;
