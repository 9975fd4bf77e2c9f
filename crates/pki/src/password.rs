//! Passwords that the server makes: random, fit to be typed, and hashed as a Mac keeps them.

use openssl::hash::MessageDigest;
use openssl::pkcs5::pbkdf2_hmac;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::{Result, random_bytes};

/// What cannot be mistaken for something else when it is read from a screen and typed: no `0`, `o`, `1`, `l`, `i`.
const LETTERS: &[u8; 31] = b"23456789abcdefghjkmnpqrstuvwxyz";
const GROUPS: usize = 4;
const GROUP: usize = 5;

/// Rounds of PBKDF2. They slow down guessing at passwords that people choose; these have 99 random bits, which nobody guesses, so the
/// number only has to be one that a Mac takes.
const ITERATIONS: u32 = 20_000;

/// A random password of 99 bits in groups, such as `k7mpt-…`: 23 printable ASCII characters, which every field of a Mac takes.
#[must_use]
pub fn random_password() -> SecretString {
    let mut password = Zeroizing::new(String::with_capacity(GROUPS * (GROUP + 1)));
    let mut drawn = 0;
    while drawn < GROUPS * GROUP {
        let [byte] = random_bytes::<1>();
        // 248 is the greatest multiple of 31 in a byte: beyond it the first letters would be likelier.
        let Some(letter) = (byte < 248).then(|| LETTERS.get(usize::from(byte % 31))).flatten() else {
            continue;
        };
        if drawn > 0 && drawn % GROUP == 0 {
            password.push('-');
        }
        password.push(char::from(*letter));
        drawn += 1;
    }
    SecretString::from(password.as_str())
}

/// A password as a Mac keeps it: `SALTED-SHA512-PBKDF2` (Apple: "SetAutoAdminPassword", `passwordHash`).
#[derive(Clone)]
pub struct SaltedHash {
    /// PBKDF2-HMAC-SHA512 of the password, 128 bytes.
    pub entropy: Zeroizing<Vec<u8>>,
    /// The salt, 32 bytes.
    pub salt: Vec<u8>,
    /// The rounds.
    pub iterations: u32,
}

impl SaltedHash {
    /// Hashes a password with a new salt. Takes some 20 ms.
    ///
    /// # Errors
    /// [`crate::Error::Crypto`].
    pub fn of(password: &SecretString) -> Result<Self> {
        Self::with_salt(password, random_bytes::<32>().to_vec(), ITERATIONS)
    }

    /// Hashes a password with a given salt, to compare with a hash that somebody has.
    ///
    /// # Errors
    /// [`crate::Error::Crypto`].
    pub fn with_salt(password: &SecretString, salt: Vec<u8>, iterations: u32) -> Result<Self> {
        let mut entropy = Zeroizing::new(vec![0; 128]);
        let rounds = usize::try_from(iterations).unwrap_or(usize::MAX);
        let text = password.expose_secret().as_bytes();
        pbkdf2_hmac(text, &salt, rounds, MessageDigest::sha512(), &mut entropy)?;
        Ok(Self { entropy, salt, iterations })
    }
}

impl std::fmt::Debug for SaltedHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SaltedHash([hidden])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_can_be_typed_and_differs_from_the_next() {
        let (one, two) = (random_password(), random_password());
        let text = one.expose_secret();
        assert_eq!(text.len(), 23);
        assert_eq!(text.split('-').map(str::len).collect::<Vec<_>>(), [5, 5, 5, 5]);
        assert!(text.bytes().all(|byte| byte == b'-' || LETTERS.contains(&byte)), "{text}");
        assert_ne!(text, two.expose_secret());
        let many: String = (0..200).map(|_| random_password().expose_secret().to_owned()).collect();
        assert!(LETTERS.iter().all(|letter| many.contains(char::from(*letter))), "every letter is used");
    }

    #[test]
    fn the_hash_is_pbkdf2_with_hmac_sha512() {
        // Worked out with Python's hashlib.pbkdf2_hmac("sha512", b"password", b"salt", 1, 128).
        let hash = SaltedHash::with_salt(&SecretString::from("password"), b"salt".to_vec(), 1).unwrap();
        let expected = "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce";
        assert_eq!(hex::encode(&hash.entropy[..64]), expected);
        assert_eq!(hash.entropy.len(), 128);
        let again = SaltedHash::of(&SecretString::from("password")).unwrap();
        assert_eq!((again.salt.len(), again.iterations), (32, ITERATIONS));
        assert!(!format!("{again:?}").contains(&hex::encode(&again.salt)));
    }
}
