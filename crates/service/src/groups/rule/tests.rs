//! The rule language as a table: what is asked, of which device, and what the answer is.

use serde_json::json;

use super::*;

fn subject() -> Subject {
    Subject {
        device: [
            ("serial", json!("C02ABC")),
            ("platform", json!("iPadOS")),
            ("os", json!("26.1")),
            ("supervised", json!(true)),
            ("ownership", json!("shared")),
        ]
        .into(),
        place: [
            ("name", json!("Ward 7")),
            ("code", json!("W7")),
            ("kind", json!("ward")),
            ("path", json!(["Ward 7", "East", "St. Elsewhere"])),
        ]
        .into(),
        owner: [].into(),
        labels: [("use".to_owned(), "bedside".to_owned())].into(),
        facts: [
            ("SecurityInfo.PasscodePresent".to_owned(), json!(false)),
            ("DeviceInformation.BatteryLevel".to_owned(), json!(1)),
            ("DeviceInformation.DeviceCapacity".to_owned(), json!(63.5)),
            ("DeviceInformation.Nothing".to_owned(), json!(null)),
            (
                "InstalledApplicationList".to_owned(),
                json!([{"Identifier": "com.example.a", "Size": 10}, {"Identifier": "com.example.b"}]),
            ),
            ("Managed".to_owned(), json!(["com.example.a"])),
        ]
        .into(),
    }
}

fn ask(rule: &str) -> Outcome {
    Rule::compile(rule).unwrap_or_else(|error| panic!("{rule}: {error}")).evaluate(&subject())
}

#[test]
fn rules_say_who_belongs() {
    for (rule, expected) in [
        ("true", true),
        ("device.platform == 'iPadOS'", true),
        ("device.platform in ['iOS', 'macOS']", false),
        ("device.supervised && device.ownership == 'shared'", true),
        ("!device.supervised", false),
        ("os_at_least(device.os, '26.0')", true),
        ("os_at_least(device.os, '26.1.0')", true),
        ("os_at_least(device.os, '26.10')", false),
        ("version(device.os) < version('26.2')", true),
        ("version('9.3') < version('10.0')", true),
        ("version('16.5.1 (c)') == version('16.5.1')", true),
        ("place.code == 'W7'", true),
        ("'East' in place.path", true),
        ("'West' in place.path", false),
        ("labels.use == 'bedside'", true),
        ("labels['use'].startsWith('bed')", true),
        ("'kiosk' in labels", false),
        ("has(owner.email)", false),
        ("has(device.name)", false),
        ("facts['SecurityInfo.PasscodePresent'] == false", true),
        ("facts['DeviceInformation.BatteryLevel'] < 0.2", false),
        ("facts['DeviceInformation.DeviceCapacity'] >= 64", false),
        ("facts.InstalledApplicationList.exists(app, app.Identifier == 'com.example.b')", true),
        ("facts.InstalledApplicationList.all(app, app.Identifier.startsWith('com.example.'))", true),
        ("facts.InstalledApplicationList.exists(app, app.Identifier in facts.Managed)", true),
        ("size(facts.InstalledApplicationList) == 2", true),
        ("'No.Such' in facts && facts['No.Such'] == 1", false),
        ("facts['No.Such'] == 1 || device.platform == 'iPadOS'", true),
    ] {
        assert_eq!(ask(rule), if expected { Outcome::Member } else { Outcome::NotMember }, "{rule}");
    }
}

#[test]
fn what_is_not_known_is_trouble_and_never_no() {
    for (rule, named) in [
        ("facts['No.Such'] == true", "'No.Such' is not known"),
        ("!(facts['No.Such'] == true)", "'No.Such' is not known"),
        ("facts['DeviceInformation.Nothing'] == 1", "not known"),
        ("device.name == 'x'", "'name' is not known"),
        ("owner.email == 'a@example.org'", "'email' is not known"),
        ("labels.kiosk == 'yes'", "'kiosk' is not known"),
        ("facts['SecurityInfo.PasscodePresent'] > 3", "does not work with"),
        ("os_at_least(labels.use, '26')", "'bedside' is not a version"),
        ("facts['DeviceInformation.BatteryLevel']", "gives a number"),
        ("facts.InstalledApplicationList.all(app, app.Size > 1)", "'Size' is not known"),
    ] {
        let Outcome::Trouble(why) = ask(rule) else { panic!("{rule}: {:?}", ask(rule)) };
        assert!(why.contains(named), "{rule}: {why}");
    }
}

#[test]
fn a_wrong_rule_is_refused_with_its_place() {
    for (rule, place, named) in [
        ("", (1, 1), "empty"),
        ("device.platform = 'iOS'", (1, 17), ""),
        ("device.platform == 'iOS' &&\n  devise.supervised", (2, 3), "there is no 'devise'"),
        ("device.platfrom == 'iOS'", (1, 8), "there is no 'device.platfrom'; there is serial"),
        ("device.name.matches('.*')", (1, 13), "there is no function 'matches'"),
        ("device.serial", (1, 1), "gives a text"),
        ("size(place.path)", (1, 1), "gives a number"),
        ("device.supervised > 'x'", (1, 1), "does not work with"),
        ("os_at_least(device.os, 'Tahoe')", (1, 1), "is not a version"),
        ("['a'].map(x, x) == ['b']", (1, 1), "map and filter"),
        ("place.path.exists(a, place.path.exists(b, a == b))", (1, 1), "inside another"),
        ("device{serial: 'x'} == 1", (1, 1), ""),
    ] {
        let error = Rule::compile(rule).expect_err(rule);
        assert!(error.to_string().contains(named), "{rule}: {error}");
        if !named.is_empty() {
            assert_eq!((error.line, error.column), place, "{rule}: {error}");
        }
    }
}

#[test]
fn hostile_rules_are_refused_on_a_small_stack() {
    let hostile = [
        "(".repeat(4_000),
        "!".repeat(4_000),
        "-".repeat(4_000),
        "[".repeat(4_000),
        "{".repeat(4_000),
        format!("device{}", ".a".repeat(2_000)),
        format!("1{}", "+1".repeat(2_000)),
        format!("true{}", "?true:true".repeat(400)),
        "x".repeat(5_000),
        "\u{0}\u{ffff}'''\\".to_owned(),
        "a".repeat(10) + &"[0]".repeat(1_300),
        (0..9).map(|_| "place.path.all(x, true)").collect::<Vec<_>>().join("&&"),
    ];
    let check = move || {
        for rule in &hostile {
            assert!(Rule::compile(rule).is_err(), "{}…", rule.chars().take(20).collect::<String>());
        }
    };
    std::thread::Builder::new().stack_size(1024 * 1024).spawn(check).unwrap().join().unwrap();
}

#[test]
fn the_deepest_rule_that_is_taken_fits_on_a_small_stack() {
    let rule = format!("size('a'{}) > 1", "+'a'".repeat(50));
    let work = move || {
        let compiled = Rule::compile(&rule).unwrap();
        assert_eq!(compiled.evaluate(&subject()), Outcome::Member);
    };
    std::thread::Builder::new().stack_size(1024 * 1024).spawn(work).unwrap().join().unwrap();
}

#[test]
fn a_fact_of_unreasonable_size_is_as_good_as_unknown() {
    let mut subject = subject();
    subject.facts.insert("Huge".to_owned(), json!(vec![1; 6_000]));
    let rule = Rule::compile("facts.Huge.all(x, x == 1)").unwrap();
    assert!(matches!(rule.evaluate(&subject), Outcome::Trouble(_)));
}
