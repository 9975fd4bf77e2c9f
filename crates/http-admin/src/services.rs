//! What this door may call.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use service::audit::Audit;
use service::authorities::Authorities;
use service::commands::Commands;
use service::deliveries::Deliveries;
use service::desired::Desired;
use service::device_certificates::DeviceCertificates;
use service::devices::Devices;
use service::escrow::Escrow;
use service::events::EventBus;
use service::groups::Groups;
use service::health::Health;
use service::idempotency::Idempotency;
use service::links::Links;
use service::network::Network;
use service::operators::Operators;
use service::organisation::Organisation;
use service::push::PushCertificates;
use service::quarantine::Quarantine;
use service::rollouts::Rollouts;
use service::sealing::Sealing;
use service::streams::Streams;
use service::tokens::Tokens;

/// The services of the operators' door.
#[derive(Clone)]
pub struct AdminServices {
    /// The certificate authorities of the devices.
    pub authorities: Arc<Authorities>,
    /// Who is calling.
    pub operators: Arc<Operators>,
    /// API tokens.
    pub tokens: Arc<Tokens>,
    /// Answers that were given before.
    pub idempotency: Arc<Idempotency>,
    /// Commands.
    pub commands: Arc<Commands>,
    /// Their deliveries.
    pub deliveries: Arc<Deliveries>,
    /// What devices should have.
    pub desired: Arc<Desired>,
    /// Devices and enrolments.
    pub devices: Arc<Devices>,
    /// Decisions about enrolments that are kept apart.
    pub quarantine: Arc<Quarantine>,
    /// Escrowed secrets.
    pub escrow: Arc<Escrow>,
    /// The keys that seal.
    pub sealing: Arc<Sealing>,
    /// Enrolment links.
    pub links: Arc<Links>,
    /// Access to the hospital's network.
    pub network: Arc<Network>,
    /// Places, people, and where each device is.
    pub organisation: Arc<Organisation>,
    /// Push certificates.
    pub push_certificates: Arc<PushCertificates>,
    /// Device identities.
    pub device_certificates: Arc<DeviceCertificates>,
    /// The record of acts.
    pub audit: Arc<Audit>,
    /// Groups of devices.
    pub groups: Arc<Groups>,
    /// Rollouts of what carries the network.
    pub rollouts: Arc<Rollouts>,
    /// Systems that are told what happens.
    pub streams: Arc<Streams>,
    /// The server's own state.
    pub health: Arc<Health>,
    /// Live changes.
    pub events: EventBus,
    /// The figures, if this process collects them.
    pub figures: Option<PrometheusHandle>,
}

impl AdminServices {
    /// Takes what this door uses from the list of services.
    #[must_use]
    pub fn new(services: &service::Services, figures: Option<PrometheusHandle>) -> Self {
        Self {
            authorities: Arc::clone(&services.authorities),
            operators: Arc::clone(&services.operators),
            tokens: Arc::clone(&services.tokens),
            idempotency: Arc::clone(&services.idempotency),
            commands: Arc::clone(&services.commands),
            deliveries: Arc::clone(&services.deliveries),
            desired: Arc::clone(&services.desired),
            devices: Arc::clone(&services.devices),
            quarantine: Arc::clone(&services.quarantine),
            escrow: Arc::clone(&services.escrow),
            sealing: Arc::clone(&services.sealing),
            links: Arc::clone(&services.links),
            organisation: Arc::clone(&services.organisation),
            network: Arc::clone(&services.network),
            push_certificates: Arc::clone(&services.push_certificates),
            device_certificates: Arc::clone(&services.device_certificates),
            audit: Arc::clone(&services.audit),
            groups: Arc::clone(&services.groups),
            rollouts: Arc::clone(&services.rollouts),
            streams: Arc::clone(&services.streams),
            health: Arc::clone(&services.health),
            events: services.context.events.clone(),
            figures,
        }
    }
}
