//! Keys and authorities that the tests share, and the `openssl` program.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use clock::Timestamp;

use crate::{Authority, AuthorityKind, Certificate, NewCertificate, PrivateKey, Subject, Usage};

pub(crate) static RSA: LazyLock<Authority> = LazyLock::new(|| authority(AuthorityKind::Rsa2048));
pub(crate) static EC: LazyLock<Authority> = LazyLock::new(|| authority(AuthorityKind::P256));
pub(crate) static RSA_DEVICE: LazyLock<(Certificate, PrivateKey)> =
    LazyLock::new(|| identity(&RSA, PrivateKey::generate_rsa_2048().unwrap()));
pub(crate) static EC_DEVICE: LazyLock<(Certificate, PrivateKey)> =
    LazyLock::new(|| identity(&EC, PrivateKey::generate_p256().unwrap()));

/// Noon on 2026-11-23.
pub(crate) fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

pub(crate) fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 60 * 60)
}

pub(crate) fn subject(common_name: &str) -> Subject {
    vec![("CN".to_owned(), common_name.to_owned())]
}

pub(crate) fn new_certificate(key: &PrivateKey, usage: Usage) -> NewCertificate {
    NewCertificate {
        public_key_der: key.public_key_der().unwrap(),
        subject: subject("device"),
        not_before: now() - days(1),
        not_after: now() + days(365),
        usage,
        serial: None,
    }
}

pub(crate) fn identity(authority: &Authority, key: PrivateKey) -> (Certificate, PrivateKey) {
    (authority.issue(&new_certificate(&key, Usage::Client)).unwrap(), key)
}

/// Runs `openssl` in `folder`. None, said aloud, where the program is not installed.
pub(crate) fn openssl(folder: &Path, arguments: &str) -> Option<(bool, String)> {
    let run = Command::new("openssl").args(arguments.split_whitespace()).current_dir(folder).output();
    let Ok(output) = run else {
        println!("skipped: the openssl program is not installed");
        return None;
    };
    let text = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

/// Runs `openssl` and demands that it succeeds.
pub(crate) fn openssl_must(folder: &Path, arguments: &str) -> Option<String> {
    let (success, text) = openssl(folder, arguments)?;
    assert!(success, "openssl {arguments}: {text}");
    Some(text)
}

/// Writes `bytes` as `folder/name`.
pub(crate) fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    std::fs::write(folder.join(name), bytes).unwrap();
}

fn authority(kind: AuthorityKind) -> Authority {
    Authority::create(kind, "Ward test", now(), 3650).unwrap()
}
