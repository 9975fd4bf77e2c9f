//! The bodies of replies to check-ins that have one, as XML. Content type: `application/xml`.

use plist::{Dictionary, Value};
use plist_guard::write_xml;

/// To `GetBootstrapToken`. Where none is stored, the reply is 200 without a body instead.
#[must_use]
pub fn bootstrap_token(token: &[u8]) -> Vec<u8> {
    one("BootstrapToken", Value::Data(token.to_vec()))
}

/// To the first `UserAuthenticate`: no digest is wanted of this user.
#[must_use]
pub fn digest_challenge_empty() -> Vec<u8> {
    one("DigestChallenge", "".into())
}

/// To the second `UserAuthenticate`; empty for a wrong password.
#[must_use]
pub fn auth_token(token: &str) -> Vec<u8> {
    one("AuthToken", token.into())
}

/// To `GetToken`.
#[must_use]
pub fn token(data: &[u8]) -> Vec<u8> {
    one("TokenData", Value::Data(data.to_vec()))
}

/// To `ReturnToService`: the device is not to return by itself.
#[must_use]
pub fn return_to_service_disabled() -> Vec<u8> {
    let mut inner = Dictionary::new();
    inner.insert("Enabled".into(), false.into());
    one("ReturnToService", inner.into())
}

fn one(key: &str, value: Value) -> Vec<u8> {
    let mut outer = Dictionary::new();
    outer.insert(key.into(), value);
    write_xml(&outer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(reply: &[u8]) -> String {
        let text = String::from_utf8(reply.to_vec()).unwrap().replace(['\n', '\t'], "");
        text.split_once("<plist version=\"1.0\">").unwrap().1.to_owned()
    }

    #[test]
    fn replies_have_these_bytes() {
        for (reply, expected) in [
            (bootstrap_token(&[1, 2, 3]), "<key>BootstrapToken</key><data>AQID</data>"),
            (digest_challenge_empty(), "<key>DigestChallenge</key><string></string>"),
            (auth_token("t"), "<key>AuthToken</key><string>t</string>"),
            (token(b"jwt"), "<key>TokenData</key><data>and0</data>"),
            (
                return_to_service_disabled(),
                "<key>ReturnToService</key><dict><key>Enabled</key><false/></dict>",
            ),
        ] {
            assert_eq!(inside(&reply), format!("<dict>{expected}</dict></plist>"));
        }
    }
}
