//! The secrets that sign webhooks, in the form of Standard Webhooks.

use std::fmt;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use crate::Trouble;

/// What every secret begins with, so that scanners find one that was lost.
const PREFIX: &str = "whsec_";
/// The largest file that is read.
const FILE_BYTES: u64 = 4096;

/// The files with the secrets. They are read again for each delivery, so that a new secret needs no restart. While two are
/// listed every message is signed with both: receivers change over at their own time.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecrets {
    files: Vec<PathBuf>,
}

impl fmt::Debug for SigningSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningSecrets({} files)", self.files.len())
    }
}

impl SigningSecrets {
    /// The secrets in these files, each a line `whsec_` and base64 of 24 to 64 bytes.
    #[must_use]
    pub const fn new(files: Vec<PathBuf>) -> Self {
        Self { files }
    }

    /// A new secret, as it stands in a file.
    #[must_use]
    pub fn generate() -> Zeroizing<String> {
        let bytes = Zeroizing::new(pki::random_bytes::<32>());
        Zeroizing::new(format!("{PREFIX}{}", BASE64.encode(bytes.as_slice())))
    }

    /// Reads all of them.
    ///
    /// # Errors
    /// There is none, a file cannot be read, everybody can read it, or it holds no secret.
    pub fn read(&self) -> Result<Vec<Zeroizing<Vec<u8>>>, Trouble> {
        if self.files.is_empty() {
            return Err(Trouble::new("the sink has no secret_files to sign with"));
        }
        self.files.iter().map(read).collect()
    }
}

fn read(path: &PathBuf) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let trouble = |what: &dyn fmt::Display| Trouble::new(format!("the secret {}: {what}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| trouble(&error))?;
    let mode = file.metadata().map_err(|error| trouble(&error))?.permissions().mode();
    if mode & 0o004 != 0 {
        return Err(trouble(&"everybody on this machine can read it; chmod 600"));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_BYTES).read_to_string(&mut text).map_err(|error| trouble(&error))?;
    parse(&text).ok_or_else(|| trouble(&"it is no line like whsec_… with base64 of 24 to 64 bytes"))
}

fn parse(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = Zeroizing::new(BASE64.decode(text.trim().strip_prefix(PREFIX)?).ok()?);
    (24..=64).contains(&bytes.len()).then_some(bytes)
}

/// The value of `webhook-signature`: one signature for each secret, `v1,` and base64 of the HMAC-SHA256 over id, timestamp
/// (seconds since 1970) and body, joined by dots (Standard Webhooks, "Signature scheme").
#[must_use]
pub fn sign(secrets: &[Zeroizing<Vec<u8>>], id: &str, timestamp: i64, body: &str) -> String {
    let signed = format!("{id}.{timestamp}.{body}");
    let one = |secret: &Zeroizing<Vec<u8>>| {
        format!("v1,{}", BASE64.encode(pki::hmac_sha256(secret, signed.as_bytes())))
    };
    secrets.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector in the documentation of Standard Webhooks' reference libraries.
    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        let secret = parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", r#"{"test": 2432232314}"#);
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(sign(std::slice::from_ref(&secret), id, 1_614_265_330, body), signature);
        let both = sign(&[secret.clone(), secret], id, 1_614_265_330, body);
        assert_eq!(both, format!("{signature} {signature}"), "during a change both sign");
    }

    #[test]
    fn a_generated_secret_is_read_back_and_other_files_are_refused_without_showing_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let secrets = SigningSecrets::new(vec![path.clone()]);
        let write = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        write(&SigningSecrets::generate(), 0o600);
        assert_eq!(secrets.read().unwrap()[0].len(), 32);
        for (text, mode, says) in [
            (&**SigningSecrets::generate(), 0o644, "everybody"),
            ("whsec_c2hvcnQ=", 0o600, "no line"),
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 0o600, "no line"),
        ] {
            write(text, mode);
            let trouble = secrets.read().unwrap_err();
            assert!(trouble.text.contains(says) && !trouble.text.contains(text), "{trouble:?}");
        }
        assert!(SigningSecrets::new(Vec::new()).read().is_err());
    }
}
