//! Certificates, certificate requests, signed and enveloped messages, BER and DER.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pki::cms::{self, SignOptions, SignedMessage};
use pki::{Authority, AuthorityKind, Certificate, CertificateRequest, PrivateKey, PushCertificate};

static SIGNER: LazyLock<(Certificate, PrivateKey)> = LazyLock::new(|| {
    let now = clock::Timestamp::from_millis(1_800_000_000_000);
    let authority = Authority::create(AuthorityKind::P256, "Fuzz", now, 10).expect("an authority");
    (authority.certificate().clone(), authority.key().clone())
});

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    match choice % 6 {
        0 => read_signed(bytes),
        1 => drop(cms::verify_detached(bytes, b"content")),
        2 => drop((cms::certificates_of(bytes), cms::cipher_of(bytes))),
        3 => read_certificate(bytes),
        4 => drop(CertificateRequest::from_der(bytes).map(|request| request.challenge_password())),
        _ => sign_and_damage(bytes),
    }
});

fn read_signed(bytes: &[u8]) {
    let Ok(message) = SignedMessage::parse(bytes) else { return };
    assert!(message.certificates().contains(message.signer()), "the signer is one of those inside");
    let _ = (message.verify(), message.verify_over(b"content"), message.attributes().len());
}

fn read_certificate(bytes: &[u8]) {
    let _ = (Certificate::chain_from_pem(bytes), PrivateKey::from_pem(bytes), PushCertificate::from_pem(bytes));
    let Ok(certificate) = Certificate::from_der(bytes) else { return };
    let again = Certificate::from_pem(certificate.to_pem().as_bytes()).expect("its PEM can be read");
    assert_eq!(again.fingerprint(), certificate.fingerprint());
    let _ = (certificate.subject(), certificate.issuer(), certificate.common_name(), certificate.uid());
    let _ = (certificate.not_before(), certificate.not_after(), certificate.has_client_auth(), certificate.serial_hex());
    let _ = (certificate.is_issued_by(&SIGNER.0), certificate.matches_key(&SIGNER.1));
}

/// A good signature in which the input overwrites some bytes: deeper than chance would get.
fn sign_and_damage(bytes: &[u8]) {
    let [place, form, patch @ ..] = bytes else { return };
    let options = SignOptions { signed_attributes: form & 1 == 0, ber: form & 2 == 0, ..SignOptions::default() };
    let mut message = cms::sign_detached(&SIGNER.0, &SIGNER.1, b"content", options).expect("a signature");
    assert!(cms::verify_detached(&message, b"content").is_ok());
    let start = usize::from(*place) * message.len() / 256;
    for (byte, new) in message.iter_mut().skip(start).zip(patch) {
        *byte = *new;
    }
    let _ = cms::verify_detached(&message, b"content");
    assert!(cms::verify_detached(&message, b"other content").is_err(), "a signature covers one content only");
}
