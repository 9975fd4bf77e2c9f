//! `ward device …`: what the devices are and what is known of them.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use super::Options;
use super::client::{Client, segment};
use super::output::{Column, at, print_fields, print_heading, print_items, print_json, remark, text_at};

const FACTS: &[Column] = &[
    ("fact", "key"),
    ("value", "value"),
    ("observed", "observed_at"),
    ("from", "source"),
    ("command", "command_uuid"),
];

#[derive(Debug, Subcommand)]
pub(super) enum DeviceCommand {
    /// The list, the file, the past.
    #[command(flatten)]
    Inventory(super::inventory::InventoryCommand),
    /// Show one device: its enrolments, channels, pending commands and facts with their age.
    Show {
        /// Serial number, UDID or id.
        device: String,
    },
    /// What was known of a device, now or at a past moment.
    Facts {
        /// Serial number, UDID or id.
        device: String,
        /// The moment, as 2026-11-23T13:00:00Z.
        #[arg(long)]
        at: Option<String>,
        /// Only facts whose name contains this.
        #[arg(long)]
        key: Option<String>,
    },
    /// What a device should have: each profile with what was sent, what was seen, and why.
    Items {
        /// Serial number, UDID or id.
        device: String,
    },
    /// List the secrets kept for a device (never their values).
    Secrets {
        /// Serial number, UDID or id.
        device: String,
    },
    /// Show one secret, for example the PIN of a locked Mac. This is recorded.
    Reveal {
        /// The secret's id, from 'ward device secrets'.
        secret: String,
        /// Why you need it.
        #[arg(long)]
        reason: String,
    },
    /// Where it is, whose it is, what it is labelled with.
    #[command(flatten)]
    Placing(super::placing::PlacingCommand),
    /// Wake devices, so that they fetch what waits for them.
    Push {
        /// Serial numbers, UDIDs or ids.
        #[arg(required = true)]
        devices: Vec<String>,
    },
}

pub(super) fn run(command: DeviceCommand, options: &Options) -> Result<ExitCode> {
    let command = match command {
        DeviceCommand::Placing(command) => return super::placing::run(command, options),
        DeviceCommand::Inventory(command) => return super::inventory::run(command, options),
        other => other,
    };
    let client = Client::new(options)?;
    match command {
        DeviceCommand::Placing(_) | DeviceCommand::Inventory(_) => {}
        DeviceCommand::Show { device } => {
            let detail = client.get(&format!("/api/v1/devices/{}", segment(&device)))?;
            if options.json { print_json(&detail) } else { print_device(&detail) }
        }
        DeviceCommand::Facts { device, at, key } => {
            let at = at.map(|at| format!("?at={}", segment(&at))).unwrap_or_default();
            let facts = client.get(&format!("/api/v1/devices/{}/facts{at}", segment(&device)))?;
            let mut items = facts.as_array().cloned().unwrap_or_default();
            items.retain(|fact| key.as_ref().is_none_or(|key| text_at(fact, "key").contains(key)));
            show_items(options, &items, FACTS, "Nothing is known.");
        }
        DeviceCommand::Items { device } => super::uploaded::show_device_items(&client, &device, options)?,
        DeviceCommand::Secrets { device } => {
            let secrets = client.get(&format!("/api/v1/devices/{}/secrets", segment(&device)))?;
            let columns = [
                ("id", "id"),
                ("kind", "kind"),
                ("since", "created_at"),
                ("from", "source"),
                ("old", "from_before"),
                ("shown", "reveals"),
                ("changed since", "rotation"),
            ];
            show_items(
                options,
                secrets.as_array().map_or(&[], Vec::as_slice),
                &columns,
                "No secret is kept.",
            );
        }
        DeviceCommand::Reveal { secret, reason } => {
            let path = format!("/api/v1/secrets/{}/reveal", segment(&secret));
            let (_, shown) = client.post(&path, &json!({ "reason": reason }))?;
            if options.json {
                print_json(&shown)
            } else {
                print_fields(&shown, &[("kind", "kind"), ("value", "value")]);
                remark(&after_reveal(&shown));
            }
        }
        DeviceCommand::Push { devices } => {
            let (_, answer) = client.post("/api/v1/push", &json!({ "targets": devices }))?;
            if options.json {
                print_json(&answer);
            } else {
                let count = |key: &str| at(&answer, key).as_array().map_or(0, Vec::len);
                remark(&format!("{} woken, {} refused", count("queued"), count("refused")));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What happens to a value that somebody has seen.
fn after_reveal(shown: &Value) -> String {
    let again = match at(shown, "earlier").as_u64() {
        Some(count) if count > 0 => format!(" It had been shown {count} times before."),
        _ => String::new(),
    };
    let then = match text_at(shown, "rotation").as_str() {
        "due" => format!("Ward changes it on the device by {}.", text_at(shown, "rotate_by")),
        _ => format!("It is not changed: {}.", text_at(shown, "detail")),
    };
    format!("This is on record with your reason.{again} {then}")
}

/// Items as JSON or as a table.
pub(super) fn show_items(options: &Options, items: &[Value], columns: &[Column], nothing: &str) {
    if options.json {
        print_json(&Value::Array(items.to_vec()));
    } else {
        print_items(items, columns, nothing);
    }
}

fn print_device(detail: &Value) {
    let items = |key: &str| detail[key].as_array().cloned().unwrap_or_default();
    print_fields(
        at(detail, "device"),
        &[
            ("Name", "name"),
            ("Serial number", "serial_number"),
            ("UDID", "udid"),
            ("Model", "model_name"),
            ("Product", "product_name"),
            ("OS", "os_version"),
            ("Supervised", "supervised"),
            ("Lost Mode", "lost_mode"),
            ("Ownership", "ownership"),
            ("Owner", "owner"),
            ("Place", "place.name"),
            ("Last seen", "last_seen_at"),
        ],
    );
    let labels = items("labels");
    if !labels.is_empty() {
        print_heading("Labels");
        print_items(&labels, &[("label", "name"), ("value", "value"), ("since", "set_at")], "");
    }
    print_heading("Enrolments");
    let enrollments = [
        ("epoch", "epoch"),
        ("state", "state"),
        ("since", "authenticated_at"),
        ("enrolled", "enrolled_at"),
        ("ended", "ended_at"),
        ("why", "end_reason"),
    ];
    print_items(&items("enrollments"), &enrollments, "  none");
    print_heading("Channels");
    let channels = [
        ("kind", "kind"),
        ("key", "key"),
        ("push", "push"),
        ("pending", "pending"),
        ("last seen", "last_seen_at"),
    ];
    print_items(&items("channels"), &channels, "  none");
    print_heading("Pending");
    let pending =
        [("command", "request_type"), ("state", "wording"), ("since", "state_at"), ("uuid", "command_uuid")];
    print_items(&items("pending"), &pending, "  nothing");
    print_heading("Facts");
    print_items(&items("facts"), FACTS, "  nothing is known yet");
    for note in items("notes") {
        print_heading(&format!("Note: {}", note.as_str().unwrap_or_default()));
    }
}
