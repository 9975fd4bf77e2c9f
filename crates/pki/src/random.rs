//! Random bytes, tokens and PINs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use zeroize::Zeroizing;

/// `N` bytes from OpenSSL's generator.
///
/// # Panics
/// If the machine has no source of randomness: nothing that follows would be safe.
#[must_use]
#[expect(clippy::expect_used, reason = "without randomness no key, token or PIN may be made")]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    openssl::rand::rand_bytes(&mut bytes).expect("the machine has a source of randomness");
    bytes
}

/// `prefix` followed by 256 random bits in base64url, for tokens that secret scanners can recognise.
#[must_use]
pub fn random_token(prefix: &str) -> SecretString {
    let bytes = Zeroizing::new(random_bytes::<32>());
    let mut text = String::with_capacity(prefix.len() + 43);
    text.push_str(prefix);
    URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
    SecretString::from(text)
}

/// A PIN of so many decimal digits, every digit uniform.
#[must_use]
pub fn random_pin(digits: usize) -> SecretString {
    let mut pin = String::with_capacity(digits);
    while pin.len() < digits {
        let [byte] = random_bytes::<1>();
        // 250 is the greatest multiple of ten in a byte: beyond it the low digits would be likelier.
        if byte < 250 {
            pin.push(char::from(b'0' + byte % 10));
        }
    }
    SecretString::from(pin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn a_token_has_its_prefix_and_differs_from_the_next() {
        let (one, two) = (random_token("ward_"), random_token("ward_"));
        assert!(one.expose_secret().starts_with("ward_"));
        assert_eq!(one.expose_secret().len(), 48);
        assert_ne!(one.expose_secret(), two.expose_secret());
        assert!(!format!("{one:?}").contains(one.expose_secret()));
    }

    #[test]
    fn a_pin_has_the_asked_number_of_digits_and_uses_all_ten() {
        let pin = random_pin(6);
        assert_eq!(pin.expose_secret().len(), 6);
        let many = random_pin(2_000);
        assert!(('0'..='9').all(|digit| many.expose_secret().contains(digit)));
    }
}
