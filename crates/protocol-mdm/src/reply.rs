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
