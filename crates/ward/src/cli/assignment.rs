//! `ward assignment …` and `ward action …`: which devices get which profile, and the changes that wait for a confirmation.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::Options;
use super::client::{Client, segment};
use super::device::show_items;
use super::output::{Column, at, print_fields, print_heading, print_items, print_json, remark, text_at};

const ASSIGNMENTS: &[Column] = &[
    ("profile", "profile"),
    ("version", "profile_version"),
    ("group", "group"),
    ("place", "place"),
    ("excluded", "excluded"),
    ("devices", "confirmed_count"),
    ("by", "confirmed_by"),
    ("changed", "changed_at"),
    ("id", "id"),
];

const ACTIONS: &[Column] = &[
    ("state", "state"),
    ("kind", "kind"),
    ("devices", "confirm_devices"),
    ("asked", "created_at"),
    ("by", "created_by"),
    ("applied", "applied_at"),
    ("id", "id"),
];

const LINES: &[Column] = &[("device", "device"), ("profile", "item"), ("change", "change"), ("why", "text")];

#[derive(Debug, Args)]
pub(super) struct NewAssignment {
    /// The profile, by name or id.
    profile: String,
    /// Its version [default: the newest].
    #[arg(long, value_name = "NUMBER")]
    profile_version: Option<i32>,
    /// Only to the members of this group, by name or id.
    #[arg(long)]
    group: Option<String>,
    /// Only at this place and below it: code, name or id.
    #[arg(long)]
    place: Option<String>,
    /// Not to the members of this group; may be repeated.
    #[arg(long = "exclude", value_name = "GROUP")]
    excluded: Vec<String>,
    /// To every device. Needed when neither a group nor a place is named.
    #[arg(long)]
    everywhere: bool,
    /// Only show what it would do.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum AssignmentCommand {
    /// List the assignments.
    List,
    /// Assign a profile. Above ten devices it becomes an action that waits for 'ward action apply'.
    Create(NewAssignment),
    /// Give an assignment another version of its profile, or other exclusions.
    Change {
        /// The assignment's id.
        id: String,
        /// The version of the profile; 0 for the newest.
        #[arg(long, value_name = "NUMBER")]
        profile_version: Option<i32>,
        /// Not to the members of this group; may be repeated, and replaces what was excluded before.
        #[arg(long = "exclude", value_name = "GROUP")]
        excluded: Vec<String>,
        /// Exclude nobody any more.
        #[arg(long, conflicts_with = "excluded")]
        exclude_nobody: bool,
        /// Only show what it would do.
        #[arg(long)]
        dry_run: bool,
    },
    /// Take an assignment back: what nothing else gives is removed from its devices.
    Remove {
        /// The assignment's id.
        id: String,
        /// Only show what it would do.
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ActionCommand {
    /// List the actions, the newest first.
    List {
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Show one action with its preview.
    Show {
        /// The action's id.
        id: String,
    },
    /// Do what an action proposes.
    Apply {
        /// The action's id.
        id: String,
        /// The number of devices that its preview names.
        #[arg(long, value_name = "DEVICES")]
        confirm: i64,
    },
}

pub(super) fn run(command: AssignmentCommand, options: &Options) -> Result<ExitCode> {
    let client = Client::new(options)?;
    match command {
        AssignmentCommand::List => {
            let all = client.get("/api/v1/assignments")?;
            let items = all.as_array().cloned().unwrap_or_default();
            show_items(
                options,
                &items,
                ASSIGNMENTS,
                "Nothing is assigned. 'ward assignment create PROFILE' does it.",
            );
        }
        AssignmentCommand::Create(new) => {
            if new.group.is_none() && new.place.is_none() && !new.everywhere {
                return Err(super::client::usage("name a --group or a --place, or say --everywhere"));
            }
            let body = json!({
                "profile": new.profile, "version": new.profile_version, "group": new.group, "place": new.place,
                "excluded": new.excluded, "dry_run": new.dry_run,
            });
            print_change(&client.post("/api/v1/assignments", &body)?.1, options);
        }
        AssignmentCommand::Change { id, profile_version, excluded, exclude_nobody, dry_run } => {
            let excluded = (exclude_nobody || !excluded.is_empty()).then_some(excluded);
            let body = json!({ "version": profile_version, "excluded": excluded, "dry_run": dry_run });
            let path = format!("/api/v1/assignments/{}", segment(&id));
            print_change(&client.change(Method::PATCH, &path, Some(&body))?, options);
        }
        AssignmentCommand::Remove { id, dry_run } => {
            let path = format!("/api/v1/assignments/{}?dry_run={dry_run}", segment(&id));
            print_change(&client.change(Method::DELETE, &path, None)?, options);
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn run_action(command: ActionCommand, options: &Options) -> Result<ExitCode> {
    let client = Client::new(options)?;
    match command {
        ActionCommand::List { limit } => {
            let items = client.list("/api/v1/actions", &[], limit)?;
            show_items(options, &items, ACTIONS, "There are no actions.");
        }
        ActionCommand::Show { id } => {
            let action = client.get(&format!("/api/v1/actions/{}", segment(&id)))?;
            if options.json {
                print_json(&action);
            } else {
                print_fields(
                    &action,
                    &[
                        ("State", "state"),
                        ("Asked by", "created_by"),
                        ("Asked", "created_at"),
                        ("Applied", "applied_at"),
                    ],
                );
                print_preview(at(&action, "preview"));
            }
        }
        ActionCommand::Apply { id, confirm } => {
            let path = format!("/api/v1/actions/{}/apply", segment(&id));
            print_change(&client.post(&path, &json!({ "confirm_devices": confirm }))?.1, options);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What became of a change, and what is to be typed next.
pub(super) fn print_change(change: &Value, options: &Options) {
    if options.json {
        return print_json(change);
    }
    print_preview(at(change, "preview"));
    match at(change, "outcome").as_str() {
        Some("applied") => remark("Done. 'ward device items DEVICE' shows where each device stands."),
        Some("proposed") => {
            let (id, devices) = (text_at(change, "action.id"), text_at(change, "action.confirm_devices"));
            remark(&format!(
                "Nothing was done yet: it touches more than ten devices. To do it:\n  ward action apply {id} --confirm {devices}"
            ));
        }
        _ => remark("Nothing was done: this only shows it."),
    }
}

fn print_preview(preview: &Value) {
    print_fields(
        preview,
        &[
            ("Devices", "devices"),
            ("Added", "added"),
            ("Replaced", "replaced"),
            ("Removed", "removed"),
            ("Blocked", "blocked"),
        ],
    );
    let lines = at(preview, "sample").as_array().cloned().unwrap_or_default();
    if !lines.is_empty() {
        print_heading("Devices, the first of them");
        print_items(&lines, LINES, "");
    }
}
