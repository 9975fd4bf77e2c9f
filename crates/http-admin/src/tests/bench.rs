//! A started door, its token, and devices that are simply there.

use std::sync::{Arc, LazyLock};

use apple_client::{Push, PushError, PushMessage, PushReceipt};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use clock::{Clock, MockClock, Timestamp};
use http::{HeaderMap, Request, StatusCode};
use pki::seal::Sealer;
use pki::{Authority, AuthorityKind};
use secrecy::ExposeSecret;
use serde_json::Value as Json;
use service::setup::{AuthoritySource, InitOptions, initialize};
use service::{Error, Services, Settings};
use store::{
    Channel, ChannelId, Device, DeviceId, Enrollment, EnrollmentId, EnrollmentState, Store, StoreOptions, Tx,
};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::{AdminServices, router};

pub(crate) const START: &str = "2026-11-23T13:00:00Z";
const TOPIC: &str = "com.apple.mgmt.External.1";

static AUTHORITY: LazyLock<(String, String)> = LazyLock::new(|| {
    let authority =
        Authority::create(AuthorityKind::P256, "Test authority", START.parse().unwrap(), 3650).unwrap();
    let key = String::from_utf8(authority.key().to_pkcs8_pem().unwrap().to_vec()).unwrap();
    (authority.certificate().to_pem(), key)
});

#[derive(Debug)]
struct NoPush;

#[async_trait]
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

/// What the door answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) struct Bench {
    pub(crate) services: Services,
    pub(crate) clock: MockClock,
    pub(crate) router: Router,
    pub(crate) token: String,
    _folder: TempDir,
}

impl Bench {
    pub(crate) async fn new() -> Self {
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
        let made = initialize(&store, &time, &sealer, options).await.unwrap();
        let services =
            Services::start(Settings::default(), store, time, sealer, Arc::new(NoPush)).await.unwrap();
        let router = router(AdminServices::new(&services, None));
        let token = made.admin_token.expose_secret().to_owned();
        Self { services, clock, router, token, _folder: folder }
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = http_layers::read_body(body, 1 << 24).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(path).header("authorization", format!("Bearer {}", self.token))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(self.request("GET", path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Json) -> Answer {
        self.post_with_key(path, body, None).await
    }

    pub(crate) async fn post_with_key(&self, path: &str, body: Json, key: Option<&str>) -> Answer {
        let mut request = self.request("POST", path).header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.call(request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub(crate) async fn tx<T, F>(&self, work: F) -> T
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    {
        self.services.context.store.tx("test", work).await.unwrap()
    }

    /// An enrolled iPad.
    pub(crate) async fn device(&self, udid: &str) -> Enrollment {
        let now = self.clock.now();
        let device = ipad(DeviceId::new(&self.clock), udid, now);
        let enrollment = enrollment(EnrollmentId::new(&self.clock), &device, now);
        let channel = channel(ChannelId::new(&self.clock), &enrollment, now);
        let made = enrollment.clone();
        self.tx(move |tx| {
            device.insert(tx)?;
            enrollment.insert(tx)?;
            Ok(channel.insert(tx)?)
        })
        .await;
        made
    }
}

fn ipad(id: DeviceId, udid: &str, now: Timestamp) -> Device {
    Device {
        id,
        udid: Some(udid.to_owned()),
        serial_number: Some(format!("SN-{udid}")),
        name: Some(format!("iPad {udid}")),
        platform: Some(word("iPadOS")),
        product_name: Some("iPad13,18".to_owned()),
        model: None,
        model_name: Some("iPad".to_owned()),
        os_version: Some("18.1".to_owned()),
        build_version: None,
        supervised: Some(true),
        lost_mode: None,
        first_seen_at: now,
    }
}

fn word<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

fn enrollment(id: EnrollmentId, device: &Device, now: Timestamp) -> Enrollment {
    Enrollment {
        id,
        device_id: device.id,
        apple_id: device.udid.clone().unwrap(),
        kind: word("device"),
        ownership: word("corporate"),
        owner: Some("Ada".to_owned()),
        state: EnrollmentState::Enrolled,
        epoch: 1,
        previous_id: None,
        link_id: None,
        topic: TOPIC.to_owned(),
        access_rights: 8191,
        identity_id: None,
        awaiting_configuration: false,
        quarantine_reason: None,
        profile_digest: None,
        authenticated_at: now,
        enrolled_at: Some(now),
        ended_at: None,
        end_reason: None,
        superseded_by: None,
    }
}

fn channel(id: ChannelId, enrollment: &Enrollment, now: Timestamp) -> Channel {
    Channel {
        id,
        enrollment_id: enrollment.id,
        kind: word("device"),
        key: enrollment.apple_id.clone(),
        user_id: None,
        user_short_name: None,
        user_long_name: None,
        push_token: None,
        push_magic: None,
        topic: TOPIC.to_owned(),
        token_updated_at: Some(now),
        token_update_tally: 1,
        enabled: true,
        push_dead_at: None,
        last_pushed_at: None,
        last_seen_at: None,
    }
}
