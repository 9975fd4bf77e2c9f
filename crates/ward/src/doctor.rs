//! `ward doctor`: looks at the server from outside in, as a device and a proxy would, and asks it what it knows of itself.

mod http_checks;
mod tls_checks;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::cli::{Options, at, own_checks, print_json, print_text};
use crate::config::Config;
use crate::paths::Paths;

/// What `ward doctor` can be told.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The server's configuration file.
    #[arg(long, default_value = "ward.toml", value_name = "FILE", env = "WARD_CONFIG")]
    pub config: PathBuf,
    /// Believe the trial root that 'ward init' made. Phones do not.
    #[arg(long)]
    pub trust_trial_root: bool,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    /// As it should be.
    Ok,
    /// Could not be looked at; says nothing.
    Unknown,
    /// Works, but will hurt.
    Warning,
    /// Does not work.
    Error,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    name: String,
    outcome: Outcome,
    detail: String,
    advice: Option<String>,
}

impl Finding {
    fn new(name: &str, outcome: Outcome, detail: impl Into<String>, advice: &str) -> Self {
        let advice = (outcome != Outcome::Ok && !advice.is_empty()).then(|| advice.to_owned());
        Self { name: name.to_owned(), outcome, detail: detail.into(), advice }
    }
}

/// Carries out all checks. The exit code is 1 when one of them found an error.
///
/// # Errors
/// The configuration cannot be read.
pub fn run(args: &DoctorArgs, options: &Options) -> Result<ExitCode> {
    let config = Config::load(&args.config)?;
    let roots = args.trust_trial_root.then(|| std::fs::read(Paths::new(&config).tls_root)).transpose()?;
    let mut findings = tls_checks::public_name(&config.devices.public_url, roots.as_deref());
    findings.extend(http_checks::public_name(&config.devices, roots.as_deref()));
    findings.push(tls_checks::push_service(&config.push));
    findings.extend(from_inside(options));
    if options.json {
        print_json(&json!(findings));
    } else {
        findings.iter().for_each(print);
    }
    let failed = findings.iter().any(|finding| finding.outcome == Outcome::Error);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What the server says of itself over the operators' door.
fn from_inside(options: &Options) -> Vec<Finding> {
    let checks = match own_checks(options) {
        Ok(checks) => checks,
        Err(error) => {
            let advice = "Start the server, or name its access file with --access.";
            return vec![Finding::new("server", Outcome::Unknown, format!("{error:#}"), advice)];
        }
    };
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    checks
        .iter()
        .map(|check| {
            let outcome = match at(check, "severity").as_str() {
                Some("error") => Outcome::Error,
                Some("warning") => Outcome::Warning,
                Some("ok") => Outcome::Ok,
                _ => Outcome::Unknown,
            };
            Finding::new(
                &text(at(check, "name")),
                outcome,
                text(at(check, "detail")),
                &text(at(check, "advice")),
            )
        })
        .collect()
}

fn print(finding: &Finding) {
    let mark = match finding.outcome {
        Outcome::Ok => "ok     ",
        Outcome::Unknown => "unknown",
        Outcome::Warning => "warning",
        Outcome::Error => "ERROR  ",
    };
    print_text(&format!("{mark}  {:<24} {}", finding.name, finding.detail));
    if let Some(advice) = &finding.advice {
        print_text(&format!("         {:<24} -> {advice}", ""));
    }
}
