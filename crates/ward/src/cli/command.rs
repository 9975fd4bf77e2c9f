//! `ward command …`: send, watch, cancel.

mod describe;
mod keys;
mod send;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use clap_complete::engine::ArgValueCompleter;
use serde_json::{Value, json};

use super::Options;
use super::client::{Client, segment};
use super::device::show_items;
use super::output::{Column, at, print_fields, print_heading, print_items, print_json, print_text, remark};

const COMMANDS: &[Column] = &[
    ("command", "request_type"),
    ("class", "class"),
    ("devices", "deliveries"),
    ("open", "open"),
    ("sent", "created_at"),
    ("by", "created_by"),
    ("reason", "reason"),
    ("uuid", "uuid"),
];

const DELIVERIES: &[Column] = &[
    ("delivery", "seq"),
    ("device", "device_name"),
    ("channel", "channel_key"),
    ("state", "wording"),
    ("since", "state_at"),
    ("expires", "expires_at"),
];

#[derive(Debug, Subcommand)]
pub(super) enum OrderCommand {
    /// Send a command to devices.
    ///
    /// Devices and keys of the command follow in any order. Keys have the types of Apple's documentation: key=value,
    /// key.inner=value for a dictionary, list[]=value or list=a,b for a list, list[].inner=value for dictionaries in
    /// a list, data=@FILE for bytes. 'ward command describe TYPE' shows the keys of a command.
    ///
    /// Examples:
    ///   ward command send --type EnableLostMode SERIAL Message='Please call us' PhoneNumber=+441234
    ///   ward command send --type EraseDevice SERIAL --return-to-service --reason 'ticket 17' --wait
    ///   ward command send --type InstallProfile SERIAL SERIAL Payload=@wifi.mobileconfig
    ///   ward command send --type Settings SERIAL 'Settings[].Item=DeviceName' 'Settings[].DeviceName=Ward 7'
    ///   ward command send --plist command.plist SERIAL
    #[command(verbatim_doc_comment)]
    Send(send::SendArgs),
    /// List commands, the newest first.
    List {
        /// Only this type, such as EraseDevice.
        #[arg(long = "type")]
        request_type: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show a command and what became of it on each device.
    Show {
        /// The command's UUID.
        uuid: String,
    },
    /// Show the evidence of one delivery: every state with its time and source.
    Evidence {
        /// The delivery's number, from 'ward command show'.
        delivery: i64,
    },
    /// Cancel what has not been handed out yet.
    Cancel {
        /// The command's UUID.
        uuid: String,
    },
    /// List the commands that can be sent, with their effect class.
    Types,
    /// Describe a command: where it works, what it needs, its keys with types and ranges, the worst it can do.
    Describe {
        /// The command: Apple's RequestType.
        #[arg(add = ArgValueCompleter::new(send::complete_types))]
        request_type: String,
    },
    /// List the keys of a command, one a line.
    Keys {
        /// The command: Apple's RequestType.
        #[arg(add = ArgValueCompleter::new(send::complete_types))]
        request_type: String,
    },
}

pub(super) fn run(command: OrderCommand, options: &Options) -> Result<ExitCode> {
    let client = || Client::new(options);
    match command {
        OrderCommand::Send(args) => return send::run(&Client::new(options)?, &args, options),
        OrderCommand::List { request_type, limit } => {
            let items =
                client()?.list("/api/v1/commands", &[("request_type", request_type.as_deref())], limit)?;
            show_items(options, &items, COMMANDS, "No command has been sent.");
        }
        OrderCommand::Show { uuid } => {
            let detail = client()?.get(&format!("/api/v1/commands/{}", segment(&uuid)))?;
            if options.json { print_json(&detail) } else { print_command(&detail) }
        }
        OrderCommand::Evidence { delivery } => {
            let evidence = client()?.get(&format!("/api/v1/deliveries/{delivery}"))?;
            if options.json { print_json(&evidence) } else { print_evidence(&evidence) }
        }
        OrderCommand::Cancel { uuid } => {
            let (_, answer) =
                client()?.post(&format!("/api/v1/commands/{}/cancel", segment(&uuid)), &json!({}))?;
            let count = |key: &str| at(&answer, key).as_array().map_or(0, Vec::len);
            if options.json {
                print_json(&answer);
            } else {
                remark(&format!("{} cancelled, {} too late", count("cancelled"), count("too_late")));
            }
            return Ok(if count("too_late") == 0 { ExitCode::SUCCESS } else { ExitCode::from(6) });
        }
        OrderCommand::Describe { request_type } => describe::run(&request_type, options.json)?,
        OrderCommand::Keys { request_type } => {
            let paths = describe::key_paths(&request_type);
            if options.json { print_json(&paths.into()) } else { print_text(&paths.join("\n")) }
        }
        OrderCommand::Types => {
            let types = client()?.get("/api/v1/commands/catalog")?;
            let columns = [
                ("command", "request_type"),
                ("class", "class"),
                ("what it can do at worst", "class_reason"),
            ];
            show_items(
                options,
                types.as_array().map_or(&[], Vec::as_slice),
                &columns,
                "No command is known.",
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_command(detail: &Value) {
    print_fields(
        at(detail, "command"),
        &[
            ("Command", "request_type"),
            ("Class", "class"),
            ("Sent", "created_at"),
            ("By", "created_by"),
            ("Reason", "reason"),
            ("UUID", "uuid"),
        ],
    );
    print_heading("Devices");
    let deliveries = at(detail, "deliveries").as_array().cloned().unwrap_or_default();
    print_items(&deliveries, DELIVERIES, "  none");
}

fn print_evidence(evidence: &Value) {
    print_fields(
        evidence,
        &[
            ("Command", "delivery.request_type"),
            ("Device", "delivery.device_name"),
            ("Channel", "delivery.channel_key"),
            ("Conclusion", "conclusion.sentence"),
            ("Verified", "verification.how"),
            ("Result digest", "result_digest"),
        ],
    );
    let settings = at(evidence, "settings").as_array().cloned().unwrap_or_default();
    if !settings.is_empty() {
        print_heading("Settings");
        let columns = [("item", "item"), ("app", "identifier"), ("outcome", "status"), ("why", "error")];
        print_items(&settings, &columns, "  none");
        print_heading("States");
    }
    let history = at(evidence, "history").as_array().cloned().unwrap_or_default();
    print_items(
        &history,
        &[("time", "at"), ("state", "state"), ("source", "source"), ("detail", "detail")],
        "  no states",
    );
}
