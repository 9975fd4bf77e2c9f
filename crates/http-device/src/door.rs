//! The router of the device door: every address that a device or an enrolling person may call.

use std::sync::Arc;

use axum::routing::{get, put};
use axum::{Router, middleware};
use http::StatusCode;
use http_layers::{Door, catch_panic, observe};
use service::checkin::Checkins;
use service::connect::Connect;
use service::enrollment::Enrollments;
use service::identity::Identities;
use service::scep::Scep;
use service::{Services, Settings};

use tokio::sync::Semaphore;

use crate::sources::{CertificateHeader, Network};
use crate::{enroll, mdm, scep};

/// How many large bodies are read at a time whose sender only a signature over them can prove.
const UNPROVEN_AT_A_TIME: usize = 16;

/// What the door uses of the services.
#[derive(Clone)]
pub struct DeviceServices {
    /// The settings: limits, names.
    pub settings: Arc<Settings>,
    /// Who is knocking.
    pub identities: Arc<Identities>,
    /// Check-ins.
    pub checkins: Arc<Checkins>,
    /// Reports.
    pub connect: Arc<Connect>,
    /// Certificates.
    pub scep: Arc<Scep>,
    /// Enrolment links.
    pub enrollments: Arc<Enrollments>,
}

impl From<&Services> for DeviceServices {
    fn from(services: &Services) -> Self {
        Self {
            settings: Arc::clone(&services.context.settings),
            identities: Arc::clone(&services.identities),
            checkins: Arc::clone(&services.checkins),
            connect: Arc::clone(&services.connect),
            scep: Arc::clone(&services.scep),
            enrollments: Arc::clone(&services.enrollments),
        }
    }
}

/// How the door stands in its network.
#[derive(Debug, Clone, Default)]
pub struct DoorSettings {
    /// The proxies that may hand over a client certificate. Empty: none.
    pub trusted_proxies: Vec<Network>,
    /// The header in which they do. `None`: no header is read from anybody.
    pub certificate_header: Option<CertificateHeader>,
}

/// What every handler gets.
#[derive(Clone)]
pub(crate) struct DoorState {
    pub(crate) services: DeviceServices,
    pub(crate) settings: Arc<DoorSettings>,
    /// Room for large bodies of callers who have yet to prove who they are.
    pub(crate) unproven: Arc<Semaphore>,
}

/// The router. The listener puts [`http_layers::PeerCertificate`] and [`http_layers::PeerAddress`] into the extensions of every
/// request; without them nobody is a proxy and nobody has presented a certificate.
pub fn router(services: DeviceServices, settings: DoorSettings) -> Router {
    let unproven = Arc::new(Semaphore::new(UNPROVEN_AT_A_TIME));
    let state = DoorState { services, settings: Arc::new(settings), unproven };
    Router::new()
        .route("/mdm", put(mdm::receive_message).get(mdm::show_notice))
        .route("/checkin", put(mdm::receive_checkin).get(mdm::show_notice))
        .route("/scep", get(scep::receive_query).post(scep::receive_message))
        .route("/scep/pkiclient.exe", get(scep::receive_query).post(scep::receive_message))
        .route("/scep/network", get(scep::receive_query_for_network).post(scep::receive_message_for_network))
        .route("/crl", get(scep::show_revocation_list))
        .route("/crl/network", get(scep::show_network_list))
        .route("/crl/network.pem", get(scep::show_network_lists))
        .route("/crl/{authority}", get(scep::show_list_of))
        .route("/enroll/{token}", get(enroll::show_offer))
        .route("/enroll/{token}/profile", get(enroll::fetch_profile))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .method_not_allowed_fallback(|| async { StatusCode::METHOD_NOT_ALLOWED })
        .layer(catch_panic())
        .layer(middleware::from_fn_with_state(Door("device"), observe))
        .with_state(state)
}
