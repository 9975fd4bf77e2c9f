use std::sync::LazyLock;

use pki::{Authority, AuthorityKind};

use super::*;

static CERTIFICATE: LazyLock<Certificate> = LazyLock::new(|| {
    let start = "2026-11-23T13:00:00Z".parse().unwrap();
    // A certificate whose base64 has a plus sign: half of them do, and that is where form decoding hurts.
    loop {
        let authority = Authority::create(AuthorityKind::P256, "A device", start, 10).unwrap();
        let certificate = authority.certificate().clone();
        if STANDARD.encode(certificate.der()).contains('+') {
            return certificate;
        }
    }
});

fn plain() -> String {
    STANDARD.encode(CERTIFICATE.der())
}

fn escape(text: &str, kept: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            letter if letter.is_ascii_alphanumeric() || kept.contains(letter) => letter.to_string(),
            letter => format!("%{:02X}", u32::from(letter)),
        })
        .collect()
}

#[test]
fn every_form_gives_the_same_certificate() {
    let pem = CERTIFICATE.to_pem();
    for (format, value) in [
        (HeaderFormat::Rfc9440, format!(":{}:", plain())),
        (HeaderFormat::Nginx, escape(&pem, "-_.~")),
        (HeaderFormat::Traefik, plain()),
        (HeaderFormat::Traefik, escape(&plain(), "")),
        (HeaderFormat::Traefik, format!("{},{}", plain(), plain())),
        (HeaderFormat::Alb, escape(&pem, "+=/-")),
        (HeaderFormat::HaProxy, plain()),
    ] {
        let found = format.parse(&value).map(|certificate| certificate.fingerprint());
        assert_eq!(found, Ok(CERTIFICATE.fingerprint()), "{format:?}");
    }
}

#[test]
fn of_a_chain_the_first_certificate_counts() {
    let start = "2026-11-23T13:00:00Z".parse().unwrap();
    let other =
        Authority::create(AuthorityKind::P256, "An issuer", start, 10).unwrap().certificate().to_pem();
    let chain = escape(&format!("{}{other}", CERTIFICATE.to_pem()), "+=/-");
    assert_eq!(HeaderFormat::Alb.parse(&chain).unwrap().fingerprint(), CERTIFICATE.fingerprint());
}

#[test]
fn what_is_not_of_the_configured_form_is_refused_rather_than_guessed() {
    let pem = CERTIFICATE.to_pem();
    for (format, value) in [
        (HeaderFormat::Rfc9440, plain()),
        (HeaderFormat::Rfc9440, format!(":{}", plain())),
        (HeaderFormat::Rfc9440, format!(":{}:;x=1", plain())),
        (HeaderFormat::Rfc9440, "::".to_owned()),
        (HeaderFormat::Nginx, plain()),
        (HeaderFormat::Nginx, escape(&pem, "-").replace("%2B", " ")),
        (HeaderFormat::Nginx, "%".to_owned()),
        (HeaderFormat::Nginx, "%2".to_owned()),
        (HeaderFormat::Nginx, "%+1".to_owned()),
        (HeaderFormat::HaProxy, format!(":{}:", plain())),
        (HeaderFormat::HaProxy, plain().replace('+', " ")),
        (HeaderFormat::Traefik, "(null)".to_owned()),
        (HeaderFormat::Alb, "%FF%FE".to_owned()),
    ] {
        assert_eq!(format.parse(&value).unwrap_err(), HeaderError::Form, "{format:?} {value}");
    }
    assert_eq!(HeaderFormat::HaProxy.parse(&"A".repeat(40_000)).unwrap_err(), HeaderError::TooLong);
}

#[test]
fn a_header_that_occurs_twice_is_refused_and_an_empty_one_is_none() {
    let header =
        CertificateHeader { name: HeaderName::from_static("client-cert"), format: HeaderFormat::HaProxy };
    let mut headers = HeaderMap::new();
    assert!(header.read(&headers).unwrap().is_none());
    headers.insert("client-cert", "".parse().unwrap());
    assert!(header.read(&headers).unwrap().is_none());
    headers.insert("client-cert", plain().parse().unwrap());
    assert_eq!(
        header.read(&headers).unwrap().map(|found| found.fingerprint()),
        Some(CERTIFICATE.fingerprint())
    );
    headers.append("client-cert", plain().parse().unwrap());
    assert_eq!(header.read(&headers).unwrap_err(), HeaderError::Repeated);
}

#[test]
fn forms_have_names_for_the_configuration() {
    for (name, format) in [
        ("rfc9440", HeaderFormat::Rfc9440),
        ("nginx", HeaderFormat::Nginx),
        ("traefik", HeaderFormat::Traefik),
        ("alb", HeaderFormat::Alb),
        ("haproxy", HeaderFormat::HaProxy),
    ] {
        assert_eq!(name.parse(), Ok(format));
    }
    assert!("apache".parse::<HeaderFormat>().is_err());
}
