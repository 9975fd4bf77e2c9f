//! The list of services, and how they are started.

use std::sync::Arc;

use clock::Clock;
use gate::Gate;
use pki::seal::Sealer;
use store::Store;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::authorities::Authorities;
use crate::checkin::Checkins;
use crate::connect::Connect;
use crate::enrollment::Enrollments;
use crate::events::EventBus;
use crate::identity::Identities;
use crate::renewal::Renewals;
use crate::scep::Scep;
use crate::{Context, Error, Settings};

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
    /// The renewal of identities.
    pub renewals: Arc<Renewals>,
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
        let authorities = Arc::new(Authorities::load(&context).await?);
        let enrollments = Arc::new(Enrollments::new(context.clone(), Arc::clone(&authorities)));
        let renewals = Arc::new(Renewals::new(context.clone(), Arc::clone(&authorities)));
        let identities = Arc::new(Identities::new(context.clone(), Arc::clone(&authorities)));
        let connect =
            Arc::new(Connect::new(context.clone(), Arc::clone(&identities), Arc::clone(&authorities)));
        Ok(Self {
            checkins: Arc::new(Checkins::new(context.clone(), Arc::clone(&identities))),
            connect,
            scep: Arc::new(Scep::new(context.clone(), Arc::clone(&authorities))),
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
        tracker.close();
        tracker
    }
}
