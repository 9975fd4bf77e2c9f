//! A process that is killed in the middle of its work loses nothing that it had acknowledged, and what it acknowledges
//! has been synced: kills alone would pass with `synchronous=OFF`, because the kernel keeps what was written.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "the helpers of a test may fail it")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use pki::seal::Sealer;
use store::{Error, Setting, Store, StoreOptions};

const FOLDER: &str = "STORE_KILL_TEST_FOLDER";
const ROUNDS: &str = "STORE_KILL_TEST_ROUNDS";
const WRITERS: usize = 4;

fn open(folder: &Path) -> Arc<Store> {
    let sealer = Arc::new(Sealer::new(Sealer::generate_master()));
    Store::open(StoreOptions::new(folder.join("ward.db")), sealer).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// This program again, as the process that is killed: it counts, and tells each number after its commit.
fn child(folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "counting", "--nocapture", "--test-threads=1"]).env(FOLDER, folder);
    command
}

#[test]
#[ignore = "run by the other tests of this file in a process of its own"]
fn counting() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = open(Path::new(&folder));
    // With a number of rounds one writer counts, so that nothing else is written while it is answered.
    let rounds: Option<u64> = std::env::var(ROUNDS).ok().map(|text| text.parse().unwrap());
    let count = if rounds.is_some() { 1 } else { WRITERS };
    runtime().block_on(async {
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..count {
            let store = Arc::clone(&store);
            writers.spawn(async move {
                for _ in 0..rounds.unwrap_or(u64::MAX) {
                    let count = store
                        .tx("count", move |tx| {
                            let name = format!("writer{writer}");
                            let before: u64 =
                                Setting::read(tx, &name)?.map_or(0, |text| text.parse().unwrap());
                            Setting::write(tx, &name, &(before + 1).to_string())?;
                            Ok::<_, Error>(before + 1)
                        })
                        .await
                        .unwrap();
                    let line = format!("acknowledged {writer} {count}\n");
                    if std::io::stdout().write_all(line.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
        writers.join_next().await;
    });
}

/// Reads what the child acknowledges until it has said `enough`, kills it, and reads the rest.
fn acknowledged(mut running: Child, enough: usize) -> [u64; WRITERS] {
    let mut newest = [0; WRITERS];
    let (mut lines, mut killed) = (0, false);
    for line in BufReader::new(running.stdout.take().unwrap()).lines() {
        let Ok(line) = line else { break };
        let Some(rest) = line.split("acknowledged ").nth(1) else { continue };
        let mut words = rest.split(' ').map(str::parse::<u64>);
        if let (Some(Ok(writer)), Some(Ok(count))) = (words.next(), words.next()) {
            newest[usize::try_from(writer).unwrap()] = count;
            lines += 1;
        }
        if lines >= enough && !killed {
            running.kill().unwrap();
            killed = true;
        }
    }
    running.wait().unwrap();
    newest
}

#[test]
fn a_hundred_kills_lose_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = runtime();
    for round in 0..100 {
        let running = child(folder.path()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // From the very first commit to well into the load.
        let told = acknowledged(running, 1 + round * 7 % 200);
        let store = open(folder.path());
        let kept = runtime.block_on(async {
            let kept = store
                .read("counts", |c| {
                    let mut kept = [0; WRITERS];
                    for (writer, count) in kept.iter_mut().enumerate() {
                        let text = Setting::read(c, &format!("writer{writer}"))?;
                        *count = text.map_or(0, |text| text.parse::<u64>().unwrap());
                    }
                    Ok::<_, Error>(kept)
                })
                .await
                .unwrap();
            store.close().await;
            kept
        });
        for (kept, told) in kept.into_iter().zip(told) {
            assert!(kept >= told, "round {round}: {told} was acknowledged, {kept} is there");
            assert!(kept <= told + 1 || told == 0, "round {round}: a writer is never more than one ahead");
        }
    }
}

#[test]
fn the_log_is_synced_between_the_last_write_and_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let counting = child(folder.path());
    let mut traced = Command::new("strace");
    traced
        .args(["-f", "-qq", "-y", "-s", "64", "-e", "trace=pwrite64,write,fdatasync,fsync", "-o"])
        .arg(&trace);
    traced.arg(counting.get_program()).args(counting.get_args()).env(FOLDER, folder.path()).env(ROUNDS, "50");
    let Ok(status) = traced.stdout(Stdio::null()).stderr(Stdio::null()).status() else {
        println!("skipped: there is no strace here to watch the syncs");
        return;
    };
    if !status.success() {
        println!("skipped: strace may not trace here");
        return;
    }
    // What has happened to the log since the last answer: written, then synced.
    let (mut written, mut synced, mut answers) = (false, false, 0);
    for line in std::fs::read_to_string(&trace).unwrap().lines() {
        if line.contains("pwrite64(") && line.contains("ward.db-wal>") {
            (written, synced) = (true, false);
        } else if (line.contains("fdatasync") || line.contains("fsync")) && line.ends_with("= 0") {
            synced = true;
        } else if line.contains("\"acknowledged ") {
            assert!(written && synced, "answered before the log was synced: {line}");
            (written, synced) = (false, false);
            answers += 1;
        }
    }
    assert_eq!(answers, 50);
}
