//! The whole catalogue against answers that others worked out: the test's own Python from the published facts, and
//! cases written by hand with their source.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use catalog::{ChannelKind, DeviceFacts, EnrollmentType, Ownership, Refusal, What, check};
use serde::Deserialize;

/// Apple's schema, where it is at hand.
fn schema() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/apple-schema");
    let folder = folder.canonicalize().ok();
    if folder.is_none() {
        // Written past the capture of the test harness: a skipped test must be seen to be skipped.
        let words = "SKIPPED: ../shared/apple-schema is not here, so the catalogue is not held against it";
        writeln!(std::io::stderr(), "{words}").expect("stderr is open");
    }
    folder
}

fn python(script: &Path, arguments: &[&Path]) -> String {
    let output =
        Command::new("python3").arg("-B").arg(script).args(arguments).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[derive(Deserialize)]
struct Case {
    what: String,
    why: String,
    expected: String,
    path: Option<String>,
    instance: serde_json::Value,
    facts: DeviceFacts,
}

impl Case {
    /// What is wrong with the catalogue's answer, if anything.
    fn complaint(&self) -> Option<String> {
        let made = match self.what.as_str() {
            "command" | "request" => catalog::command_from_json(&self.instance),
            "payload" => catalog::payload_from_json(&self.instance),
            "declaration" => catalog::declaration_from_json(&self.instance),
            other => panic!("unknown subject {other}"),
        };
        let found: Vec<Refusal> = match made {
            Err(refusals) => refusals,
            Ok(made) => {
                let what = match self.what.as_str() {
                    "command" => What::Command(&made),
                    "request" => What::Request(&made),
                    "payload" => What::Payload(&made),
                    _ => What::Declaration(&made),
                };
                check(what, &self.facts).refusals
            }
        };
        let fits = |refusal: &Refusal| {
            let rule = serde_json::to_value(refusal.rule).expect("a rule is a word");
            rule == self.expected && self.path.as_ref().is_none_or(|path| *path == refusal.key_path)
        };
        let right = if self.expected == "accepted" { found.is_empty() } else { found.iter().any(fits) };
        (!right)
            .then(|| format!("{}: expected {}, got {found:?} for {}", self.why, self.expected, self.instance))
    }
}

fn assert_all(cases: &[Case]) {
    let complaints: Vec<_> = cases.iter().filter_map(Case::complaint).collect();
    let shown = complaints.iter().take(25).cloned().collect::<Vec<_>>().join("\n");
    assert!(complaints.is_empty(), "{} of {} cases are wrong:\n{shown}", complaints.len(), cases.len());
}

#[test]
fn every_command_payload_and_declaration_is_taken_where_the_facts_say_so_and_refused_elsewhere() {
    let Some(schema) = schema() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected.py");
    let text = python(&script, &[&schema.join("facts")]);
    let cases: Vec<Case> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(cases.len() > 3000, "only {} cases", cases.len());
    assert_all(&cases);
}

#[test]
fn the_committed_table_is_what_the_generator_makes() {
    let Some(schema) = schema() else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new("python3")
        .arg(root.join("scripts/catalogue"))
        .arg("--check")
        .args(
            ["release-18", "release-26", "seed-27"]
                .iter()
                .flat_map(|name| [PathBuf::from("--schema"), schema.join(name)]),
        )
        .args([PathBuf::from("--facts"), schema.join("facts")])
        .output()
        .expect("python3 runs");
    let differences = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "run scripts/catalogue and review:\n{differences}");
}

/// A device in words: `iPadOS 17.4 supervised automated shared`. What is not said is unknown, or usual.
fn device(words: &str) -> DeviceFacts {
    let mut facts = DeviceFacts::unknown(EnrollmentType::Device, Ownership::Corporate, ChannelKind::Device);
    for word in words.split(' ') {
        match word {
            "unknown" => {}
            "supervised" => facts.supervised = Some(true),
            "unsupervised" => facts.supervised = Some(false),
            "automated" => facts.enrollment = EnrollmentType::Automated,
            "user-enrollment" => facts.enrollment = EnrollmentType::User,
            "user-channel" => facts.channel = ChannelKind::User,
            "personal" => facts.ownership = Ownership::Personal,
            "shared" => facts.shared_ipad = Some(true),
            "not-shared" => facts.shared_ipad = Some(false),
            "no-passcode" => facts.has_passcode = Some(false),
            _ => match (word.parse(), word.parse(), word.strip_prefix("rights=")) {
                (Ok(platform), _, _) => facts.platform = Some(platform),
                (_, Ok(version), _) => facts.os_version = Some(version),
                (_, _, Some(rights)) => facts.access_rights = Some(rights.parse().expect(word)),
                _ => panic!("unknown word {word}"),
            },
        }
    }
    facts
}

#[test]
fn cases_written_by_hand_get_the_answer_that_their_source_gives() {
    let cases: Vec<Case> = include_str!("cases.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let columns: Vec<_> = line.split('\t').collect();
            let [what, words, instance, expected, source] = columns[..] else {
                panic!("five columns: {line}")
            };
            let (expected, path) =
                expected.split_once('@').map_or((expected, None), |(rule, path)| (rule, Some(path)));
            Case {
                what: what.to_owned(),
                why: format!("{words}: {source}"),
                expected: expected.to_owned(),
                path: path.map(str::to_owned),
                instance: serde_json::from_str(instance).expect(line),
                facts: device(words),
            }
        })
        .collect();
    assert!(cases.len() >= 80, "only {} cases", cases.len());
    assert_all(&cases);
}
