//! Every key of the published facts is in the catalogue as it stands there: type, presence, values, range, systems.

#![expect(clippy::expect_used, reason = "helpers of tests fail the test")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use catalog::{Key, Kind, Platform};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Fact {
    kind: String,
    name: String,
    answer: bool,
    path: Vec<String>,
    #[serde(rename = "type")]
    value_type: String,
    required: Option<bool>,
    #[serde(rename = "enum")]
    allowed: Vec<serde_json::Value>,
    min: Option<f64>,
    max: Option<f64>,
    format: Option<String>,
    removed: Option<String>,
    systems: BTreeMap<String, Option<String>>,
}

impl Fact {
    fn kind(&self) -> Kind {
        match self.kind.as_str() {
            "command" => Kind::Command,
            "checkin" => Kind::Checkin,
            "payload" => Kind::Payload,
            "declaration" => Kind::Declaration,
            "status" => Kind::Status,
            "message" => Kind::Message,
            _ => Kind::Document,
        }
    }

    fn is(&self, key: &Key) -> bool {
        let kind = serde_json::to_value(key.value_type).expect("a type is a word");
        kind == self.value_type.as_str()
            && self.required.is_none_or(|required| key.required == required)
            && key.allowed == self.allowed
            && (key.minimum, key.maximum) == (self.min, self.max)
            && self.format.as_ref().is_none_or(|format| key.format == Some(format))
            && key.gone.map(|version| version.to_string()) == self.removed
            && self.systems.iter().all(|(system, introduced)| {
                let platform: Platform = system.parse().expect("a platform");
                let support = key.systems.of(platform);
                let said = support.filter(|support| support.available).and_then(|support| support.introduced);
                let is_said = support.is_some();
                is_said && said.map(|version| version.to_string()) == *introduced
            })
    }

    /// Whether the catalogue has the key as the fact gives it, in any of the parts that describe the type.
    fn is_known(&self) -> bool {
        catalog::find(self.kind(), &self.name).iter().any(|entry| {
            let mut level: &[Key] = if self.answer { &entry.answer } else { &entry.keys };
            for (depth, name) in self.path.iter().enumerate() {
                let last = depth + 1 == self.path.len();
                let mut named = level.iter().filter(|key| key.name == name);
                if last {
                    return named.any(|key| self.is(key));
                }
                let Some(key) = named.next() else { return false };
                level = &key.keys;
            }
            false
        })
    }
}

#[test]
fn every_key_of_the_facts_is_in_the_catalogue_as_it_stands_there() {
    let facts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/apple-schema/facts");
    if !facts.is_dir() {
        // Written past the capture of the test harness: a skipped test must be seen to be skipped.
        let words =
            "SKIPPED: ../shared/apple-schema is not here, so the catalogue's keys are not held against it";
        writeln!(std::io::stderr(), "{words}").expect("stderr is open");
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys.py");
    let output = Command::new("python3").arg("-B").arg(script).arg(facts).output().expect("python3 runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let facts: Vec<Fact> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(facts.len() > 4000, "only {} keys", facts.len());
    let missing: Vec<_> = facts.iter().filter(|fact| !fact.is_known()).collect();
    assert!(
        missing.is_empty(),
        "{} of {} differ: {:#?}",
        missing.len(),
        facts.len(),
        missing.iter().take(5).collect::<Vec<_>>()
    );
}
