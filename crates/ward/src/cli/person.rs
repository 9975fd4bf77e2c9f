//! `ward person …`: the people to whom devices belong.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::Options;
use super::client::{Client, segment};
use super::device::show_items;
use super::output::{Column, at, print_fields, print_heading, print_items, print_json, remark, text_at};

const PEOPLE: &[Column] = &[
    ("name", "name"),
    ("e-mail", "email"),
    ("external id", "external_id"),
    ("devices", "devices"),
    ("left", "left_at"),
];

#[derive(Debug, Subcommand)]
pub(super) enum PersonCommand {
    /// List people.
    List {
        /// Words to find in name, e-mail address or external id.
        query: Option<String>,
        /// Only people who have left.
        #[arg(long)]
        left: bool,
        /// At most so many.
        #[arg(long, default_value_t = 1000)]
        limit: usize,
    },
    /// Show one person and their devices.
    Show {
        /// E-mail address, external id or id.
        person: String,
    },
    /// Make a person known.
    Add {
        /// Their name.
        name: String,
        /// Their e-mail address.
        #[arg(long)]
        email: Option<String>,
        /// What another system calls them, for example their number in the staff register.
        #[arg(long)]
        external_id: Option<String>,
    },
    /// Change what is known of a person.
    Change {
        /// E-mail address, external id or id.
        person: String,
        /// Another name.
        #[arg(long)]
        name: Option<String>,
        /// Another address; empty: none.
        #[arg(long)]
        email: Option<String>,
        /// Another external id; empty: none.
        #[arg(long)]
        external_id: Option<String>,
        /// They had left and are back.
        #[arg(long)]
        returned: bool,
    },
    /// Record that a person has left: their devices lose the network at once, and are listed to be collected.
    Leave {
        /// E-mail address, external id or id.
        person: String,
        /// Why, for the record.
        #[arg(long)]
        reason: Option<String>,
    },
}

pub(super) fn run(command: PersonCommand, options: &Options) -> Result<ExitCode> {
    let client = Client::new(options)?;
    let shown = match command {
        PersonCommand::List { query, left, limit } => {
            let filter = [("q", query.as_deref()), ("left", left.then_some("true"))];
            let people = client.list("/api/v1/people", &filter, limit)?;
            show_items(options, &people, PEOPLE, "No person matches.");
            return Ok(ExitCode::SUCCESS);
        }
        PersonCommand::Show { person } => client.get(&address(&person))?,
        PersonCommand::Add { name, email, external_id } => {
            client
                .post("/api/v1/people", &json!({ "name": name, "email": email, "external_id": external_id }))?
                .1
        }
        PersonCommand::Change { person, name, email, external_id, returned } => {
            let left = returned.then_some(false);
            let body = json!({ "name": name, "email": email, "external_id": external_id, "left": left });
            client.change(Method::PATCH, &address(&person), Some(&body))?
        }
        PersonCommand::Leave { person, reason } => {
            let (_, left) =
                client.post(&format!("{}/leave", address(&person)), &json!({ "reason": reason }))?;
            if options.json {
                print_json(&left)
            } else {
                print_left(&left)
            }
            return Ok(ExitCode::SUCCESS);
        }
    };
    if options.json {
        print_json(&shown)
    } else {
        print_person(&shown)
    }
    Ok(ExitCode::SUCCESS)
}

fn address(person: &str) -> String {
    format!("/api/v1/people/{}", segment(person))
}

fn print_person(detail: &Value) {
    let fields = [
        ("Name", "name"),
        ("E-mail", "email"),
        ("External id", "external_id"),
        ("Left", "left_at"),
        ("Id", "id"),
    ];
    print_fields(at(detail, "person"), &fields);
    print_heading("Devices");
    let columns =
        [("serial", "serial_number"), ("name", "name"), ("model", "product_name"), ("place", "place.name")];
    print_items(at(detail, "devices").as_array().map_or(&[], Vec::as_slice), &columns, "  none");
}

fn print_left(left: &Value) {
    print_person(at(left, "person"));
    let revoked = text_at(left, "revoked");
    remark(&format!(
        "\n{revoked} network certificates were revoked. Collect the devices, then give each to somebody else with 'ward device own'."
    ));
}
