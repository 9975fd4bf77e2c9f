//! `ward place …`: the tree of places, and the variables that hold at them.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use super::Options;
use super::client::{Client, segment, usage};
use super::consent::Consent;
use super::output::{
    Column, at, print_fields, print_heading, print_items, print_json, print_text, remark, text_at,
};

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Kind {
    /// Premises with an address of their own.
    Site,
    /// A building.
    Building,
    /// A ward, a department, a practice.
    Ward,
}

#[derive(Debug, Subcommand)]
pub(super) enum PlaceCommand {
    /// Show the tree, with how many devices are where.
    List {
        /// Also places that were given up.
        #[arg(long)]
        archived: bool,
    },
    /// Show one place and the variables that hold there.
    Show {
        /// Code, unique name or id.
        place: String,
    },
    /// Make a place.
    Add {
        /// What it is.
        #[arg(value_enum)]
        kind: Kind,
        /// Its name.
        name: String,
        /// A short unique name for commands and files, for example W3.
        #[arg(long)]
        code: Option<String>,
        /// The place that it is a part of [default: the organisation].
        #[arg(long = "in", value_name = "PLACE")]
        parent: Option<String>,
    },
    /// Rename a place, give it another code, or make it a part of another.
    Change {
        /// Code, unique name or id.
        place: String,
        /// Another name.
        #[arg(long)]
        name: Option<String>,
        /// Another code; empty: none.
        #[arg(long)]
        code: Option<String>,
        /// The place that it is to be a part of.
        #[arg(long = "in", value_name = "PLACE")]
        parent: Option<String>,
        /// Bring it back after it was given up.
        #[arg(long)]
        restore: bool,
        #[command(flatten)]
        consent: Consent,
    },
    /// Give a place up. Refused while devices or parts are there.
    Archive {
        /// Code, unique name or id.
        place: String,
    },
    /// Set variables of a place: profiles say $site.NAME, and parts inherit. Never a secret: see 'ward secret'.
    Set {
        /// Code, unique name or id.
        place: String,
        /// Names and values, for example wifi_ssid=Clinic.
        #[arg(required = true, value_name = "NAME=VALUE")]
        variables: Vec<String>,
        #[command(flatten)]
        consent: Consent,
    },
    /// Take variables of a place away; what it inherits holds again.
    Unset {
        /// Code, unique name or id.
        place: String,
        /// Their names.
        #[arg(required = true)]
        names: Vec<String>,
        #[command(flatten)]
        consent: Consent,
    },
}

pub(super) fn run(command: PlaceCommand, options: &Options) -> Result<ExitCode> {
    let client = Client::new(options)?;
    let shown = match command {
        PlaceCommand::List { archived } => {
            let tree = client.get(&format!("/api/v1/places?archived={archived}"))?;
            if options.json {
                print_json(&tree)
            } else {
                print_tree(tree.as_array().map_or(&[], Vec::as_slice))
            }
            return Ok(ExitCode::SUCCESS);
        }
        PlaceCommand::Show { place } => client.get(&address(&place))?,
        PlaceCommand::Add { kind, name, code, parent } => {
            let kind = kind.to_possible_value().map(|value| value.get_name().to_owned());
            let body = json!({ "kind": kind, "name": name, "code": code, "parent": parent });
            client.post("/api/v1/places", &body)?.1
        }
        PlaceCommand::Change { place, name, code, parent, restore, consent } => {
            let archived = restore.then_some(false);
            let body = json!({ "name": name, "code": code, "parent": parent, "archived": archived });
            let path = address(&place);
            let changed = consent.change((&client, options), Method::PATCH, &path, Some(&body))?;
            let Some(changed) = changed else { return Ok(ExitCode::SUCCESS) };
            changed
        }
        PlaceCommand::Archive { place } => client.change(Method::DELETE, &address(&place), None)?,
        PlaceCommand::Set { place, variables, consent } => {
            let Some(changed) = set((&client, options), &place, &variables, consent)? else {
                return Ok(ExitCode::SUCCESS);
            };
            changed
        }
        PlaceCommand::Unset { place, names, consent } => {
            let mut shown = Value::Null;
            for name in names {
                let path = format!("{}/variables/{}", address(&place), segment(&name));
                let changed = consent.change((&client, options), Method::DELETE, &path, None)?;
                let Some(changed) = changed else { return Ok(ExitCode::SUCCESS) };
                shown = changed;
            }
            shown
        }
    };
    if options.json {
        print_json(&shown)
    } else {
        print_place(&shown)
    }
    Ok(ExitCode::SUCCESS)
}

fn address(place: &str) -> String {
    format!("/api/v1/places/{}", segment(place))
}

fn set(
    to: (&Client, &Options),
    place: &str,
    variables: &[String],
    consent: Consent,
) -> Result<Option<Value>> {
    let pairs = pairs(variables)?;
    let mut shown = Value::Null;
    for (name, value) in pairs {
        let path = format!("{}/variables/{}", address(place), segment(name));
        match consent.change(to, Method::PUT, &path, Some(&json!({ "value": value })))? {
            Some(changed) => shown = changed,
            None => return Ok(None),
        }
    }
    Ok(Some(shown))
}

/// Reads `NAME=VALUE`s, all before the first is sent.
pub(super) fn pairs(given: &[String]) -> Result<Vec<(&str, &str)>> {
    given
        .iter()
        .map(|pair| pair.split_once('=').ok_or_else(|| usage(&format!("'{pair}' is not NAME=VALUE"))))
        .collect()
}

fn print_tree(places: &[Value]) {
    let depth = |place: &Value| at(place, "path").as_array().map_or(0, Vec::len).saturating_sub(1);
    let rows: Vec<Value> = places
        .iter()
        .map(|place| {
            let given_up = if at(place, "archived_at").is_null() { "" } else { " (given up)" };
            let name = format!("{}{}{given_up}", "  ".repeat(depth(place)), text_at(place, "name"));
            json!({
                "name": name, "code": at(place, "code"), "kind": at(place, "kind"),
                "devices": at(place, "devices"), "below": at(place, "devices_below"),
            })
        })
        .collect();
    let columns: [Column; 5] = [
        ("place", "name"),
        ("code", "code"),
        ("kind", "kind"),
        ("devices", "devices"),
        ("with parts", "below"),
    ];
    print_items(&rows, &columns, "There is no place.");
    if places.len() == 1 {
        remark(
            "Every device is in the organisation. Make places with 'ward place add', or many with 'ward import FILE.csv'.",
        );
    }
}

fn print_place(detail: &Value) {
    let place = at(detail, "place");
    let path: Vec<&str> = at(place, "path")
        .as_array()
        .map(|path| path.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    print_text(&path.join(" > "));
    let fields = [
        ("Kind", "kind"),
        ("Code", "code"),
        ("Devices", "devices"),
        ("With its parts", "devices_below"),
        ("Given up", "archived_at"),
        ("Id", "id"),
    ];
    print_fields(place, &fields);
    print_heading("Variables");
    let columns =
        [("name", "name"), ("value", "value"), ("set at", "place"), ("since", "set_at"), ("by", "set_by")];
    print_items(at(detail, "variables").as_array().map_or(&[], Vec::as_slice), &columns, "  none");
}
