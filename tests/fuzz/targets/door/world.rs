//! A door over real services and a real store, and one device that has enrolled.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use apple_client::{Push, PushError, PushMessage, PushReceipt};
use axum::Router;
use catalog::Ownership;
use clock::{Clock, MockClock};
use http_device::{CertificateHeader, DeviceServices, DoorSettings, HeaderFormat};
use pki::cms::{Cipher, SignedMessage};
use pki::seal::Sealer;
use pki::{AuthorityKind, Certificate, CertificateRequest, Digest, PrivateKey};
use protocol_mdm::Message;
use protocol_scep::client::{ClientOptions, ClientRequest, Reply};
use secrecy::ExposeSecret as _;
use service::setup::{AuthoritySource, InitOptions, initialize};
use service::{Services, Settings};
use store::{EnrollmentLink, LinkId, PushCertificate, PushCertificateId, Store, StoreOptions};
use tokio::runtime::Runtime;

/// The proxy that is believed.
pub(crate) const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const TOPIC: &str = "com.apple.mgmt.External.fuzz";
/// The UDID in the first inputs, so that they are this device's.
const UDID: &str = "00008101-0001";

/// What every input meets.
pub(crate) struct World {
    pub(crate) runtime: Runtime,
    pub(crate) router: Router,
    /// The certificate of the enrolled device.
    pub(crate) device: Arc<[u8]>,
    _folder: tempfile::TempDir,
}

pub(crate) static WORLD: LazyLock<World> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("a run time");
    let folder = tempfile::tempdir().expect("a folder");
    let (router, device) = runtime.block_on(async {
        let services = start(&folder).await;
        let device = enrol(&services).await;
        let header = CertificateHeader { name: "client-cert".parse().expect("a name"), format: HeaderFormat::Nginx };
        let settings = DoorSettings {
            trusted_proxies: vec![PROXY.to_string().parse().expect("a network")],
            certificate_header: Some(header),
        };
        (http_device::router(DeviceServices::from(&services), settings), device.der().into())
    });
    World { runtime, router, device, _folder: folder }
});

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
        vec![TOPIC.to_owned()]
    }
}

async fn start(folder: &tempfile::TempDir) -> Services {
    let clock: Arc<dyn Clock> = Arc::new(MockClock::new("2026-11-23T13:00:00Z".parse().expect("a time")));
    let sealer = Arc::new(Sealer::new(Sealer::generate_master()));
    // One input after the other: waiting for more to commit together would only cost time.
    let options = StoreOptions { batch_time: Duration::ZERO, ..StoreOptions::new(folder.path().join("ward.sqlite")) };
    let store = Store::open(options, Arc::clone(&sealer)).expect("a store");
    let authority = AuthoritySource::New(AuthorityKind::Rsa2048);
    let options = InitOptions { organization: "Fuzz".to_owned(), authority };
    initialize(&store, &clock, &sealer, options).await.expect("a prepared store");
    let settings = Settings { allow_single_des: true, ..Settings::default() };
    let services = Services::start(settings, store, clock, sealer, Arc::new(NoPush)).await.expect("services");
    let context = services.context.clone();
    let id = PushCertificateId::new(&*context.clock);
    let row = PushCertificate {
        id,
        topic: TOPIC.to_owned(),
        certificate_der: Vec::new(),
        sealed_key: PushCertificate::seal_key(&context.sealer, id, b"none").expect("a sealed key"),
        not_after: context.now() + Duration::from_secs(86_400 * 365),
        installed_at: context.now(),
        replaced_at: None,
    };
    let installed = context.store.tx("fuzz", move |tx| Ok::<_, service::Error>(row.install(tx)?)).await;
    installed.expect("a push certificate");
    services
}

/// Enrols one device the way every device does and returns its certificate.
async fn enrol(services: &Services) -> Certificate {
    let context = &services.context;
    let (token, now) = (pki::random_token("ward_link_"), context.now());
    let link = EnrollmentLink {
        id: LinkId::new(&*context.clock),
        token_hash: pki::sha256(token.expose_secret().as_bytes()).to_vec(),
        label: None,
        owner: None,
        ownership: Ownership::Corporate,
        uses_limit: Some(10),
        uses: 0,
        expires_at: now + Duration::from_secs(86_400 * 300),
        revoked_at: None,
        stopped_at: None,
        stopped_reason: None,
        created_at: now,
        created_by: "fuzz".to_owned(),
    };
    context.store.tx("fuzz", move |tx| Ok::<_, service::Error>(link.insert(tx)?)).await.expect("a link");
    let (profile, permit) = services.enrollments.profile(token.expose_secret()).await.expect("a profile");
    drop(permit);
    let device = certify(services, &challenge_in(&profile)).await;
    let message = |keys: &str| {
        format!("<plist><dict><key>UDID</key><string>{UDID}</string><key>Topic</key><string>{TOPIC}</string>{keys}</dict></plist>")
    };
    let token = "<key>Token</key><data>AQ==</data><key>PushMagic</key><string>m</string>";
    for keys in [
        "<key>MessageType</key><string>Authenticate</string>".to_owned(),
        format!("<key>MessageType</key><string>TokenUpdate</string>{token}"),
    ] {
        let body = message(&keys);
        let parsed = Message::parse(None, body.as_bytes(), &protocol_mdm::Limits::CHECK_IN).expect("a check-in");
        let Message::Checkin(checkin) = parsed else { unreachable!("it has a MessageType") };
        let caller = services.identities.recognize(&device).await.expect("a known certificate");
        services.checkins.receive(&caller, checkin).await.expect("an accepted check-in");
    }
    device
}

fn challenge_in(profile: &[u8]) -> String {
    let message = SignedMessage::parse(profile).expect("a signed profile");
    let profile = plist_guard::parse_dictionary(message.content().expect("a content")).expect("a dictionary");
    let payloads = profile["PayloadContent"].as_array().expect("payloads");
    let inner = |payload: &plist::Value| payload.as_dictionary()?.get("PayloadContent")?.as_dictionary().cloned();
    let scep = payloads.iter().filter_map(inner).find(|content| content.contains_key("Challenge"));
    scep.expect("a SCEP payload")["Challenge"].as_string().expect("a challenge").to_owned()
}

async fn certify(services: &Services, challenge: &str) -> Certificate {
    let key = PrivateKey::generate_rsa_2048().expect("a key");
    let csr = CertificateRequest::create(&key, &vec![("CN".to_owned(), "x".to_owned())], Some(challenge)).expect("a request");
    let authority = services.authorities.current().active.authority.certificate().clone();
    let options =
        ClientOptions { cipher: Cipher::Aes128, digest: Digest::Sha256, ber: false, renew: None, now: services.context.now() };
    let request = ClientRequest::build(&[authority], &key, &csr, &options).expect("a SCEP request");
    let query = "operation=PKIOperation";
    let answer = services.scep.receive(query, request.message.clone()).await.expect("a SCEP reply");
    match request.parse_reply(&answer.body).expect("a readable reply") {
        Reply::Success(certificate) => certificate,
        Reply::Failure(_) | Reply::Pending => panic!("the first certificate was refused"),
    }
}
