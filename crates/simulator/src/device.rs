//! A simulated device: what it is, what it remembers, and what a test or a person may do with it.

mod command;
mod declarations;
mod effects;
mod enroll;
mod faults;
mod hardware;
mod install;
mod live;
mod messages;
mod profile;
mod scep;
mod session;
mod spec;
mod state;
mod user;
mod wire;

use std::sync::Arc;

use anyhow::Result;
use parking_lot::Mutex;
use pki::{Authority, AuthorityKind, NewCertificate, PrivateKey, Usage};
use tokio::sync::{Notify, OnceCell};
use tokio_util::sync::CancellationToken;

use crate::dice::Dice;
use crate::network::Network;
use crate::web::{Identity, Web};
use faults::Faults;
use hardware::Hardware;
use state::{Enrolment, State};

pub use command::MacPasswords;
pub use effects::{InstalledProfile, WifiNetwork};
pub use faults::Fault;
pub use spec::{DeviceSpec, IdentityMode, Model, ProfileSource, ProxyHeader, ScepForm, SignatureForm};
pub use state::{Counts, DeviceState, ExecutedCommand, LockMessage, LostMode, Phase};

/// A handle to one simulated device. Clones are handles to the same device.
#[derive(Clone)]
pub struct SimulatedDevice(Arc<Device>);

/// What a session with the server came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Session {
    /// Commands answered, on all channels.
    pub commands: u64,
    /// Whether everything was sent and accepted.
    pub complete: bool,
}

/// The device behind the handles.
pub(crate) struct Device {
    pub(crate) spec: DeviceSpec,
    pub(crate) network: Arc<Network>,
    pub(crate) web: Web,
    pub(crate) state: Mutex<State>,
    pub(crate) faults: Mutex<Faults>,
    /// An identity taken from another device, shown in place of the own one.
    pub(crate) stolen: Mutex<Option<Identity>>,
    /// How the device comes back after an erase, until it has.
    pub(crate) comeback: Mutex<Option<enroll::Comeback>>,
    /// The key that was made for a challenge, as long as the enrolment with it has not succeeded: another attempt is
    /// the same transaction.
    pub(crate) attempt: Mutex<Option<(Option<String>, PrivateKey)>>,
    /// Rings at a push and when the user does something that matters.
    pub(crate) bell: Arc<Notify>,
    /// One talk with the server at a time.
    pub(crate) talking: tokio::sync::Mutex<()>,
    own_making: OnceCell<Identity>,
}

impl SimulatedDevice {
    /// A device as it comes out of the box.
    #[must_use]
    pub fn new(spec: DeviceSpec, network: Arc<Network>) -> Self {
        let mut dice = Dice::new(spec.seed);
        let hardware = Hardware::new(&spec, &mut dice);
        let state = State::new(dice, hardware, &spec);
        Self(Arc::new(Device {
            web: Web::new(Arc::clone(&network)),
            state: Mutex::new(state),
            faults: Mutex::default(),
            stolen: Mutex::new(None),
            comeback: Mutex::new(None),
            attempt: Mutex::new(None),
            bell: Arc::default(),
            talking: tokio::sync::Mutex::new(()),
            own_making: OnceCell::new(),
            spec,
            network,
        }))
    }

    /// Installs an enrolment profile as its user would: SCEP, `Authenticate`, `TokenUpdate`, and what the profile's
    /// `ServerCapabilities` add to that.
    ///
    /// # Errors
    /// When any step fails; the device is then not enrolled and may try again.
    pub async fn enroll(&self, source: &ProfileSource) -> Result<()> {
        let _talk = self.0.talking.lock().await;
        let result = self.0.enroll_from(source, false).await;
        self.0.finish(result).await
    }

    /// Goes through Setup Assistant with the enrolment of [`DeviceSpec::automated`].
    ///
    /// # Errors
    /// When it has none, or as [`enroll`](Self::enroll).
    pub async fn set_up(&self) -> Result<()> {
        let Some(source) = self.0.spec.automated.clone() else {
            anyhow::bail!("the device is in nobody's Automated Device Enrollment")
        };
        let _talk = self.0.talking.lock().await;
        let result = self.0.enroll_from(&source, true).await;
        self.0.finish(result).await
    }

    /// Asks the server for commands on all channels and obeys them until there are none. An erased device that has
    /// a way back takes it first.
    ///
    /// # Errors
    /// When the server cannot be reached; what it answers shows in the state instead.
    pub async fn poll(&self) -> Result<Session> {
        let _talk = self.0.talking.lock().await;
        let result = self.0.poll_all().await;
        self.0.finish(result).await
    }

    /// Lives until cancelled: wakes at each push, polls on its own schedule, comes back after an erase.
    pub async fn run(&self, cancel: &CancellationToken) {
        self.0.live(cancel).await;
    }

    /// What the device looks like now.
    #[must_use]
    pub fn snapshot(&self) -> DeviceState {
        self.0.state.lock().snapshot()
    }

    /// The serial number, as it stands on the back.
    #[must_use]
    pub fn serial_number(&self) -> String {
        self.0.state.lock().hardware.serial.clone()
    }

    /// The installed profiles, the enrolment profile among them.
    #[must_use]
    pub fn profiles(&self) -> Vec<InstalledProfile> {
        self.0.state.lock().installed()
    }

    /// The Wi-Fi networks that profiles brought, each with the certificate that the device would present there.
    #[must_use]
    pub fn networks(&self) -> Vec<WifiNetwork> {
        self.0.state.lock().networks()
    }

    /// How often the device answered commands of a type with a status. Cheaper than a picture of a whole device.
    #[must_use]
    pub fn answered(&self, request_type: &str, status: &str) -> u64 {
        let state = self.0.state.lock();
        state.commands.get(request_type).and_then(|counts| counts.get(status)).copied().unwrap_or(0)
    }

    /// The identity certificate of the present enrolment, DER: for a load generator that shows it in a header.
    #[must_use]
    pub fn identity_certificate(&self) -> Option<Vec<u8>> {
        self.0.state.lock().enrolment.as_ref().map(|one| one.identity.certificate.der().to_vec())
    }

    /// The device's description.
    #[must_use]
    pub fn spec(&self) -> &DeviceSpec {
        &self.0.spec
    }

    /// Adds faults; see [`Fault`] for how long each lasts.
    pub fn with_faults(&self, faults: impl IntoIterator<Item = Fault>) {
        let mut own = self.0.faults.lock();
        for fault in faults {
            own.add(fault);
        }
    }

    /// From now on shows the certificate of `other` in place of its own, or its own again.
    pub fn show_identity_of(&self, other: Option<&Self>) {
        let identity =
            other.and_then(|other| other.0.state.lock().enrolment.as_ref().map(|one| one.identity.clone()));
        *self.0.stolen.lock() = identity;
    }
}

impl Device {
    /// After a talk: closes the connection unless it is to be kept, and remembers what went wrong.
    async fn finish<T>(&self, result: Result<T>) -> Result<T> {
        if !self.spec.keep_alive {
            self.web.close().await;
        }
        if let Err(error) = &result {
            self.state.lock().note(format!("{error:#}"));
        }
        result
    }

    /// The device's clock, in its own opinion.
    pub(crate) fn now(&self) -> clock::Timestamp {
        let skew = self.faults.lock().clock_skew.saturating_mul(1000);
        clock::Timestamp::from_millis(self.network.clock.now().as_millis().saturating_add(skew))
    }

    /// An identity that no server has issued.
    pub(crate) async fn own_making(&self) -> Result<Identity> {
        let now = self.network.clock.now();
        let make = || async {
            let authority = Authority::create(AuthorityKind::P256, "Nobody's CA", now, 30)?;
            let key = PrivateKey::generate_p256()?;
            let certificate = authority.issue(&NewCertificate {
                public_key_der: key.public_key_der()?,
                subject: vec![("CN".to_owned(), "Not of your making".to_owned())],
                not_before: now,
                not_after: now + std::time::Duration::from_secs(30 * 86_400),
                usage: Usage::Client,
                serial: None,
            })?;
            Ok(Identity { certificate, key })
        };
        self.own_making.get_or_try_init(make).await.cloned()
    }
}
