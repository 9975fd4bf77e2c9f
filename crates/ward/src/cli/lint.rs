//! `ward lint`: what profiles would do that a hospital does not want. It needs no server.

use std::cmp::Reverse;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use catalog::{EnrollmentType, Ownership, Platform, Version};
use clap::Args;
use clock::{Clock as _, SystemClock};
use protocol_profile::{LintContext, Severity, Template, lint_each};

use super::Options;
use super::described::{Described, Remark, as_json, count};
use super::output::{print_json, remark};

#[derive(Debug, Args)]
pub(super) struct LintArgs {
    /// Descriptions (.toml) and profiles (.mobileconfig); several are also looked at together.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Bundle identifier of an app that shows patient data, or that staff cannot work without; several are possible.
    #[arg(long = "phi-app", value_name = "BUNDLE")]
    phi_apps: Vec<String>,
    /// The most minutes until a screen locks.
    #[arg(long, value_name = "MINUTES", default_value_t = 5, value_parser = clap::value_parser!(i64).range(1..=60))]
    max_auto_lock: i64,
    /// Whose devices: corporate, personal, shared.
    #[arg(long)]
    ownership: Option<Ownership>,
    /// How they enrolled: device, automated, account-driven-device, user.
    #[arg(long)]
    enrollment: Option<EnrollmentType>,
    /// Their platform: iOS, iPadOS, macOS, tvOS, visionOS, watchOS.
    #[arg(long)]
    platform: Option<Platform>,
    /// The version of their system [default: the newest].
    #[arg(long, value_name = "VERSION")]
    os: Option<Version>,
    /// Whether they are supervised.
    #[arg(long, value_name = "true|false")]
    supervised: Option<bool>,
    /// Whether they are Shared iPads.
    #[arg(long, value_name = "true|false")]
    shared_ipad: Option<bool>,
    /// The version that the first file replaces: says what it would take away.
    #[arg(long, value_name = "FILE")]
    replaces: Option<PathBuf>,
    /// Leave notes out.
    #[arg(long)]
    no_notes: bool,
    /// Fail on warnings as well.
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(args: LintArgs, options: &Options) -> Result<ExitCode> {
    let files = args.files.len();
    let (no_notes, strict) = (args.no_notes, args.strict);
    let mut remarks = look(args)?;
    if no_notes {
        remarks.retain(|remark| remark.severity > Severity::Note);
    }
    let (errors, warnings) = (count(&remarks, Severity::Error), count(&remarks, Severity::Warning));
    if options.json {
        print_json(&as_json(&remarks));
    } else {
        remarks.iter().for_each(Remark::print);
        let notes = count(&remarks, Severity::Note);
        let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        let counted = [plural(errors, "error"), plural(warnings, "warning"), plural(notes, "note")];
        remark(&format!("{} in {}", counted.join(", "), plural(files, "file")));
    }
    let fails = errors > 0 || (strict && warnings > 0);
    Ok(if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn look(args: LintArgs) -> Result<Vec<Remark>> {
    let mut remarks: Vec<Remark> = Vec::new();
    let mut described = Vec::new();
    for path in &args.files {
        match Described::read(path)? {
            Ok(one) => described.push(one),
            Err(unfit) => remarks.extend(unfit.0.into_iter().map(Remark::from)),
        }
    }
    let replaced = match &args.replaces {
        Some(path) => match Described::read(path)? {
            Ok(before) => Some(before.template),
            Err(_) => bail!("{} holds no profile that can be compared", path.display()),
        },
        None => None,
    };
    let context = LintContext {
        ownership: args.ownership,
        enrollment: args.enrollment,
        platform: args.platform,
        os_version: args.os,
        supervised: args.supervised,
        shared_ipad: args.shared_ipad,
        phi_apps: args.phi_apps.into_iter().collect(),
        max_auto_lock_minutes: args.max_auto_lock,
        now: Some(SystemClock.now()),
        replaced,
    };
    let templates: Vec<&Template> = described.iter().map(|one| &one.template).collect();
    for (one, findings) in described.iter().zip(lint_each(&templates, &context)) {
        let mut here: Vec<Remark> = findings.iter().map(|finding| one.locate(finding)).collect();
        here.sort_by_key(|remark| (remark.line, Reverse(remark.severity)));
        remarks.extend(here);
    }
    Ok(remarks)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: LintArgs,
    }

    fn rules(text: &str, more: &[&str]) -> Vec<(usize, Severity, String)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        std::fs::write(&path, text).unwrap();
        let words = ["lint", path.to_str().unwrap()].into_iter().chain(more.iter().copied());
        let remarks = look(Line::try_parse_from(words).unwrap().args).unwrap();
        remarks.into_iter().map(|remark| (remark.line, remark.severity, remark.rule)).collect()
    }

    #[test]
    fn findings_have_lines_and_follow_what_is_said_of_the_hospital() {
        let kiosk = "[profile]\nname = \"a\"\nplatforms = [\"iPadOS\"]\n[[payload]]\ntype = \"com.apple.app.lock\"\n\
                     [payload.App]\nIdentifier = \"org.example.record\"\nOptions = { DisableAutoLock = true }\n";
        let rule = "kiosk-keeps-screen-on".to_owned();
        assert_eq!(rules(kiosk, &[]), [(8, Severity::Warning, rule.clone())]);
        assert_eq!(rules(kiosk, &["--phi-app", "org.example.record"]), [(8, Severity::Error, rule)]);
    }

    #[test]
    fn a_broken_description_is_an_error_among_the_findings() {
        let found = rules("[profile]\nname = \"a\"\n", &[]);
        assert!(
            found.iter().all(|(_, severity, rule)| *severity == Severity::Error && rule == "description")
        );
        assert_eq!(found.len(), 1);
    }
}
