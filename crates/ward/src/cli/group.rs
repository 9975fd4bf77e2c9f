//! `ward group …`: groups of devices, by hand and by rule.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::Options;
use super::client::{Client, segment};
use super::consent::Consent;
use super::device::show_items;
use super::output::{Column, at, print_fields, print_json, print_text, remark};

#[derive(Debug, Subcommand)]
pub(super) enum GroupCommand {
    /// Make a group. With a rule the devices that it fits are in it; without one you add devices by hand.
    #[command(after_help = RULES)]
    Create {
        /// Its name.
        name: String,
        /// Who belongs, for example: device.platform == 'iPadOS' && place.code == 'W7'
        #[arg(long, value_name = "CEL")]
        rule: Option<String>,
        /// What it is for.
        #[arg(long)]
        description: Option<String>,
    },
    /// Change a group's name, description or rule.
    #[command(after_help = RULES)]
    Change {
        /// The group's name or id.
        group: String,
        /// The new name.
        #[arg(long)]
        name: Option<String>,
        /// The new rule.
        #[arg(long, value_name = "CEL")]
        rule: Option<String>,
        /// The new description.
        #[arg(long)]
        description: Option<String>,
        /// How many devices the new rule moves, when that are more than ten and assignments name the group.
        #[arg(long, value_name = "N")]
        confirm: Option<i64>,
    },
    /// List the groups.
    List,
    /// Show a group, and the devices for which its rule has no answer.
    Show {
        /// The group's name or id.
        group: String,
    },
    /// List the devices in a group.
    Members {
        /// The group's name or id.
        group: String,
    },
    /// List the groups that a device is in, and why.
    Of {
        /// Serial number, UDID or id of the device.
        device: String,
    },
    /// Put devices into a group by hand.
    Add {
        /// The group's name or id.
        group: String,
        /// Serial numbers, UDIDs or ids.
        #[arg(required = true)]
        devices: Vec<String>,
        #[command(flatten)]
        consent: Consent,
    },
    /// Take devices out of a group by hand.
    Remove {
        /// The group's name or id.
        group: String,
        /// Serial numbers, UDIDs or ids.
        #[arg(required = true)]
        devices: Vec<String>,
        #[command(flatten)]
        consent: Consent,
    },
    /// Say what a rule would say, of one device or of all. Nothing is stored.
    #[command(after_help = RULES)]
    Test {
        /// The rule.
        #[arg(value_name = "CEL")]
        rule: String,
        /// Only this device.
        #[arg(long)]
        device: Option<String>,
    },
    /// Delete a group that no assignment names. Its devices leave it.
    Delete {
        /// The group's name or id.
        group: String,
    },
}

/// The rule language in a few lines.
const RULES: &str = "Rules are CEL. They may use:
  device  serial, udid, name, platform (iOS, iPadOS, macOS, tvOS), model, product, os, supervised, ownership, enrollment,
          lost_mode, shared_ipad
  place   name, code, kind, path (names from the place up)
  owner   name, email, external_id
  labels  labels.use == 'bedside'
  facts   facts['SecurityInfo.PasscodePresent'] == false
and os_at_least(device.os, '26.1'), version('26.1'), in, has(), startsWith, endsWith, contains, exists, all, size.
What is not known is no answer: the device stays in the group, or out of it, as it was. Ask first with
has(owner.email) or 'SecurityInfo.PasscodePresent' in facts.";

const COLUMNS: [Column; 6] = [
    ("name", "name"),
    ("kind", "kind"),
    ("members", "members"),
    ("no answer", "troubles"),
    ("rule", "rule"),
    ("description", "description"),
];
const DEVICES: [Column; 4] =
    [("serial", "serial_number"), ("name", "name"), ("since", "since"), ("why", "why")];
const OF_DEVICE: [Column; 6] = [
    ("group", "name"),
    ("kind", "kind"),
    ("member", "member"),
    ("since", "since"),
    ("why", "why"),
    ("no answer because", "trouble"),
];

pub(super) fn run(command: GroupCommand, options: &Options) -> Result<ExitCode> {
    let client = Client::new(options)?;
    match command {
        GroupCommand::Create { name, rule, description } => {
            let body = json!({ "name": name, "rule": rule, "description": description });
            let (_, group) = client.post("/api/v1/groups", &body)?;
            show(&client, options, &group)?;
        }
        GroupCommand::Change { group, name, rule, description, confirm } => {
            let body =
                json!({ "name": name, "rule": rule, "description": description, "confirm_devices": confirm });
            let group = client.change(Method::PATCH, &path(&group), Some(&body))?;
            show(&client, options, &group)?;
        }
        GroupCommand::List => {
            let items = client.list("/api/v1/groups", &[], 10_000)?;
            show_items(options, &items, &COLUMNS, "There is no group.");
        }
        GroupCommand::Show { group } => {
            let group = client.get(&path(&group))?;
            show(&client, options, &group)?;
        }
        GroupCommand::Members { group } => {
            let items = client.list(&format!("{}/members", path(&group)), &[], 100_000)?;
            show_items(options, &items, &DEVICES, "No device is in this group.");
        }
        GroupCommand::Of { device } => {
            let items = client.get(&format!("/api/v1/devices/{}/groups", segment(&device)))?;
            let items = items.as_array().map_or(&[][..], Vec::as_slice);
            show_items(options, items, &OF_DEVICE, "The device is in no group.");
        }
        GroupCommand::Add { group, devices, consent } => {
            by_hand((&client, options), &Method::PUT, (&group, &devices), consent)?
        }
        GroupCommand::Remove { group, devices, consent } => {
            by_hand((&client, options), &Method::DELETE, (&group, &devices), consent)?
        }
        GroupCommand::Test { rule, device } => {
            let (_, answer) =
                client.post("/api/v1/rules/test", &json!({ "rule": rule, "device": device }))?;
            show_test(options, &answer);
        }
        GroupCommand::Delete { group } => {
            let gone = client.change(Method::DELETE, &path(&group), None)?;
            if options.json {
                print_json(&gone);
            } else {
                remark(&format!("The group is deleted; {} devices left it.", at(&gone, "members")));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn path(group: &str) -> String {
    format!("/api/v1/groups/{}", segment(group))
}

fn by_hand(
    (client, options): (&Client, &Options),
    method: &Method,
    (group, devices): (&str, &[String]),
    consent: Consent,
) -> Result<()> {
    let adds = *method == Method::PUT;
    for device in devices {
        let member = format!("{}/members/{}", path(group), segment(device));
        let changed = consent.change((client, options), method.clone(), &member, None)?;
        let Some(changed) = changed else { return Ok(()) };
        if options.json {
            print_json(&changed);
        }
    }
    if !options.json {
        let (count, way) = (devices.len(), if adds { "in" } else { "no longer in" });
        let subject = if count == 1 { "1 device is".to_owned() } else { format!("{count} devices are") };
        remark(&format!("{subject} {way} the group '{group}'."));
    }
    Ok(())
}

fn show(client: &Client, options: &Options, group: &Value) -> Result<()> {
    if options.json {
        print_json(group);
        return Ok(());
    }
    let fields = [
        ("name", "name"),
        ("kind", "kind"),
        ("rule", "rule"),
        ("description", "description"),
        ("members", "members"),
        ("without an answer", "troubles"),
        ("made", "created_at"),
        ("by", "created_by"),
        ("changed", "changed_at"),
        ("id", "id"),
    ];
    print_fields(group, &fields);
    if at(group, "troubles").as_i64().is_some_and(|count| count > 0) {
        let id = at(group, "id").as_str().unwrap_or_default();
        let troubles = client.list(&format!("{}/troubles", path(id)), &[], 20)?;
        print_text("\nThe rule has no answer for these devices; they stay as they were:");
        let columns = [("serial", "serial_number"), ("name", "name"), ("since", "since"), ("because", "why")];
        show_items(options, &troubles, &columns, "");
    }
    Ok(())
}

fn show_test(options: &Options, answer: &Value) {
    if options.json {
        print_json(answer);
        return;
    }
    let count = |key: &str| at(answer, key).as_u64().unwrap_or_default();
    let (all, members, others, troubles) =
        (count("devices"), count("members"), count("others"), count("troubles"));
    print_text(&format!(
        "Of {all} devices {members} would be in the group, {others} would not, and for {troubles} there is no answer."
    ));
    let sample = at(answer, "sample").as_array().cloned().unwrap_or_default();
    if !sample.is_empty() {
        let columns =
            [("serial", "serial_number"), ("name", "name"), ("answer", "answer"), ("because", "trouble")];
        show_items(options, &sample, &columns, "");
    }
}
