//! What the gate says of each exit, on a real store.

use std::sync::{Arc, LazyLock};

use catalog::{Class, ClassContext};
use pki::seal::Sealer;
use plist::{Dictionary, Value};
use store::{ChannelId, DeliverySeq, EnrollmentId, Store, StoreOptions};

use super::{Decision, Gate};
use crate::{Exit, ExitKind};

fn command(request_type: &str, keys: &[(&str, Value)]) -> Dictionary {
    let mut command = Dictionary::new();
    command.insert("RequestType".to_owned(), Value::String(request_type.to_owned()));
    for (key, value) in keys {
        command.insert((*key).to_owned(), value.clone());
    }
    command
}

fn enrollment() -> EnrollmentId {
    EnrollmentId::new(&clock::SystemClock)
}

fn exit<'a>(request_type: &'a str, command: &'a Dictionary) -> Exit<'a> {
    static NOTHING_KNOWN: LazyLock<ClassContext<'static>> = LazyLock::new(ClassContext::default);
    let channel = ChannelId::new(&clock::SystemClock);
    let (enrollment, context) = (enrollment(), &*NOTHING_KNOWN);
    Exit::Command { seq: DeliverySeq(1), channel, enrollment, request_type, command, context }
}

#[test]
fn the_permit_carries_the_exit_and_the_class_of_the_bytes_in_the_transaction_of_the_hand_out() {
    let folder = tempfile::tempdir().unwrap();
    let sealer = Arc::new(Sealer::new(Sealer::generate_master()));
    let store = Store::open(StoreOptions::new(folder.path().join("ward.db")), sealer).unwrap();
    let gate = Gate::new(Arc::clone(&store));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let permit = runtime.block_on(store.tx("hand_out", move |tx| {
        let erase = command("EraseDevice", &[]);
        match gate.decide(tx, &exit("EraseDevice", &erase))? {
            Decision::Leave(permit) => Ok(permit),
            Decision::Withhold(reason) => Err(store::Error::Unavailable(reason)),
        }
    }));
    let permit = permit.unwrap();
    assert_eq!((permit.kind(), permit.class()), (ExitKind::Command, Class::D0));
    assert!(!permit.reason().is_empty());
    runtime.block_on(store.close());
}

#[test]
fn commands_are_classed_by_what_they_say_and_unknown_ones_as_the_gravest() {
    for (request_type, class) in [
        ("DeviceInformation", Class::None),
        ("EraseDevice", Class::D0),
        ("DeviceLock", Class::D1),
        ("EnableLostMode", Class::D1),
        ("ClearPasscode", Class::D2),
        ("DeviceLocation", Class::D2),
        ("SomethingThatAppleMadeYesterday", Class::D0),
    ] {
        let command = command(request_type, &[]);
        assert_eq!(exit(request_type, &command).classify().class, class, "{request_type}");
    }
}

#[test]
fn a_harmless_name_beside_a_grave_command_does_not_lower_its_class() {
    let erase = command("EraseDevice", &[]);
    assert_eq!(exit("DeviceInformation", &erase).classify().class, Class::D0);
}

#[test]
fn what_can_end_management_is_of_the_gravest_class() {
    let enrollment = enrollment();
    for exit in [
        Exit::RenewalProfile { enrollment },
        Exit::DeclarationGone { enrollment },
        Exit::DeclarationManifest { enrollment },
        Exit::ReturnToServiceReply { enrollment },
    ] {
        assert_eq!(exit.classify().class, Class::D0, "{}", exit.kind());
    }
}

fn install(profile: &str) -> Class {
    let command = command("InstallProfile", &[("Payload", Value::Data(profile.as_bytes().to_vec()))]);
    exit("InstallProfile", &command).classify().class
}

fn profile(payloads: &[&str]) -> String {
    let one = |kind: &&str| format!("<dict><key>PayloadType</key><string>{kind}</string></dict>");
    let content: String = payloads.iter().map(one).collect();
    format!("<plist version=\"1.0\"><dict><key>PayloadContent</key><array>{content}</array></dict></plist>")
}

#[test]
fn a_profile_is_opened_and_has_the_class_of_its_gravest_payload() {
    assert_eq!(install(&profile(&["com.apple.font"])), Class::None);
    assert_eq!(install(&profile(&["com.apple.font", "com.apple.webClip.managed"])), Class::D2);
    assert_eq!(install(&profile(&["com.apple.webClip.managed", "com.apple.wifi.managed"])), Class::D1);
    assert_eq!(install(&profile(&["com.apple.mdm"])), Class::D0);
    assert_eq!(install("no property list"), Class::D0);
    assert_eq!(install("0\u{0}"), Class::D0, "what looks signed and cannot be opened");
}
