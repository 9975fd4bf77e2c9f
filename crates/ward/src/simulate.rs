//! `ward simulate`: simulated devices against any server that speaks the protocol.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use clock::SystemClock;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use simulator::apple::SimulatedApple;
use simulator::{Fleet, FleetSpec, Network, NetworkOptions, ProfileSource};
use tokio_util::sync::CancellationToken;

use crate::cli::{print_json, print_text, remark};

/// What `ward simulate` can be told.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// The address of an enrolment profile: a link's address followed by /profile, or any server's.
    #[arg(long, value_name = "URL", required_unless_present = "profile", conflicts_with = "profile")]
    pub server: Option<String>,
    /// A file with an enrolment profile instead.
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// How many devices.
    #[arg(long, default_value_t = 24)]
    pub devices: usize,
    /// A file that describes the devices: see crates/simulator/README.md. [default: a mix of all kinds]
    #[arg(long, value_name = "FILE")]
    pub fleet: Option<PathBuf>,
    /// The first device's seed: the same seed makes the same devices.
    #[arg(long)]
    pub seed: Option<u64>,
    /// A PEM file with roots that the devices trust beside those of this machine.
    #[arg(long, value_name = "FILE")]
    pub roots: Option<PathBuf>,
    /// RSA keys that the devices share; 0 makes one for each, which takes long for thousands.
    #[arg(long, default_value_t = 16)]
    pub shared_keys: usize,
    /// Run a simulated push service here, which wakes the devices. The server must use it as its APNs.
    #[arg(long, value_name = "ADDRESS")]
    pub apns: Option<SocketAddr>,
    /// Where to write the root and a push certificate of the simulated push service.
    #[arg(long, value_name = "FOLDER", requires = "apns", default_value = ".")]
    pub apns_folder: PathBuf,
    /// Seconds between two polls of a device that nobody wakes.
    #[arg(long, default_value_t = 60)]
    pub poll_seconds: u64,
    /// End after so many seconds; without, Ctrl-C ends it.
    #[arg(long)]
    pub seconds: Option<u64>,
}

/// Enrols the devices and lets them live.
///
/// # Errors
/// No device enrols, or a file cannot be read.
pub fn run(args: &SimulateArgs, as_json: bool) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the run time")?;
    runtime.block_on(simulate(args, as_json))
}

async fn simulate(args: &SimulateArgs, as_json: bool) -> Result<()> {
    let apple = SimulatedApple::new(Arc::new(SystemClock))?;
    let _apns = match args.apns {
        Some(address) => Some(start_push_service(args, &apple, address).await?),
        None => None,
    };
    let read =
        |path: &PathBuf| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let network = Network::new(NetworkOptions {
        roots_pem: args.roots.as_ref().map(read).transpose()?.unwrap_or_default(),
        system_roots: true,
        registry: Some(apple.registry()),
        shared_keys: args.shared_keys,
        ..NetworkOptions::default()
    })?;
    let fleet = Arc::new(Fleet::new(spec(args)?, &network));
    let source = match (&args.server, &args.profile) {
        (Some(url), _) => ProfileSource::Url(url.clone()),
        (None, Some(path)) => ProfileSource::Bytes(read(path)?),
        (None, None) => bail!("name --server or --profile"),
    };
    let bar = ProgressBar::new(u64::try_from(fleet.devices().len()).unwrap_or(u64::MAX));
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} enrolled  {per_sec}  {msg}")?);
    let enrolled = fleet
        .enroll(&source, |progress| {
            bar.set_position(u64::try_from(progress.enrolled).unwrap_or(u64::MAX));
            if let Some(error) = progress.error {
                bar.println(format!("{} could not enrol: {error}", progress.device));
            }
        })
        .await?;
    bar.finish_and_clear();
    remark(&format!("{enrolled} devices are enrolled and wait for pushes; Ctrl-C ends them"));
    let stop = CancellationToken::new();
    let (living, ending) = (Arc::clone(&fleet), stop.clone());
    let lives = tokio::spawn(async move { living.run(&ending).await });
    match args.seconds {
        Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
        None => tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")?,
    }
    stop.cancel();
    lives.await?;
    let summary = json!(fleet.summary());
    if as_json {
        print_json(&summary);
    } else {
        let lines =
            summary.as_object().into_iter().flatten().map(|(key, value)| format!("{key:<16} {value}"));
        print_text(&lines.collect::<Vec<_>>().join("\n"));
    }
    Ok(())
}

fn spec(args: &SimulateArgs) -> Result<FleetSpec> {
    let mut spec = match &args.fleet {
        Some(path) => {
            let text =
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            FleetSpec::from_toml(&text)?
        }
        None => FleetSpec::demo(),
    };
    if args.fleet.is_none() || args.devices != 24 {
        spec = spec.scaled_to(args.devices);
    }
    spec.seed = args.seed.unwrap_or(spec.seed);
    for group in &mut spec.groups {
        group.poll_seconds = args.poll_seconds;
    }
    Ok(spec)
}

async fn start_push_service(
    args: &SimulateArgs,
    apple: &SimulatedApple,
    address: SocketAddr,
) -> Result<simulator::apple::SimulatedApns> {
    let apns = apple.start_apns(address).await?;
    let issued = apple.issue_push_certificate(1, 365)?;
    let (root, push) = (args.apns_folder.join("apns-roots.pem"), args.apns_folder.join("push.pem"));
    std::fs::write(&root, apple.ca_pem()).with_context(|| format!("cannot write {}", root.display()))?;
    crate::init::write_private(&push, &issued.pem)?;
    remark(&format!(
        "A simulated push service answers at {}:{}. Its root is in {}, a push certificate for {} in {}.",
        apns.host(),
        apns.port(),
        root.display(),
        issued.topic,
        push.display()
    ));
    Ok(apns)
}
