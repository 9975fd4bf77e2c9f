//! The layers of `crates/README.md`, held to by a test: which crate may use which, where a fenced dependency may
//! stand, how long a file may be, and under which licences the dependencies come.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Crate, and which of our crates it may depend on. `clock` and itself are always allowed.
const LAYERS: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("pki", &[]),
    ("catalog", &[]),
    ("plist-guard", &[]),
    ("protocol-mdm", &["plist-guard"]),
    ("protocol-ddm", &[]),
    ("protocol-scep", &["pki"]),
    ("protocol-profile", &["pki", "catalog", "plist-guard"]),
    ("ledger", &["pki"]),
    ("store", &["catalog", "pki"]),
    ("gate", &["store", "catalog", "pki", "plist-guard"]),
    ("apple-client", &["pki"]),
    ("notify-client", &["pki"]),
    (
        "service",
        &[
            "pki",
            "catalog",
            "plist-guard",
            "protocol-mdm",
            "protocol-ddm",
            "protocol-scep",
            "protocol-profile",
            "store",
            "gate",
            "apple-client",
            "notify-client",
        ],
    ),
    ("http-layers", &[]),
    (
        "http-device",
        &[
            "service",
            "gate",
            "http-layers",
            "pki",
            "catalog",
            "plist-guard",
            "protocol-mdm",
            "protocol-ddm",
            "protocol-scep",
            "protocol-profile",
        ],
    ),
    ("http-admin", &["service", "http-layers"]),
    ("simulator", &["pki", "catalog", "protocol-mdm", "protocol-ddm", "protocol-scep", "protocol-profile"]),
    (
        "ward",
        &[
            "pki",
            "catalog",
            "plist-guard",
            "protocol-mdm",
            "protocol-profile",
            "store",
            "gate",
            "apple-client",
            "notify-client",
            "service",
            "http-layers",
            "http-device",
            "http-admin",
            "simulator",
        ],
    ),
    ("tests", &["ward", "simulator", "pki", "protocol-mdm", "protocol-profile", "protocol-scep"]),
];

/// A dependency that only some crates may have (as a normal dependency).
const FENCED: &[(&str, &[&str])] = &[
    ("openssl", &["pki", "apple-client", "notify-client", "simulator", "ward"]),
    ("tokio-openssl", &["apple-client", "notify-client", "simulator", "ward"]),
    ("diesel", &["store"]),
    ("a2", &["apple-client"]),
    ("axum", &["http-layers", "http-device", "http-admin", "simulator", "ward"]),
    ("askama", &["http-device"]),
];

/// Crates that must stay free of input and output.
const PURE: &[&str] = &[
    "pki",
    "catalog",
    "ledger",
    "plist-guard",
    "protocol-mdm",
    "protocol-ddm",
    "protocol-scep",
    "protocol-profile",
];
const IMPURE_DEPENDENCIES: &[&str] = &["tokio", "hyper", "diesel", "axum", "tracing"];

/// Licences that a dependency may come under: permissive ones, and MPL.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Our packages and the names of their normal dependencies.
fn dependencies(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let members: BTreeSet<&str> =
        metadata["workspace_members"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let packages = metadata["packages"].as_array().unwrap();
    let ours = packages.iter().filter(|package| members.contains(package["id"].as_str().unwrap()));
    ours.map(|package| {
        let names = package["dependencies"].as_array().unwrap().iter();
        let normal = names.filter(|dependency| dependency["kind"].is_null());
        let names = normal.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect();
        (package["name"].as_str().unwrap().to_owned(), names)
    })
    .collect()
}

#[test]
fn arrows_between_crates_point_down() {
    let allowed: BTreeMap<&str, &[&str]> = LAYERS.iter().copied().collect();
    let ours = dependencies(&metadata());
    for (name, uses) in &ours {
        let Some(may_use) = allowed.get(name.as_str()) else {
            panic!(
                "crate {name} has no row in the layer table of tests/architecture.rs and crates/README.md"
            );
        };
        for used in uses.iter().filter(|used| ours.contains_key(*used) && *used != "clock") {
            assert!(may_use.contains(&used.as_str()), "{name} must not use {used}");
        }
    }
    for (name, _) in LAYERS {
        assert!(ours.contains_key(*name), "the layer table has a row for {name}, which does not exist");
    }
}

#[test]
fn fenced_dependencies_stay_behind_their_fence() {
    for (name, uses) in dependencies(&metadata()) {
        for (fenced, places) in FENCED {
            assert!(
                !uses.contains(*fenced) || places.contains(&name.as_str()),
                "{name} must not use {fenced}; only {places:?} may"
            );
        }
        if PURE.contains(&name.as_str()) {
            for impure in IMPURE_DEPENDENCIES {
                assert!(!uses.contains(*impure), "{name} is a pure crate and must not use {impure}");
            }
        }
    }
}

#[test]
fn the_map_of_the_crates_names_every_crate() {
    let map = std::fs::read_to_string(root().join("crates/README.md")).unwrap();
    for (name, _) in LAYERS.iter().filter(|(name, _)| *name != "tests") {
        assert!(map.contains(&format!("`{name}`")), "crates/README.md does not mention {name}");
    }
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            rust_files(&path, found);
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_file_is_longer_than_400_lines_and_none_is_called_mod() {
    let mut files = Vec::new();
    for folder in ["crates", "tests"] {
        rust_files(&root().join(folder), &mut files);
    }
    assert!(files.len() > 50, "only {} files were found: the search is broken", files.len());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let lines = text.lines().count();
        assert!(text.starts_with("// @generated") || lines <= 400, "{} has {lines} lines", file.display());
        assert!(!file.ends_with("mod.rs"), "{}: use foo.rs beside foo/", file.display());
        // What a module of tests is for is said by the module that it tests.
        if file.ends_with("tests.rs")
            || file.components().any(|part| part.as_os_str() == "tests")
                && file.starts_with(root().join("crates"))
        {
            continue;
        }
        assert!(
            ["//!", "#![doc", "#![no_main]", "// @generated"].iter().any(|start| text.starts_with(start)),
            "{} does not open with //! and what it is for",
            file.display()
        );
    }
}

/// One expression of SPDX is accepted when some choice of its ORs needs only accepted licences.
fn is_accepted(expression: &str) -> bool {
    let expression = expression.replace(['(', ')'], " ").replace('/', " OR ");
    expression.split(" AND ").all(|part| part.split(" OR ").any(|licence| LICENCES.contains(&licence.trim())))
}

#[test]
fn every_dependency_is_permissive_or_mpl() {
    for package in metadata()["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str().unwrap_or("none given");
        assert!(is_accepted(licence), "{name} comes under '{licence}', which is not on the list");
    }
}

#[test]
fn the_licence_check_refuses_copyleft() {
    assert!(is_accepted("MIT OR Apache-2.0"));
    assert!(is_accepted("(MIT OR GPL-3.0-only) AND Unicode-3.0"));
    assert!(!is_accepted("GPL-3.0-only"));
    assert!(!is_accepted("MIT AND AGPL-3.0-only"));
    assert!(!is_accepted("none given"));
}

#[test]
fn no_private_key_is_in_the_repository() {
    let listing = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().unwrap();
    let mut read = 0;
    for name in listing.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let path = root().join(String::from_utf8_lossy(name).as_ref());
        let Ok(bytes) = std::fs::read(&path) else { continue };
        read += 1;
        let text = String::from_utf8_lossy(&bytes);
        let keys =
            text.lines().filter(|line| line.starts_with("-----BEGIN") && line.ends_with("PRIVATE KEY-----"));
        assert_eq!(keys.count(), 0, "{} holds a private key", path.display());
    }
    assert!(read > 50, "git listed only {read} files");
}
