//! A page of search at 100,000 devices. `scripts/bench` starts it; with `--quick` the fleet is 10,000.

#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a program for the terminal, over rows of its own making"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::{ChannelKind, EnrollmentType, Ownership, Platform};
use clock::{Clock, MockClock, Timestamp};
use pki::seal::Sealer;
use serde_json::{Value, json};
use store::{
    Channel, ChannelId, Device, DeviceId, Enrollment, EnrollmentId, EnrollmentState, Error, FactKind, Range,
    Report, ReportId, Search, SortKey, Store, StoreOptions, Test, Tx, Wanted,
};

/// Devices of a page, and one more to know whether there is a next one.
const PAGE: i64 = 51;
/// Devices that one transaction makes.
const AT_ONCE: usize = 500;
/// How often each question is asked.
const ROUNDS: usize = 15;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo test --benches` starts benchmarks as well; there is nothing to assert about time.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let count = if arguments.iter().any(|argument| argument == "--quick") { 10_000 } else { 100_000 };
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let path = folder.path().join("ward.db");
    let store = Store::open(StoreOptions::new(&path), Arc::new(Sealer::new(Sealer::generate_master())))?;
    let began = Instant::now();
    for first in (0..count).step_by(AT_ONCE) {
        runtime.block_on(
            store.tx("fill", move |tx| (first..first + AT_ONCE).try_for_each(|number| make(tx, number))),
        )?;
    }
    let size = std::fs::metadata(&path)?.len() / 1_000_000;
    println!(
        "{count} devices with {} facts each, {size} MB, filled in {:.0} s\n",
        facts(1).len() + 15,
        began.elapsed().as_secs_f64()
    );
    println!("| a page of search | median ms | slowest ms |\n|---|---|---|");
    for (name, search) in questions() {
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let asked = search.clone();
            let began = Instant::now();
            runtime.block_on(store.read("page", move |c| {
                let hits = Device::search(c, &asked)?;
                let ids: Vec<DeviceId> = hits.iter().map(|hit| hit.id).collect();
                Device::listings(c, &ids)
            }))?;
            times.push(began.elapsed());
        }
        times.sort();
        let ms = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1000.0);
        println!("| {name} | {:.1} | {:.1} |", ms(times.get(ROUNDS / 2)), ms(times.last()));
    }
    runtime.block_on(store.close());
    Ok(())
}

/// What a device of that number told: as many facts as a phone tells, spread as in a hospital.
fn facts(number: usize) -> serde_json::Map<String, Value> {
    let system = ["26.1", "26.0", "18.7", "17.7.2"][number % 4];
    let Value::Object(mut facts) = json!({
        "DeviceInformation.OSVersion": system,
        "DeviceInformation.DeviceName": format!("iPad of bed {}, ward {}", number % 30, number % 400),
        "DeviceInformation.BatteryLevel": f64::from(u32::try_from(number % 100).unwrap_or(0)) / 100.0,
        "DeviceInformation.AvailableDeviceCapacity": number % 256,
        "SecurityInfo.PasscodePresent": !number.is_multiple_of(1000),
        "SecurityInfo.HardwareEncryptionCaps": 3,
        "ProfileList": [{"PayloadIdentifier": "org.ward.mdm", "PayloadUUID": format!("{number:032x}")}],
    }) else {
        return serde_json::Map::new();
    };
    for key in 0..40 {
        facts
            .insert(format!("DeviceInformation.Key{key:02}"), json!(format!("value {}", number % (key + 2))));
    }
    facts
}

fn make(tx: &mut Tx<'_>, number: usize) -> Result<(), Error> {
    let clock =
        MockClock::new(Timestamp::from_millis(1_800_000_000_000 + i64::try_from(number).unwrap_or(0)));
    let facts = facts(number);
    let udid = format!("{number:08}-0000000000000000");
    let device = Device {
        id: DeviceId::new(&clock),
        udid: Some(udid.clone()),
        serial_number: Some(format!("S{number:09}")),
        name: facts["DeviceInformation.DeviceName"].as_str().map(str::to_owned),
        platform: Some(Platform::Ipados),
        product_name: Some("iPad13,18".to_owned()),
        model: Some("MPQ03LL/A".to_owned()),
        model_name: Some("iPad".to_owned()),
        os_version: facts["DeviceInformation.OSVersion"].as_str().map(str::to_owned),
        build_version: Some("23B85".to_owned()),
        supervised: Some(true),
        lost_mode: Some(number % 5000 == 7),
        first_seen_at: clock.now(),
    };
    device.insert(tx)?;
    let enrollment = Enrollment {
        id: EnrollmentId::new(&clock),
        device_id: device.id,
        apple_id: udid.clone(),
        kind: EnrollmentType::Device,
        ownership: Ownership::Corporate,
        owner: None,
        state: EnrollmentState::Enrolled,
        epoch: 1,
        previous_id: None,
        link_id: None,
        topic: "com.apple.mgmt.bench".to_owned(),
        access_rights: 8191,
        identity_id: None,
        awaiting_configuration: false,
        quarantine_reason: None,
        profile_digest: None,
        authenticated_at: clock.now(),
        enrolled_at: Some(clock.now()),
        ended_at: None,
        end_reason: None,
        superseded_by: None,
    };
    enrollment.insert(tx)?;
    channel(&clock, &enrollment, udid).insert(tx)?;
    let report = Report {
        id: ReportId::new(&clock),
        device_id: device.id,
        enrollment_id: enrollment.id,
        source: "DeviceInformation".to_owned(),
        command_uuid: None,
        observed_at: clock.now(),
        recorded_at: clock.now(),
        facts: Value::Object(facts).to_string(),
    };
    report.keep(tx)?;
    Ok(())
}

fn channel(clock: &dyn Clock, enrollment: &Enrollment, key: String) -> Channel {
    Channel {
        id: ChannelId::new(clock),
        enrollment_id: enrollment.id,
        kind: ChannelKind::Device,
        key,
        user_id: None,
        user_short_name: None,
        user_long_name: None,
        push_token: None,
        push_magic: None,
        topic: enrollment.topic.clone(),
        token_updated_at: None,
        token_update_tally: 1,
        enabled: true,
        push_dead_at: None,
        last_pushed_at: None,
        last_seen_at: Some(clock.now()),
    }
}

fn questions() -> Vec<(&'static str, Search)> {
    let all =
        |wanted: Vec<Wanted>| Search { wanted, order: None, descending: false, after: None, limit: PAGE };
    let fact = |key: &str, test: Test| Wanted::Fact(key.to_owned(), test);
    let is = |key: &str, value: &Value| fact(key, Test::Is(vec![SortKey::of(value)]));
    let below = |key: &str, number: f64| {
        let (from, to) = (FactKind::Number.prefix().to_owned(), SortKey::number(number).as_str().to_owned());
        fact(key, Test::Within(vec![Range { from: (from, true), to: (to, false) }]))
    };
    let has = |key: &str, text: &str| fact(key, Test::Contains(text.to_owned()));
    let (os, name) = ("DeviceInformation.OSVersion", "DeviceInformation.DeviceName");
    let by = |order: &str, search: Search| Search { order: Some(order.to_owned()), ..search };
    vec![
        ("everything", all(vec![])),
        ("no passcode (1 in 1,000)", all(vec![is("SecurityInfo.PasscodePresent", &json!(false))])),
        ("one system (1 in 4)", all(vec![is(os, &json!("26.0"))])),
        (
            "one system, ordered by battery",
            by("DeviceInformation.BatteryLevel", all(vec![is(os, &json!("26.0"))])),
        ),
        (
            "no passcode, ordered by name",
            by(name, all(vec![is("SecurityInfo.PasscodePresent", &json!(false))])),
        ),
        (
            "battery under 5 %, a system that nobody has",
            all(vec![below("DeviceInformation.BatteryLevel", 0.05), is(os, &json!("nothing"))]),
        ),
        (
            "one system and half a value (1 in 4, never both)",
            all(vec![is(os, &json!("26.0")), is("DeviceInformation.Key00", &json!("value 0"))]),
        ),
        ("name contains 'bed 7, ward 37'", all(vec![has(name, "bed 7, ward 37")])),
        ("name contains 'ward' (all)", all(vec![has(name, "ward")])),
        ("a fact that nobody lacks is missing", all(vec![fact(os, Test::Missing)])),
        ("words 'S000099' (1,000 serial numbers)", all(vec![Wanted::Words("S000099".to_owned())])),
        (
            "not seen since the last 1,000",
            all(vec![Wanted::Not(Box::new(Wanted::SeenSince(Timestamp::from_millis(1_800_000_099_000))))]),
        ),
    ]
}
