//! A started set of services over a real store, with a clock that is set by hand, and devices that speak to it without HTTP.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use apple_client::{Push, PushError, PushMessage, PushReceipt};
use catalog::Ownership;
use clock::{Clock, MockClock};
use pki::seal::Sealer;
use pki::{Authority, AuthorityKind, Certificate, CertificateRequest, Digest, PrivateKey, cms};
use plist::Dictionary;
use protocol_mdm::{
    Authenticate, CheckOut, Checkin, Identifiers, Report, SecretBytes, SecretString, Status, TokenUpdate,
};
use protocol_scep::client::{ClientOptions, ClientRequest, Reply as ScepAnswer};
use secrecy::ExposeSecret;
use store::{
    AuditEvent, AuditFilter, Channel, DeliverySeq, Enrollment, EnrollmentLink, LinkId, Page, PushCertificate,
    PushCertificateId, Store, StoreOptions,
};
use tempfile::TempDir;

pub(crate) mod operators;
mod wire;

pub(crate) use wire::{challenge_in, command, command_in, handed_out, payload, report};

use crate::own_commands::{self, OwnCommand};
use crate::setup::{AuthoritySource, InitOptions, initialize};
use crate::{Error, Reply, Services, Settings};

/// The push topic of all tests.
pub(crate) const TOPIC: &str = "com.apple.mgmt.External.3f7e4a32-1c8d-4f0e-9d5e-0d3e1f9f2a11";
/// When every test begins.
pub(crate) const START: &str = "2026-11-23T13:00:00Z";

static AUTHORITY: LazyLock<(String, String)> = LazyLock::new(|| {
    let authority =
        Authority::create(AuthorityKind::Rsa2048, "Test authority", START.parse().unwrap(), 3650).unwrap();
    let key = String::from_utf8(authority.key().to_pkcs8_pem().unwrap().to_vec()).unwrap();
    (authority.certificate().to_pem(), key)
});

/// Keys of devices; several, so that tests can tell one from another.
pub(crate) static KEYS: LazyLock<Vec<PrivateKey>> =
    LazyLock::new(|| (0..3).map(|_| PrivateKey::generate_rsa_2048().unwrap()).collect());

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

/// The services under test.
pub(crate) struct Bench {
    pub(crate) services: Services,
    pub(crate) clock: MockClock,
    _folder: TempDir,
}

/// A device with an identity.
#[derive(Clone)]
pub(crate) struct Phone {
    pub(crate) udid: String,
    pub(crate) certificate: Certificate,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let folder = TempDir::new().unwrap();
        let clock = MockClock::new(START.parse().unwrap());
        let sealer = Arc::new(Sealer::new(Sealer::generate_master()));
        let store =
            Store::open(StoreOptions::new(folder.path().join("ward.sqlite")), Arc::clone(&sealer)).unwrap();
        let time: Arc<dyn Clock> = Arc::new(clock.clone());
        let (certificate, key) = (&AUTHORITY.0, &AUTHORITY.1);
        let authority =
            AuthoritySource::Pem { certificate: certificate.clone().into(), key: key.clone().into() };
        let options = InitOptions { organization: "St. Elsewhere".to_owned(), authority };
        initialize(&store, &time, &sealer, options).await.unwrap();
        let services = Services::start(settings, store, time, sealer, Arc::new(NoPush)).await.unwrap();
        let bench = Self { services, clock, _folder: folder };
        bench.install_push_certificate().await;
        bench
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub(crate) fn days(&self, days: u64) {
        self.clock.advance(Duration::from_secs(days * 86_400));
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
        self.tx(move |tx| Ok(row.install(tx)?)).await;
    }

    /// Runs a change and expects it to work.
    pub(crate) async fn tx<T, F>(&self, work: F) -> T
    where
        T: Send + 'static,
        F: FnMut(&mut store::Tx<'_>) -> Result<T, Error> + Send + 'static,
    {
        self.services.context.store.tx("test", work).await.unwrap()
    }

    /// Makes an enrolment link and returns its token.
    pub(crate) async fn link(&self, ownership: Ownership, uses_limit: Option<i32>) -> String {
        let token = pki::random_token("ward_link_").expose_secret().to_owned();
        let now = self.clock.now();
        let link = EnrollmentLink {
            id: LinkId::new(&self.clock),
            token_hash: pki::sha256(token.as_bytes()).to_vec(),
            label: None,
            owner: Some("Nurse Joy".to_owned()),
            ownership,
            uses_limit,
            uses: 0,
            expires_at: now + Duration::from_secs(86_400 * 400),
            revoked_at: None,
            stopped_at: None,
            stopped_reason: None,
            created_at: now,
            created_by: "test".to_owned(),
        };
        self.tx(move |tx| Ok(link.insert(tx)?)).await;
        token
    }

    pub(crate) async fn find_link(&self, token: &str) -> EnrollmentLink {
        let hash = pki::sha256(token.as_bytes());
        self.tx(move |tx| Ok(EnrollmentLink::find_by_token_hash(tx, &hash)?.unwrap())).await
    }

    /// Fetches the profile of a link and returns its challenge.
    pub(crate) async fn challenge(&self, token: &str) -> String {
        let (profile, _permit) = self.services.enrollments.profile(token).await.unwrap();
        challenge_in(&profile)
    }

    /// Has a certificate issued for a key.
    pub(crate) async fn certify(&self, challenge: &str, key: &PrivateKey) -> Option<Certificate> {
        self.request(challenge, key, None).await
    }

    pub(crate) async fn request(
        &self,
        challenge: &str,
        key: &PrivateKey,
        renew: Option<(Certificate, PrivateKey)>,
    ) -> Option<Certificate> {
        let request = self.scep_request(challenge, key, renew);
        let answer =
            self.services.scep.receive("operation=PKIOperation", request.message.clone()).await.unwrap();
        assert_eq!(answer.content_type, "application/x-pki-message");
        match request.parse_reply(&answer.body).unwrap() {
            ScepAnswer::Success(certificate) => Some(certificate),
            ScepAnswer::Failure(_) => None,
            ScepAnswer::Pending => panic!("nothing is ever pending"),
        }
    }

    pub(crate) fn scep_request(
        &self,
        challenge: &str,
        key: &PrivateKey,
        renew: Option<(Certificate, PrivateKey)>,
    ) -> ClientRequest {
        let authority = self.services.authorities.current().active.authority.certificate().clone();
        self.scep_request_to(&[authority], challenge, key, renew)
    }

    pub(crate) fn scep_request_to(
        &self,
        certificates: &[Certificate],
        challenge: &str,
        key: &PrivateKey,
        renew: Option<(Certificate, PrivateKey)>,
    ) -> ClientRequest {
        let challenge = (!challenge.is_empty()).then_some(challenge);
        let subject = vec![("CN".to_owned(), "whatever the device likes".to_owned())];
        let csr = CertificateRequest::create(key, &subject, challenge).unwrap();
        let options = ClientOptions {
            cipher: cms::Cipher::Aes128,
            digest: Digest::Sha256,
            ber: false,
            renew,
            now: self.clock.now(),
        };
        ClientRequest::build(certificates, key, &csr, &options).unwrap()
    }

    /// A device that has a certificate and has not yet said so.
    pub(crate) async fn unenrolled(&self, token: &str, udid: &str) -> Phone {
        let challenge = self.challenge(token).await;
        let certificate = self.certify(&challenge, &KEYS[0]).await.unwrap();
        Phone { udid: udid.to_owned(), certificate }
    }

    /// A device that is enrolled by a link, its first questions answered away.
    pub(crate) async fn enroll_by(&self, token: &str, udid: &str) -> Phone {
        let phone = self.unenrolled(token, udid).await;
        assert!(matches!(self.authenticate(&phone).await, Ok(Reply::Nothing)));
        assert!(matches!(self.token_update(&phone, |_| {}).await, Ok(Reply::Nothing)));
        self.clear_queue(&phone).await;
        phone
    }

    /// A device that is enrolled by a link of its own.
    pub(crate) async fn enroll(&self, udid: &str) -> Phone {
        let token = self.link(Ownership::Corporate, Some(1)).await;
        self.enroll_by(&token, udid).await
    }

    /// Acknowledges all that waits for a device.
    pub(crate) async fn clear_queue(&self, phone: &Phone) {
        let mut reply = self.idle(phone).await.unwrap();
        while let Reply::Plist { body, .. } = &reply {
            let (uuid, _) = command_in(body);
            reply = self.answer(phone, &uuid, Status::Acknowledged, Dictionary::new()).await.unwrap();
        }
    }

    pub(crate) async fn check_in(&self, phone: &Phone, message: Checkin) -> Result<Reply, Error> {
        let caller = self.services.identities.recognize(&phone.certificate).await?;
        self.services.checkins.receive(&caller, message).await
    }

    pub(crate) async fn authenticate(&self, phone: &Phone) -> Result<Reply, Error> {
        let message = Authenticate {
            identifiers: phone.ids(),
            topic: Some(TOPIC.to_owned()),
            product_name: Some("iPhone15,2".to_owned()),
            os_version: Some("26.1".to_owned()),
            serial_number: Some(format!("SERIAL{}", phone.udid)),
            ..Authenticate::default()
        };
        self.check_in(phone, Checkin::Authenticate(message)).await
    }

    pub(crate) async fn token_update(
        &self,
        phone: &Phone,
        change: impl FnOnce(&mut TokenUpdate),
    ) -> Result<Reply, Error> {
        let mut message = TokenUpdate {
            identifiers: phone.ids(),
            topic: Some(TOPIC.to_owned()),
            token: Some(SecretBytes::new(vec![7; 32])),
            push_magic: Some(SecretString::from("magic")),
            ..TokenUpdate::default()
        };
        change(&mut message);
        self.check_in(phone, Checkin::TokenUpdate(message)).await
    }

    pub(crate) async fn check_out(&self, phone: &Phone) -> Result<Reply, Error> {
        self.check_in(phone, Checkin::CheckOut(CheckOut { identifiers: phone.ids(), topic: None })).await
    }

    pub(crate) async fn report(&self, phone: &Phone, report: Report) -> Result<Reply, Error> {
        let caller = self.services.identities.recognize(&phone.certificate).await?;
        self.services.connect.receive(&caller, report, ([9; 32], 100)).await
    }

    pub(crate) async fn idle(&self, phone: &Phone) -> Result<Reply, Error> {
        self.report(phone, report(&phone.ids(), &Status::Idle, None, Dictionary::new())).await
    }

    pub(crate) async fn answer(
        &self,
        phone: &Phone,
        uuid: &str,
        status: Status,
        body: Dictionary,
    ) -> Result<Reply, Error> {
        self.report(phone, report(&phone.ids(), &status, Some(uuid), body)).await
    }

    /// What a device is handed out when it says that it is idle: the UUID and the inner dictionary.
    pub(crate) async fn next(&self, phone: &Phone) -> Option<(String, Dictionary)> {
        handed_out(self.idle(phone).await.unwrap())
    }

    /// All epochs of a device, newest first.
    pub(crate) async fn epochs(&self, udid: &str) -> Vec<Enrollment> {
        let udid = udid.to_owned();
        self.tx(move |tx| Ok(Enrollment::list_by_apple_id(tx, &udid)?)).await
    }

    /// The newest epoch of a device.
    pub(crate) async fn epoch(&self, udid: &str) -> Enrollment {
        self.epochs(udid).await.remove(0)
    }

    pub(crate) async fn device_channel(&self, enrollment: &Enrollment) -> Channel {
        let id = enrollment.id;
        self.tx(move |tx| Ok(Channel::find_device_channel(tx, id)?)).await
    }

    /// Puts a command into the queue of an epoch's device channel.
    pub(crate) async fn enqueue(&self, enrollment: &Enrollment, dictionary: Dictionary) -> DeliverySeq {
        let (enrollment, context) = (enrollment.clone(), self.services.context.clone());
        self.tx(move |tx| {
            let channel = Channel::find_device_channel(tx, enrollment.id)?.id;
            let dictionary = dictionary.clone();
            let own = OwnCommand {
                enrollment: &enrollment,
                channel,
                dictionary,
                lane: 5,
                expires_at: None,
                reason: "test",
            };
            own_commands::enqueue(tx, &context, own)
        })
        .await
    }

    /// The acts in the audit trail of one kind, newest first.
    pub(crate) async fn acts(&self, action: &str) -> Vec<AuditEvent> {
        let filter = AuditFilter { action: Some(action.to_owned()), ..AuditFilter::default() };
        self.tx(move |tx| Ok(AuditEvent::list(tx, &filter, Page::first(100))?)).await
    }
}

impl Phone {
    pub(crate) fn ids(&self) -> Identifiers {
        Identifiers { udid: Some(self.udid.clone()), ..Identifiers::default() }
    }
}
