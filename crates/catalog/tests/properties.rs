//! Whatever comes in, the catalogue answers and never panics.

use catalog::{ChannelKind, DeviceFacts, EnrollmentType, Kind, Ownership, Platform, Version, What};
use plist::{Dictionary, Value};
use proptest::prelude::*;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(|number| Value::Integer(number.into())),
        any::<f64>().prop_map(Value::Real),
        ".{0,12}".prop_map(Value::String),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(Value::Data),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map("[A-Za-z]{1,8}", inner, 0..4)
                .prop_map(|members| Value::Dictionary(members.into_iter().collect())),
        ]
    })
}

/// A dictionary of a known type whose known keys hold anything.
fn instance(kind: Kind, envelope: &'static str) -> impl Strategy<Value = Dictionary> {
    let names: Vec<_> = catalog::names(kind).collect();
    prop::sample::select(names).prop_flat_map(move |name| {
        let keys: Vec<_> =
            catalog::find(kind, name).iter().flat_map(|entry| &entry.keys).map(|key| key.name).collect();
        let keys = if keys.is_empty() { vec!["None"] } else { keys };
        prop::collection::vec((prop::sample::select(keys), value()), 0..6).prop_map(move |members| {
            let mut made: Dictionary =
                members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            made.insert(envelope.to_owned(), Value::String(name.to_owned()));
            made
        })
    })
}

fn facts() -> impl Strategy<Value = DeviceFacts> {
    let known = (
        prop::option::of(prop::sample::select(Platform::ALL.to_vec())),
        prop::option::of((0_u16..30, 0_u16..20, 0_u16..5)),
        any::<Option<bool>>(),
        prop::sample::select(EnrollmentType::ALL.to_vec()),
        prop::sample::select(ChannelKind::ALL.to_vec()),
        any::<Option<bool>>(),
        any::<Option<u32>>(),
        prop::sample::select(Ownership::ALL.to_vec()),
    );
    known.prop_map(
        |(platform, version, supervised, enrollment, channel, shared_ipad, access_rights, ownership)| {
            DeviceFacts {
                platform,
                os_version: version.map(|(major, minor, patch)| Version::new(major, minor, patch)),
                supervised,
                enrollment,
                channel,
                shared_ipad,
                access_rights,
                ownership,
                has_passcode: None,
            }
        },
    )
}

proptest! {
    #[test]
    fn every_answer_names_a_place_and_says_something(
        command in instance(Kind::Command, "RequestType"),
        payload in instance(Kind::Payload, "PayloadType"),
        facts in facts(),
    ) {
        for what in [What::Command(&command), What::Request(&command), What::Payload(&payload)] {
            let verdict = catalog::check(what, &facts);
            for refusal in verdict.refusals.iter().chain(&verdict.notes) {
                prop_assert!(refusal.advice.len() > 10, "{refusal:?}");
                prop_assert!(refusal.advice.len() < 4000, "{refusal:?}");
            }
        }
        let request_type = command.get("RequestType").and_then(Value::as_string).unwrap_or_default();
        let class = catalog::class_of_command(request_type, &command);
        prop_assert!(!class.reason.is_empty());
        let class = catalog::class_of_payload(&payload, &catalog::ClassContext::default());
        prop_assert!(!class.reason.is_empty());
        let findings = catalog::check_answer(request_type, &payload);
        prop_assert!(findings.unknown.iter().all(|place| !place.is_empty()));
    }

    #[test]
    fn knowing_less_of_a_device_never_refuses_more(
        command in instance(Kind::Command, "RequestType"),
        facts in facts(),
    ) {
        // The two rules that need a yes to be safe apart (DeviceState), forgetting a fact can only lift refusals.
        let grave = |facts: &DeviceFacts| -> Vec<_> {
            let refusals = catalog::check(What::Command(&command), facts).refusals;
            refusals.into_iter().filter(|one| one.rule != catalog::Rule::DeviceState).map(|one| one.rule).collect()
        };
        let before = grave(&facts);
        let forgetful = [
            DeviceFacts { os_version: None, ..facts.clone() },
            DeviceFacts { supervised: None, ..facts.clone() },
            DeviceFacts { access_rights: None, ..facts.clone() },
        ];
        for less in &forgetful {
            let found = grave(less);
            // Where the entry as a whole is out of reach its keys are not asked about, so only accepted ones compare.
            prop_assert!(!before.is_empty() || found.is_empty(), "{found:?} with {less:?}");
        }
    }

    #[test]
    fn any_json_is_answered(text in ".{0,40}", number in any::<f64>()) {
        let json = serde_json::json!({"RequestType": "Settings", "Settings": [{"Item": text}, number, {"Item": "Wallpaper", "Image": text}]});
        match catalog::command_from_json(&json) {
            Ok(command) => prop_assert!(command.contains_key("Settings")),
            Err(refusals) => prop_assert!(refusals.iter().all(|one| one.key_path.starts_with("Settings["))),
        }
    }
}
