//! Certificates as they are read.

use super::*;
use crate::testing::{EC, EC_DEVICE, RSA, RSA_DEVICE, days, new_certificate, now, openssl_must, write};
use crate::{Authority, AuthorityKind, Usage};
use proptest::prelude::*;

#[test]
fn the_parts_of_a_certificate_are_what_openssl_says() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, _) = &*RSA_DEVICE;
    write(folder.path(), "cert.pem", certificate.to_pem());
    let Some(text) =
        openssl_must(folder.path(), "x509 -in cert.pem -noout -serial -subject -issuer -fingerprint -sha256")
    else {
        return;
    };
    assert!(text.contains(&format!("serial={}", certificate.serial_hex().to_uppercase())), "{text}");
    assert!(text.contains("subject=CN = device") && certificate.subject() == "CN=device", "{text}");
    assert!(text.contains("issuer=CN = Ward test") && certificate.issuer() == "CN=Ward test", "{text}");
    let fingerprint = text.lines().find_map(|line| line.strip_prefix("sha256 Fingerprint=")).unwrap();
    assert_eq!(fingerprint.parse(), Ok(certificate.fingerprint()));
    assert_eq!(certificate.common_name().as_deref(), Some("device"));
    assert_eq!(certificate.uid(), None);
}

#[test]
fn dates_are_read_to_the_second() {
    let (certificate, _) = &*EC_DEVICE;
    assert_eq!(certificate.not_before(), now() - days(1));
    assert_eq!(certificate.not_after(), now() + days(365));
    assert!(certificate.is_valid_at(now()));
    assert!(!certificate.is_valid_at(now() + days(366)));
    assert!(!certificate.is_valid_at(now() - days(2)));
}

#[test]
fn a_certificate_is_issued_by_the_one_whose_name_and_signature_it_bears() {
    let (certificate, _) = &*RSA_DEVICE;
    assert!(certificate.is_issued_by(RSA.certificate()));
    assert!(!certificate.is_issued_by(EC.certificate()), "the same name, another key");
    assert!(!certificate.is_self_signed() && RSA.certificate().is_self_signed());
    let renamed = Authority::create(AuthorityKind::P256, "Another name", now(), 10).unwrap();
    assert!(!certificate.is_issued_by(renamed.certificate()));
}

#[test]
fn client_authentication_is_seen_in_the_extended_key_usage() {
    assert!(EC_DEVICE.0.has_client_auth());
    assert!(!EC.certificate().has_client_auth());
    let key = PrivateKey::generate_p256().unwrap();
    let usage = Usage::Server { dns_names: vec!["mdm.example.org".to_owned()], ip: Vec::new() };
    let server = EC.issue(&new_certificate(&key, usage)).unwrap();
    assert!(!server.has_client_auth());
    assert!(server.matches_key(&key) && !server.matches_key(&EC_DEVICE.1));
}

#[test]
fn a_chain_is_read_from_pem_with_other_blocks_between() {
    let key = EC_DEVICE.1.to_pkcs8_pem().unwrap();
    let key = String::from_utf8_lossy(&key);
    let text = format!("{}{}{}", EC_DEVICE.0.to_pem(), key, EC.certificate().to_pem());
    let chain = Certificate::chain_from_pem(text.as_bytes()).unwrap();
    assert_eq!(chain, [EC_DEVICE.0.clone(), EC.certificate().clone()]);
    assert_eq!(Certificate::from_pem(b"nothing"), Err(Error::Missing("the certificate")));
    let many = EC_DEVICE.0.to_pem().repeat(33);
    assert!(matches!(Certificate::chain_from_pem(many.as_bytes()), Err(Error::Malformed { .. })));
}

#[test]
fn bytes_behind_a_certificate_are_refused() {
    let longer = [EC_DEVICE.0.der(), &[0]].concat();
    assert!(matches!(Certificate::from_der(&longer), Err(Error::Malformed { .. })));
    assert!(matches!(Certificate::from_der(&vec![0; 65 * 1024]), Err(Error::TooLarge { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_certificate_is_read_or_refused_without_a_panic(
        at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut der = RSA_DEVICE.0.der().to_vec();
        let at = at.index(der.len());
        if cut { der.truncate(at) } else { der[at] = to }
        if let Ok(certificate) = Certificate::from_der(&der) {
            let _ = certificate.public_key();
            if der != RSA_DEVICE.0.der() {
                prop_assert!(!certificate.is_issued_by(RSA.certificate()));
            }
        }
    }
}
