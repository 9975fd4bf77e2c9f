//! Looking on: events, the audit trail, identities, and who knocks without being known.

use std::io::{BufRead, BufReader};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::{Value, json};

use super::Options;
use super::client::{Client, segment};
use super::device::show_items;
use super::output::{print_json, print_text, remark, text_at};

#[derive(Debug, Subcommand)]
pub(super) enum WatchCommand {
    /// Show what happens, as it happens. Ctrl-C ends it.
    Events {
        /// Only these types, with commas between, such as device.enrolled,command.acknowledged.
        #[arg(long)]
        types: Option<String>,
    },
    /// Show what was done, by whom, newest first.
    Audit {
        /// Only this action.
        #[arg(long)]
        action: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show who knocks without being welcome: unknown devices and doubtful enrolments.
    Quarantine,
    /// List device identities, or revoke one.
    #[command(subcommand)]
    Identity(IdentityCommand),
    /// The authority that issues device identities: look at it, or begin a new one.
    #[command(subcommand)]
    Authority(AuthorityCommand),
    /// Show the work between requests: what waits, what is being done, what failed for good and waits for a person.
    Jobs {
        /// Only this state: ready, leased, dead.
        #[arg(long)]
        state: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum AuthorityCommand {
    /// List the authorities: the one that issues, and older ones that are still trusted.
    List,
    /// Make a new authority that issues from now on. Devices move to it as they renew; nothing is cut off.
    Roll {
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum IdentityCommand {
    /// List the certificates issued to devices.
    List {
        /// Only those that end within so many days.
        #[arg(long)]
        expiring_days: Option<u32>,
    },
    /// Revoke one. The device is refused from then on and keeps what it has.
    Revoke {
        /// The identity's id.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

pub(super) fn run(command: WatchCommand, options: &Options) -> Result<ExitCode> {
    let client = Client::new(options)?;
    match command {
        WatchCommand::Events { types } => events(&client, types.as_deref(), options)?,
        WatchCommand::Audit { action, limit } => {
            let items = client.list("/api/v1/audit-events", &[("action", action.as_deref())], limit)?;
            let columns = [
                ("time", "at"),
                ("who", "actor"),
                ("action", "action"),
                ("class", "class"),
                ("target", "target"),
                ("detail", "detail"),
            ];
            show_items(options, &items, &columns, "Nothing is recorded.");
        }
        WatchCommand::Quarantine => {
            let items = client.list("/api/v1/quarantine", &[], 1000)?;
            let columns = [
                ("kind", "kind"),
                ("device", "apple_id"),
                ("why", "reason"),
                ("times", "count"),
                ("first seen", "first_seen_at"),
                ("last seen", "last_seen_at"),
            ];
            show_items(options, &items, &columns, "Nobody is in quarantine.");
        }
        WatchCommand::Authority(command) => authority(&client, command, options)?,
        WatchCommand::Identity(IdentityCommand::List { expiring_days }) => {
            let days = expiring_days.map(|days| days.to_string());
            let items = client.list("/api/v1/identities", &[("expiring_days", days.as_deref())], 1000)?;
            let columns = [
                ("subject", "subject"),
                ("state", "state"),
                ("until", "not_after"),
                ("last seen", "last_seen_at"),
                ("enrolment", "enrollment_id"),
                ("id", "id"),
            ];
            show_items(options, &items, &columns, "No identity has been issued.");
        }
        WatchCommand::Identity(IdentityCommand::Revoke { id, reason }) => {
            let path = format!("/api/v1/identities/{}/revoke", segment(&id));
            let (_, identity) = client.post(&path, &json!({ "reason": reason }))?;
            if options.json { print_json(&identity) } else { remark("Revoked.") }
        }
        WatchCommand::Jobs { state } => {
            let items = client.list("/api/v1/jobs", &[("state", state.as_deref())], 1000)?;
            let columns = [
                ("job", "kind"),
                ("for", "key"),
                ("state", "state"),
                ("tries", "attempts"),
                ("why", "last_error"),
                ("due", "run_at"),
            ];
            show_items(options, &items, &columns, "There is no work between requests.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn authority(client: &Client, command: AuthorityCommand, options: &Options) -> Result<()> {
    let authorities = match command {
        AuthorityCommand::List => client.get("/api/v1/authorities")?,
        AuthorityCommand::Roll { reason } => {
            client.post("/api/v1/authorities/roll", &json!({ "reason": reason }))?.1
        }
    };
    let columns = [("subject", "subject"), ("issues", "active"), ("until", "not_after"), ("id", "id")];
    show_items(options, authorities.as_array().map_or(&[], Vec::as_slice), &columns, "There is none.");
    Ok(())
}

fn events(client: &Client, types: Option<&str>, options: &Options) -> Result<()> {
    let query = types.map(|types| format!("?types={}", segment(types))).unwrap_or_default();
    let lines = BufReader::new(client.stream(&format!("/api/v1/events{query}"))?).lines();
    for line in lines {
        let line = line.context("the stream of events has ended")?;
        let Some(event) =
            line.strip_prefix("data:").and_then(|data| serde_json::from_str::<Value>(data.trim()).ok())
        else {
            continue;
        };
        if options.json {
            print_text(&event.to_string());
        } else {
            let parts =
                ["at", "type", "device_id", "command_uuid", "detail"].map(|path| text_at(&event, path));
            print_text(&parts.join("  "));
        }
    }
    Ok(())
}
