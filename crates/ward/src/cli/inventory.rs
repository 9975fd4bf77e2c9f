//! `ward device list|export|history`: finding devices by what is known of them, as a table, as a file, and at a past moment.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use super::Options;
use super::client::{Client, segment};
use super::output::{
    Column, at, print_items, print_json, print_rows, print_text, remark, text_at, value_text,
};

const LIST: &[Column] = &[
    ("serial", "serial_number"),
    ("name", "name"),
    ("model", "product_name"),
    ("os", "os_version"),
    ("supervised", "supervised"),
    ("ownership", "ownership"),
    ("owner", "owner"),
    ("place", "place.name"),
    ("state", "enrollment_state"),
    ("lost", "lost_mode"),
    ("pending", "pending"),
    ("last seen", "last_seen_at"),
];

#[derive(Debug, Subcommand)]
pub(super) enum InventoryCommand {
    /// List devices, by any fact that is known of them.
    List(ListArgs),
    /// Write the devices with some columns to a file or to the output, as CSV or JSON.
    Export(ExportArgs),
    /// What was known of one fact at a past moment: the last observation before, its age, and the first one after.
    History(HistoryArgs),
}

/// Which devices.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Words to find in name, serial number, model or owner.
    query: Option<String>,
    /// A condition, for example 'SecurityInfo.PasscodePresent=false', 'os<26.1', 'name~ward 7', 'place=W7', 'label.bed exists'.
    /// Operators: = != < <= > >= ~ (contains), exists, missing. Several must all be so.
    #[arg(long = "where", value_name = "CONDITION")]
    conditions: Vec<String>,
    /// Order by this fact or field, for example 'os'; with '-' before it the greatest first.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    sort: Option<String>,
    /// Show these facts and fields, separated by commas.
    #[arg(long, value_name = "KEYS")]
    columns: Option<String>,
    /// Only this platform: ios, ipados, macos, tvos, visionos, watchos.
    #[arg(long)]
    platform: Option<String>,
    /// Only this state of enrolment: pending, enrolled, quarantined, checked_out, superseded, ended.
    #[arg(long)]
    state: Option<String>,
    /// Only this ownership: corporate, personal, shared.
    #[arg(long)]
    ownership: Option<String>,
    /// Only devices in this place or below it: its code, name or id.
    #[arg(long)]
    place: Option<String>,
    /// Only members of this group.
    #[arg(long)]
    group: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    which: Which,
    /// At most so many.
    #[arg(long, default_value_t = 1000)]
    limit: usize,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    which: Which,
    /// The form of the file.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// The file [default: the output].
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Json,
}

#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// Serial number, UDID or id.
    device: String,
    /// The fact, for example SecurityInfo.PasscodePresent, os_version, supervised, lost_mode, ownership.
    key: String,
    /// The moment, as 2026-11-23T13:00:00Z [default: now].
    #[arg(long)]
    at: Option<String>,
}

impl Which {
    /// As the API takes it.
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut filters = self.conditions.clone();
        for (key, value) in [("ownership", &self.ownership), ("place", &self.place), ("group", &self.group)] {
            filters.extend(value.as_ref().map(|value| format!("{key}={value}")));
        }
        let mut pairs: Vec<(&str, String)> = filters.into_iter().map(|filter| ("filter", filter)).collect();
        for (name, value) in [
            ("q", &self.query),
            ("sort", &self.sort),
            ("columns", &self.columns),
            ("platform", &self.platform),
            ("state", &self.state),
        ] {
            pairs.extend(value.as_ref().map(|value| (name, value.clone())));
        }
        pairs
    }
}

pub(super) fn run(command: InventoryCommand, options: &Options) -> Result<ExitCode> {
    let client = Client::new(options)?;
    match command {
        InventoryCommand::List(args) => list(&client, &args, options)?,
        InventoryCommand::Export(args) => export(&client, &args)?,
        InventoryCommand::History(args) => history(&client, &args, options)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(client: &Client, args: &ListArgs, options: &Options) -> Result<()> {
    let pairs = args.which.pairs();
    let query: Vec<(&str, Option<&str>)> =
        pairs.iter().map(|(name, value)| (*name, Some(value.as_str()))).collect();
    let items = client.list("/api/v1/devices", &query, args.limit)?;
    if options.json {
        print_json(&Value::Array(items));
        return Ok(());
    }
    let Some(columns) = &args.which.columns else {
        print_items(&items, LIST, "No device matches.");
        return Ok(());
    };
    if items.is_empty() {
        print_text("No device matches.");
        return Ok(());
    }
    let names: Vec<&str> = columns.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let rows = items.iter().map(|item| {
        let known = at(item, "columns");
        names.iter().map(|name| value_text(at(known, name))).collect()
    });
    print_rows(&names, rows);
    Ok(())
}

fn export(client: &Client, args: &ExportArgs) -> Result<()> {
    let format = match args.format {
        Format::Csv => "csv",
        Format::Json => "json",
    };
    let mut query = vec![format!("format={format}")];
    query.extend(args.which.pairs().iter().map(|(name, value)| format!("{name}={}", segment(value))));
    let mut from = client.stream(&format!("/api/v1/devices/export?{}", query.join("&")))?;
    match &args.to {
        Some(path) => {
            let mut file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            let bytes = copy(&mut from, &mut file)?;
            remark(&format!("{bytes} bytes written to {}", path.display()));
        }
        None => {
            copy(&mut from, &mut io::stdout().lock())?;
        }
    }
    Ok(())
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> Result<u64> {
    let bytes = io::copy(from, to).context("the export broke off")?;
    to.flush()?;
    Ok(bytes)
}

fn history(client: &Client, args: &HistoryArgs, options: &Options) -> Result<()> {
    let moment = args.at.as_ref().map(|at| format!("?at={}", segment(at))).unwrap_or_default();
    let path =
        format!("/api/v1/devices/{}/facts/{}/history{moment}", segment(&args.device), segment(&args.key));
    let answer = client.get(&path)?;
    if options.json {
        print_json(&answer);
        return Ok(());
    }
    let headings = ["", "value", "observed", "seconds away", "as", "from"];
    let rows = ["before", "after"].into_iter().map(|side| {
        let seen = at(&answer, side);
        let mut row = vec![side.to_owned()];
        row.extend(
            ["value", "observed_at", "distance_seconds", "key", "source"].map(|key| text_at(seen, key)),
        );
        row
    });
    print_rows(&headings, rows);
    print_text(&text_at(&answer, "sentence"));
    Ok(())
}
