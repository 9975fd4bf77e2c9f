//! `ward incident …` and `ward secret …`: what a person must look at, and the secrets that profiles refer to.

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

use super::Options;
use super::client::{Client, segment, usage};
use super::consent::Consent;
use super::device::show_items;
use super::output::{Column, print_fields, print_json};

const INCIDENTS: &[Column] = &[
    ("kind", "kind"),
    ("profile", "item_name"),
    ("what", "words"),
    ("since", "opened_at"),
    ("closed", "closed_at"),
    ("by", "closed_by"),
    ("device", "device"),
    ("id", "id"),
];

const SECRETS: &[Column] = &[("name", "name"), ("version", "version"), ("set", "set_at"), ("by", "set_by")];

#[derive(Debug, Subcommand)]
pub(super) enum IncidentCommand {
    /// List what is open.
    List {
        /// Closed ones too.
        #[arg(long)]
        all: bool,
        /// At most so many.
        #[arg(long, default_value_t = 1000)]
        limit: usize,
    },
    /// Close an incident: what it held back is tried again.
    Close {
        /// The incident's id.
        id: String,
        /// What was found, or why it may go on.
        #[arg(long)]
        reason: String,
        /// For the brake on removals: from how many more devices the profile may be removed within the hour.
        #[arg(long, value_name = "DEVICES")]
        allow: Option<i64>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum SecretCommand {
    /// List the named secrets (never their values).
    List,
    /// Set a secret that profiles refer to by its name. The value is read from standard input, without its line's end.
    Set {
        /// The name.
        name: String,
        #[command(flatten)]
        consent: Consent,
    },
}

pub(super) fn run(command: IncidentCommand, options: &Options) -> Result<ExitCode> {
    let client = Client::new(options)?;
    match command {
        IncidentCommand::List { all, limit } => {
            let items = client.list("/api/v1/incidents", &[("all", all.then_some("true"))], limit)?;
            show_items(options, &items, INCIDENTS, "No incident is open.");
        }
        IncidentCommand::Close { id, reason, allow } => {
            let path = format!("/api/v1/incidents/{}/close", segment(&id));
            let (_, incident) = client.post(&path, &json!({ "reason": reason, "allow_devices": allow }))?;
            if options.json {
                print_json(&incident);
            } else {
                print_fields(&incident, &[("Kind", "kind"), ("What", "words"), ("Closed", "closed_at")]);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn run_secret(command: SecretCommand, options: &Options) -> Result<ExitCode> {
    let client = Client::new(options)?;
    match command {
        SecretCommand::List => {
            let all = client.get("/api/v1/secrets/named")?;
            let items = all.as_array().cloned().unwrap_or_default();
            show_items(options, &items, SECRETS, "There are no named secrets.");
        }
        SecretCommand::Set { name, consent } => {
            let mut value = String::new();
            std::io::stdin().read_to_string(&mut value).context("the value on standard input is not text")?;
            let value = value.strip_suffix('\n').unwrap_or(&value);
            let value = value.strip_suffix('\r').unwrap_or(value);
            if value.is_empty() {
                return Err(usage("the value is read from standard input, and nothing came"));
            }
            let path = format!("/api/v1/secrets/named/{}", segment(&name));
            let body = json!({ "value": value });
            let secret = consent.change((&client, options), Method::PUT, &path, Some(&body))?;
            let Some(secret) = secret else { return Ok(ExitCode::SUCCESS) };
            if options.json {
                print_json(&secret);
            } else {
                print_fields(&secret, &[("Name", "name"), ("Version", "version"), ("Set", "set_at")]);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
