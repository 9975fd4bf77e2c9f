//! The profile in an InstallProfile, opened to see what it does. Who signed it is not judged here.

use pki::cms::SignedMessage;
use plist::{Dictionary, Value};
use plist_guard::{Limits, parse_any_dictionary};

/// The profile that the command carries. `None` when there is none or it cannot be read, which counts as the worst.
pub(crate) fn opened(command: &Dictionary) -> Option<Dictionary> {
    let bytes = command.get("Payload").and_then(Value::as_data)?;
    // An ASN.1 SEQUENCE begins with this byte; no property list does.
    if bytes.first() == Some(&0x30) {
        let message = SignedMessage::parse(bytes).ok()?;
        return parse_any_dictionary(message.content()?, &Limits::OPERATOR).ok();
    }
    parse_any_dictionary(bytes, &Limits::OPERATOR).ok()
}

/// What is classed: the opened profile, or, where its payloads are encrypted to the device, the same profile as Ward made it. Identifier
/// and UUID stay readable in an encrypted profile, and the UUID is made from the content.
pub(crate) fn in_clear<'a>(opened: &'a Dictionary, made: Option<&'a Dictionary>) -> &'a Dictionary {
    let same = |made: &&Dictionary| {
        ["PayloadIdentifier", "PayloadUUID"]
            .into_iter()
            .all(|key| opened.get(key).is_some() && opened.get(key) == made.get(key))
    };
    let is_encrypted = opened.contains_key("EncryptedPayloadContent");
    made.filter(|made| is_encrypted && same(made)).unwrap_or(opened)
}
