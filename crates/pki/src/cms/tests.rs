//! Messages that OpenSSL reads, messages that OpenSSL wrote, and messages that are neither.

use super::*;
use crate::testing::{EC_DEVICE, RSA, RSA_DEVICE, identity, openssl_must, write};
use crate::{Certificate, PrivateKey};
use proptest::prelude::*;

const BODY: &[u8] = b"<plist><dict><key>Status</key><string>Idle</string></dict></plist>";

fn devices() -> [&'static (Certificate, PrivateKey); 2] {
    [&RSA_DEVICE, &EC_DEVICE]
}

fn forms() -> impl Iterator<Item = SignOptions> {
    [Digest::Sha1, Digest::Sha256, Digest::Sha384, Digest::Sha512].into_iter().flat_map(|digest| {
        [(false, false), (false, true), (true, false), (true, true)]
            .map(|(signed_attributes, ber)| SignOptions { digest, signed_attributes, ber })
    })
}

#[test]
fn every_form_of_a_detached_signature_is_verified_over_the_exact_bytes() {
    for (certificate, key) in devices() {
        for form in forms() {
            let signature = sign_detached(certificate, key, BODY, form).unwrap();
            assert_eq!(verify_detached(&signature, BODY).as_ref(), Ok(certificate), "{form:?}");
            let newline = [BODY, b"\n"].concat();
            let refused = verify_detached(&signature, &newline);
            assert_eq!(refused, Err(Error::WrongSignature("the message")), "{form:?}");
        }
    }
}

#[test]
fn a_kept_certificate_is_asked_for_by_fingerprint_and_used() {
    let (certificate, key) = &*EC_DEVICE;
    let signature = sign_detached(certificate, key, BODY, SignOptions::default()).unwrap();
    let mut asked = None;
    let found = verify_detached_with(&signature, BODY, |fingerprint| {
        asked = Some(*fingerprint);
        Some(certificate.clone())
    });
    assert_eq!(found.as_ref(), Ok(certificate));
    assert_eq!(asked, Some(certificate.fingerprint()));
    // A cache that answers with the wrong certificate does not lend its key to the signature.
    let wrong = verify_detached_with(&signature, BODY, |_| Some(RSA_DEVICE.0.clone()));
    assert_eq!(wrong.as_ref(), Ok(certificate));
}

#[test]
fn a_signature_that_claims_another_certificate_is_refused() {
    let (certificate, _) = &*EC_DEVICE;
    let thief = PrivateKey::generate_p256().unwrap();
    assert_eq!(sign_detached(certificate, &thief, BODY, SignOptions::default()), Err(Error::KeyMismatch));
    let (own, key) = identity(&RSA, thief);
    let signature = sign_detached(&own, &key, BODY, SignOptions::default()).unwrap();
    assert_eq!(verify_detached(&signature, BODY).unwrap().fingerprint(), own.fingerprint());
    assert_ne!(own.fingerprint(), certificate.fingerprint());
}

#[test]
fn openssl_verifies_what_is_signed_with_content() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "ca.pem", RSA.certificate().to_pem());
    let key = PrivateKey::generate_rsa_2048().unwrap();
    let new = crate::testing::new_certificate(&key, crate::Usage::ProfileSigning);
    let certificate = RSA.issue(&new).unwrap();
    let chain = [RSA.certificate().clone(), certificate.clone()];
    write(folder.path(), "profile", sign_attached(&certificate, &key, &chain, BODY).unwrap());
    let verify = "cms -verify -inform DER -in profile -CAfile ca.pem -out content -attime 1795435200";
    if openssl_must(folder.path(), verify).is_some() {
        assert_eq!(std::fs::read(folder.path().join("content")).unwrap(), BODY);
    }
}

#[test]
fn openssl_verifies_every_form_that_simulated_devices_send() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "body", BODY);
    for (certificate, key) in devices() {
        for form in forms() {
            write(folder.path(), "signature", sign_detached(certificate, key, BODY, form).unwrap());
            let verify = "cms -verify -inform DER -in signature -content body -binary -noverify -out content";
            openssl_must(folder.path(), verify);
        }
    }
}

#[test]
fn what_openssl_signs_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "body", BODY);
    for (certificate, key) in devices() {
        write(folder.path(), "cert.pem", certificate.to_pem());
        write(folder.path(), "key.pem", key.to_pkcs8_pem().unwrap());
        for form in
            ["", "-noattr", "-md sha1", "-md sha1 -noattr", "-md sha512", "-keyid", "-stream", "-nodetach"]
        {
            let sign = format!(
                "cms -sign -binary -in body -signer cert.pem -inkey key.pem -outform DER -out signature {form}"
            );
            if openssl_must(folder.path(), &sign).is_none() {
                return;
            }
            let signature = std::fs::read(folder.path().join("signature")).unwrap();
            assert_eq!(verify_detached(&signature, BODY).as_ref(), Ok(certificate), "{form}");
        }
    }
}

#[test]
fn rsa_pss_is_parsed_but_not_verified() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = &*RSA_DEVICE;
    write(folder.path(), "body", BODY);
    write(folder.path(), "cert.pem", certificate.to_pem());
    write(folder.path(), "key.pem", key.to_pkcs8_pem().unwrap());
    let sign = "cms -sign -binary -nodetach -in body -signer cert.pem -inkey key.pem -outform DER -out message \
                -keyopt rsa_padding_mode:pss";
    if openssl_must(folder.path(), sign).is_some() {
        let message = std::fs::read(folder.path().join("message")).unwrap();
        let parsed = SignedMessage::parse(&message).unwrap();
        assert_eq!(parsed.signer(), certificate);
        assert!(matches!(parsed.verify(), Err(Error::Unsupported(_))));
    }
}

#[test]
fn a_message_without_signer_or_certificate_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "body", BODY);
    let (certificate, key) = &*EC_DEVICE;
    let nobody = degenerate(&[certificate]);
    assert_eq!(verify_detached(&nobody, BODY), Err(Error::Missing("the signer of the message")));
    assert_eq!(certificates_of(&nobody).unwrap(), std::slice::from_ref(certificate));
    write(folder.path(), "cert.pem", certificate.to_pem());
    write(folder.path(), "key.pem", key.to_pkcs8_pem().unwrap());
    let sign =
        "cms -sign -binary -nocerts -in body -signer cert.pem -inkey key.pem -outform DER -out signature";
    if openssl_must(folder.path(), sign).is_some() {
        let signature = std::fs::read(folder.path().join("signature")).unwrap();
        let error = verify_detached(&signature, BODY).unwrap_err();
        assert_eq!(error.to_string(), "the certificate of the signer is missing");
    }
}

#[test]
fn content_inside_has_to_be_the_content_beside() {
    let (certificate, key) = &*EC_DEVICE;
    let signed = sign_attached(certificate, key, &[], BODY).unwrap();
    assert!(verify_detached(&signed, BODY).is_ok());
    assert!(matches!(verify_detached(&signed, b"other"), Err(Error::Malformed { .. })));
}

#[test]
fn a_parsed_message_gives_its_parts_and_verifies() {
    let (certificate, key) = &*RSA_DEVICE;
    let oid = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.7");
    let value = der::Any::new(der::Tag::PrintableString, b"a+/=_&".to_vec()).unwrap();
    for ber in [false, true] {
        let options = SignOptions { digest: Digest::Sha512, signed_attributes: true, ber };
        let others = [RSA.certificate().clone()];
        let long = BODY.repeat(100);
        let signed =
            sign_with_attributes(certificate, key, &long, vec![(oid, value.clone())], options, &others)
                .unwrap();
        let message = SignedMessage::parse(&signed).unwrap();
        assert_eq!(message.content(), Some(long.as_slice()));
        assert_eq!(message.signer(), certificate);
        assert_eq!(message.certificates(), [certificate.clone(), RSA.certificate().clone()]);
        assert_eq!(message.attributes().get(&oid), Some(&value));
        assert_eq!(message.digest(), Digest::Sha512);
        assert_eq!(message.verify(), Ok(()));
        assert_eq!(message.verify_over(b"other"), Err(Error::WrongSignature("the message")));
    }
}

#[test]
fn a_message_beyond_the_limits_is_refused_before_it_is_parsed() {
    let huge = vec![0x30; 64 * 1024 + 1];
    assert!(matches!(verify_detached(&huge, BODY), Err(Error::TooLarge { limit: 65536, .. })));
    let deep = [0x30, 0x80].repeat(30_000);
    assert!(matches!(verify_detached(&deep, BODY), Err(Error::Malformed { .. })));
    assert!(matches!(cipher_of(&deep), Err(Error::Malformed { .. })));
}

#[test]
fn what_is_encrypted_is_decrypted_by_openssl_and_by_us() {
    let folder = tempfile::tempdir().unwrap();
    let ciphers = [Cipher::DesEde3, Cipher::Aes128, Cipher::Aes192, Cipher::Aes256];
    for (certificate, key) in devices() {
        write(folder.path(), "cert.pem", certificate.to_pem());
        write(folder.path(), "key.pem", key.to_pkcs8_pem().unwrap());
        for cipher in ciphers {
            let message = encrypt(BODY, &[certificate], cipher).unwrap();
            assert_eq!(decrypt(&message, certificate, key, false), Ok((BODY.to_vec(), cipher)));
            write(folder.path(), "message", &message);
            let open =
                "cms -decrypt -inform DER -in message -recip cert.pem -inkey key.pem -binary -out content";
            if openssl_must(folder.path(), open).is_some() {
                assert_eq!(std::fs::read(folder.path().join("content")).unwrap(), BODY);
            }
        }
    }
}

#[test]
fn an_envelope_of_indefinite_length_from_openssl_is_decrypted() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = &*RSA_DEVICE;
    write(folder.path(), "cert.pem", certificate.to_pem());
    write(folder.path(), "body", BODY);
    for (name, cipher) in
        [("-des3", Cipher::DesEde3), ("-aes128", Cipher::Aes128), ("-aes256", Cipher::Aes256)]
    {
        let seal = format!("cms -encrypt -binary -stream -in body -outform DER -out message {name} cert.pem");
        if openssl_must(folder.path(), &seal).is_none() {
            return;
        }
        let message = std::fs::read(folder.path().join("message")).unwrap();
        assert_eq!(message[1], 0x80, "openssl writes indefinite lengths when it streams");
        assert_eq!(decrypt(&message, certificate, key, false), Ok((BODY.to_vec(), cipher)));
    }
}

#[test]
fn single_des_is_decrypted_only_where_it_is_allowed() {
    let (certificate, key) = &*RSA_DEVICE;
    let message = match encrypt(BODY, &[certificate], Cipher::Des) {
        Ok(message) => message,
        Err(error) => return println!("skipped: {error}"),
    };
    let refused = decrypt(&message, certificate, key, false).unwrap_err();
    assert_eq!(refused.to_string(), "single DES, unless the configuration allows it, is not supported");
    assert_eq!(decrypt(&message, certificate, key, true), Ok((BODY.to_vec(), Cipher::Des)));
}

#[test]
fn a_message_for_somebody_else_is_not_decrypted() {
    let message = encrypt(BODY, &[&RSA_DEVICE.0], Cipher::Aes256).unwrap();
    let (certificate, key) = identity(&RSA, PrivateKey::generate_rsa_2048().unwrap());
    assert_eq!(decrypt(&message, &certificate, &key, false), Err(Error::Undecryptable));
    assert_eq!(encrypt(BODY, &[], Cipher::Aes256), Err(Error::Missing("the recipient of the message")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_signature_is_refused_without_a_panic(
        form in 0..16_usize, at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<bool>(),
    ) {
        let (certificate, key) = &*EC_DEVICE;
        let form = forms().nth(form).unwrap();
        let mut signature = sign_detached(certificate, key, BODY, form).unwrap();
        let at = at.index(signature.len());
        if cut { signature.truncate(at) } else { signature[at] = to }
        if let Ok(found) = verify_detached(&signature, BODY) {
            // A changed certificate is the business of whoever looks its fingerprint up; the key is the same.
            prop_assert!(found.matches_key(key));
        }
        prop_assert!(verify_detached(&signature, b"other").is_err());
    }

    #[test]
    fn a_changed_envelope_is_refused_or_decrypted_without_a_panic(
        at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<bool>(),
    ) {
        let (certificate, key) = &*RSA_DEVICE;
        let mut message = encrypt(BODY, &[certificate], Cipher::Aes256).unwrap();
        let at = at.index(message.len());
        if cut { message.truncate(at) } else { message[at] = to }
        let _ = decrypt(&message, certificate, key, true);
    }

    #[test]
    fn no_bytes_make_the_readers_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = verify_detached(&bytes, BODY);
        let _ = SignedMessage::parse(&bytes);
        let _ = certificates_of(&bytes);
        let _ = cipher_of(&bytes);
    }
}
