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
