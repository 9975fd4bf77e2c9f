//! A Ward in this process, with a simulated Apple.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result};
use clock::{Clock, SystemClock};
use secrecy::ExposeSecret;
use serde_json::json;
use simulator::apple::{SimulatedApns, SimulatedApple};
use simulator::{DeviceSpec, Model, Network, NetworkOptions, ProfileSource, SimulatedDevice};
use tempfile::TempDir;
use ward::config::Config;
use ward::init::InitArgs;
use ward::listener::free_port;
use ward::paths::Paths;
use ward::serve::Server;

use crate::Api;

/// How a [`World`] is to be.
pub struct WorldOptions {
    /// Changes the configuration before the first start.
    pub configure: fn(&mut Config),
    /// The server's clock.
    pub clock: Arc<dyn Clock>,
    /// Whether the authority is on P-256.
    pub elliptic: bool,
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self { configure: |_| (), clock: Arc::new(SystemClock), elliptic: false }
    }
}

/// A server, Apple's push service, and the network between them and the devices.
pub struct World {
    /// Holds the server's data.
    pub folder: TempDir,
    /// The server's configuration.
    pub config: Config,
    /// The running server, if it runs in this process.
    pub server: Option<Server>,
    /// The operators' API.
    pub api: Api,
    /// The first operator's token.
    pub token: String,
    /// The simulated Apple.
    pub apple: SimulatedApple,
    /// Its push service.
    pub apns: SimulatedApns,
    /// What simulated devices need to reach the server and to be woken.
    pub network: Arc<Network>,
    /// The server's clock.
    pub clock: Arc<dyn Clock>,
}

/// A free port that no other world of this process gets, and that the system gives to no outgoing connection.
fn port() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 60).unwrap_or(0) * 200;
    for _ in 0..200 {
        let wanted = first + NEXT.fetch_add(1, Ordering::Relaxed) % 600;
        if free_port(wanted)? == wanted {
            return Ok(wanted);
        }
    }
    free_port(0)
}

impl World {
    /// Starts a server with everything as usual.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start() -> Result<Self> {
        Self::start_with(WorldOptions::default()).await
    }

    /// Starts a server and installs a push certificate.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start_with(options: WorldOptions) -> Result<Self> {
        let mut world = Self::prepare(options).await?;
        world.start_server().await?;
        world.install_push_certificate().await?;
        Ok(world)
    }

    /// Makes everything but starts no server: see [`World::start_server`] and [`crate::WardProcess`].
    ///
    /// # Errors
    /// Something cannot be made.
    pub async fn prepare(options: WorldOptions) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let apple = SimulatedApple::new(Arc::clone(&options.clock))?;
        let apns = apple.start_apns(([127, 0, 0, 1], 0).into()).await?;
        let apns_port = apns.port();
        std::fs::write(folder.path().join("apple.pem"), apple.ca_pem())?;
        let (devices, operators) = (port()?, port()?);
        let args = InitArgs {
            config: folder.path().join("ward.toml"),
            organization: "St. Example Hospital".to_owned(),
            public_url: format!("https://localhost:{devices}"),
            operators_url: format!("http://localhost:{operators}"),
            authority: None,
            authority_key: None,
            sealing_key: ward::init::KeyArgs::default(),
            elliptic: options.elliptic,
        };
        let text = format!(
            "organization = \"{}\"\ndata = \"data\"\n[devices]\nlisten = \"127.0.0.1:{devices}\"\npublic_url = \"{}\"\n\
             [operators]\nlisten = \"127.0.0.1:{operators}\"\npublic_url = \"{}\"\n\
             [push]\nhost = \"localhost\"\nport = {apns_port}\nroots = \"apple.pem\"\n[log]\nlevel = \"warn\"\n",
            args.organization, args.public_url, args.operators_url
        );
        std::fs::write(&args.config, text)?;
        let mut config = Config::load(&args.config)?;
        (options.configure)(&mut config);
        let access = ward::init::initialize(&config, &args, Arc::clone(&options.clock)).await?;
        let roots_pem = std::fs::read(Paths::new(&config).tls_root)?;
        let network = Network::new(NetworkOptions {
            roots_pem,
            registry: Some(apple.registry()),
            shared_keys: 4,
            clock: Arc::clone(&options.clock),
            ..NetworkOptions::default()
        })?;
        let token = access.token.expose_secret().to_owned();
        let api = Api::new(&access.server, &token);
        Ok(Self { folder, config, server: None, api, token, apple, apns, network, clock: options.clock })
    }

    /// Starts the server in this process.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start_server(&mut self) -> Result<()> {
        self.server = Some(Server::start(self.config.clone(), Arc::clone(&self.clock)).await?);
        Ok(())
    }

    /// Stops the server as a signal would.
    pub async fn stop_server(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    /// Stops and starts the server: what it knew only in memory is gone.
    ///
    /// # Errors
    /// It does not start again.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop_server().await;
        self.start_server().await
    }

    /// A device out of the box, in this world.
    #[must_use]
    pub fn device(&self, spec: DeviceSpec) -> SimulatedDevice {
        SimulatedDevice::new(spec, Arc::clone(&self.network))
    }

    /// A device that has enrolled by a link of its own.
    ///
    /// # Errors
    /// It could not.
    pub async fn enrolled(&self, spec: DeviceSpec) -> Result<SimulatedDevice> {
        let device = self.device(spec);
        let link = self.api.link("corporate").await?;
        device.enroll(&ProfileSource::Url(format!("{link}/profile"))).await?;
        Ok(device)
    }

    /// A usual device of this model that has enrolled and answered the first questions.
    ///
    /// # Errors
    /// It could not.
    pub async fn settled(&self, model: Model, seed: u64) -> Result<SimulatedDevice> {
        let device = self.enrolled(DeviceSpec::new(model, seed)).await?;
        let session = device.poll().await?;
        anyhow::ensure!(
            session.complete,
            "the device did not finish its first session: {:?}",
            device.snapshot().problems
        );
        Ok(device)
    }

    /// The address of the devices' door, without a slash at the end.
    #[must_use]
    pub fn door(&self) -> &str {
        &self.config.devices.public_url
    }

    /// Installs a push certificate of the simulated Apple over the API.
    ///
    /// # Errors
    /// The server refuses it.
    pub async fn install_push_certificate(&self) -> Result<String> {
        let issued = self.apple.issue_push_certificate(1, 365)?;
        let pem = String::from_utf8(issued.pem.to_vec())?;
        let answer = self.api.post("/api/v1/push-certificates", &json!({"pem": pem})).await?;
        anyhow::ensure!(answer.status == 201, "the push certificate was not installed: {answer:?}");
        Ok(issued.topic)
    }

    /// The server's configuration file.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("ward.toml")
    }

    /// The root of the server's TLS certificate, PEM.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn tls_root(&self) -> Result<PathBuf> {
        let path = Paths::new(&self.config).tls_root;
        path.exists().then_some(path).context("there is no trial root")
    }
}
