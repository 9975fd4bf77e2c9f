//! `ward device place`, `own` and `label`: where devices are, whose they are, and what operators call them.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::Options;
use super::client::{Client, segment, usage};
use super::consent::Consent;
use super::output::{at, print_heading, print_items, print_json, print_text, text_at};
use super::place::pairs;

#[derive(Debug, Subcommand)]
pub(super) enum PlacingCommand {
    /// Put a device somewhere; without a place, show where it is and was.
    Place {
        /// Serial number, UDID or id.
        device: String,
        /// Code, unique name or id of the place.
        place: Option<String>,
        #[command(flatten)]
        consent: Consent,
    },
    /// Give a device to a person, or to nobody.
    Own {
        /// Serial number, UDID or id.
        device: String,
        /// E-mail address, external id or id.
        #[arg(required_unless_present = "nobody")]
        person: Option<String>,
        /// It is to be nobody's.
        #[arg(long, conflicts_with = "person")]
        nobody: bool,
        #[command(flatten)]
        consent: Consent,
    },
    /// Label a device, for rules and profiles; without labels, show them.
    Label {
        /// Serial number, UDID or id.
        device: String,
        /// Names and values, for example department=icu; NAME= takes a label off.
        #[arg(value_name = "NAME=VALUE")]
        labels: Vec<String>,
        #[command(flatten)]
        consent: Consent,
    },
}

pub(super) fn run(command: PlacingCommand, options: &Options) -> Result<ExitCode> {
    let client = Client::new(options)?;
    let address = |device: &str| format!("/api/v1/devices/{}", segment(device));
    match command {
        PlacingCommand::Place { device, place, consent } => {
            let path = format!("{}/placement", address(&device));
            let shown = match place {
                Some(place) => {
                    let body = json!({ "place": place });
                    consent.change((&client, options), Method::PUT, &path, Some(&body))?
                }
                None => Some(client.get(&path)?),
            };
            let Some(shown) = shown else { return Ok(ExitCode::SUCCESS) };
            if options.json { print_json(&shown) } else { print_placement(&shown) }
        }
        PlacingCommand::Own { device, person, nobody: _, consent } => {
            if person.as_deref() == Some("") {
                return Err(usage("name a person, or say --nobody"));
            }
            let body = json!({ "owner": person.unwrap_or_default() });
            let path = format!("{}/placement", address(&device));
            let shown = consent.change((&client, options), Method::PUT, &path, Some(&body))?;
            let Some(shown) = shown else { return Ok(ExitCode::SUCCESS) };
            if options.json { print_json(&shown) } else { print_placement(&shown) }
        }
        PlacingCommand::Label { device, labels, consent } => {
            let mut shown = client.get(&format!("{}/attributes", address(&device)))?;
            for (name, value) in pairs(&labels)? {
                let path = format!("{}/attributes/{}", address(&device), segment(name));
                let (method, body) = match value {
                    "" => (Method::DELETE, None),
                    value => (Method::PUT, Some(json!({ "value": value }))),
                };
                let Some(changed) = consent.change((&client, options), method, &path, body.as_ref())? else {
                    return Ok(ExitCode::SUCCESS);
                };
                shown = changed;
            }
            let columns = [("label", "name"), ("value", "value"), ("since", "set_at"), ("by", "set_by")];
            super::device::show_items(
                options,
                shown.as_array().map_or(&[], Vec::as_slice),
                &columns,
                "It has no label.",
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_placement(shown: &Value) {
    let path: Vec<&str> = at(shown, "path")
        .as_array()
        .map(|path| path.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let owner = match at(shown, "owner") {
        Value::Null => "nobody's".to_owned(),
        owner if at(owner, "left").as_bool() == Some(true) => {
            format!("of {} ({}), who has left", text_at(owner, "name"), text_at(owner, "email"))
        }
        owner => format!("of {} ({})", text_at(owner, "name"), text_at(owner, "email")),
    };
    print_text(&format!("{}, {owner}", path.join(" > ")));
    print_heading("History");
    let columns = [
        ("since", "at"),
        ("place", "place.name"),
        ("owner", "owner.name"),
        ("by", "changed_by"),
        ("in", "cause"),
    ];
    print_items(
        at(shown, "history").as_array().map_or(&[], Vec::as_slice),
        &columns,
        "  nobody has said anything yet",
    );
}
