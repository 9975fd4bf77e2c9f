//! The text of a rule: refused with a place inside the text, or evaluated without an accident.
#![no_main]

use libfuzzer_sys::fuzz_target;
use service::groups::rule::{Outcome, Rule, Subject};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    match Rule::compile(&text) {
        Err(error) => {
            assert!(error.line >= 1 && error.column >= 1 && !error.reason.is_empty());
            assert!(error.reason.chars().count() < 600, "a reason is a sentence");
        }
        Ok(rule) => {
            let unknown = rule.evaluate(&Subject::default());
            assert_eq!(unknown, rule.evaluate(&Subject::default()), "a rule says the same twice");
            let mut subject = Subject::default();
            subject.device.insert("serial", "C02".into());
            subject.facts.insert("A.B".to_owned(), serde_json::json!([{"a": 1}, 2.5, "x", true]));
            if let Outcome::Trouble(why) = rule.evaluate(&subject) {
                assert!(why.chars().count() <= 300);
            }
        }
    }
});
