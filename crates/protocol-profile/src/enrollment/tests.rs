use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use clock::Timestamp;
use pki::{Authority, AuthorityKind, NewCertificate, Usage};

use super::*;
use crate::{check_uploadable, inspect};

const NOW: Timestamp = Timestamp::from_millis(1_795_438_800_000);

static AUTHORITY: LazyLock<Authority> =
    LazyLock::new(|| Authority::create(AuthorityKind::P256, "Device CA", NOW, 3650).unwrap());

/// A certificate of the authority that signs profiles, with its key.
static SIGNER: LazyLock<(Certificate, PrivateKey)> = LazyLock::new(|| {
    let key = PrivateKey::generate_p256().unwrap();
    let certificate = AUTHORITY.issue(&NewCertificate {
        public_key_der: key.public_key_der().unwrap(),
        subject: vec![("CN".into(), "Profiles".into())],
        not_before: NOW,
        not_after: NOW + std::time::Duration::from_secs(86_400),
        usage: Usage::ProfileSigning,
        serial: None,
    });
    (certificate.unwrap(), key)
});

fn profile() -> EnrollmentProfile {
    let subject = vec![("O".into(), "Ward".into()), ("CN".into(), "0193-enrolment".into())];
    let scep = ScepPayload::new(
        "https://mdm.example/scep".into(),
        "Device CA".into(),
        SecretString::from("one-time"),
        subject,
    );
    EnrollmentProfile {
        ca_certificates: vec![AUTHORITY.certificate().clone()],
        ..EnrollmentProfile::new(
            "org.example.ward.enrollment".into(),
            "St Example's".into(),
            "https://mdm.example/mdm".into(),
            "com.apple.mgmt.External.0".into(),
            AccessRights::ALL,
            scep,
        )
    }
}

fn parsed(profile: &EnrollmentProfile) -> Dictionary {
    plist_guard::parse_dictionary(&profile.to_plist()).unwrap()
}

fn payload(profile: &EnrollmentProfile, payload_type: &str) -> Dictionary {
    let content = parsed(profile).remove("PayloadContent").and_then(Value::into_array).unwrap();
    let mut found = content.into_iter().filter_map(Value::into_dictionary);
    found.find(|payload| payload.get("PayloadType").and_then(Value::as_string) == Some(payload_type)).unwrap()
}

fn text<'a>(from: &'a Dictionary, key: &str) -> &'a str {
    from.get(key).and_then(Value::as_string).unwrap()
}

#[test]
fn the_mdm_payload_says_what_apple_asks_for() {
    let mdm = payload(&profile(), "com.apple.mdm");
    assert_eq!(text(&mdm, "ServerURL"), "https://mdm.example/mdm");
    assert_eq!(text(&mdm, "Topic"), "com.apple.mgmt.External.0");
    assert_eq!(mdm.get("AccessRights").and_then(Value::as_signed_integer), Some(8191));
    assert_eq!(mdm.get("SignMessage"), Some(&true.into()));
    assert_eq!(mdm.get("CheckOutWhenRemoved"), Some(&true.into()));
    assert_eq!(mdm.get("ServerCapabilities"), Some(&Value::Array(CAPABILITIES.map(Value::from).to_vec())));
    assert!(!mdm.contains_key("CheckInURL") && !mdm.contains_key("UseDevelopmentAPNS"));
    let scep = payload(&profile(), "com.apple.security.scep");
    assert_eq!(text(&mdm, "IdentityCertificateUUID"), text(&scep, "PayloadUUID"));
}

#[test]
fn the_scep_keys_stand_inside_payload_content_and_the_subject_is_an_array_of_arrays() {
    let scep = payload(&profile(), "com.apple.security.scep");
    assert!(!scep.contains_key("URL"));
    let content = scep.get("PayloadContent").and_then(Value::as_dictionary).unwrap();
    assert_eq!(text(content, "URL"), "https://mdm.example/scep");
    assert_eq!(text(content, "Challenge"), "one-time");
    assert_eq!(text(content, "Key Type"), "RSA");
    assert_eq!(content.get("Keysize").and_then(Value::as_signed_integer), Some(2048));
    assert_eq!(content.get("Key Usage").and_then(Value::as_signed_integer), Some(5));
    let rdn = |kind: &str, value: &str| Value::Array(vec![Value::Array(vec![kind.into(), value.into()])]);
    assert_eq!(
        content.get("Subject"),
        Some(&Value::Array(vec![rdn("O", "Ward"), rdn("CN", "0193-enrolment")]))
    );
}

#[test]
fn no_scope_is_named_because_system_takes_the_user_channel_from_a_mac() {
    assert!(!String::from_utf8(profile().to_plist()).unwrap().contains("PayloadScope"));
}

#[test]
fn a_root_and_an_intermediate_have_different_types_and_none_comes_twice() {
    let mut profile = profile();
    profile.ca_certificates.push(AUTHORITY.certificate().clone());
    profile.ca_certificates.push(SIGNER.0.clone());
    let root = payload(&profile, "com.apple.security.root");
    assert_eq!(root.get("PayloadContent").and_then(Value::as_data), Some(AUTHORITY.certificate().der()));
    let other = payload(&profile, "com.apple.security.pkcs1");
    assert_eq!(other.get("PayloadContent").and_then(Value::as_data), Some(SIGNER.0.der()));
    assert_eq!(inspect(&profile.to_plist()).unwrap().payloads.len(), 4);
}

#[test]
fn the_same_values_give_the_same_bytes_and_every_uuid_is_its_own() {
    assert_eq!(profile().to_plist(), profile().to_plist());
    let summary = inspect(&profile().to_plist()).unwrap();
    let mut uuids: Vec<_> = summary.payloads.iter().filter_map(|payload| payload.uuid.clone()).collect();
    uuids.push(summary.uuid);
    uuids.sort();
    uuids.dedup();
    assert_eq!(uuids.len(), 4);
    assert!(uuids.iter().all(|uuid| uuid.parse::<Uuid>().is_ok_and(|uuid| uuid.get_version_num() == 5)));
}

#[test]
fn the_challenge_alone_does_not_change_the_digest() {
    let first = profile();
    let mut second = profile();
    second.scep.challenge = SecretString::from("another");
    assert_ne!(first.to_plist(), second.to_plist());
    assert_eq!(first.digest_without_challenge(), second.digest_without_challenge());
    let changes: [fn(&mut EnrollmentProfile); 7] = [
        |profile| profile.topic.push('x'),
        |profile| profile.server_url.push('x'),
        |profile| profile.access_rights = AccessRights::PERSONAL,
        |profile| profile.scep.subject.clear(),
        |profile| profile.ca_certificates.clear(),
        |profile| profile.check_in_url = Some("https://mdm.example/checkin".into()),
        |profile| profile.removal_disallowed = true,
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut changed = profile();
        change(&mut changed);
        assert_ne!(first.digest_without_challenge(), changed.digest_without_challenge(), "change {index}");
    }
}

#[test]
fn a_new_certificate_authority_keeps_every_other_uuid() {
    let other = Authority::create(AuthorityKind::P256, "Next CA", NOW, 3650).unwrap();
    let rolled = EnrollmentProfile { ca_certificates: vec![other.certificate().clone()], ..profile() };
    for payload_type in ["com.apple.mdm", "com.apple.security.scep"] {
        let uuid = |profile| text(&payload(profile, payload_type), "PayloadUUID").to_owned();
        assert_eq!(uuid(&profile()), uuid(&rolled), "{payload_type}");
    }
    let root = |profile| text(&payload(profile, "com.apple.security.root"), "PayloadUUID").to_owned();
    assert_ne!(root(&profile()), root(&rolled));
}

#[test]
fn debug_hides_the_challenge() {
    assert!(!format!("{:?}", profile()).contains("one-time"));
}

#[test]
fn ward_s_own_profile_is_signed_and_cannot_be_uploaded() {
    let signed = profile().sign(&SIGNER.0, &SIGNER.1, &[AUTHORITY.certificate().clone()]).unwrap();
    let summary = inspect(&signed).unwrap();
    assert!(summary.signed && summary.contains_mdm());
    assert_eq!(summary.identifier, "org.example.ward.enrollment");
    assert!(matches!(check_uploadable(&signed), Err(Error::ContainsMdm)));
    assert!(matches!(check_uploadable(&profile().to_plist()), Err(Error::ContainsMdm)));
}

/// Runs a program; `None`, said aloud, where it is not installed.
fn run(program: &str, arguments: &[&str], folder: &Path) -> Option<std::process::Output> {
    let run = Command::new(program).args(arguments).current_dir(folder).output();
    match run {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("SKIPPED: {program} is not installed, so its part of this test was not run");
            None
        }
        output => Some(output.unwrap()),
    }
}

#[test]
fn openssl_verifies_the_signature_and_python_reads_the_profile() {
    let folder = tempfile::tempdir().unwrap();
    let signed = profile().sign(&SIGNER.0, &SIGNER.1, &[]).unwrap();
    std::fs::write(folder.path().join("signed"), &signed).unwrap();
    std::fs::write(folder.path().join("ca.pem"), AUTHORITY.certificate().to_pem()).unwrap();
    std::fs::write(folder.path().join("plain"), profile().to_plist()).unwrap();
    let verify = [
        "cms",
        "-verify",
        "-inform",
        "DER",
        "-in",
        "signed",
        "-CAfile",
        "ca.pem",
        "-no_check_time",
        "-binary",
        "-out",
        "content",
    ];
    if let Some(output) = run("openssl", &verify, folder.path()) {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(std::fs::read(folder.path().join("content")).unwrap(), profile().to_plist());
    }
    let script = "import plistlib; p = plistlib.load(open('plain', 'rb')); \
                  c = {x['PayloadType']: x for x in p['PayloadContent']}; \
                  print(p['PayloadIdentifier'], c['com.apple.mdm']['AccessRights'], \
                  c['com.apple.security.scep']['PayloadContent']['Subject'], \
                  c['com.apple.security.root']['PayloadContent'].hex()[:4])";
    if let Some(output) = run("python3", &["-c", script], folder.path()) {
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(
            said.trim(),
            "org.example.ward.enrollment 8191 [[['O', 'Ward']], [['CN', '0193-enrolment']]] 3082",
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
