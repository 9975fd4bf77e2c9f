//! What the authority issues, as OpenSSL sees it.

use super::*;
use crate::testing::{
    EC, EC_DEVICE, RSA, RSA_DEVICE, days, new_certificate, now, openssl, openssl_must, write,
};
use tempfile::TempDir;

/// A folder with `ca.pem` and `cert.pem`.
fn folder(authority: &Authority, certificate: &Certificate) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "ca.pem", authority.certificate().to_pem());
    write(folder.path(), "cert.pem", certificate.to_pem());
    folder
}

fn text(authority: &Authority, certificate: &Certificate) -> Option<String> {
    openssl_must(folder(authority, certificate).path(), "x509 -in cert.pem -noout -text")
}

#[test]
fn openssl_verifies_the_chain_of_an_identity_as_a_tls_client() {
    for (authority, device) in [(&*RSA, &*RSA_DEVICE), (&*EC, &*EC_DEVICE)] {
        let folder = folder(authority, &device.0);
        let verify = "verify -x509_strict -purpose sslclient -attime 1795435200 -CAfile ca.pem cert.pem";
        if openssl_must(folder.path(), verify).is_none() {
            return;
        }
        let as_server = openssl(folder.path(), &verify.replace("sslclient", "sslserver")).unwrap();
        assert!(!as_server.0, "an identity is no server certificate");
    }
}

#[test]
fn an_identity_has_the_extensions_that_devices_and_proxies_look_for() {
    let Some(rsa) = text(&RSA, &RSA_DEVICE.0) else { return };
    for part in [
        "Digital Signature, Key Encipherment",
        "TLS Web Client Authentication",
        "CA:FALSE",
        "Subject Key Identifier",
        "Authority Key Identifier",
    ] {
        assert!(rsa.contains(part), "{part} in {rsa}");
    }
    let ec = text(&EC, &EC_DEVICE.0).unwrap();
    assert!(ec.contains("Digital Signature") && !ec.contains("Key Encipherment"), "{ec}");
}

#[test]
fn an_authority_that_is_not_rsa_has_an_rsa_registration_authority() {
    let (ra, key) = EC.scep_recipient();
    assert!(matches!(key.kind(), KeyKind::Rsa(2048)) && ra.matches_key(key));
    assert!(ra.is_issued_by(EC.certificate()) && !ra.is_authority());
    assert_eq!(ra.not_after(), EC.certificate().not_after());
    if let Some(text) = text(&EC, ra) {
        assert!(text.contains("Digital Signature, Key Encipherment") && text.contains("CA:FALSE"), "{text}");
    }
    assert!(RSA.ra().is_none());
    assert_eq!(RSA.scep_recipient().0, RSA.certificate());
    if let Some(text) = text(&RSA, RSA.certificate()) {
        assert!(text.contains("Digital Signature, Key Encipherment, Certificate Sign, CRL Sign"), "{text}");
    }
}

#[test]
fn a_server_certificate_answers_to_its_names_and_addresses() {
    let key = PrivateKey::generate_p256().unwrap();
    let usage = Usage::Server {
        dns_names: vec!["mdm.example.org".to_owned(), "localhost".to_owned()],
        ip: vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
    };
    let certificate = EC.issue(&new_certificate(&key, usage)).unwrap();
    let folder = folder(&EC, &certificate);
    for name in ["-verify_hostname mdm.example.org", "-verify_ip 127.0.0.1", "-verify_ip ::1"] {
        let verify = format!("verify -purpose sslserver -attime 1795435200 {name} -CAfile ca.pem cert.pem");
        openssl_must(folder.path(), &verify);
    }
    for dns_name in ["", "a b", "x,DNS:evil.example", "a\nb"] {
        let usage = Usage::Server { dns_names: vec![dns_name.to_owned()], ip: Vec::new() };
        assert!(
            matches!(EC.issue(&new_certificate(&key, usage)), Err(Error::Malformed { .. })),
            "{dns_name}"
        );
    }
    let nameless = Usage::Server { dns_names: Vec::new(), ip: Vec::new() };
    assert!(EC.issue(&new_certificate(&key, nameless)).is_err());
}

#[test]
fn serials_are_random_positive_and_of_128_bits_or_as_given() {
    let issue = |serial| {
        let new = NewCertificate { serial, ..new_certificate(&EC_DEVICE.1, Usage::Client) };
        EC.issue(&new)
    };
    let (one, two) = (issue(None).unwrap(), issue(None).unwrap());
    assert_eq!(one.serial_hex().len(), 32);
    assert!(one.serial_hex().as_str() < "8");
    assert_ne!(one.serial_hex(), two.serial_hex());
    assert_eq!(issue(Some(vec![0x80, 1])).unwrap().serial_hex(), "8001");
    for bad in [vec![], vec![0, 0], vec![1; 21], vec![0x80; 20]] {
        assert!(issue(Some(bad)).is_err());
    }
}

#[test]
fn an_identity_needs_a_subject_and_a_validity_within_the_authoritys() {
    let new = new_certificate(&EC_DEVICE.1, Usage::Client);
    let error = EC.issue(&NewCertificate { subject: Vec::new(), ..new.clone() }).unwrap_err();
    assert!(error.to_string().contains("macOS"), "{error}");
    let longer = EC.issue(&NewCertificate { not_after: now() + days(9_999), ..new.clone() }).unwrap();
    assert_eq!(longer.not_after(), EC.certificate().not_after());
    assert!(EC.issue(&NewCertificate { not_after: new.not_before, ..new.clone() }).is_err());
    let pair = |kind: &str, value: &str| (kind.to_owned(), value.to_owned());
    let literal = vec![pair("CN", "ward-7f3a"), pair("O", "Clinic"), pair("serialNumber", "X")];
    let issued = EC.issue(&NewCertificate { subject: literal, ..new }).unwrap();
    assert_eq!(issued.subject(), "CN=ward-7f3a, O=Clinic, serialNumber=X");
}

#[test]
fn a_stored_authority_is_checked_when_it_is_loaded() {
    let (certificate, key) = (RSA.certificate().clone(), RSA.key().clone());
    assert!(Authority::new(certificate.clone(), key.clone(), None).is_ok());
    assert_eq!(Authority::new(certificate, EC.key().clone(), None).unwrap_err(), Error::KeyMismatch);
    let (device, device_key) = RSA_DEVICE.clone();
    assert!(matches!(Authority::new(device, device_key, None), Err(Error::Refused(_))));

    let (certificate, key) = (EC.certificate().clone(), EC.key().clone());
    assert!(matches!(Authority::new(certificate.clone(), key.clone(), None), Err(Error::Refused(_))));
    let ra = EC.ra().map(|(certificate, key)| (certificate.clone(), key.clone()));
    assert!(Authority::new(certificate.clone(), key.clone(), ra).is_ok());
    let foreign = Some(RSA_DEVICE.clone());
    assert!(matches!(Authority::new(certificate, key, foreign), Err(Error::Refused(_))));
}

#[test]
fn an_authority_made_by_openssl_is_taken_and_issues() {
    let folder = tempfile::tempdir().unwrap();
    let make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout key.pem -out ca.pem \
                -days 3650 -subj /CN=Given -addext subjectKeyIdentifier=none";
    if openssl_must(folder.path(), make).is_none() {
        return;
    }
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let authority = Authority::from_pem(&read("ca.pem"), &read("key.pem"), now()).unwrap();
    assert!(authority.ra().is_some());
    let not_before = authority.certificate().not_before();
    let not_after = not_before + days(365);
    let new = NewCertificate { not_before, not_after, ..new_certificate(&EC_DEVICE.1, Usage::Client) };
    let issued = authority.issue(&new).unwrap();
    assert!(issued.is_issued_by(authority.certificate()));
    assert!(matches!(Authority::from_pem(&read("ca.pem"), &read("ca.pem"), now()), Err(Error::Missing(_))));
}

#[test]
fn openssl_reads_and_verifies_the_revocation_list_and_refuses_what_is_on_it() {
    for (authority, device) in [(&*RSA, &*RSA_DEVICE), (&*EC, &*EC_DEVICE)] {
        let revoked = RevokedCertificate {
            serial_hex: device.0.serial_hex(),
            revoked_at: now(),
            reason: RevocationReason::KeyCompromise,
        };
        let other = RevokedCertificate {
            serial_hex: "8001".to_owned(),
            revoked_at: now(),
            reason: RevocationReason::Unspecified,
        };
        let list = authority.crl(&[revoked, other], 256, now(), now() + days(7)).unwrap();
        let folder = folder(authority, &device.0);
        write(folder.path(), "crl", list);
        let Some(text) =
            openssl_must(folder.path(), "crl -inform DER -in crl -CAfile ca.pem -text -out crl.pem")
        else {
            return;
        };
        assert!(text.contains("verify OK"), "{text}");
        let text = openssl_must(folder.path(), "crl -in crl.pem -noout -text").unwrap();
        for part in
            ["Key Compromise", "X509v3 CRL Number: \n                256", "8001", "Nov 30 12:00:00 2026"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        let verify = "verify -crl_check -attime 1795435200 -CAfile ca.pem -CRLfile crl.pem cert.pem";
        let (success, text) = openssl(folder.path(), verify).unwrap();
        assert!(!success && text.contains("certificate revoked"), "{text}");
    }
}

#[test]
fn an_empty_revocation_list_far_in_the_future_is_still_one() {
    let late = "2055-01-01T00:00:00Z".parse().unwrap();
    let list = RSA.crl(&[], 1, now(), late).unwrap();
    let folder = folder(&RSA, &RSA_DEVICE.0);
    write(folder.path(), "crl", list);
    if let Some(text) = openssl_must(folder.path(), "crl -inform DER -in crl -CAfile ca.pem -noout -text") {
        assert!(text.contains("verify OK") && text.contains("No Revoked Certificates"), "{text}");
        assert!(text.contains("Jan  1 00:00:00 2055"), "{text}");
    }
    let nonsense = RevokedCertificate {
        serial_hex: "not hex".to_owned(),
        revoked_at: now(),
        reason: RevocationReason::Unspecified,
    };
    assert!(matches!(RSA.crl(&[nonsense], 1, now(), late), Err(Error::Malformed { .. })));
}

#[test]
fn a_new_authority_is_valid_for_slow_clocks_and_its_whole_time() {
    let authority = Authority::create(AuthorityKind::P256, "Ward", now(), 3650).unwrap();
    assert!(authority.certificate().is_valid_at(now() - days(1)));
    assert_eq!(authority.certificate().not_after(), now() + days(3650));
    assert!(Authority::create(AuthorityKind::P256, "", now(), 1).is_err());
    assert!(Authority::create(AuthorityKind::P256, &"x".repeat(65), now(), 1).is_err());
}

#[test]
fn clients_are_told_where_the_revocation_list_is_and_others_are_not() {
    let url = "https://mdm.example.org/crl/0197";
    let authority = RSA.clone().publishing_at(url.to_owned());
    let issued = authority.issue(&new_certificate(&EC_DEVICE.1, Usage::Client)).unwrap();
    let signer = authority.issue(&new_certificate(&EC_DEVICE.1, Usage::ProfileSigning)).unwrap();
    let contains =
        |certificate: &Certificate| certificate.der().windows(url.len()).any(|at| at == url.as_bytes());
    assert!(contains(&issued) && !contains(&signer));
    let folder = folder(&RSA, &issued);
    if let Some(text) = openssl_must(folder.path(), "x509 -in cert.pem -noout -text") {
        let point = text.split("X509v3 CRL Distribution Points:").nth(1).unwrap();
        assert!(
            point.trim_start().starts_with("Full Name:") && point.contains(&format!("URI:{url}")),
            "{text}"
        );
    }
    let odd = RSA.clone().publishing_at("https://mdm.example.org/ü".to_owned());
    assert!(odd.issue(&new_certificate(&EC_DEVICE.1, Usage::Client)).is_err());
}
