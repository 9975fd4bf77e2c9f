//! Inline tables with a meaning of their own: `{ secret = … }`, `{ base64 = … }`, `{ file = … }`, `{ payload = … }`,
//! `{ network_identity = true }`.

use catalog::{Key, ValueType};

use super::{Place, decode};
use crate::description::{Entry, Item, Reader};
use crate::node::Node;

/// Types of payload that hold one certificate.
const CERTIFICATES: [&str; 3] =
    ["com.apple.security.root", "com.apple.security.pkcs1", "com.apple.security.FDERecoveryRedirect"];
/// A payload that shows an address to people: nothing secret belongs in any of its keys.
const WEB_CLIP: &str = "com.apple.webClip.managed";
/// The keys under which such a table is one of these.
const WORDS: [&str; 5] = ["secret", "base64", "file", "payload", "network_identity"];

/// Such a table: its word and what stands behind it.
pub(super) struct Special<'a> {
    word: &'a str,
    item: &'a Item,
}

/// The table, if it is one of these and not a dictionary that Apple defines with such a key.
pub(super) fn of<'a>(entries: &'a [Entry], key: Option<&Key>) -> Option<Special<'a>> {
    let [only] = entries else { return None };
    let word = only.key.as_str();
    let apples = key.is_some_and(|key| {
        key.value_type == ValueType::Dictionary && key.keys.iter().any(|inner| inner.name == word)
    });
    (WORDS.contains(&word) && !apples).then_some(Special { word, item: &only.value.item })
}

impl Reader<'_> {
    pub(super) fn special(
        &mut self,
        special: &Special<'_>,
        at: usize,
        place: Place<'_>,
        path: &str,
    ) -> Option<Node> {
        match (special.word, special.item) {
            ("secret", Item::Text(name)) => self.secret(name, at, place, path),
            ("base64", Item::Text(text)) => match decode(text) {
                Some(bytes) => self.bytes(bytes, at, place, path),
                None => self.refuse(at, path, "This is not base64.", ""),
            },
            ("file", Item::Text(name)) => match (self.load)(name) {
                Ok(bytes) => self.bytes(bytes, at, place, path),
                Err(reason) => self.refuse(at, path, &format!("The file {name:?} cannot be used."), &reason),
            },
            ("payload", Item::Text(name)) if place.payloads.contains(name) => {
                Some(Node::Payload(format!("{}.{name}", place.profile)))
            }
            ("payload", Item::Text(name)) => {
                let names: Vec<&str> = place.payloads.iter().map(String::as_str).collect();
                let advice = format!("Payloads of this file: {}.", names.join(", "));
                self.refuse(at, path, &format!("There is no payload named {name:?}."), &advice)
            }
            ("network_identity", Item::Boolean(true)) if place.name.ends_with("CertificateUUID") => {
                Some(Node::Identity)
            }
            ("network_identity", Item::Boolean(true)) => {
                let advice = "It stands where a payload names its identity, such as PayloadCertificateUUID.";
                self.refuse(at, path, "A network identity cannot stand here.", advice)
            }
            (word, item) => {
                let message = format!("{word} cannot be {}.", item.in_words());
                let advice = "Write { secret = \"name\" }, { base64 = \"…\" }, { file = \"name\" }, \
                              { payload = \"name\" } or { network_identity = true }.";
                self.refuse(at, path, &message, advice)
            }
        }
    }

    fn refuse(&mut self, at: usize, path: &str, message: &str, advice: &str) -> Option<Node> {
        self.problem(at, path, message, advice);
        None
    }

    fn secret(&mut self, name: &str, at: usize, place: Place<'_>, path: &str) -> Option<Node> {
        let fits = (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'));
        if !fits {
            let advice = "Use 1 to 64 small letters, digits, -, _ and full stops.";
            return self.refuse(at, path, "This cannot be the name of a secret.", advice);
        }
        if place.payload_type == WEB_CLIP {
            let advice = "What a web clip holds is shown on the screen. Sign people in at the site instead.";
            return self.refuse(at, path, "A secret cannot stand in a web clip.", advice);
        }
        if !catalog::is_secret_key(place.name) {
            let advice = "Everything else can be read on the device and in reports. Secrets stand at keys such as \
                          Password, SharedSecret and Challenge.";
            return self.refuse(at, path, "A secret cannot stand at this key.", advice);
        }
        let data = place.key.is_some_and(|key| key.value_type == ValueType::Data);
        Some(Node::Secret { name: name.to_owned(), data })
    }

    fn bytes(&mut self, bytes: Vec<u8>, at: usize, place: Place<'_>, path: &str) -> Option<Node> {
        if catalog::is_secret_key(place.name) {
            return self.refuse(
                at,
                path,
                "A secret does not stand in a file.",
                "Write { secret = \"a-name\" }.",
            );
        }
        // Tools write certificates as PEM; the payload holds DER.
        if CERTIFICATES.contains(&place.payload_type) && bytes.starts_with(b"-----BEGIN CERTIFICATE") {
            return match pki::Certificate::from_pem(&bytes) {
                Ok(certificate) => Some(Node::Data(certificate.der().to_vec())),
                Err(error) => self.refuse(at, path, &format!("The certificate cannot be read: {error}."), ""),
            };
        }
        if bytes.windows(11).any(|window| window == b"PRIVATE KEY") {
            let advice =
                "Ask for an identity instead: { network_identity = true }, or a SCEP or ACME payload.";
            return self.refuse(at, path, "A private key does not belong into a profile.", advice);
        }
        Some(Node::Data(bytes))
    }
}
