//! Commands and profiles that an operator gives, XML or binary: read, classed, checked against devices, written for the device.
#![no_main]

use catalog::{ChannelKind, DeviceFacts, EnrollmentType, Ownership};
use libfuzzer_sys::fuzz_target;
use plist_guard::{Limits, check_binary, is_binary, parse_dictionary_within};
use protocol_mdm::Command;

/// The budget of the walk, small enough that a list that unfolds without end would be seen as a time-out.
const BUDGET: Limits = Limits { max_bytes: 1 << 20, max_depth: 64, max_elements: 20_000 };

fuzz_target!(|body: &[u8]| {
    if is_binary(body)
        && let Ok(census) = check_binary(body, &BUDGET)
    {
        assert!(census.elements <= BUDGET.max_elements && census.depth <= BUDGET.max_depth);
    }
    if let Ok(summary) = protocol_profile::check_uploadable(body) {
        assert!(!summary.contains_mdm(), "a profile that manages a device cannot be uploaded");
    }
    let Ok(command) = Command::parse_within(body, &BUDGET) else { return };
    let classed = catalog::class_of_command(&command.request_type, &command.dictionary);
    assert!(!classed.reason.is_empty(), "a class has its reason");
    for (enrollment, ownership, channel) in [
        (EnrollmentType::Automated, Ownership::Corporate, ChannelKind::Device),
        (EnrollmentType::User, Ownership::Personal, ChannelKind::User),
    ] {
        let _ = catalog::check_command(&command.dictionary, &DeviceFacts::unknown(enrollment, ownership, channel));
    }
    let written = command.to_xml();
    parse_dictionary_within(&written, &Limits::RESULT).expect("a device can read what is sent to it");
    assert_eq!(Command::parse(&written).expect("and so can an operator").to_xml(), written);
});
