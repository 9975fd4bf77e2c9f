//! `ward demo`: a server, a simulated Apple and two dozen simulated devices in one process, to see Ward work.
//!
//! Nothing here is a short cut: the devices enrol with links made over the API, and are woken by the simulated push service.

mod hospital;
mod stage;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use clock::{Clock, SystemClock};
use indicatif::{ProgressBar, ProgressStyle};
use simulator::apple::SimulatedApple;
use simulator::{Fleet, FleetSpec, Model, Network, NetworkOptions, ProfileSource};
use tokio_util::sync::CancellationToken;

use crate::cli::{print_text, remark};
use crate::serve::Server;
use stage::Stage;

/// What `ward demo` can be told.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The folder of the demo; what an earlier demo left there is removed.
    #[arg(long, default_value = "ward-demo", value_name = "FOLDER")]
    pub folder: PathBuf,
    /// How many devices.
    #[arg(long, default_value_t = 24)]
    pub devices: usize,
    /// Port of the devices' door; another free one is taken if this is not.
    #[arg(long, default_value_t = 8443)]
    pub devices_port: u16,
    /// Port of the operators' door; another free one is taken if this is not.
    #[arg(long, default_value_t = 8080)]
    pub operators_port: u16,
    /// End as soon as all devices are enrolled and have told about themselves.
    #[arg(long)]
    pub once: bool,
}

/// The file that marks a folder as a demo's, which may be removed.
const MARK: &str = ".ward-demo";

/// Runs the demo until Ctrl-C.
///
/// # Errors
/// The folder is somebody else's, a port is not to be had, or no device enrols.
pub fn run(args: DemoArgs) -> Result<()> {
    clear_folder(&args.folder)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the run time")?;
    runtime.block_on(demo(args))
}

async fn demo(args: DemoArgs) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let apple = SimulatedApple::new(Arc::clone(&clock))?;
    let apns = apple.start_apns(([127, 0, 0, 1], 0).into()).await?;
    remark(&format!("1/4  A simulated Apple push service answers at {}:{}", apns.host(), apns.port()));
    let stage = Stage::build(&args, &apple, apns.port(), Arc::clone(&clock)).await?;
    let server = Server::start(stage.config.clone(), clock).await?;
    remark(&format!("2/4  Ward serves devices at {}", stage.config.devices.public_url));
    let topic = stage.install_push_certificate(&apple).await?;
    remark(&format!("3/4  A push certificate for {topic} is installed"));
    hospital::build(&stage).await?;
    let network = Network::new(NetworkOptions {
        roots_pem: stage.tls_root()?,
        registry: Some(apple.registry()),
        ..NetworkOptions::default()
    })?;
    let fleet = Arc::new(Fleet::new(FleetSpec::demo().scaled_to(args.devices), &network));
    enroll(&fleet, &stage).await?;
    hospital::place(&stage, &placed(&fleet)).await?;
    let stop = CancellationToken::new();
    let (living, ending) = (Arc::clone(&fleet), stop.clone());
    let lives = tokio::spawn(async move { living.run(&ending).await });
    let known = stage.wait_until_known(fleet.devices().len()).await?;
    remark(&format!("     {known} of them have told Ward what they are"));
    print_text(&summary(&fleet, &stage));
    if !args.once {
        tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")?;
        remark("\nStopping");
    }
    stop.cancel();
    lives.await?;
    server.stop().await;
    Ok(())
}

/// Every device opens a link and installs the profile that it leads to.
async fn enroll(fleet: &Fleet, stage: &Stage) -> Result<()> {
    let (corporate, shared) = (stage.link("corporate").await?, stage.link("shared").await?);
    let devices = fleet.devices();
    let bar = ProgressBar::new(u64::try_from(devices.len()).unwrap_or(u64::MAX));
    bar.set_style(ProgressStyle::with_template("4/4  {bar:30} {pos}/{len} devices enrolled  {msg}")?);
    let source = |index: usize| {
        let is_shared = devices.get(index).is_some_and(|device| device.spec().model == Model::SharedIPad);
        ProfileSource::Url(format!("{}/profile", if is_shared { &shared } else { &corporate }))
    };
    let enrolled = fleet
        .enroll_each(source, |progress| {
            bar.set_position(u64::try_from(progress.enrolled).unwrap_or(u64::MAX));
            match progress.error {
                Some(error) => bar.println(format!("     {} could not enrol: {error}", progress.device)),
                None => bar.set_message(progress.device),
            }
        })
        .await?;
    bar.finish_and_clear();
    remark(&format!("4/4  {enrolled} devices enrolled over TLS and SCEP"));
    Ok(())
}

/// The devices with a serial number, and whether each is one person's.
fn placed(fleet: &Fleet) -> Vec<(String, bool)> {
    let devices = fleet.devices().iter();
    devices.map(|device| (device.snapshot().serial_number, device.spec().model == Model::IPhone)).collect()
}

/// What there is to see, and three things to try on devices that are really there.
fn summary(fleet: &Fleet, stage: &Stage) -> String {
    let serial = |model: Model, nth: usize| {
        let mut of_model = fleet.devices().iter().filter(|device| device.spec().model == model);
        of_model.nth(nth).map_or_else(|| "SERIAL".to_owned(), |device| device.snapshot().serial_number)
    };
    let program = std::env::args().next().unwrap_or_else(|| "ward".to_owned());
    let access = match stage.access_file.as_path() == Path::new("ward-demo/access.toml") {
        true => String::new(),
        false => format!(" --access {}", stage.access_file.display()),
    };
    let (ipad, iphone, plain) = (serial(Model::IPad, 0), serial(Model::IPhone, 0), serial(Model::IPhone, 1));
    let ward = format!("{program}{access}");
    format!(
        "\nWard is running.\n\
         \n  operators   {operators}   (API: {operators}/api/v1/openapi.json)\
         \n  devices     {devices}\
         \n  token       in {access_file}\n\
         \nIn a second terminal, try:\n\
         \n  {ward} device list\
         \n  {ward} place list\n\
         \n  # an iPad is lost: it goes into Lost Mode and says whom to call\
         \n  {ward} command send --type EnableLostMode --device {ipad} Message='Please call St. Example' PhoneNumber=+44123456 --wait\n\
         \n  # an iPhone is erased for the next patient and comes back by itself; the evidence says how that is known\
         \n  {ward} command send --type EraseDevice --device {iphone} --return-to-service --reason 'next patient' --wait\
         \n  {ward} device show {iphone}\n\
         \n  # a plain erase: without Automated Device Enrollment this one stays in Setup Assistant, and Ward never says more than it knows\
         \n  {ward} command send --type EraseDevice --device {plain} --reason 'retired' --wait\n\
         \nCtrl-C ends it.\n",
        operators = stage.config.operators.public_url,
        devices = stage.config.devices.public_url,
        access_file = stage.access_file.display(),
    )
}

/// Makes the folder, or empties that of an earlier demo.
fn clear_folder(folder: &Path) -> Result<()> {
    if folder.exists() {
        let empty = std::fs::read_dir(folder)?.next().is_none();
        if !empty && !folder.join(MARK).exists() {
            bail!("{} is not the folder of a demo; choose another with --folder", folder.display());
        }
        std::fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    std::fs::write(folder.join(MARK), "The folder of a demo of Ward; the next demo removes it.\n")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_a_demos_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();
        assert!(clear_folder(folder.path()).is_err());
        assert!(folder.path().join("thesis.txt").exists());
    }

    #[test]
    fn the_folder_of_an_earlier_demo_is_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let demo = folder.path().join("demo");
        clear_folder(&demo).unwrap();
        std::fs::write(demo.join("old"), "").unwrap();
        clear_folder(&demo).unwrap();
        assert!(!demo.join("old").exists());
    }
}
