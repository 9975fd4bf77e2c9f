//! The ways in which a device proves who it is.

use anyhow::Result;
use base64::Engine as _;
use pki::Digest;
use simulator::device::{ProxyHeader, SignatureForm};
use simulator::{DeviceSpec, IdentityMode, Model};
use tests::{RawDevice, World, WorldOptions, xml};
use ward::config::Config;

use crate::support::audit;

/// Enrols, polls and obeys with this way of proving identity.
async fn works(world: &World, spec: DeviceSpec) -> Result<()> {
    let device = world.enrolled(spec.clone()).await?;
    let session = device.poll().await?;
    let seen = device.snapshot();
    assert!(
        session.complete && session.commands >= 3,
        "{:?} {:?}: {:?}",
        spec.identity,
        spec.signature,
        seen.problems
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_alone_is_enough() -> Result<()> {
    let world = World::start().await?;
    works(&world, DeviceSpec { identity: IdentityMode::TlsOnly, ..DeviceSpec::new(Model::IPhone, 1) })
        .await?;
    works(&world, DeviceSpec { identity: IdentityMode::AsProfileSays, ..DeviceSpec::new(Model::MacIntel, 2) })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_alone_is_enough_in_every_form_that_devices_use() -> Result<()> {
    let world = World::start().await?;
    let mut seed = 10;
    for digest in [Digest::Sha1, Digest::Sha256, Digest::Sha384, Digest::Sha512] {
        for (signed_attributes, ber) in [(false, true), (false, false), (true, true), (true, false)] {
            seed += 1;
            let signature = SignatureForm { digest, signed_attributes, ber };
            let identity = IdentityMode::SignatureOnly;
            works(&world, DeviceSpec { identity, signature, ..DeviceSpec::new(Model::IPad, seed) }).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_was_changed_after_it_was_signed_is_refused() -> Result<()> {
    let world = World::start().await?;
    let device = RawDevice::enrolled(&world, "00008120-0000000000000A01").await?;
    let body = xml(&device.check_in_message("TokenUpdate", plist::Dictionary::new()))?;
    let options = pki::cms::SignOptions { digest: Digest::Sha256, signed_attributes: false, ber: true };
    let signature = device.signature(&body, options)?;
    let headers =
        [("mdm-signature", signature.as_str()), ("content-type", "application/x-apple-aspen-mdm-checkin")];
    assert_eq!(RawDevice::put_with_headers(&world, "/mdm", &headers, body.clone()).await?.status, 200);
    let mut changed = body.clone();
    changed.push(b'\n');
    assert_eq!(RawDevice::put_with_headers(&world, "/mdm", &headers, changed).await?.status, 400);
    for broken in ["", "AAAA", "MIAGCSqGSIb3DQEHAqCA", "%%%"] {
        let headers = [("mdm-signature", broken), ("content-type", "application/x-apple-aspen-mdm-checkin")];
        assert_eq!(
            RawDevice::put_with_headers(&world, "/mdm", &headers, body.clone()).await?.status,
            400,
            "{broken:?}"
        );
    }
    Ok(())
}

fn behind(config: &mut Config, header: &str, format: &str) {
    config.devices.trusted_proxies = vec!["127.0.0.1".to_owned(), "::1".to_owned()];
    config.devices.certificate_header = header.to_owned();
    config.devices.certificate_header_format = format.to_owned();
}

async fn header_works(header: ProxyHeader, configure: fn(&mut Config)) -> Result<()> {
    let world = World::start_with(WorldOptions { configure, ..WorldOptions::default() }).await?;
    works(
        &world,
        DeviceSpec { identity: IdentityMode::ProxyHeader(header), ..DeviceSpec::new(Model::IPhone, 40) },
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_of_rfc_9440_is_read_from_a_trusted_proxy() -> Result<()> {
    header_works(ProxyHeader::Rfc9440, |config| behind(config, "client-cert", "rfc9440")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_of_nginx_is_read_from_a_trusted_proxy() -> Result<()> {
    header_works(ProxyHeader::Nginx, |config| behind(config, "X-SSL-Client-Cert", "nginx")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_of_traefik_is_read_from_a_trusted_proxy() -> Result<()> {
    header_works(ProxyHeader::Traefik, |config| behind(config, "X-Forwarded-Tls-Client-Cert", "traefik"))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_of_an_application_load_balancer_is_read_from_a_trusted_proxy() -> Result<()> {
    header_works(ProxyHeader::Alb, |config| behind(config, "X-Amzn-Mtls-Clientcert", "alb")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_of_haproxy_is_read_from_a_trusted_proxy() -> Result<()> {
    header_works(ProxyHeader::Haproxy, |config| behind(config, "X-SSL-Client-DER", "haproxy")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_header_from_anybody_else_counts_for_nothing() -> Result<()> {
    let configure: fn(&mut Config) = |config| {
        behind(config, "client-cert", "rfc9440");
        config.devices.trusted_proxies = vec!["192.0.2.1".to_owned()];
    };
    let world = World::start_with(WorldOptions { configure, ..WorldOptions::default() }).await?;
    let victim = RawDevice::enrolled(&world, "00008120-0000000000000B01").await?;
    let stolen = format!(":{}:", base64::engine::general_purpose::STANDARD.encode(victim.certificate.der()));
    let headers = [("client-cert", stolen.as_str()), ("content-type", "application/x-apple-aspen-mdm")];
    let idle = xml(&idle_of(&victim.udid))?;
    let reply = RawDevice::put_with_headers(&world, "/mdm", &headers, idle).await?;
    assert_eq!(reply.status, 400, "a header from a stranger was believed: {reply:?}");
    assert!(reply.command().is_none());
    Ok(())
}

fn idle_of(udid: &str) -> plist::Dictionary {
    let mut message = plist::Dictionary::new();
    message.insert("Status".to_owned(), "Idle".into());
    message.insert("UDID".to_owned(), udid.into());
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn the_udid_of_another_device_with_ones_own_certificate_is_refused_and_recorded() -> Result<()> {
    let world = World::start().await?;
    let (thief, victim) = (
        RawDevice::enrolled(&world, "00008120-0000000000000C01").await?,
        RawDevice::enrolled(&world, "00008120-0000000000000C02").await?,
    );
    let mut claim = plist::Dictionary::new();
    claim.insert("UDID".to_owned(), victim.udid.clone().into());
    for reply in [
        thief.report("Idle", None, claim.clone()).await?,
        thief.check_in("TokenUpdate", claim.clone()).await?,
        thief.check_in("Authenticate", claim.clone()).await?,
        thief.check_in("CheckOut", claim.clone()).await?,
        thief.check_in("GetBootstrapToken", claim.clone()).await?,
    ] {
        assert_eq!(reply.status, 400, "{reply:?}");
        assert!(reply.command().is_none());
    }
    let events = audit(&world, "identity.mismatch").await?;
    assert!(!events.is_empty(), "nobody wrote down that somebody spoke in another's name");
    assert!(events.iter().any(|event| event["detail"].to_string().contains(&victim.udid)), "{events:#?}");
    let served = victim.drain().await?;
    assert!(served.len() >= 2, "the victim is served as before: {served:?}");
    Ok(())
}
