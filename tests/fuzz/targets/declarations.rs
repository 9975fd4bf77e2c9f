//! Declarative management: the endpoint that a device names and the status report that it sends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol_ddm::{Endpoint, StatusLimits, StatusReport};

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(endpoint) = Endpoint::parse(text)
    {
        let walks = text.split('/').any(|part| matches!(part, "" | "." | ".."));
        assert!(!walks && !text.contains("://"), "{endpoint:?} leads elsewhere");
    }
    if let Ok(report) = StatusReport::parse(data, &StatusLimits::default()) {
        let _ = (report.item("management.declarations"), report.declarations());
    }
});
