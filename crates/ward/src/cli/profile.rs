//! `ward profile …`: configuration profiles, in files and on the server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use catalog::ClassContext;
use clap::Subcommand;
use protocol_profile::{Template, Values, render};
use serde_json::{Value, json};

use super::Options;
use super::described::{Described, Remark, as_json, self_contained};
use super::output::{print_fields, print_json, print_text, remark};

#[derive(Debug, Subcommand)]
pub(super) enum ProfileCommand {
    /// Check a file: is it a profile, what does it hold, what does it need. Needs no server.
    Check {
        /// A description (.toml) or a profile (.mobileconfig).
        file: PathBuf,
    },
    /// Make the .mobileconfig from a description, with secrets hidden. Needs no server.
    Build {
        /// A description (.toml) or a profile (.mobileconfig).
        file: PathBuf,
        /// The value of a variable, as '$site.wifi_ssid=Clinical'; what is not given stands in.
        #[arg(long = "set", value_name = "SOURCE=VALUE")]
        values: Vec<String>,
        /// Write it here instead of printing it.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Print a description with the files that it names written into it, as the API takes it. Needs no server.
    Pack {
        /// A description (.toml).
        file: PathBuf,
    },
    #[command(flatten)]
    Uploaded(super::uploaded::UploadedCommand),
}

pub(super) fn run(command: ProfileCommand, options: &Options) -> Result<ExitCode> {
    match command {
        ProfileCommand::Check { file } => check(&file, options),
        ProfileCommand::Build { file, values, output } => build(&file, &values, output.as_deref(), options),
        ProfileCommand::Pack { file } => {
            print_text(&self_contained(&file)?);
            Ok(ExitCode::SUCCESS)
        }
        ProfileCommand::Uploaded(command) => super::uploaded::run(command, options),
    }
}

/// The profile of a file, or the exit code after its problems have been printed.
fn read(file: &Path, options: &Options) -> Result<std::result::Result<Described, ExitCode>> {
    Ok(Described::read(file)?.map_err(|unfit| {
        let remarks: Vec<Remark> = unfit.0.into_iter().map(Remark::from).collect();
        if options.json {
            print_json(&as_json(&remarks));
        } else {
            remarks.iter().for_each(Remark::print);
        }
        ExitCode::FAILURE
    }))
}

fn check(file: &Path, options: &Options) -> Result<ExitCode> {
    let described = match read(file, options)? {
        Ok(described) => described,
        Err(code) => return Ok(code),
    };
    let summary = summary(&described.template);
    if options.json {
        print_json(&summary);
        return Ok(ExitCode::SUCCESS);
    }
    let fields = [
        ("name", "name"),
        ("title", "title"),
        ("identifier", "identifier"),
        ("platforms", "platforms"),
        ("payloads", "payloads"),
        ("worst effect", "class"),
        ("why", "reason"),
        ("goes in rings", "carries_network"),
        ("encrypted to the device", "encrypt"),
        ("network identity", "network_identity"),
        ("secrets", "secrets"),
        ("values needed", "needs"),
    ];
    print_fields(&summary, &fields);
    Ok(ExitCode::SUCCESS)
}

/// What a profile is, for people and programs.
fn summary(template: &Template) -> Value {
    let class = catalog::class_of_profile(&template.as_dictionary(), &ClassContext::default());
    let needs = template.variables().map(|variable| {
        let default = variable.default.as_ref().map(|_| ", has a default").unwrap_or_default();
        format!("{} ({}{default})", variable.source, variable.kind.as_str())
    });
    json!({
        "name": template.name(),
        "title": template.display_name(),
        "identifier": template.identifier(),
        "platforms": template.platforms(),
        "payloads": template.payload_types(),
        "class": class.class,
        "reason": class.reason,
        "carries_network": template.carries_network(),
        "encrypt": template.is_encrypted(),
        "network_identity": template.needs_network_identity(),
        "secrets": template.secrets(),
        "needs": needs.collect::<Vec<_>>(),
        "variables": template.variables().collect::<Vec<_>>(),
    })
}

fn build(file: &Path, given: &[String], output: Option<&Path>, options: &Options) -> Result<ExitCode> {
    let described = match read(file, options)? {
        Ok(described) => described,
        Err(code) => return Ok(code),
    };
    let template = &described.template;
    let given = parse_values(given)?;
    let mut values = Values::stand_ins(template);
    let known: Vec<String> = values.variables.keys().cloned().collect();
    if let Some(source) = given.keys().find(|source| !known.contains(source)) {
        bail!("the profile does not use {source}; it uses: {}", known.join(", "));
    }
    let stand_ins: Vec<&str> =
        known.iter().filter(|source| !given.contains_key(*source)).map(String::as_str).collect();
    values.variables.extend(given.clone());
    let rendered = match render(template, &values) {
        Ok(rendered) => rendered,
        Err(unset) => {
            for one in unset {
                remark(&format!("{}: error: {one}", described.file));
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    let xml = rendered.to_xml();
    match output {
        Some(path) => {
            std::fs::write(path, &xml).with_context(|| format!("cannot write {}", path.display()))?
        }
        None => print_text(&String::from_utf8_lossy(&xml)),
    }
    if !stand_ins.is_empty() {
        remark(&format!("stand-ins for {}: give values with --set", stand_ins.join(", ")));
    }
    if !template.secrets().is_empty() || template.needs_network_identity() {
        remark("secrets are hidden: Ward puts them in when it hands the profile to a device");
    }
    Ok(ExitCode::SUCCESS)
}

fn parse_values(given: &[String]) -> Result<BTreeMap<String, String>> {
    let pairs = given.iter().map(|pair| {
        let (source, value) =
            pair.split_once('=').with_context(|| format!("'{pair}' is not of the form $site.name=value"))?;
        let source = if source.starts_with('$') { source.to_owned() } else { format!("${source}") };
        Ok((source, value.to_owned()))
    });
    pairs.collect()
}
