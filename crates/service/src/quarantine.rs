//! Devices that nobody can place: a certificate of ours, and a name that no enrolment has. They are recorded and shown, and changed in
//! nothing.

use protocol_mdm::EnrollmentKey;
use serde_json::json;
use store::Quarantined;

use crate::Error;
use crate::events::Event;
use crate::identity::Caller;
use crate::work::Work;

/// Records the visit of an unknown device.
pub(crate) fn note(
    work: &mut Work<'_, '_>,
    caller: &Caller,
    key: &EnrollmentKey,
    reason: &str,
) -> Result<(), Error> {
    let fingerprint = caller.fingerprint();
    let named = (key.device.as_str(), fingerprint.as_bytes());
    let (_, is_new) = Quarantined::note(work.tx, &*work.context.clock, named, reason)?;
    if is_new {
        let detail =
            json!({ "apple_id": key.device, "fingerprint": fingerprint.to_string(), "reason": reason });
        work.audit_as("device", "device.unknown", &format!("fingerprint:{fingerprint}"), &detail)?;
        work.events.push(Event::new("device.unknown", work.now).with(detail));
    }
    Ok(())
}
