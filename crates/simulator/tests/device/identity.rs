//! The ways of proving an identity, and SCEP in its forms.

use pki::Digest;
use pki::cms::Cipher;
use simulator::device::{ProxyHeader, ScepForm, SignatureForm};
use simulator::{DeviceSpec, Fault, IdentityMode, Model, ProfileSource, SimulatedDevice};

use crate::server::{ProfileOptions, Server};
use crate::{enrolled, network, source};

async fn enrol(spec: DeviceSpec, sign_message: bool) -> (Server, SimulatedDevice) {
    let server = Server::start().await;
    let device = SimulatedDevice::new(spec, network());
    let profile = server.profile(&ProfileOptions { sign_message, ..ProfileOptions::default() });
    device.enroll(&ProfileSource::Bytes(profile)).await.unwrap();
    (server, device)
}

#[tokio::test]
async fn the_profile_decides_whether_messages_are_signed() {
    for sign in [false, true] {
        let (server, device) = enrol(DeviceSpec::new(Model::IPhone, 1), sign).await;
        let seen = &server.seen("Authenticate")[0];
        let identity = device.snapshot().identity.unwrap();
        assert_eq!(seen.tls.unwrap().to_string(), identity);
        assert_eq!(seen.signature.map(|signer| signer.to_string()), sign.then_some(identity));
    }
}

#[tokio::test]
async fn signatures_come_in_every_form_that_devices_use() {
    for digest in [Digest::Sha1, Digest::Sha256] {
        for signed_attributes in [false, true] {
            for ber in [false, true] {
                let spec = DeviceSpec {
                    identity: IdentityMode::SignatureOnly,
                    signature: SignatureForm { digest, signed_attributes, ber },
                    ..DeviceSpec::new(Model::IPhone, 1)
                };
                let (server, device) = enrol(spec, true).await;
                let seen = &server.seen("TokenUpdate")[0];
                assert!(seen.tls.is_none());
                assert_eq!(seen.signature.unwrap().to_string(), device.snapshot().identity.unwrap());
            }
        }
    }
}

#[tokio::test]
async fn a_proxy_passes_the_certificate_on_in_its_own_form() {
    for (form, header, begins) in [
        (ProxyHeader::Rfc9440, "client-cert", ":MII"),
        (ProxyHeader::Nginx, "x-ssl-client-cert", "-----BEGIN%20CERTIFICATE-----%0A"),
        (ProxyHeader::Traefik, "x-forwarded-tls-client-cert", "MII"),
        (ProxyHeader::Alb, "x-amzn-mtls-clientcert", "-----BEGIN%20CERTIFICATE-----%0A"),
        (ProxyHeader::Haproxy, "x-ssl-client-der", "MII"),
    ] {
        let spec =
            DeviceSpec { identity: IdentityMode::ProxyHeader(form), ..DeviceSpec::new(Model::IPhone, 1) };
        let (server, _device) = enrol(spec, false).await;
        let seen = &server.seen("Authenticate")[0];
        assert!(seen.tls.is_none() && seen.signature.is_none());
        assert!(seen.headers[header].to_str().unwrap().starts_with(begins), "{form:?}");
    }
}

#[tokio::test]
async fn scep_works_with_old_and_new_ciphers_by_post_and_by_get() {
    for (cipher, digest, ber, by_get) in [
        (Cipher::DesEde3, Digest::Sha1, true, false),
        (Cipher::Aes128, Digest::Sha256, true, true),
        (Cipher::Aes256, Digest::Sha256, false, false),
    ] {
        let spec = DeviceSpec {
            scep: ScepForm { cipher, digest, ber, by_get },
            ..DeviceSpec::new(Model::IPhone, 1)
        };
        let (_server, device) = enrol(spec, false).await;
        assert!(device.snapshot().enrolled);
    }
}

#[tokio::test]
async fn a_device_can_show_a_wrong_certificate_or_anothers() {
    let (server, device) = enrolled(Model::IPhone).await;
    let own = device.snapshot().identity.unwrap();
    let last = || server.script.seen.lock().last().unwrap().tls.unwrap().to_string();
    device.with_faults([Fault::WrongCertificate]);
    device.poll().await.unwrap();
    assert_ne!(last(), own);
    device.with_faults([Fault::RightCertificate]);
    device.poll().await.unwrap();
    assert_eq!(last(), own);
    let other = crate::device(Model::IPhone, 2);
    other.enroll(&source(&server)).await.unwrap();
    device.show_identity_of(Some(&other));
    device.poll().await.unwrap();
    assert_eq!(last(), other.snapshot().identity.unwrap());
}

#[tokio::test]
async fn a_device_whose_clock_is_a_day_behind_refuses_its_new_certificate() {
    let server = Server::start().await;
    let device = crate::device(Model::IPhone, 3);
    device.with_faults([Fault::ClockSkew(-300)]);
    device.enroll(&source(&server)).await.unwrap();
    let late = crate::device(Model::IPhone, 4);
    late.with_faults([Fault::ClockSkew(-86_000)]);
    let error = late.enroll(&source(&server)).await.unwrap_err();
    assert!(format!("{error:#}").contains("clock"), "{error:#}");
}

#[tokio::test]
async fn a_server_whose_root_is_not_trusted_gets_nothing() {
    let server = Server::start().await;
    let network = simulator::Network::new(simulator::NetworkOptions::default()).unwrap();
    let device = SimulatedDevice::new(DeviceSpec::new(Model::IPhone, 5), network);
    assert!(device.enroll(&source(&server)).await.is_err());
    assert!(server.story().is_empty());
}
