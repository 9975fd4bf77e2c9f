//! `ward network …`: who may join the hospital's network, and who no longer.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use super::Options;
use super::client::{Client, segment};
use super::device::show_items;
use super::output::{Column, at, print_fields, print_heading, print_items, print_json, print_text, remark};

const IDENTITIES: &[Column] = &[
    ("state", "state"),
    ("issued", "issued_at"),
    ("until", "not_after"),
    ("revoked", "revoked_at"),
    ("why", "revoked_reason"),
    ("by", "revoked_by"),
    ("subject", "subject"),
    ("serial", "serial"),
    ("device", "device_id"),
];

#[derive(Debug, Subcommand)]
pub(super) enum NetworkCommand {
    /// Show how devices get into the network, and what RADIUS has to know.
    Status,
    /// Make the network authority now, so that RADIUS can be told of it before the first device asks.
    Init,
    /// Print the certificates of the network authorities (PEM), for RADIUS to trust.
    Certificates,
    /// List the identities that devices have for the network.
    List {
        /// Only of this device: serial number, UDID or id.
        #[arg(long)]
        device: Option<String>,
        /// Only revoked ones.
        #[arg(long)]
        revoked: bool,
        /// At most so many.
        #[arg(long, default_value_t = 1000)]
        limit: usize,
    },
    /// Show what one device has.
    Show {
        /// Serial number, UDID or id.
        device: String,
    },
    /// Withdraw a device's access: it is on the revocation list within a minute. It stays enrolled and can be managed.
    Revoke {
        /// Serial number, UDID or id.
        device: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Give a device's access back: it gets a new identity when its profile is sent again.
    Restore {
        /// Serial number, UDID or id.
        device: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Make a new network authority that issues from now on. RADIUS has to trust it before devices renew.
    Roll {
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

pub(super) fn run(command: NetworkCommand, options: &Options) -> Result<ExitCode> {
    let client = Client::new(options)?;
    match command {
        NetworkCommand::Status => print_network(&client.get("/api/v1/network")?, options),
        NetworkCommand::Init => {
            print_network(&client.post("/api/v1/network/prepare", &json!({}))?.1, options);
        }
        NetworkCommand::Roll { reason } => {
            let (_, network) = client.post("/api/v1/network/roll", &json!({ "reason": reason }))?;
            print_network(&network, options);
        }
        NetworkCommand::Certificates => {
            let network = client.get("/api/v1/network")?;
            let pem = at(&network, "certificates_pem").as_str().unwrap_or_default();
            if options.json {
                print_json(at(&network, "certificates_pem"));
            } else if pem.is_empty() {
                remark("There is no network authority yet. 'ward network init' makes it.");
            } else {
                print_text(pem.trim_end());
            }
        }
        NetworkCommand::List { device, revoked, limit } => {
            let filter = [("device", device.as_deref()), ("revoked", revoked.then_some("true"))];
            let items = client.list("/api/v1/network/identities", &filter, limit)?;
            show_items(options, &items, IDENTITIES, "No device has an identity for the network.");
        }
        NetworkCommand::Show { device } => {
            print_access(&client.get(&format!("/api/v1/devices/{}/network", segment(&device)))?, options);
        }
        NetworkCommand::Revoke { device, reason } => {
            let path = format!("/api/v1/devices/{}/network/revoke", segment(&device));
            print_access(&client.post(&path, &json!({ "reason": reason }))?.1, options);
        }
        NetworkCommand::Restore { device, reason } => {
            let path = format!("/api/v1/devices/{}/network/restore", segment(&device));
            print_access(&client.post(&path, &json!({ "reason": reason }))?.1, options);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_network(network: &Value, options: &Options) {
    if options.json {
        return print_json(network);
    }
    print_fields(
        network,
        &[
            ("SCEP", "scep_url"),
            ("Revocation list", "list_url"),
            ("All lists (PEM)", "lists_url"),
            ("Days valid", "identity_days"),
            ("Valid identities", "valid"),
            ("Devices withdrawn", "withdrawn"),
        ],
    );
    print_heading("Authorities");
    let authorities = at(network, "authorities").as_array().cloned().unwrap_or_default();
    let columns = [
        ("issues", "active"),
        ("subject", "subject"),
        ("until", "not_after"),
        ("fingerprint", "fingerprint"),
    ];
    print_items(&authorities, &columns, "  none yet: made at the first use, or by 'ward network init'");
}

fn print_access(access: &Value, options: &Options) {
    if options.json {
        return print_json(access);
    }
    print_fields(access, &[("Serial number", "serial_number"), ("Name", "name"), ("Device", "device_id")]);
    let withdrawn = at(access, "withdrawn");
    if withdrawn.is_null() {
        print_heading("Access to the network is not withdrawn.");
    } else {
        print_heading("Access to the network is withdrawn");
        print_fields(withdrawn, &[("Why", "reason"), ("Note", "note"), ("Since", "since"), ("By", "by")]);
    }
    print_heading("Identities");
    let identities = at(access, "identities").as_array().cloned().unwrap_or_default();
    let columns = IDENTITIES.split_last().map_or(IDENTITIES, |(_, columns)| columns);
    print_items(&identities, columns, "  none");
}
