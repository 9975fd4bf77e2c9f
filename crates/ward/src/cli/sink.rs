//! `ward sink …`: systems that are told what happens, and how far each has been told.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use notify_client::SigningSecrets;
use serde_json::{Value, json};

use super::Options;
use super::client::{Client, segment};
use super::device::show_items;
use super::output::{Column, at, print_fields, print_json, print_text, remark};

#[derive(Debug, Subcommand)]
pub(super) enum SinkCommand {
    /// List the sinks, and how far each has been told.
    List,
    /// Show one.
    Show {
        /// Its name.
        name: String,
    },
    /// Send it a test message now.
    Test {
        /// Its name.
        name: String,
    },
    /// Tell it again what it was told before, from somewhere on.
    Replay {
        /// Its name.
        name: String,
        /// The number of an event, or a time like 2026-11-23T13:00:00Z.
        #[arg(long)]
        from: String,
        /// Why; it is recorded.
        #[arg(long)]
        reason: String,
    },
    /// Leave out the event at which it stands. The event is kept: a replay tells it.
    Skip {
        /// Its name.
        name: String,
        /// The number of that event, as 'ward sink show' says.
        #[arg(long)]
        event: i64,
        /// Why; it is recorded.
        #[arg(long)]
        reason: String,
    },
    /// Make a secret for a webhook's secret_files. Works without a server.
    Secret {
        /// The file that is made.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

const COLUMNS: [Column; 8] = [
    ("name", "name"),
    ("kind", "kind"),
    ("target", "target"),
    ("state", "state"),
    ("told until", "last_seq"),
    ("waiting", "waiting"),
    ("behind, s", "lag_seconds"),
    ("heard", "heard_at"),
];

const FIELDS: [(&str, &str); 15] = [
    ("name", "name"),
    ("kind", "kind"),
    ("target", "target"),
    ("state", "state"),
    ("wants", "kinds"),
    ("witness", "witness"),
    ("told until", "last_seq"),
    ("waiting", "waiting"),
    ("behind, seconds", "lag_seconds"),
    ("heard", "heard_at"),
    ("last heartbeat", "heartbeat_at"),
    ("failures", "failures"),
    ("goes wrong", "last_error"),
    ("next try", "next_try_at"),
    ("left out", "skipped"),
];

pub(super) fn run(command: SinkCommand, options: &Options) -> Result<ExitCode> {
    if let SinkCommand::Secret { out } = command {
        return make_secret(&out).map(|()| ExitCode::SUCCESS);
    }
    let client = Client::new(options)?;
    let order = |name: &str, word: &str, body: Value| -> Result<Value> {
        Ok(client.post(&format!("/api/v1/sinks/{}/{word}", segment(name)), &body)?.1)
    };
    let shown = match command {
        SinkCommand::List => {
            let items = client.get("/api/v1/sinks")?.as_array().cloned().unwrap_or_default();
            let none = "Nobody is told what happens. Sinks are added in the configuration (docs/streams.md).";
            show_items(options, &items, &COLUMNS, none);
            return Ok(ExitCode::SUCCESS);
        }
        SinkCommand::Test { name } => {
            let tried = order(&name, "test", json!({}))?;
            return Ok(show_test(&name, &tried, options));
        }
        SinkCommand::Show { name } => client.get(&format!("/api/v1/sinks/{}", segment(&name)))?,
        SinkCommand::Replay { name, from, reason } => {
            let start = match from.parse::<i64>() {
                Ok(seq) => json!({ "from_seq": seq, "reason": reason }),
                Err(_) => json!({ "from_time": from, "reason": reason }),
            };
            order(&name, "replay", start)?
        }
        SinkCommand::Skip { name, event, reason } => {
            order(&name, "skip", json!({ "seq": event, "reason": reason }))?
        }
        SinkCommand::Secret { .. } => return Ok(ExitCode::SUCCESS),
    };
    if options.json {
        print_json(&shown);
        return Ok(ExitCode::SUCCESS);
    }
    print_fields(&shown, &FIELDS);
    let next = at(&shown, "next");
    if let Some(seq) = next.get("seq").and_then(Value::as_i64) {
        let kind = next.get("kind").and_then(Value::as_str).unwrap_or_default();
        print_text(&format!("\nIt stands at event {seq}, {kind}."));
    }
    Ok(ExitCode::SUCCESS)
}

fn show_test(name: &str, tried: &Value, options: &Options) -> ExitCode {
    let taken = at(tried, "taken").as_bool().unwrap_or_default();
    if options.json {
        print_json(tried);
    } else if taken {
        remark(&format!("{name} took the test message."));
    } else {
        remark(&format!("{name} did not take it: {}", at(tried, "error").as_str().unwrap_or_default()));
    }
    if taken { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn make_secret(out: &PathBuf) -> Result<()> {
    ensure!(!out.exists(), "{} is there already; a secret is not overwritten", out.display());
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(out)
        .with_context(|| format!("cannot make {}", out.display()))?;
    file.write_all(SigningSecrets::generate().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    remark(&format!(
        "Made {}. Name it in secret_files of the sink, and give its line to the receiver on a safe way.",
        out.display()
    ));
    Ok(())
}
