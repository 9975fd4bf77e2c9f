//! `ward command send`: what is to be sent, to whom, and waiting for the answers.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use super::super::Options;
use super::super::client::{Client, refusal_lines, usage};
use super::super::output::{at, print_items, print_json, remark, text_at};
use super::{describe, keys, print_evidence};

#[derive(Debug, Args)]
pub(in crate::cli) struct SendArgs {
    /// The command: Apple's RequestType.
    #[arg(long = "type", required_unless_present = "plist", conflicts_with = "plist", add = ArgValueCompleter::new(complete_types))]
    request_type: Option<String>,
    /// A whole command as a property list, instead of --type.
    #[arg(long, value_name = "FILE")]
    plist: Option<PathBuf>,
    /// A target as well, for names that hold '='; may be repeated.
    #[arg(long = "device", value_name = "DEVICE")]
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
    /// Targets (serial number, UDID or id), and keys of the command as KEY=VALUE.
    #[arg(value_name = "DEVICE|KEY=VALUE", add = ArgValueCompleter::new(complete_keys))]
    words: Vec<String>,
}

pub(super) fn run(client: &Client, args: &SendArgs, options: &Options) -> Result<ExitCode> {
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
        if *at(&answer, "raw") == Value::Bool(true) {
            remark("The property list was sent as it is, after the same checks.");
        }
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
    let (keys, targets): (Vec<String>, Vec<String>) =
        args.words.iter().cloned().partition(|word| word.contains('='));
    let targets: Vec<String> = args.devices.iter().cloned().chain(targets).collect();
    if targets.is_empty() {
        return Err(usage("name at least one device: a serial number, a UDID or an id"));
    }
    let mut body = json!({ "targets": targets, "push": !args.no_push });
    let read = |path: &PathBuf| -> Result<String> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(BASE64_STANDARD.encode(bytes))
    };
    if let Some(path) = &args.plist {
        if let Some(key) = keys.first() {
            return Err(usage(&format!("'{key}': a property list is sent as it is, without further keys")));
        }
        insert(&mut body, "raw_plist", read(path)?.into())?;
    }
    if let Some(request_type) = &args.request_type {
        let mut command = keys::command(request_type, &keys)?;
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

/// The names of commands that begin with what was typed.
pub(super) fn complete_types(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let fits = catalog::commands().filter(|name| name.to_lowercase().starts_with(&typed.to_lowercase()));
    let one = |name: &'static str| {
        let help = catalog::describe(name).map(|known| known.effect.reason.to_string());
        CompletionCandidate::new(name).help(help.map(Into::into))
    };
    fits.map(one).collect()
}

/// The keys of the command whose type stands before on the line that is being completed.
fn complete_keys(typed: &OsStr) -> Vec<CompletionCandidate> {
    let words: Vec<String> = std::env::args().collect();
    let named = |pair: &[String]| match pair {
        [flag, name] if flag == "--type" => Some(name.clone()),
        [_, word] => word.strip_prefix("--type=").map(str::to_owned),
        _ => None,
    };
    let Some(request_type) = words.windows(2).find_map(named) else { return Vec::new() };
    let typed = typed.to_string_lossy();
    let paths = describe::key_paths(&request_type).into_iter().filter(|path| path.starts_with(&*typed));
    paths.map(|path| CompletionCandidate::new(format!("{path}="))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_complete_without_regard_to_case() {
        let names: Vec<String> = complete_types(OsStr::new("enablel"))
            .iter()
            .map(|candidate| candidate.get_value().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["EnableLostMode"]);
    }
}
