//! Descriptions of profiles and uploaded profiles: read, stored, rendered, held against the linter.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol_profile::{Description, LintContext, Template, Values, check_uploadable, lint, render};

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let template = if choice % 2 == 0 {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        match Description::parse(text, "fuzz.toml") {
            Ok(description) => description.to_template(),
            Err(problems) => {
                assert!(!problems.is_empty(), "a refusal has its reason");
                return;
            }
        }
    } else {
        let Ok(template) = Template::from_mobileconfig(bytes) else { return };
        template
    };
    let stored = serde_json::to_vec(&template).expect("a template can be stored");
    let again: Template = serde_json::from_slice(&stored).expect("and read back");
    assert!(again == template);
    let _ = lint(&[&template], &LintContext::default());
    let values = Values::stand_ins(&template);
    let (Ok(once), Ok(twice)) = (render(&template, &values), render(&again, &values)) else { return };
    let file = once.to_xml();
    assert_eq!(file, twice.to_xml(), "the same values give the same bytes");
    let summary = check_uploadable(&file).expect("what is rendered could be uploaded");
    assert!(!summary.contains_mdm() && summary.identifier == template.identifier());
});
