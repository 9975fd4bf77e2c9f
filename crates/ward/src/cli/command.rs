//! `ward command …`: send, watch, cancel.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use super::Options;
use super::client::{Client, refusal_lines, segment, usage};
use super::device::show_items;
use super::output::{Column, at, print_fields, print_heading, print_items, print_json, remark, text_at};

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
    /// Keys of the command follow as key=value: JSON where it is JSON, else text; key=@FILE sends the file's bytes;
    /// a dot leads into a dictionary.
    ///
    /// Examples:
    ///   ward command send --type EnableLostMode --device SERIAL Message='Please call us' PhoneNumber=+441234
    ///   ward command send --type EraseDevice --device SERIAL --return-to-service --reason 'ticket 17' --wait
    ///   ward command send --type InstallProfile --device SERIAL Payload=@wifi.mobileconfig
    #[command(verbatim_doc_comment)]
    Send(SendArgs),
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
}

#[derive(Debug, Args)]
pub(super) struct SendArgs {
    /// The command: Apple's RequestType.
    #[arg(long = "type", required_unless_present = "plist", conflicts_with = "plist")]
    request_type: Option<String>,
    /// A whole command as a property list, instead of --type.
    #[arg(long, value_name = "FILE")]
    plist: Option<PathBuf>,
    /// A target: serial number, UDID or id; may be repeated.
    #[arg(long = "device", value_name = "DEVICE", required = true)]
    devices: Vec<String>,
    /// Why; it stands in the log.
    #[arg(long)]
    reason: Option<String>,
    /// When the command is no longer wanted, as 2026-11-23T13:00:00Z.
    #[arg(long)]
    expires_at: Option<String>,
    /// EraseDevice: the device sets itself up again and comes back with a fresh enrolment profile.
    #[arg(long)]
    return_to_service: bool,
    /// EraseDevice with --return-to-service: the Wi-Fi profile with which the device finds its way back.
    #[arg(long, value_name = "FILE", requires = "return_to_service")]
    wifi_profile: Option<PathBuf>,
    /// Do not wake the devices.
    #[arg(long)]
    no_push: bool,
    /// Wait until every device has answered.
    #[arg(long)]
    wait: bool,
    /// How long to wait at most, in seconds.
    #[arg(long, default_value_t = 60, requires = "wait")]
    timeout: u64,
    /// Keys of the command.
    #[arg(value_name = "KEY=VALUE")]
    keys: Vec<String>,
}

pub(super) fn run(command: OrderCommand, options: &Options) -> Result<ExitCode> {
    let client = Client::new(options)?;
    match command {
        OrderCommand::Send(args) => return send(&client, &args, options),
        OrderCommand::List { request_type, limit } => {
            let items =
                client.list("/api/v1/commands", &[("request_type", request_type.as_deref())], limit)?;
            show_items(options, &items, COMMANDS, "No command has been sent.");
        }
        OrderCommand::Show { uuid } => {
            let detail = client.get(&format!("/api/v1/commands/{}", segment(&uuid)))?;
            if options.json { print_json(&detail) } else { print_command(&detail) }
        }
        OrderCommand::Evidence { delivery } => {
            let evidence = client.get(&format!("/api/v1/deliveries/{delivery}"))?;
            if options.json { print_json(&evidence) } else { print_evidence(&evidence) }
        }
        OrderCommand::Cancel { uuid } => {
            let (_, answer) =
                client.post(&format!("/api/v1/commands/{}/cancel", segment(&uuid)), &json!({}))?;
            let count = |key: &str| at(&answer, key).as_array().map_or(0, Vec::len);
            if options.json {
                print_json(&answer);
            } else {
                remark(&format!("{} cancelled, {} too late", count("cancelled"), count("too_late")));
            }
            return Ok(if count("too_late") == 0 { ExitCode::SUCCESS } else { ExitCode::from(6) });
        }
        OrderCommand::Types => {
            let types = client.get("/api/v1/commands/catalog")?;
            let columns = [("command", "request_type"), ("class", "class"), ("what it does", "title")];
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

fn send(client: &Client, args: &SendArgs, options: &Options) -> Result<ExitCode> {
    let (status, answer) = client.post("/api/v1/commands", &request(args)?)?;
    let queued = at(&answer, "queued").as_array().cloned().unwrap_or_default();
    if options.json && !args.wait {
        print_json(&answer);
    } else if !options.json {
        let columns = [
            ("target", "target"),
            ("channel", "channel"),
            ("delivery", "delivery"),
            ("command", "command_uuid"),
            ("secret", "secret_id"),
        ];
        print_items(&queued, &columns, "Nothing was queued.");
        at(&answer, "refused")
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(refusal_lines)
            .for_each(|line| remark(&line));
        at(&answer, "advice")
            .as_array()
            .into_iter()
            .flatten()
            .for_each(|text| remark(text.as_str().unwrap_or_default()));
    }
    let part = ExitCode::from(6);
    let mut code = if status.as_u16() == 207 { part } else { ExitCode::SUCCESS };
    if args.wait {
        let seqs: Vec<i64> = queued.iter().filter_map(|item| at(item, "delivery").as_i64()).collect();
        let done = wait(client, &seqs, args, options)?;
        if done < seqs.len() {
            code = if done == 0 { ExitCode::FAILURE } else { part };
        }
    }
    Ok(code)
}

fn request(args: &SendArgs) -> Result<Value> {
    let mut body = json!({ "targets": args.devices, "push": !args.no_push });
    let read = |path: &PathBuf| -> Result<String> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(BASE64_STANDARD.encode(bytes))
    };
    if let Some(path) = &args.plist {
        insert(&mut body, "raw_plist", read(path)?.into())?;
    }
    if let Some(request_type) = &args.request_type {
        let mut command = json!({ "RequestType": request_type });
        for key in &args.keys {
            let (path, value) =
                key.split_once('=').ok_or_else(|| usage(&format!("'{key}' is not KEY=VALUE")))?;
            insert(&mut command, path, value_of(value)?)?;
        }
        if args.return_to_service {
            insert(&mut command, "ReturnToService.Enabled", Value::Bool(true))?;
        }
        insert(&mut body, "command", command)?;
    }
    if args.return_to_service {
        insert(&mut body, "with_enrollment_profile", true.into())?;
    }
    if let Some(path) = &args.wifi_profile {
        insert(&mut body, "wifi_profile", read(path)?.into())?;
    }
    for (key, value) in [("reason", &args.reason), ("expires_at", &args.expires_at)] {
        if let Some(value) = value {
            insert(&mut body, key, value.clone().into())?;
        }
    }
    Ok(body)
}

fn value_of(text: &str) -> Result<Value> {
    if let Some(path) = text.strip_prefix('@') {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {path}"))?;
        return Ok(json!({ "$data": BASE64_STANDARD.encode(bytes) }));
    }
    // A telephone number is text even where it is a number in JSON.
    match serde_json::from_str(text) {
        Ok(Value::Number(_)) if text.starts_with(['0', '+']) && text.len() > 1 => Ok(text.into()),
        Ok(value) => Ok(value),
        Err(_) => Ok(text.into()),
    }
}

fn insert(into: &mut Value, path: &str, value: Value) -> Result<()> {
    let mut place = into;
    for key in path.split('.') {
        let Value::Object(map) = place else { return Err(usage(&format!("'{path}' leads through a value"))) };
        place = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
    }
    *place = value;
    Ok(())
}

/// Waits until every delivery has an answer, or the time is over; how many were acknowledged.
fn wait(client: &Client, seqs: &[i64], args: &SendArgs, options: &Options) -> Result<usize> {
    let (limit, proof) = (Duration::from_secs(args.timeout), args.return_to_service);
    let count = u64::try_from(seqs.len()).unwrap_or(u64::MAX);
    let bar = ProgressBar::new(count)
        .with_style(ProgressStyle::with_template("{bar:30} {pos}/{len} answered  {msg}")?);
    let began = std::time::Instant::now();
    loop {
        let evidence: Vec<Value> =
            seqs.iter().map(|seq| client.get(&format!("/api/v1/deliveries/{seq}"))).collect::<Result<_>>()?;
        let open = |item: &&Value| match text_at(item, "delivery.state").as_str() {
            "queued" | "pushed" | "handed_out" | "not_now" => true,
            // An erase that brings the device back is done when the device has proven it by coming back.
            "acknowledged" => proof && at(item, "verification").is_null(),
            _ => false,
        };
        let left = evidence.iter().filter(open).count();
        bar.set_position(count.saturating_sub(u64::try_from(left).unwrap_or(0)));
        if let Some(first) = evidence.iter().find(open) {
            bar.set_message(text_at(first, "delivery.wording"));
        }
        if left == 0 || began.elapsed() >= limit {
            bar.finish_and_clear();
            match options.json {
                true => print_json(&Value::Array(evidence.clone())),
                false => evidence.iter().for_each(print_evidence),
            }
            let good = |item: &Value| text_at(item, "delivery.state") == "acknowledged";
            return Ok(evidence.iter().filter(|item| good(item)).count());
        }
        std::thread::sleep(Duration::from_millis(300));
    }
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
    let history = at(evidence, "history").as_array().cloned().unwrap_or_default();
    print_items(
        &history,
        &[("time", "at"), ("state", "state"), ("source", "source"), ("detail", "detail")],
        "  no states",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_a_command() {
        let mut command = json!({});
        insert(&mut command, "Message", value_of("Please call").unwrap()).unwrap();
        insert(&mut command, "PhoneNumber", value_of("0123456").unwrap()).unwrap();
        insert(&mut command, "ReturnToService.Enabled", value_of("true").unwrap()).unwrap();
        insert(&mut command, "Queries", value_of("[\"UDID\"]").unwrap()).unwrap();
        let expected = json!({
            "Message": "Please call", "PhoneNumber": "0123456", "ReturnToService": {"Enabled": true}, "Queries": ["UDID"]
        });
        assert_eq!(command, expected);
        assert!(insert(&mut command, "Message.Deep", Value::Null).is_err());
    }

    #[test]
    fn a_file_becomes_data() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, b"\x00\x01").unwrap();
        assert_eq!(value_of(&format!("@{}", path.display())).unwrap(), json!({"$data": "AAE="}));
    }
}
