//! The router over started services and a real store, and devices that call it as a listener would.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use apple_client::{Push, PushError, PushMessage, PushReceipt};
use axum::Router;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use catalog::Ownership;
use clock::{Clock, MockClock};
use http::{HeaderMap, Request, StatusCode};
use http_layers::{PeerAddress, PeerCertificate, read_body};
use pki::seal::Sealer;
use pki::{Certificate, CertificateRequest, Digest, PrivateKey, cms};
use plist::{Dictionary, Value};
use protocol_scep::client::{ClientOptions, ClientRequest, Reply, parse_ca_certificates};
use secrecy::ExposeSecret;
use service::setup::{AuthoritySource, InitOptions, initialize};
use service::{Error, Services, Settings};
use store::{EnrollmentLink, LinkId, PushCertificate, PushCertificateId, Store, StoreOptions};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::{DoorSettings, router};

pub(crate) const TOPIC: &str = "com.apple.mgmt.External.3f7e4a32-1c8d-4f0e-9d5e-0d3e1f9f2a11";
pub(crate) const CHECK_IN: &str = "application/x-apple-aspen-mdm-checkin";
pub(crate) const REPORT: &str = "application/x-apple-aspen-mdm; charset=UTF-8";

pub(crate) static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate_rsa_2048().unwrap());

#[derive(Debug)]
struct NoPush;

#[async_trait::async_trait]
impl Push for NoPush {
    async fn send(&self, _message: PushMessage) -> Result<PushReceipt, PushError> {
        Ok(PushReceipt { apns_id: None })
    }
    fn install(&self, _certificate: pki::PushCertificate) -> Result<(), PushError> {
        Ok(())
    }
    fn remove(&self, _topic: &str) -> bool {
        false
    }
    fn topics(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A door under test.
pub(crate) struct House {
    pub(crate) router: Router,
    pub(crate) services: Services,
    pub(crate) clock: MockClock,
    _folder: TempDir,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn content_type(&self) -> &str {
        self.headers.get("content-type").map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn plist(&self) -> Dictionary {
        plist::from_bytes(&self.body).unwrap()
    }
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(DoorSettings::default()).await
    }

    pub(crate) async fn with(door: DoorSettings) -> Self {
        let folder = TempDir::new().unwrap();
        let clock = MockClock::new("2026-11-23T13:00:00Z".parse().unwrap());
        let sealer = Arc::new(Sealer::new(Sealer::generate_master()));
        let store =
            Store::open(StoreOptions::new(folder.path().join("ward.sqlite")), Arc::clone(&sealer)).unwrap();
        let time: Arc<dyn Clock> = Arc::new(clock.clone());
        let authority = AuthoritySource::New(pki::AuthorityKind::Rsa2048);
        let options = InitOptions { organization: "St. Elsewhere".to_owned(), authority };
        initialize(&store, &time, &sealer, options).await.unwrap();
        let settings = Settings { organization: "St. Elsewhere".to_owned(), ..Settings::default() };
        let services = Services::start(settings, store, time, sealer, Arc::new(NoPush)).await.unwrap();
        let house = Self { router: router((&services).into(), door), services, clock, _folder: folder };
        house.install_push_certificate().await;
        house
    }

    async fn install_push_certificate(&self) {
        let context = self.services.context.clone();
        let id = PushCertificateId::new(&self.clock);
        let row = PushCertificate {
            id,
            topic: TOPIC.to_owned(),
            certificate_der: Vec::new(),
            sealed_key: PushCertificate::seal_key(&context.sealer, id, b"none").unwrap(),
            not_after: context.now() + Duration::from_secs(86_400 * 365),
            installed_at: context.now(),
            replaced_at: None,
        };
        context.store.tx("test", move |tx| Ok::<_, Error>(row.install(tx)?)).await.unwrap();
    }

    pub(crate) async fn link(&self) -> String {
        let token = pki::random_token("ward_link_").expose_secret().to_owned();
        let link = EnrollmentLink {
            id: LinkId::new(&self.clock),
            token_hash: pki::sha256(token.as_bytes()).to_vec(),
            label: None,
            owner: Some("Nurse <Joy>".to_owned()),
            ownership: Ownership::Corporate,
            uses_limit: None,
            uses: 0,
            expires_at: self.clock.now() + Duration::from_secs(3600),
            revoked_at: None,
            stopped_at: None,
            stopped_reason: None,
            created_at: self.clock.now(),
            created_by: "test".to_owned(),
        };
        let store = &self.services.context.store;
        store.tx("test", move |tx| Ok::<_, Error>(link.insert(tx)?)).await.unwrap();
        token
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = read_body(body, 32 * 1024 * 1024).await.unwrap();
        assert_ne!(parts.status, StatusCode::UNAUTHORIZED, "401 unenrols a device");
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// A certificate that was issued by SCEP over HTTP, with the challenge of a profile that was fetched over HTTP.
    pub(crate) async fn certificate(&self) -> Certificate {
        let token = self.link().await;
        let profile = self.get(&format!("/enroll/{token}/profile")).await;
        let message = cms::SignedMessage::parse(&profile.body).unwrap();
        let outer: Dictionary = plist::from_bytes(message.content().unwrap()).unwrap();
        let payloads = outer["PayloadContent"].as_array().unwrap().iter().filter_map(Value::as_dictionary);
        let scep =
            payloads.into_iter().find_map(|payload| payload["PayloadContent"].as_dictionary()).unwrap();
        let challenge = scep["Challenge"].as_string().unwrap();
        let authority = self.get("/scep?operation=GetCACert").await;
        let authority = parse_ca_certificates(authority.content_type(), &authority.body).unwrap();
        let csr = CertificateRequest::create(&KEY, &vec![("CN".to_owned(), "x".to_owned())], Some(challenge))
            .unwrap();
        let now = self.clock.now();
        let options = ClientOptions {
            cipher: cms::Cipher::Aes128,
            digest: Digest::Sha256,
            ber: false,
            renew: None,
            now,
        };
        let request = ClientRequest::build(&authority, &KEY, &csr, &options).unwrap();
        let post =
            Request::post("/scep?operation=PKIOperation").body(Body::from(request.message.clone())).unwrap();
        match request.parse_reply(&self.send(post).await.body).unwrap() {
            Reply::Success(certificate) => certificate,
            other => panic!("{other:?}"),
        }
    }

    /// An enrolled device's certificate.
    pub(crate) async fn enrolled(&self, udid: &str) -> Certificate {
        let certificate = self.certificate().await;
        for body in [authenticate(udid), token_update(udid)] {
            let answer = self.send(by_tls(&certificate, CHECK_IN, body)).await;
            assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
        }
        certificate
    }
}

/// A request to `/mdm` from somewhere.
pub(crate) fn request(content_type: &str, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::put("/mdm").header("content-type", content_type).body(body.into()).unwrap();
    let address: SocketAddr = "192.0.2.9:4711".parse().unwrap();
    request.extensions_mut().insert(PeerAddress(address));
    request
}

/// A request whose connection presented a certificate.
pub(crate) fn by_tls(certificate: &Certificate, content_type: &str, body: impl Into<Body>) -> Request<Body> {
    let mut request = request(content_type, body);
    request.extensions_mut().insert(PeerCertificate(Some(certificate.der().into())));
    request
}

/// A request that the device signed.
pub(crate) fn by_signature(certificate: &Certificate, content_type: &str, body: &[u8]) -> Request<Body> {
    let signature = cms::sign_detached(certificate, &KEY, body, cms::SignOptions::default()).unwrap();
    let mut request = request(content_type, body.to_vec());
    request.headers_mut().insert("mdm-signature", STANDARD.encode(signature).parse().unwrap());
    request
}

fn plist_of(pairs: &[(&str, Value)]) -> Vec<u8> {
    let dictionary: Dictionary =
        pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    let mut bytes = Vec::new();
    plist::to_writer_xml(&mut bytes, &dictionary).unwrap();
    bytes
}

pub(crate) fn message(kind: &str, udid: &str, more: &[(&str, Value)]) -> Vec<u8> {
    let mut pairs = vec![("MessageType", kind.into()), ("UDID", udid.into()), ("Topic", TOPIC.into())];
    pairs.extend_from_slice(more);
    plist_of(&pairs)
}

pub(crate) fn authenticate(udid: &str) -> Vec<u8> {
    message("Authenticate", udid, &[("ProductName", "iPhone15,2".into())])
}

pub(crate) fn token_update(udid: &str) -> Vec<u8> {
    message("TokenUpdate", udid, &[("Token", Value::Data(vec![7; 32])), ("PushMagic", "magic".into())])
}

pub(crate) fn declarations(udid: &str, endpoint: &str) -> Vec<u8> {
    message("DeclarativeManagement", udid, &[("Endpoint", endpoint.into())])
}

pub(crate) fn idle(udid: &str) -> Vec<u8> {
    plist_of(&[("Status", "Idle".into()), ("UDID", udid.into())])
}

pub(crate) fn acknowledged(udid: &str, uuid: &str) -> Vec<u8> {
    plist_of(&[("Status", "Acknowledged".into()), ("UDID", udid.into()), ("CommandUUID", uuid.into())])
}
