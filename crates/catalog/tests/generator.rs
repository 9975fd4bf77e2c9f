//! The generator on a small folder of our own in Apple's layout: what it reads, what it tells, what it refuses.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail the test")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const COFFEE: &str = "\
title: Make Coffee Command
description: A command
  over two lines.
payload:
  requesttype: MakeCoffee
  supportedOS:
    iOS:
      introduced: '28.0'
      accessrights: AllowSettings
      supervised: true
      sharedipad:
        mode: allowed
        devicechannel: true
        userchannel: false
      userenrollment:
        mode: forbidden
    macOS:
      introduced: n/a
payloadkeys:
- key: Cups
  type: <integer>
  presence: required
  range:
    min: 1
    max: 12
- key: Kind
  type: <string>
  rangelist:
  - Black
  - White
  default: Black
  content: |-
    What kind.

    With a blank line.
- key: Guests
  type: <array>
  subkeys: &id001
  - key: Guest
    type: <dictionary>
    subkeys:
    - key: Name
      type: <string>
      presence: required
- key: MoreGuests
  type: <array>
  subkeys: *id001
responsekeys:
- key: Temperature
  type: <real>
";

fn write(folder: &Path, text: &str) {
    let commands = folder.join("mdm/commands");
    fs::create_dir_all(&commands).unwrap();
    fs::write(commands.join("coffee.make.yaml"), text).unwrap();
}

fn generate(folder: &Path, table: &Path, more: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/catalogue");
    Command::new("python3")
        .arg(script)
        .arg("--schema")
        .arg(folder)
        .arg("--output")
        .arg(table)
        .args(more)
        .output()
        .expect("python3 runs")
}

#[test]
fn a_new_command_is_read_and_each_change_is_told() {
    let place = tempfile::tempdir().unwrap();
    let (folder, table) = (place.path().join("schema"), place.path().join("table.tsv"));
    write(&folder, COFFEE);

    let output = generate(&folder, &table, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("+ command MakeCoffee"), "{told}");
    let text = fs::read_to_string(&table).unwrap();
    let expected = "\
command\tMakeCoffee\tiOS=28.0,sup,ar:2048,ue:forbidden,si:allowed,sidc,siuc0\tmacOS=-
 Cups\tinteger\t!\tmin=1\tmax=12
 Kind\tstring\tdefault=\"Black\"\tenum=[\"Black\",\"White\"]
 Guests\tarray
  Guest\tdictionary
   Name\tstring\t!
 MoreGuests\tarray
  Guest\tdictionary
   Name\tstring\t!
>
 Temperature\treal
";
    assert!(text.starts_with("// @generated"));
    assert_eq!(text.split_once('\n').unwrap().1, expected);

    write(&folder, &COFFEE.replace("max: 12", "max: 6").replace("- key: Kind", "- key: Sort"));
    let output = generate(&folder, &table, &["--check"]);
    assert_eq!(output.status.code(), Some(1), "a table that would change fails the check");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        told.contains("- command MakeCoffee / Kind") && told.contains("+ command MakeCoffee / Sort"),
        "{told}"
    );
    assert!(
        told.contains("was integer ! min=1 max=12") && told.contains("now integer ! min=1 max=6"),
        "{told}"
    );
    assert_eq!(fs::read_to_string(&table).unwrap(), text, "--check writes nothing");
}

#[test]
fn what_the_generator_does_not_understand_it_refuses_with_the_place() {
    let place = tempfile::tempdir().unwrap();
    let (folder, table) = (place.path().join("schema"), place.path().join("table.tsv"));
    for (broken, complaint) in [
        (COFFEE.replace("requesttype: MakeCoffee", "requesttype: {flow: 1}"), "line 5"),
        (COFFEE.replace("*id001", "*id002"), "no anchor id002"),
        (COFFEE.replace("supervised: true", "brandnew: true"), "brandnew"),
        (COFFEE.replace("    macOS:", "    toasterOS:"), "toasterOS"),
    ] {
        write(&folder, &broken);
        let output = generate(&folder, &table, &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(complaint), "{complaint}: {said}");
        assert!(!table.exists(), "nothing is written when something is not understood");
    }
}
