//! The starting points in `profiles/`: each is built, rendered, held against the linter and read back.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use protocol_profile::{
    Description, LintContext, Severity, Template, Values, check_uploadable, lint, render,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../profiles")
}

fn shipped() -> Vec<(String, Description)> {
    let mut found: Vec<(String, Description)> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let description = Description::parse(&text, &name).unwrap_or_else(|problems| {
                panic!("{}", problems.iter().map(|p| format!("{p}\n")).collect::<String>())
            });
            (name, description)
        })
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(found.len() >= 9, "the starting points are where the test looks");
    found
}

#[test]
fn each_starting_point_is_named_like_its_file_and_says_what_it_is() {
    let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let mut identifiers = BTreeSet::new();
    for (file, description) in shipped() {
        let template = description.to_template();
        assert_eq!(file, format!("{}.toml", template.name()));
        assert!(template.display_name().is_some_and(|title| title != template.name()), "{file} has a title");
        assert!(!template.platforms().is_empty(), "{file} says for which platforms it is");
        assert!(identifiers.insert(template.identifier().to_owned()), "{file} has its own identifier");
        assert!(readme.contains(&format!("`{file}`")), "{file} stands in profiles/README.md");
    }
}

#[test]
fn each_starting_point_renders_the_same_twice_and_could_be_uploaded() {
    for (file, description) in shipped() {
        let template = description.to_template();
        let values = Values::stand_ins(&template);
        let (once, twice) = (render(&template, &values).unwrap(), render(&template, &values).unwrap());
        assert_eq!(once.to_xml(), twice.to_xml(), "{file}");
        let summary = check_uploadable(&once.to_xml()).unwrap();
        assert_eq!(summary.identifier, template.identifier(), "{file}");
        assert_eq!(summary.uuid, once.uuid_text(), "{file}");
        let again = Template::from_mobileconfig(&once.to_xml()).unwrap();
        assert_eq!(again.payload_types().len(), template.payload_types().len(), "{file}");
    }
}

#[test]
fn the_linter_finds_nothing_worse_than_notes_in_the_starting_points() {
    let context = LintContext {
        phi_apps: ["org.example.record".to_owned(), "org.example.pager".to_owned()].into(),
        ..LintContext::default()
    };
    for (file, description) in shipped() {
        let template = description.to_template();
        let findings = lint(&[&template], &context);
        let grave: Vec<_> = findings.iter().filter(|finding| finding.severity > Severity::Note).collect();
        assert!(grave.is_empty(), "{file}: {grave:#?}");
    }
}
