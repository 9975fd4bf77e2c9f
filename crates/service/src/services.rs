//! The list of services, and how they are started.

use std::sync::Arc;

use clock::Clock;
use gate::Gate;
use pki::seal::Sealer;
use store::Store;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::Audit;
use crate::authorities::Authorities;
use crate::checkin::Checkins;
use crate::commands::Commands;
use crate::connect::Connect;
use crate::deliveries::Deliveries;
use crate::desired::Desired;
use crate::device_certificates::DeviceCertificates;
use crate::devices::Devices;
use crate::enrollment::Enrollments;
use crate::escrow::Escrow;
use crate::events::EventBus;
use crate::groups::Groups;
use crate::health::Health;
use crate::idempotency::Idempotency;
use crate::identity::Identities;
use crate::links::Links;
use crate::network::Network;
use crate::operators::Operators;
use crate::organisation::Organisation;
use crate::push::{Alarms, PushCertificates, PushWorker};
use crate::quarantine::Quarantine;
use crate::renewal::Renewals;
use crate::rollouts::Rollouts;
use crate::scep::Scep;
use crate::schedule::Scheduler;
use crate::sealing::{self, Sealing};
use crate::streams::Streams;
use crate::tokens::Tokens;
use crate::{Context, Error, Settings, inventory};

/// Every service of a running server. Each door takes the ones that it uses.
pub struct Services {
    /// The ground that the services share.
    pub context: Context,
    /// The certificate authorities of the devices.
    pub authorities: Arc<Authorities>,
    /// Who is knocking.
    pub identities: Arc<Identities>,
    /// Check-in messages.
    pub checkins: Arc<Checkins>,
    /// Command reports.
    pub connect: Arc<Connect>,
    /// The issue of device identities.
    pub scep: Arc<Scep>,
    /// Enrolment links as a person who enrols sees them.
    pub enrollments: Arc<Enrollments>,
    /// Epochs that were set apart.
    pub quarantine: Arc<Quarantine>,
    /// The renewal of identities.
    pub renewals: Arc<Renewals>,
    /// Who calls the operators' door.
    pub operators: Arc<Operators>,
    /// API tokens.
    pub tokens: Arc<Tokens>,
    /// Answers that were given before.
    pub idempotency: Arc<Idempotency>,
    /// Commands of operators.
    pub commands: Arc<Commands>,
    /// The deliveries of commands, and their evidence.
    pub deliveries: Arc<Deliveries>,
    /// What devices should have.
    pub desired: Arc<Desired>,
    /// Devices and enrolments as operators see them.
    pub devices: Arc<Devices>,
    /// Escrowed secrets.
    pub escrow: Arc<Escrow>,
    /// The keys that seal.
    pub sealing: Arc<Sealing>,
    /// Enrolment links as operators see them.
    pub links: Arc<Links>,
    /// Access to the hospital's network.
    pub network: Arc<Network>,
    /// Places, people, and where each device is.
    pub organisation: Arc<Organisation>,
    /// Push certificates.
    pub push_certificates: Arc<PushCertificates>,
    /// Device identities as operators see them.
    pub device_certificates: Arc<DeviceCertificates>,
    /// The record of acts.
    pub audit: Arc<Audit>,
    /// Rollouts of what carries the network.
    pub rollouts: Arc<Rollouts>,
    /// Groups of devices.
    pub groups: Arc<Groups>,
    /// Tells other systems what happens.
    pub streams: Arc<Streams>,
    /// The server's own state.
    pub health: Arc<Health>,
    /// Sends pushes.
    pub push_worker: PushWorker,
}

impl Services {
    /// Starts the services over an opened store that [`crate::setup::initialize`] has prepared.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the store has not been initialized, [`Error::Unavailable`] when it cannot be read.
    pub async fn start(
        settings: Settings,
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        sealer: Arc<Sealer>,
        push: Arc<dyn apple_client::Push>,
    ) -> Result<Self, Error> {
        let context = Context {
            settings: Arc::new(settings),
            gate: Arc::new(Gate::new(Arc::clone(&store))),
            store,
            clock,
            sealer,
            events: EventBus::new(),
        };
        sealing::begin(&context).await?;
        inventory::fill(&context).await?;
        let authorities = Arc::new(Authorities::load(&context).await?);
        let enrollments = Arc::new(Enrollments::new(context.clone(), Arc::clone(&authorities)));
        let renewals = Arc::new(Renewals::new(context.clone(), Arc::clone(&authorities)));
        let identities = Arc::new(Identities::new(context.clone(), Arc::clone(&authorities)));
        let connect = Arc::new(Connect::new(context.clone(), Arc::clone(&identities)));
        crate::organisation::ensure_root(&context).await?;
        let desired = Desired::new(context.clone());
        let alarms = Alarms::default();
        let push_certificates = PushCertificates::new(context.clone(), Arc::clone(&push), alarms.clone());
        push_certificates.load().await?;
        // One process owns the database: whoever held a lease is gone.
        context.store.tx("take_back_leases", |tx| Ok::<_, Error>(store::Job::take_back_leases(tx)?)).await?;
        Ok(Self {
            checkins: Arc::new(Checkins::new(context.clone(), Arc::clone(&identities))),
            connect,
            scep: Arc::new(Scep::new(context.clone(), Arc::clone(&authorities))),
            operators: Arc::new(Operators::new(context.clone())),
            tokens: Arc::new(Tokens::new(context.clone())),
            idempotency: Arc::new(Idempotency::new(context.clone())),
            commands: Arc::new(Commands::new(context.clone())),
            deliveries: Arc::new(Deliveries::new(context.clone())),
            desired: Arc::new(desired.clone()),
            devices: Arc::new(Devices::new(context.clone())),
            escrow: Arc::new(Escrow::new(context.clone())),
            sealing: Arc::new(Sealing::new(context.clone())),
            links: Arc::new(Links::new(context.clone())),
            organisation: Arc::new(Organisation::new(context.clone(), desired.clone())),
            network: Arc::new(Network::new(context.clone(), Arc::clone(&authorities))),
            push_certificates: Arc::new(push_certificates),
            device_certificates: Arc::new(DeviceCertificates::new(context.clone(), Arc::clone(&identities))),
            audit: Arc::new(Audit::new(context.clone())),
            rollouts: Arc::new(Rollouts::new(context.clone())),
            groups: Arc::new(Groups::new(context.clone(), desired)),
            streams: Arc::new(Streams::new(context.clone())),
            health: Arc::new(Health::new(context.clone(), Arc::clone(&authorities), alarms.clone())),
            push_worker: PushWorker::new(context.clone(), push, alarms),
            quarantine: Arc::new(Quarantine::new(context.clone(), Arc::clone(&identities))),
            identities,
            authorities,
            enrollments,
            renewals,
            context,
        })
    }

    /// Starts the work between requests. It ends soon after `stop` is cancelled; the tracker waits for it.
    pub fn spawn_workers(&self, stop: &CancellationToken) -> TaskTracker {
        let tracker = TaskTracker::new();
        tracker.spawn(self.push_worker.clone().run(stop.clone()));
        tracker.spawn(self.groups.evaluator().run(stop.clone()));
        tracker.spawn(self.scheduler().run(stop.clone()));
        tracker.spawn(self.desired.reconciler().run(stop.clone()));
        tracker.spawn(self.sealing.resealer().run(stop.clone()));
        tracker.spawn(self.escrow.rotator().run(stop.clone()));
        tracker.spawn(Arc::clone(&self.streams).run(stop.clone()));
        let (stop, events) = (stop.clone(), self.context.events.clone());
        tracker.spawn(async move {
            stop.cancelled().await;
            events.close();
        });
        tracker.close();
        tracker
    }

    /// What happens without anybody asking, to be run in rounds.
    #[must_use]
    pub fn scheduler(&self) -> Scheduler {
        Scheduler::new(self.context.clone(), Arc::clone(&self.renewals), Arc::clone(&self.quarantine))
    }
}
