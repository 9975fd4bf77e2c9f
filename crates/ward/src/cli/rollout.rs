//! `ward rollout …`: profiles that carry the network, ring by ring.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use super::Options;
use super::client::{Client, segment};
use super::device::show_items;
use super::output::{Column, print_fields, print_json, remark};

#[derive(Debug, Subcommand)]
pub(super) enum RolloutCommand {
    /// List the rollouts, the newest first.
    List,
    /// Show a rollout.
    Show {
        /// Its id.
        id: String,
    },
    /// Stop a rollout: nobody gets the profile any more.
    Halt {
        /// Its id.
        id: String,
        /// Why; it is recorded.
        #[arg(long)]
        reason: String,
    },
    /// Go on after a halt. Devices that fell silent do not count any more.
    Resume {
        /// Its id.
        id: String,
    },
    /// Open the next ring now.
    Advance {
        /// Its id.
        id: String,
    },
    /// Put the version before back in force, on every device at once.
    Rollback {
        /// Its id.
        id: String,
    },
}

const COLUMNS: [Column; 9] = [
    ("profile", "profile"),
    ("version", "profile_version"),
    ("state", "state"),
    ("ring", "ring_name"),
    ("devices", "devices"),
    ("sent", "sent"),
    ("confirmed", "confirmed"),
    ("started", "started_at"),
    ("id", "id"),
];

pub(super) fn run(command: RolloutCommand, options: &Options) -> Result<ExitCode> {
    let client = Client::new(options)?;
    let order = |id: &str, word: &str, body: Value| -> Result<Value> {
        Ok(client.post(&format!("/api/v1/rollouts/{}/{word}", segment(id)), &body)?.1)
    };
    let shown = match command {
        RolloutCommand::List => {
            let items = client.list("/api/v1/rollouts", &[], 1_000)?;
            show_items(options, &items, &COLUMNS, "Nothing that carries the network was rolled out.");
            return Ok(ExitCode::SUCCESS);
        }
        RolloutCommand::Show { id } => client.get(&format!("/api/v1/rollouts/{}", segment(&id)))?,
        RolloutCommand::Halt { id, reason } => order(&id, "halt", json!({ "reason": reason }))?,
        RolloutCommand::Resume { id } => order(&id, "resume", json!({}))?,
        RolloutCommand::Advance { id } => order(&id, "advance", json!({}))?,
        RolloutCommand::Rollback { id } => {
            let shown = order(&id, "rollback", json!({}))?;
            if !options.json {
                remark(
                    "Taken back. What held before holds again; where nothing did, the profile is removed.",
                );
            }
            shown
        }
    };
    if options.json {
        print_json(&shown);
        return Ok(ExitCode::SUCCESS);
    }
    let fields = [
        ("profile", "profile"),
        ("version", "profile_version"),
        ("state", "state"),
        ("halted because", "halted_reason"),
        ("ring of 4", "ring"),
        ("ring", "ring_name"),
        ("devices", "devices"),
        ("waiting", "waiting"),
        ("sent", "sent"),
        ("heard again", "confirmed"),
        ("started", "started_at"),
        ("ring since", "ring_started_at"),
        ("ended", "ended_at"),
        ("assignment", "assignment_id"),
        ("id", "id"),
    ];
    print_fields(&shown, &fields);
    Ok(ExitCode::SUCCESS)
}
