//! `ward enroll …`: links with which people enrol devices.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::json;

use super::Options;
use super::client::{Client, segment};
use super::device::show_items;
use super::output::{at, print_json, print_text, remark};

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Ownership {
    /// The hospital's, with one owner.
    Corporate,
    /// A person's own.
    Personal,
    /// The hospital's, handed from shift to shift.
    Shared,
}

#[derive(Debug, Subcommand)]
pub(super) enum EnrollCommand {
    /// Make a link: the person opens it on the device and installs the profile.
    Link {
        /// Whose device it is.
        #[arg(long, value_enum, default_value_t = Ownership::Corporate)]
        ownership: Ownership,
        /// The person the device belongs to: e-mail address or external id of a known person, or any words.
        #[arg(long)]
        owner: Option<String>,
        /// Where the device goes: code, unique name or id of a place.
        #[arg(long)]
        place: Option<String>,
        /// A note for yourself.
        #[arg(long)]
        label: Option<String>,
        /// How many devices may enrol with it.
        #[arg(long, default_value_t = 1)]
        uses: u32,
        /// Hours until it ends.
        #[arg(long, default_value_t = 72)]
        hours: u32,
        /// Show the link as a QR code in the terminal.
        #[arg(long)]
        qr: bool,
    },
    /// List links. Their addresses are shown only once, when they are made.
    Links,
    /// End a link.
    Revoke {
        /// The link's id.
        id: String,
    },
}

pub(super) fn run(command: EnrollCommand, options: &Options) -> Result<ExitCode> {
    let client = Client::new(options)?;
    match command {
        EnrollCommand::Link { ownership, owner, place, label, uses, hours, qr } => {
            let ownership = ownership.to_possible_value().map(|value| value.get_name().to_owned());
            let body = json!({
                "ownership": ownership, "owner": owner, "place": place, "label": label, "uses_limit": uses, "expires_in_hours": hours
            });
            let (_, made) = client.post("/api/v1/links", &body)?;
            let url = at(&made, "url").as_str().unwrap_or_default();
            if options.json {
                print_json(&made);
            } else {
                print_text(url);
                if qr {
                    print_text(&QrCode::new(url)?.render::<Dense1x2>().quiet_zone(true).build());
                }
                if let Some(owner) =
                    owner.filter(|_| made.pointer("/link/person").is_none_or(serde_json::Value::is_null))
                {
                    remark(&format!(
                        "No person '{owner}' is known: it is kept as a note. Make people known with 'ward person add'."
                    ));
                }
                remark("The link is shown only now. Open it on the device, in Safari.");
            }
        }
        EnrollCommand::Links => {
            let items = client.list("/api/v1/links", &[], 1000)?;
            let columns = [
                ("label", "label"),
                ("ownership", "ownership"),
                ("owner", "owner"),
                ("place", "place.name"),
                ("state", "state"),
                ("uses", "uses"),
                ("of", "uses_limit"),
                ("expires", "expires_at"),
                ("id", "id"),
            ];
            show_items(options, &items, &columns, "There is no link.");
        }
        EnrollCommand::Revoke { id } => {
            let (_, link) = client.post(&format!("/api/v1/links/{}/revoke", segment(&id)), &json!({}))?;
            if options.json { print_json(&link) } else { remark("The link has ended.") }
        }
    }
    Ok(ExitCode::SUCCESS)
}
