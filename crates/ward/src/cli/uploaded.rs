//! `ward profile upload|list|show|render`: profiles on the server.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use serde_json::{Value, json};

use super::Options;
use super::client::{Client, segment};
use super::described::{is_description, self_contained};
use super::device::show_items;
use super::output::{
    Column, at, print_fields, print_heading, print_items, print_json, print_text, remark, text_at,
};

const PROFILES: &[Column] = &[
    ("name", "name"),
    ("version", "newest.version"),
    ("class", "newest.class"),
    ("rings", "newest.carries_network"),
    ("platforms", "newest.platforms"),
    ("payloads", "newest.payload_types"),
    ("devices", "devices"),
];

const FINDINGS: &[Column] = &[
    ("severity", "severity"),
    ("rule", "rule"),
    ("where", "key_path"),
    ("what", "message"),
    ("advice", "advice"),
];

const VERSIONS: &[Column] = &[
    ("version", "version"),
    ("source", "source"),
    ("class", "class"),
    ("variables", "variables"),
    ("secrets", "secrets"),
    ("override", "override_reason"),
    ("made", "created_at"),
    ("by", "created_by"),
];

const ITEMS: &[Column] = &[
    ("profile", "name"),
    ("state", "state"),
    ("desired", "desired_version"),
    ("sent", "sent_version"),
    ("sent at", "sent_at"),
    ("seen at", "observed_at"),
    ("losses", "losses"),
    ("next try", "next_try_at"),
    ("device says", "last_error"),
    ("why", "why"),
];

#[derive(Debug, Subcommand)]
pub(super) enum UploadedCommand {
    /// Upload a profile to the server, as a new one or as the next version of the one with its name.
    Upload {
        /// A description (.toml) or a profile (.mobileconfig).
        file: PathBuf,
        /// The name on the server [default: the name in the file].
        #[arg(long)]
        name: Option<String>,
        /// Encrypt a .mobileconfig for each device; a description says so itself.
        #[arg(long)]
        encrypt: bool,
        /// Why it is to be taken although the linter finds errors. Kept with the version.
        #[arg(long, value_name = "REASON")]
        override_lint: Option<String>,
    },
    /// List the profiles on the server.
    List,
    /// Show a profile on the server: its versions, and what the linter says of the newest.
    Show {
        /// Its name or id.
        profile: String,
    },
    /// Print a profile as one device would get it, with secrets hidden.
    Render {
        /// Its name or id.
        profile: String,
        /// Serial number, UDID or id.
        #[arg(long)]
        device: String,
        /// The version [default: the newest].
        #[arg(long, value_name = "NUMBER")]
        profile_version: Option<i32>,
    },
}

pub(super) fn run(command: UploadedCommand, options: &Options) -> Result<ExitCode> {
    let client = Client::new(options)?;
    match command {
        UploadedCommand::Upload { file, name, encrypt, override_lint } => {
            let mut body = body_of(&file, encrypt)?;
            if let Some(keys) = body.as_object_mut() {
                keys.insert("name".to_owned(), json!(name));
                keys.insert("override_reason".to_owned(), json!(override_lint));
            }
            print_upload(&client.post("/api/v1/profiles", &body)?.1, options);
        }
        UploadedCommand::List => {
            let all = client.get("/api/v1/profiles")?;
            let items = all.as_array().cloned().unwrap_or_default();
            show_items(
                options,
                &items,
                PROFILES,
                "There are no profiles. 'ward profile upload FILE' brings one.",
            );
        }
        UploadedCommand::Show { profile } => {
            let all = client.get(&format!("/api/v1/profiles/{}/versions", segment(&profile)))?;
            let versions = all.as_array().cloned().unwrap_or_default();
            if options.json {
                print_json(&all);
            } else {
                print_items(&versions, VERSIONS, "");
                if let Some(newest) = versions.first() {
                    print_version(newest);
                }
            }
        }
        UploadedCommand::Render { profile, device, profile_version } => {
            let version = profile_version.map_or_else(String::new, |version| format!("&version={version}"));
            let path =
                format!("/api/v1/profiles/{}/render?device={}{version}", segment(&profile), segment(&device));
            return Ok(print_rendered(&client.get(&path)?, options));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What a device should have, and why.
pub(super) fn show_device_items(client: &Client, device: &str, options: &Options) -> Result<()> {
    let all = client.get(&format!("/api/v1/devices/{}/items", segment(device)))?;
    let mut items = all.as_array().cloned().unwrap_or_default();
    if options.json {
        print_json(&all);
        return Ok(());
    }
    for item in &mut items {
        let why: Vec<String> =
            at(item, "why").as_array().into_iter().flatten().map(|reason| text_at(reason, "text")).collect();
        item["why"] = json!(why.join("; "));
    }
    show_items(options, &items, ITEMS, "Nothing is assigned to this device.");
    Ok(())
}

fn body_of(file: &Path, encrypt: bool) -> Result<Value> {
    if is_description(file) {
        return Ok(json!({ "toml": self_contained(file)? }));
    }
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(json!({ "mobileconfig": STANDARD.encode(bytes), "encrypt": encrypt }))
}

fn print_upload(uploaded: &Value, options: &Options) {
    if options.json {
        return print_json(uploaded);
    }
    let (name, version) = (text_at(uploaded, "profile.name"), text_at(uploaded, "profile.newest.version"));
    print_version(at(at(uploaded, "profile"), "newest"));
    if at(uploaded, "is_new").as_bool() == Some(true) {
        remark(&format!(
            "'{name}' has version {version} now. No device gets it before an assignment says so: \
             'ward assignment create', or 'ward assignment change ID --profile-version {version}'."
        ));
    } else {
        remark(&format!("This is version {version} of '{name}' already."));
    }
}

fn print_version(version: &Value) {
    print_fields(
        version,
        &[
            ("Identifier", "identifier"),
            ("Payloads", "payload_types"),
            ("Platforms", "platforms"),
            ("Variables", "variables"),
            ("Secrets", "secrets"),
            ("Encrypted", "encrypted"),
            ("Goes in rings", "carries_network"),
            ("Class", "class"),
            ("Why", "class_reason"),
        ],
    );
    let findings = at(version, "lint").as_array().cloned().unwrap_or_default();
    if !findings.is_empty() {
        print_heading("The linter says");
        print_items(&findings, FINDINGS, "");
    }
}

fn print_rendered(rendered: &Value, options: &Options) -> ExitCode {
    let xml = at(rendered, "xml").as_str();
    if options.json {
        print_json(rendered);
    } else if let Some(xml) = xml {
        print_text(xml.trim_end());
    } else {
        remark("It cannot be made for this device:");
        for reason in at(rendered, "reasons").as_array().into_iter().flatten() {
            remark(&format!("  {}", text_at(reason, "text")));
        }
    }
    if xml.is_some() { ExitCode::SUCCESS } else { ExitCode::from(3) }
}
