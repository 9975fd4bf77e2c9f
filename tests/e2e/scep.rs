//! SCEP over the wire: the forms that clients use, the challenge that is spent, the answers that proxies and old clients provoke.

use std::time::Duration;

use anyhow::{Context, Result};
use clock::Clock;
use pki::cms::Cipher;
use pki::{Certificate, CertificateRequest, Digest, PrivateKey};
use plist::Value;
use protocol_scep::client::{ClientOptions, ClientRequest, Reply, parse_ca_certificates};
use simulator::device::ScepForm;
use simulator::{DeviceSpec, Model};
use tests::{RawReply, World, WorldOptions, answer, client, fetch_profile, payload};

use crate::support::world_with_clock;

async fn enrols(world: &World, seed: u64, scep: ScepForm) -> Result<()> {
    world.enrolled(DeviceSpec { scep, ..DeviceSpec::new(Model::IPhone, seed) }).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn old_and_new_ciphers_and_digests_are_taken_by_post_and_by_get() -> Result<()> {
    for elliptic in [false, true] {
        let world = World::start_with(WorldOptions { elliptic, ..WorldOptions::default() }).await?;
        let mut seed = 100;
        for cipher in [Cipher::DesEde3, Cipher::Aes128, Cipher::Aes256] {
            for (digest, ber, by_get) in
                [(Digest::Sha1, true, false), (Digest::Sha256, false, false), (Digest::Sha256, true, true)]
            {
                seed += 1;
                enrols(&world, seed, ScepForm { cipher, digest, ber, by_get }).await.with_context(|| {
                    format!("{cipher:?} {digest:?} ber {ber} get {by_get} elliptic {elliptic}")
                })?;
            }
        }
    }
    Ok(())
}

/// What is in the SCEP payload of a fresh profile.
struct Offer {
    url: String,
    challenge: String,
    authorities: Vec<Certificate>,
}

async fn offer(world: &World) -> Result<Offer> {
    let profile = fetch_profile(world, &world.api.link("corporate").await?).await?;
    let scep = payload(&profile, "com.apple.security.scep")?;
    let content = scep.get("PayloadContent").and_then(Value::as_dictionary).context("no content")?;
    let text =
        |key: &str| content.get(key).and_then(Value::as_string).map(str::to_owned).context(key.to_owned());
    let url = text("URL")?;
    let reply = get(world, &format!("{url}?operation=GetCACert&message=Ward%20CA")).await?;
    let authorities = parse_ca_certificates(&reply.content_type, &reply.body)?;
    Ok(Offer { url, challenge: text("Challenge")?, authorities })
}

async fn get(world: &World, url: &str) -> Result<RawReply> {
    answer(client(world)?.build()?.get(url)).await
}

async fn post(world: &World, url: &str, body: Vec<u8>) -> Result<RawReply> {
    answer(client(world)?.build()?.post(url).body(body)).await
}

fn request(world: &World, offer: &Offer, key: &PrivateKey, challenge: Option<&str>) -> Result<ClientRequest> {
    let csr = CertificateRequest::create(key, &vec![("CN".to_owned(), "anything".to_owned())], challenge)?;
    let now = world.clock.now();
    let options =
        ClientOptions { cipher: Cipher::Aes128, digest: Digest::Sha256, ber: true, renew: None, now };
    Ok(ClientRequest::build(&offer.authorities, key, &csr, &options)?)
}

async fn ask(world: &World, offer: &Offer, request: &ClientRequest) -> Result<Reply> {
    let reply =
        post(world, &format!("{}?operation=PKIOperation", offer.url), request.message.clone()).await?;
    assert_eq!(
        (reply.status, reply.content_type.as_str()),
        (200, "application/x-pki-message"),
        "a failure is a CertRep, too"
    );
    Ok(request.parse_reply(&reply.body)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_is_answered_again_for_a_while_and_no_other_with_its_challenge() -> Result<()> {
    let (world, clock) = world_with_clock().await?;
    let offer = offer(&world).await?;
    let (key, other_key) = (PrivateKey::generate_rsa_2048()?, PrivateKey::generate_rsa_2048()?);
    let first = request(&world, &offer, &key, Some(&offer.challenge))?;
    let Reply::Success(certificate) = ask(&world, &offer, &first).await? else { anyhow::bail!("refused") };
    assert!(certificate.has_client_auth());
    assert!(certificate.not_before() <= clock.now() - Duration::from_secs(600), "not dated back");
    assert!(certificate.common_name().is_some_and(|name| name != "anything"), "the subject is the client's");
    clock.advance(Duration::from_secs(14 * 60));
    let Reply::Success(again) = ask(&world, &offer, &first).await? else {
        anyhow::bail!("the retry is refused")
    };
    assert_eq!(again.der(), certificate.der());
    let other = request(&world, &offer, &other_key, Some(&offer.challenge))?;
    assert!(matches!(ask(&world, &offer, &other).await?, Reply::Failure(_)), "another key got a certificate");
    clock.advance(Duration::from_secs(2 * 60));
    assert!(matches!(ask(&world, &offer, &first).await?, Reply::Failure(_)), "the challenge is not spent");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_a_missing_and_an_old_challenge_get_a_failure_and_no_certificate() -> Result<()> {
    let (world, clock) = world_with_clock().await?;
    let offer = offer(&world).await?;
    let key = PrivateKey::generate_rsa_2048()?;
    for challenge in [Some("guess"), Some(""), None] {
        let wrong = request(&world, &offer, &key, challenge)?;
        assert!(matches!(ask(&world, &offer, &wrong).await?, Reply::Failure(_)), "{challenge:?}");
    }
    clock.advance(Duration::from_secs(26 * 3_600));
    let old = request(&world, &offer, &key, Some(&offer.challenge))?;
    assert!(
        matches!(ask(&world, &offer, &old).await?, Reply::Failure(_)),
        "a day later the profile still works"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn capabilities_and_certificates_have_the_exact_media_types() -> Result<()> {
    let world = World::start().await?;
    let url = format!("{}/scep", world.door());
    for query in
        ["operation=GetCACaps", "operation=GetCACaps&message=Ward%20CA", "message=x&operation=GetCACaps"]
    {
        let caps = get(&world, &format!("{url}?{query}")).await?;
        assert_eq!((caps.status, caps.content_type.as_str()), (200, "text/plain"), "{query}");
        let text = String::from_utf8(caps.body)?;
        for word in ["POSTPKIOperation", "SHA-256", "AES", "Renewal"] {
            assert!(text.lines().any(|line| line.trim() == word), "{word} is not in {text:?}");
        }
    }
    let certificate = get(&world, &format!("{url}?operation=GetCACert")).await?;
    assert_eq!((certificate.status, certificate.content_type.as_str()), (200, "application/x-x509-ca-cert"));
    let elliptic = World::start_with(WorldOptions { elliptic: true, ..WorldOptions::default() }).await?;
    let list = get(&elliptic, &format!("{}/scep?operation=GetCACert", elliptic.door())).await?;
    assert_eq!((list.status, list.content_type.as_str()), (200, "application/x-x509-ca-ra-cert"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_query_beside_the_body_is_survived_and_an_empty_body_is_a_clear_400() -> Result<()> {
    let world = World::start().await?;
    let offer = offer(&world).await?;
    let key = PrivateKey::generate_rsa_2048()?;
    let wanted = request(&world, &offer, &key, Some(&offer.challenge))?;
    let empty = post(&world, &format!("{}?operation=PKIOperation", offer.url), Vec::new()).await?;
    assert_eq!(empty.status, 400);
    let long = format!("{}?operation=PKIOperation&message={}", offer.url, "QUJD".repeat(3_000));
    let reply = post(&world, &long, wanted.message.clone()).await?;
    assert_eq!(reply.status, 200);
    assert!(matches!(wanted.parse_reply(&reply.body)?, Reply::Success(_)));
    for garbage in [b"garbage".to_vec(), vec![0x30, 0x80], vec![0x30; 4096], vec![0; 70_000]] {
        let reply = post(&world, &format!("{}?operation=PKIOperation", offer.url), garbage).await?;
        assert!([400, 413].contains(&reply.status), "{reply:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_the_subject_that_is_asked_for() -> Result<()> {
    let world = World::start().await?;
    let offer = offer(&world).await?;
    let key = PrivateKey::generate_rsa_2048()?;
    let csr = CertificateRequest::create(
        &key,
        &vec![("CN".to_owned(), "root".to_owned())],
        Some(&offer.challenge),
    )?;
    let now = world.clock.now();
    let options =
        ClientOptions { cipher: Cipher::DesEde3, digest: Digest::Sha1, ber: true, renew: None, now };
    let request = ClientRequest::build(&offer.authorities, &key, &csr, &options)?;
    let Reply::Success(certificate) = ask(&world, &offer, &request).await? else { anyhow::bail!("refused") };
    assert!(!certificate.subject().contains("root"), "{}", certificate.subject());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_revocation_list_names_a_revoked_identity_and_is_served_without_a_certificate() -> Result<()> {
    let (world, clock) = world_with_clock().await?;
    let device = world.settled(Model::IPad, 1).await?;
    let before = get(&world, &format!("{}/crl", world.door())).await?;
    assert_eq!((before.status, before.content_type.as_str()), (200, "application/pkix-crl"));
    let list = world.api.get("/api/v1/identities").await?;
    let identity = list.body["items"][0]["id"].as_str().context("no identity")?.to_owned();
    let revoked = world
        .api
        .post(&format!("/api/v1/identities/{identity}/revoke"), &serde_json::json!({"reason": "lost"}))
        .await?;
    assert_eq!(revoked.status, 200, "{revoked:?}");
    clock.advance(Duration::from_secs(60));
    let after = get(&world, &format!("{}/crl", world.door())).await?;
    assert!(after.body.len() > before.body.len(), "the list did not grow");
    assert!(!device.poll().await?.complete);
    Ok(())
}
