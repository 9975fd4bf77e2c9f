//! Push certificates as administrators bring them.

use super::*;
use crate::testing::{EC, new_certificate, now, openssl, openssl_must, write};
use crate::{NewCertificate, Usage};
use std::sync::LazyLock;

const TOPIC: &str = "com.apple.mgmt.External.7c9f6b3a";

static PUSH: LazyLock<(Certificate, PrivateKey)> = LazyLock::new(|| with_uid(Some(TOPIC)));

fn with_uid(uid: Option<&str>) -> (Certificate, PrivateKey) {
    let key = PrivateKey::generate_rsa_2048().unwrap();
    let pair = |kind: &str, value: &str| (kind.to_owned(), value.to_owned());
    let mut subject = vec![pair("CN", "APSP:7c9f6b3a")];
    subject.extend(uid.map(|uid| pair("UID", uid)));
    let new = NewCertificate { subject, ..new_certificate(&key, Usage::Client) };
    (EC.issue(&new).unwrap(), key)
}

fn pem(certificate: &Certificate, key: &PrivateKey) -> [String; 2] {
    [certificate.to_pem(), String::from_utf8(key.to_pkcs8_pem().unwrap().to_vec()).unwrap()]
}

#[test]
fn certificate_and_key_are_read_in_any_order_and_glued_together() {
    let [certificate, key] = pem(&PUSH.0, &PUSH.1);
    let other = EC.certificate().to_pem();
    for text in [
        format!("{certificate}{key}"),
        format!("{key}{certificate}"),
        format!("{}{}", certificate.trim_end(), key.trim_end()),
        format!("Bag Attributes\r\n{other}{certificate}{key}"),
    ] {
        let push = PushCertificate::from_pem(text.as_bytes()).unwrap();
        assert_eq!(push.topic(), TOPIC);
        assert_eq!(push.certificate(), &PUSH.0);
        assert_eq!(push.not_after(), PUSH.0.not_after());
        assert!(push.certificate().is_valid_at(now()));
    }
}

#[test]
fn what_cannot_push_is_refused_in_words() {
    let [certificate, key] = pem(&PUSH.0, &PUSH.1);
    let (nameless, nameless_key) = with_uid(None);
    let (foreign, foreign_key) = with_uid(Some("com.example.app"));
    let table = [
        (certificate.clone(), "the private key is missing"),
        (key.clone(), "the certificate is missing"),
        (format!("{}{key}", nameless.to_pem()), "the private key does not belong to the certificate"),
        (pem(&nameless, &nameless_key).concat(), "has no topic (UID) in its subject"),
        (
            pem(&foreign, &foreign_key).concat(),
            "the topic 'com.example.app' does not begin with com.apple.mgmt.",
        ),
    ];
    for (text, why) in table {
        let error = PushCertificate::from_pem(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "key.pem", &key);
    if openssl_must(folder.path(), "pkey -in key.pem -aes256 -passout pass:x -out locked.pem").is_some() {
        let locked = std::fs::read_to_string(folder.path().join("locked.pem")).unwrap();
        let error = PushCertificate::from_pem(format!("{certificate}{locked}").as_bytes()).unwrap_err();
        assert_eq!(error, Error::EncryptedKey);
    }
}

#[test]
fn pkcs12_files_old_and_new_are_opened_with_their_password() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "all.pem", pem(&PUSH.0, &PUSH.1).concat());
    for form in ["", "-legacy", "-keypbe NONE -certpbe NONE"] {
        let make = format!("pkcs12 -export -in all.pem -passout pass:geheim -out file.p12 {form}");
        let Some((success, text)) = openssl(folder.path(), &make) else { return };
        if !success {
            println!("skipped: this openssl cannot write {form}: {text}");
            continue;
        }
        let file = std::fs::read(folder.path().join("file.p12")).unwrap();
        let push = PushCertificate::from_pkcs12(&file, "geheim").unwrap();
        assert_eq!(push.topic(), TOPIC, "{form}");
        let error = PushCertificate::from_pkcs12(&file, "falsch").unwrap_err().to_string();
        assert!(error.contains("the password is wrong"), "{error}");
        assert!(PushCertificate::from_pkcs12(&file, "a\0b").is_err());
    }
    assert!(matches!(PushCertificate::from_pkcs12(b"nonsense", ""), Err(Error::Malformed { .. })));
}

#[test]
fn a_request_is_for_an_rsa_key_of_its_own() {
    let (key, request) = PushCertificate::request("Clinic").unwrap();
    let read = CertificateRequest::from_der(&request).unwrap();
    assert_eq!(read.public_key_der(), key.public_key_der().unwrap());
    assert_eq!(read.subject(), "CN=MDM push, O=Clinic");
    assert!(matches!(key.kind(), crate::KeyKind::Rsa(2048)));
}

#[test]
fn debug_shows_the_topic_only() {
    let push = PushCertificate::new(PUSH.0.clone(), PUSH.1.clone()).unwrap();
    assert_eq!(format!("{push:?}"), format!("PushCertificate({TOPIC})"));
}
