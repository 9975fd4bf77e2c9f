//! What the gate says of each exit, on a real store.

use std::sync::Arc;

use catalog::Class;
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
    let channel = ChannelId::new(&clock::SystemClock);
    Exit::Command { seq: DeliverySeq(1), channel, enrollment: enrollment(), request_type, command }
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
        Exit::Unenroll403,
        Exit::Refusal { enrollment },
        Exit::RenewalProfile { enrollment },
        Exit::DeclarationGone { enrollment },
        Exit::DeclarationManifest { enrollment },
        Exit::ReturnToServiceReply { enrollment },
    ] {
        assert_eq!(exit.classify().class, Class::D0, "{}", exit.kind());
    }
}
