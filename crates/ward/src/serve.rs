//! `ward serve`: wiring, the two doors, signals, and a clean end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use apple_client::{ApnsClient, ApnsSettings, Push};
use clap::Args;
use clock::{Clock, SystemClock};
use http::{HeaderName, HeaderValue};
use http_admin::AdminServices;
use http_device::{CertificateHeader, DeviceServices, DoorSettings};
use pki::Certificate;
use pki::seal::Sealer;
use service::{Services, Settings};
use store::{Store, StoreOptions};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, DevicesConfig, PushConfig};
use crate::listener::{Limits, Listener, ServerTls, TlsFiles};
use crate::paths::Paths;
use crate::{figures, logging, sinks};

/// Stands in every answer of the devices' door, so that 'ward doctor' can tell it from the answer of a proxy.
pub(crate) const DOOR_HEADER: &str = "x-ward-door";
/// How long requests in flight may take to finish when the server stops.
const GRACE: Duration = Duration::from_secs(20);
/// How often the certificate files are looked at.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(30);

/// What `ward serve` can be told.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The configuration file that 'ward init' made.
    #[arg(long, default_value = "ward.toml", value_name = "FILE", env = "WARD_CONFIG")]
    pub config: PathBuf,
}

/// Runs the server until it is told to stop.
///
/// # Errors
/// The configuration is wrong, the database does not open or does not keep what it is given, a port is taken.
pub fn run(args: &ServeArgs) -> Result<()> {
    crate::memory::keep_private();
    let config = Config::load(&args.config)?;
    logging::start(&config.log)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the run time")?;
    runtime.block_on(async {
        let server = Server::start(config, Arc::new(SystemClock)).await?;
        stop_signal().await?;
        tracing::info!("Stopping: no new connections, requests in flight finish");
        server.stop().await;
        tracing::info!("Stopped");
        Ok(())
    })
}

/// A running server.
pub struct Server {
    /// Where devices reach it.
    pub devices: SocketAddr,
    /// Where operators reach it.
    pub operators: SocketAddr,
    /// Its services.
    pub services: Arc<Services>,
    store: Arc<Store>,
    stop: CancellationToken,
    doors: Vec<JoinHandle<()>>,
    workers: TaskTracker,
}

impl Server {
    /// Opens the database, starts the services and opens both doors.
    ///
    /// # Errors
    /// As [`run`].
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Self> {
        let (sealer, source, key) = crate::key_source::open(&config)?;
        let sealer = Arc::new(sealer);
        let store = open_store(&config, &sealer).await?;
        let push = push_client(&config.push)?;
        let services = Services::start(settings(&config), Arc::clone(&store), clock, sealer, push)
            .await
            .context("cannot start the services")?;
        let (plans, settings) = sinks::plans(&config, &services.context.clock)?;
        services.streams.configure(plans, settings).await.context("cannot take the sinks")?;
        let services = Arc::new(services);
        services.sealing.keep_key_at(Arc::new(source), key).await.context("cannot wrap the data keys")?;
        let stop = CancellationToken::new();
        let workers = services.spawn_workers(&stop);
        let (devices, operators) = bind(&config, &services).await?;
        let (device_address, operator_address) = (devices.0.local_address()?, operators.0.local_address()?);
        tracing::info!(
            door.devices = %device_address, door.operators = %operator_address,
            "Serving devices at {} and operators at {}", config.devices.public_url, config.operators.public_url
        );
        let mut doors = Vec::new();
        for (listener, tls, router) in [devices, operators] {
            if let Some(tls) = tls {
                doors.push(tokio::spawn(watch_certificate(tls, stop.clone())));
            }
            doors.push(tokio::spawn(listener.serve(router, stop.clone(), GRACE)));
        }
        Ok(Self {
            devices: device_address,
            operators: operator_address,
            services,
            store,
            stop,
            doors,
            workers,
        })
    }

    /// Takes no more requests, finishes those in flight, stops the workers and closes the database.
    pub async fn stop(self) {
        self.stop.cancel();
        for door in self.doors {
            if let Err(error) = door.await {
                tracing::error!(%error, "A door ended badly");
            }
        }
        self.workers.wait().await;
        self.store.close().await;
    }
}

type Door = (Listener, Option<Arc<ServerTls>>, axum::Router);

/// The devices' door and the operators' door.
async fn bind(config: &Config, services: &Arc<Services>) -> Result<(Door, Door)> {
    let devices = &config.devices;
    let load = || {
        ServerTls::load(TlsFiles {
            certificate: devices.certificate.clone(),
            key: devices.key.clone(),
            client_authorities: client_authorities(services),
        })
    };
    let tls = if devices.plain_http { None } else { Some(Arc::new(load()?)) };
    let limits = Limits {
        handshake: Duration::from_secs(devices.handshake_seconds),
        headers: Duration::from_secs(devices.headers_seconds),
        request: Duration::from_secs(devices.body_seconds),
        idle: Duration::from_secs(devices.idle_seconds),
        connections: devices.connections,
        per_address: devices.connections_per_address,
        per_device: devices.connections_per_device,
        proxies: door_settings(devices)?.trusted_proxies,
    };
    let listener = Listener::bind(devices.listen, tls.clone(), limits.clone()).await?;
    let device_door = (
        listener,
        tls,
        marked(http_device::router(DeviceServices::from(&**services), door_settings(devices)?)),
    );
    let operators = &config.operators;
    let tls = match (&operators.certificate, &operators.key) {
        (Some(certificate), Some(key)) => Some(Arc::new(ServerTls::load(TlsFiles {
            certificate: certificate.clone(),
            key: key.clone(),
            client_authorities: Box::new(Vec::new),
        })?)),
        _ => None,
    };
    let listener = Listener::bind(operators.listen, tls.clone(), limits).await?;
    let router = http_admin::router(AdminServices::new(services, figures::start()));
    Ok((device_door, (listener, tls, router)))
}

fn client_authorities(services: &Arc<Services>) -> Box<dyn Fn() -> Vec<Vec<u8>> + Send + Sync> {
    let authorities = Arc::clone(&services.authorities);
    Box::new(move || authorities.current().certificates().iter().map(|one| one.der().to_vec()).collect())
}

fn marked(router: axum::Router) -> axum::Router {
    router.layer(axum::middleware::map_response(|mut response: axum::response::Response| async move {
        response.headers_mut().insert(DOOR_HEADER, HeaderValue::from_static("devices"));
        response
    }))
}

fn door_settings(devices: &DevicesConfig) -> Result<DoorSettings> {
    let networks = devices.trusted_proxies.iter().map(|network| {
        network.parse().map_err(|_| {
            anyhow!("devices.trusted_proxies: '{network}' is no address like 10.20.0.5 or 10.20.1.0/24")
        })
    });
    let name = HeaderName::from_bytes(devices.certificate_header.as_bytes()).with_context(|| {
        format!("devices.certificate_header: '{}' is no header", devices.certificate_header)
    })?;
    let format = devices.certificate_header_format.parse().map_err(|_| {
        anyhow!(
            "devices.certificate_header_format: '{}' is none of rfc9440, nginx, traefik, alb, haproxy",
            devices.certificate_header_format
        )
    })?;
    let trusted_proxies: Vec<_> = networks.collect::<Result<_>>()?;
    let certificate_header = (!trusted_proxies.is_empty()).then_some(CertificateHeader { name, format });
    Ok(DoorSettings { trusted_proxies, certificate_header })
}

/// The trial root, if the devices' door shows a certificate of it: devices then need it in their profile.
fn tls_anchors(config: &Config) -> Vec<Vec<u8>> {
    let chain = |path: &Path| {
        let pem = std::fs::read(path).unwrap_or_default();
        Certificate::chain_from_pem(&pem).unwrap_or_default()
    };
    let shown = chain(&config.devices.certificate);
    let roots = chain(&Paths::new(config).tls_root);
    roots
        .iter()
        .filter(|root| shown.iter().any(|one| one.der() == root.der()))
        .map(|root| root.der().to_vec())
        .collect()
}

fn settings(config: &Config) -> Settings {
    let hours = |hours: u32| Duration::from_secs(u64::from(hours) * 3600);
    let minutes = |minutes: u32| Duration::from_secs(u64::from(minutes) * 60);
    Settings {
        public_url: config.devices.public_url.clone(),
        organization: config.organization.clone(),
        identity_days: config.enrollment.identity_days,
        network_identity_days: config.enrollment.network_identity_days,
        challenge_repeat: minutes(config.enrollment.challenge_minutes),
        allow_single_des: config.enrollment.allow_single_des,
        allow_personal_links: config.enrollment.allow_personal_links,
        split_check_in: config.devices.split_check_in,
        tls_anchors: tls_anchors(config),
        push_expiration: hours(config.push.expiration_hours),
        repush_after: minutes(config.push.repush_minutes),
        refresh_every: hours(config.inventory.refresh_hours),
        clinical_apps: config.profiles.clinical_apps.clone(),
        max_auto_lock_minutes: config.profiles.max_auto_lock_minutes,
        ..Settings::default()
    }
}

fn push_client(config: &PushConfig) -> Result<Arc<dyn Push>> {
    let roots = config.roots.as_ref().map(|path| {
        std::fs::read(path).with_context(|| format!("cannot read the roots for push in {}", path.display()))
    });
    let settings = ApnsSettings {
        host: config.host.clone(),
        port: config.port,
        roots_pem: roots.transpose()?,
        ..ApnsSettings::default()
    };
    Ok(Arc::new(ApnsClient::new(settings)))
}

/// Opens the embedded database of a configuration.
///
/// # Errors
/// It does not open, another process has it, or it would not keep what it is given.
pub async fn open_store(config: &Config, sealer: &Arc<Sealer>) -> Result<Arc<Store>> {
    let path = Paths::new(config).database;
    let options = StoreOptions { reader_threads: config.database.readers, ..StoreOptions::new(&path) };
    let sealer = Arc::clone(sealer);
    tokio::task::spawn_blocking(move || Store::open(options, sealer))
        .await?
        .with_context(|| format!("cannot open the database {}", path.display()))
}

async fn watch_certificate(tls: Arc<ServerTls>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(CERTIFICATE_CHECK)).await.is_some() {
        match tls.reload_if_changed() {
            Ok(true) => tracing::info!("Reads its TLS certificate anew"),
            Ok(false) => {}
            Err(error) => {
                tracing::error!(%error, "The new TLS certificate is not usable; the old one stays in use")
            }
        }
    }
}

async fn stop_signal() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
