//! What Ward does in a second, beside the bare HTTP stack on the same machine in the same run.
//!
//! `scripts/bench` starts it. The load comes from wrk (one thread), the certificate in a header over plain HTTP as behind a
//! proxy that ends TLS. Figures are medians over the rounds; the ratio is taken round by round.

mod bare;
mod load;
mod machine;
mod rows;

use std::sync::Arc;

use anyhow::{Context, Result};
use simulator::{Fleet, FleetSpec, ProfileSource};
use tests::{WardProcess, World, WorldOptions};

use load::Device;
use machine::CpuTime;

/// Enrolled devices.
const DEVICES: usize = 500;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Runtime::new()?;
    match arguments.iter().position(|argument| argument == "bare") {
        Some(at) => {
            let port = arguments.get(at + 1).context("bare needs a port")?.parse()?;
            runtime.block_on(bare::serve(port))
        }
        // `cargo test --benches` starts benchmarks as well; there is nothing to assert about time.
        None if !arguments.iter().any(|argument| argument == "--bench") => Ok(()),
        None => runtime.block_on(bench(&arguments)),
    }
}

async fn bench(arguments: &[String]) -> Result<()> {
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let (rounds, seconds) = if quick { (1, 2) } else { (5, 5) };
    println!("{}", machine::describe());
    println!("{rounds} rounds of {seconds} s, {DEVICES} devices, SQLite with synchronous=FULL\n");
    let mut world = World::prepare(WorldOptions::default()).await?;
    let devices = enroll(&world).await?;
    behind_a_proxy(&mut world)?;
    let ward = WardProcess::start(&world).await?;
    let port = world.config.devices.listen.port();
    let bare = bare::Bare::start().await?;
    let mut table = rows::Table::default();
    // Idle polls first, all rounds of them: the other rows leave commands behind, and a device for which one waits is not idle.
    for round in 0..rounds {
        for connections in [4, 16, 64] {
            let script = load::idle_script(world.folder.path(), &devices)?;
            let plain = load::run(bare.port, bare.id(), connections, seconds, &script)?;
            let polls = load::run(port, ward.id(), connections, seconds, &script)?;
            table.add(&format!("idle polls, {connections} connections"), &polls, &plain);
        }
        eprintln!("idle polls: round {} of {rounds} done", round + 1);
    }
    for round in 0..rounds {
        for connections in [16, 64] {
            let script = load::results_script(&world, &devices, seconds).await?;
            let plain = load::run(bare.port, bare.id(), connections, seconds, &script)?;
            let results = load::run(port, ward.id(), connections, seconds, &script)?;
            load::enough_results(&results)?;
            let row = format!("results, each with the next command, {connections} connections");
            table.add(&row, &results, &plain);
        }
        eprintln!("results: round {} of {rounds} done", round + 1);
    }
    table.print();
    println!("\nresident memory of ward: {} MB", machine::resident_megabytes(ward.id())?);
    Ok(())
}

/// Enrols the devices over TLS and SCEP, and prints how long that took.
async fn enroll(world: &World) -> Result<Vec<Device>> {
    let mut ward = WardProcess::start(world).await?;
    world.install_push_certificate().await?;
    let link = world.api.link("corporate").await?;
    let spec = FleetSpec { enroll_at_once: 16, ..FleetSpec::demo().scaled_to(DEVICES) };
    let fleet = Arc::new(Fleet::new(spec, &world.network));
    let (began, cpu) = (std::time::Instant::now(), CpuTime::of(ward.id())?);
    let enrolled = fleet.enroll(&ProfileSource::Url(format!("{link}/profile")), |_| ()).await?;
    let (took, cpu) = (began.elapsed().as_secs_f64(), CpuTime::of(ward.id())?.since(cpu));
    #[expect(clippy::cast_precision_loss, reason = "a few hundred devices")]
    let count = enrolled as f64;
    println!(
        "enrolments (profile, SCEP, Authenticate, TokenUpdate over TLS; devices share the machine): \
         {:.0}/s, {:.0} per core-second of the server\n",
        count / took,
        count / cpu
    );
    // The questions that follow an enrolment are answered, so that nothing is pending.
    for _ in 0..2 {
        fleet.poll_all().await;
    }
    ward.terminate()?;
    let devices = fleet.devices().iter().filter_map(|device| {
        Some(Device { udid: device.snapshot().udid, certificate: device.identity_certificate()? })
    });
    Ok(devices.collect())
}

/// Turns the devices' door into one behind a proxy that ends TLS.
fn behind_a_proxy(world: &mut World) -> Result<()> {
    let path = world.config_file();
    let text = std::fs::read_to_string(&path)?;
    let proxied =
        "[devices]\nplain_http = true\ntrusted_proxies = [\"127.0.0.1\"]\nconnections_per_address = 10000\n";
    std::fs::write(&path, text.replace("[devices]\n", proxied))?;
    world.config = ward::config::Config::load(&path)?;
    Ok(())
}
