//! CheckOut: the profile was removed. Sent once, if at all. Apple: "CheckOut".

use protocol_mdm::EnrollmentKey;
use serde_json::json;
use store::{Channel, DeliveryState, EnrollmentState};

use crate::lifecycle::{self, Speaker};
use crate::work::{Settled, Work};
use crate::{Error, Reply};

/// Ends the epoch, or for a user's channel that channel alone. History and secrets stay, sealed.
pub(super) fn receive(
    work: &mut Work<'_, '_>,
    speaker: &mut Speaker,
    key: &EnrollmentKey,
) -> Result<Settled<Reply>, Error> {
    let enrollment = &mut speaker.enrollment;
    if !key.kind.is_user() {
        lifecycle::close(work, enrollment, EnrollmentState::CheckedOut, "the device checked out")?;
        return Ok(Ok(Reply::Nothing));
    }
    if let Some(mut channel) = Channel::find_by_key(work.tx, enrollment.id, &key.to_string())? {
        work.tx.end_all(channel.id, DeliveryState::Cancelled, work.now, "the user's channel checked out")?;
        channel.enabled = false;
        channel.save(work.tx)?;
        work.stale.push(enrollment.id);
        work.audit("channel.checked_out", enrollment, &json!({ "channel": channel.id }))?;
    }
    Ok(Ok(Reply::Nothing))
}
