//! Sealed columns: they open in their own row only, and nothing prints them.

use secrecy::ExposeSecret;

use crate::fixture::Scene;
use crate::{
    Authority, AuthorityId, Error, PushCertificate, PushCertificateId, SealedBytes, Secret, SecretId,
    SecretKind,
};

const PLANTED: &[u8] = b"planted-secret-0451";

#[test]
fn a_push_address_opens_in_its_own_row_only() {
    let scene = Scene::new();
    let sealer = scene.sealer();
    let (mut one, mut other) = (scene.channel("U1"), scene.channel("U2"));
    assert!(one.push_address(&sealer).unwrap().is_none());
    one.set_push_address(&sealer, &[1, 2, 3], "magic").unwrap();
    let (token, magic) = one.push_address(&sealer).unwrap().unwrap();
    assert_eq!((token.as_slice(), magic.expose_secret()), ([1, 2, 3].as_slice(), "magic"));
    (other.push_token, other.push_magic) = (one.push_token.clone(), one.push_magic.clone());
    assert!(matches!(other.push_address(&sealer), Err(Error::Internal(_))));
    std::mem::swap(&mut one.push_token, &mut one.push_magic);
    assert!(one.push_address(&sealer).is_err(), "a column is not another");
}

#[test]
fn no_secret_is_found_in_the_files_nor_in_what_is_printed() {
    let mut scene = Scene::new();
    let sealer = scene.sealer();
    let mut channel = scene.channel("U1");
    channel.set_push_address(&sealer, PLANTED, "planted-secret-0451").unwrap();
    let ids = (SecretId::new(&scene.clock), channel.enrollment_id);
    let secret = Secret::seal(&sealer, ids, SecretKind::LockPin, PLANTED, "ward", scene.now()).unwrap();
    let authority_id = AuthorityId::new(&scene.clock);
    let authority = Authority {
        id: authority_id,
        kind: "device".to_owned(),
        certificate_der: vec![0],
        sealed_key: Authority::seal_key(&sealer, authority_id, false, PLANTED).unwrap(),
        ra_certificate_der: None,
        sealed_ra_key: Some(Authority::seal_key(&sealer, authority_id, true, PLANTED).unwrap()),
        not_after: scene.now(),
        created_at: scene.now(),
        active: true,
    };
    assert_eq!(authority.key(&sealer).unwrap().as_slice(), PLANTED);
    assert_eq!(authority.ra_key(&sealer).unwrap().unwrap().as_slice(), PLANTED);
    let printed = format!("{channel:?} {secret:?} {authority:?}");
    assert!(!printed.contains("planted") && !printed.contains(&format!("{:?}", b"planted")[1..20]));
    assert!(printed.contains("SealedBytes("));
    scene.tx(move |tx| {
        channel.save(tx)?;
        secret.insert(tx)?;
        authority.insert(tx)
    });
    let (id, kind) = (ids.1, SecretKind::LockPin);
    let kept = scene.read(move |c| Secret::latest(c, id, kind)).unwrap();
    assert_eq!(kept.open(&sealer).unwrap().as_slice(), PLANTED);
    scene.stop();
    let mut bytes = 0;
    for entry in std::fs::read_dir(scene.folder.path()).unwrap() {
        let content = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!content.windows(PLANTED.len()).any(|window| window == PLANTED));
        bytes += content.len();
    }
    assert!(bytes > 10_000, "the scan read the database");
}

#[test]
fn a_removed_secret_is_not_the_latest_and_older_ones_do_not_come_back() {
    let scene = Scene::new();
    let (sealer, epoch) = (scene.sealer(), scene.channel("U1").enrollment_id);
    for value in ["first", "second"] {
        let ids = (SecretId::new(&scene.clock), epoch);
        let row = Secret::seal(&sealer, ids, SecretKind::BootstrapToken, value.as_bytes(), "x", scene.now())
            .unwrap();
        scene.tx(move |tx| row.insert(tx));
        scene.clock.advance(std::time::Duration::from_millis(1));
    }
    let kind = SecretKind::BootstrapToken;
    let latest = scene.read(move |c| Secret::latest(c, epoch, kind)).unwrap();
    assert_eq!(latest.open(&sealer).unwrap().as_slice(), b"second");
    let now = scene.now();
    assert_eq!(scene.tx(move |tx| Secret::remove_all(tx, epoch, kind, now)), 2);
    assert_eq!(scene.read(move |c| Secret::latest(c, epoch, kind)), None);
    assert_eq!(scene.read(move |c| Secret::list_for_enrollment(c, epoch)).len(), 2, "history is kept");
}

fn certificate(scene: &Scene, topic: &str) -> PushCertificate {
    PushCertificate {
        id: PushCertificateId::new(&scene.clock),
        topic: topic.to_owned(),
        certificate_der: vec![0],
        sealed_key: SealedBytes(vec![0]),
        not_after: scene.now(),
        installed_at: scene.now(),
        replaced_at: None,
    }
}

#[test]
fn a_push_certificate_takes_the_place_of_its_own_topic_and_of_no_other() {
    let scene = Scene::new();
    let made = ["a", "b", "a"].map(|topic| certificate(&scene, topic));
    let newest = made[2].id;
    for row in made {
        scene.tx(move |tx| row.install(tx));
    }
    let active = scene.read(PushCertificate::list_active);
    assert_eq!(active.iter().map(|row| row.topic.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(active[0].id, newest);
    assert_eq!(scene.read(PushCertificate::list).len(), 3, "the replaced one is kept");
    let beside = certificate(&scene, "b");
    let conflict = scene.try_tx(move |tx| beside.insert(tx)).unwrap_err();
    assert!(conflict.is_conflict_on("push_certificates.topic"));
}
