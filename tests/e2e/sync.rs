//! What the kernel is asked for before an answer leaves: the write-ahead log is synced between the last write and the reply.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::json;
use simulator::Model;
use tests::{WardProcess, World, WorldOptions, ward_program};

use crate::support::is_missing;

/// Requests of an operator, one after the other.
const REQUESTS: usize = 20;

/// Whether processes may be traced here.
fn may_trace() -> bool {
    let tried = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    let works = tried.is_ok_and(|status| status.success());
    assert!(
        works || std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "strace may not trace here, and this is CI"
    );
    if !works {
        println!("SKIPPED: strace may not trace here");
    }
    works
}

fn under_strace(world: &World, trace: &Path) -> Result<Command> {
    let mut command = Command::new("strace");
    command.args([
        "-f",
        "-qq",
        "-y",
        "-s",
        "48",
        "-e",
        "trace=pwrite64,recvfrom,read,write,writev,sendto,sendmsg,fsync,fdatasync",
        "-o",
    ]);
    command.arg(trace).arg(ward_program()?).arg("serve").arg("--config").arg(world.config_file());
    Ok(command)
}

/// What one line of a trace shows.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Asked,
    LogWritten,
    LogSynced,
    Answered,
    Other,
}

/// Reads a line. A call that another thread interrupted in the trace is counted when it ends, as its effect is sure only then.
fn step(line: &str, unfinished: &mut std::collections::BTreeMap<String, bool>) -> Step {
    let thread = line.split(' ').next().unwrap_or_default().to_owned();
    let is_sync = line.contains("fdatasync(") || line.contains("fsync(");
    if line.contains("<unfinished ...>") && is_sync {
        unfinished.insert(thread, line.contains("-wal>"));
        return Step::Other;
    }
    if line.contains("sync resumed>") && line.ends_with("= 0") {
        return if unfinished.remove(&thread) == Some(true) { Step::LogSynced } else { Step::Other };
    }
    if is_sync && line.contains("-wal>") && line.ends_with("= 0") {
        return Step::LogSynced;
    }
    if line.contains("pwrite64(") && line.contains("-wal>") {
        return Step::LogWritten;
    }
    if line.contains("\"POST /api/v1/commands") {
        return Step::Asked;
    }
    if line.contains("HTTP/1.1 201") { Step::Answered } else { Step::Other }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_synced_between_the_last_write_and_the_reply() -> Result<()> {
    if is_missing("strace") || !may_trace() {
        return Ok(());
    }
    let world = World::prepare(WorldOptions::default()).await?;
    let trace = world.folder.path().join("trace");
    let mut ward = WardProcess::start_command(&world, &mut under_strace(&world, &trace)?).await?;
    world.install_push_certificate().await?;
    let ipad = world.settled(Model::IPad, 1).await?;
    let body =
        json!({"targets": [ipad.snapshot().udid], "command": {"RequestType": "ProfileList"}, "push": false});
    for _ in 0..REQUESTS {
        let answer = world.api.post("/api/v1/commands", &body).await?;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    ward.terminate_wrapped()?;
    let text = std::fs::read_to_string(&trace).context("there is no trace")?;
    // Since the request was read: whether the log was written, and then synced.
    let (mut asked, mut written, mut synced, mut answers) = (false, false, false, 0);
    let mut unfinished = std::collections::BTreeMap::new();
    for line in text.lines() {
        match step(line, &mut unfinished) {
            Step::Asked => (asked, written, synced) = (true, false, false),
            Step::LogWritten => written = true,
            Step::LogSynced => synced |= written,
            Step::Answered if asked => {
                assert!(synced, "answered before the log was written and synced: {line}");
                asked = false;
                answers += 1;
            }
            Step::Answered | Step::Other => {}
        }
    }
    assert!(answers >= REQUESTS, "only {answers} answers are in the trace");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_database_does_not_start() -> Result<()> {
    let world = World::start().await?;
    let output = Command::new(ward_program()?)
        .args(["serve", "--config"])
        .arg(world.config_file())
        .stdout(Stdio::null())
        .output()?;
    assert!(!output.status.success());
    let words = String::from_utf8_lossy(&output.stderr).to_lowercase();
    assert!(words.contains("another") || words.contains("lock") || words.contains("taken"), "{words}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_durability_of_the_database_is_among_the_checks_of_the_doctor() -> Result<()> {
    let world = World::start().await?;
    let checks = world.api.get("/api/v1/doctor").await?;
    let text = checks.body.to_string().to_lowercase();
    assert!(text.contains("synchronous") || text.contains("durab"), "{text}");
    Ok(())
}
