//! `ward import` and `ward export`: many places, people and placements in files.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::Options;
use super::client::{Client, usage};
use super::output::{at, print_heading, print_items, print_json, print_text, remark, text_at};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 8 * 1024 * 1024;

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Kind {
    /// code, name, kind, parent
    Places,
    /// external_id, name, email
    People,
    /// serial, place, owner
    Devices,
}

impl Kind {
    fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The file: CSV in UTF-8 with a header, for example 'serial,place,owner'. An empty cell leaves what is there, '-' clears it.
    file: PathBuf,
    /// What is in the file [default: told by its header].
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Carry it out; without this it is only shown what would happen.
    #[arg(long)]
    apply: bool,
    /// Carry out the good lines although others are wrong.
    #[arg(long)]
    skip_errors: bool,
    /// The number of devices that should have something else afterwards, when there are more than ten.
    #[arg(long, value_name = "DEVICES")]
    confirm: Option<i64>,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// What to write.
    #[arg(value_enum)]
    kind: Kind,
}

pub(super) fn run(args: &ImportArgs, options: &Options) -> Result<ExitCode> {
    let csv = read(args)?;
    let body = json!({
        "csv": csv, "kind": args.kind.map(Kind::word), "apply": args.apply, "skip_errors": args.skip_errors,
        "confirm_devices": args.confirm
    });
    // What is wrong is shown line by line, so that a file with errors is never sent to be carried out as a whole.
    let client = Client::new(options)?;
    let preview = json!({ "csv": csv, "kind": args.kind.map(Kind::word) });
    let mut shown = client.post("/api/v1/organisation/import", &preview)?.1;
    let wrong = at(&shown, "wrong").as_u64().unwrap_or(0);
    if args.apply && (wrong == 0 || args.skip_errors) {
        shown = client.post("/api/v1/organisation/import", &body)?.1;
    }
    if options.json {
        print_json(&shown)
    } else {
        print_import(&shown, args)
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(super) fn export(args: &ExportArgs, options: &Options) -> Result<ExitCode> {
    let path = format!("/api/v1/organisation/export/{}", args.kind.word());
    print_text(Client::new(options)?.text(&path)?.trim_end());
    Ok(ExitCode::SUCCESS)
}

fn read(args: &ImportArgs) -> Result<String> {
    let name = args.file.display();
    let size = std::fs::metadata(&args.file).with_context(|| format!("cannot read {name}"))?.len();
    if size > LARGEST {
        return Err(usage(&format!("{name} is larger than {LARGEST} bytes: split it")));
    }
    let bytes = std::fs::read(&args.file).with_context(|| format!("cannot read {name}"))?;
    String::from_utf8(bytes).map_err(|_| {
        usage(&format!("{name} is not UTF-8: save it as 'CSV UTF-8' in your spreadsheet program"))
    })
}

fn print_import(shown: &Value, args: &ImportArgs) {
    let items = |key: &str| at(shown, key).as_array().cloned().unwrap_or_default();
    let (changes, errors) = (items("changes"), items("errors"));
    if !changes.is_empty() {
        let columns = [("line", "line"), ("", "what"), ("what", "subject"), ("how", "detail")];
        print_items(&changes, &columns, "");
    }
    if !errors.is_empty() {
        print_heading("Wrong lines");
        print_items(&errors, &[("line", "line"), ("column", "column"), ("what is wrong", "message")], "");
    }
    for note in items("notes") {
        remark(note.as_str().unwrap_or_default());
    }
    let count = |key: &str| text_at(shown, key);
    let done = at(shown, "applied").as_bool() == Some(true);
    let (created, changed) = if done { ("created", "changed") } else { ("to create", "to change") };
    remark(&format!(
        "\n{}: {} {created}, {} {changed}, {} as they are already, {} wrong",
        count("kind"),
        count("created"),
        count("changed"),
        count("unchanged"),
        count("wrong"),
    ));
    if done {
        remark("Done.");
    } else if !errors.is_empty() && !args.skip_errors {
        remark("Nothing was changed. Mend the wrong lines, or leave them out with --skip-errors --apply.");
    } else if changes.is_empty() {
        remark("There is nothing to do.");
    } else {
        remark("Nothing was changed yet. Carry it out with --apply.");
    }
}
