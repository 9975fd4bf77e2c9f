//! Whether a version may go to a device now: what carries the network goes in rings.

use store::{Assignment, Enrollment, Tx};

use super::known::Version;
use super::resolve::{Reason, Resolved};
use crate::rollouts::{self, Release};
use crate::{Context, Error};

/// Why the version must wait on this device, if it must.
pub(super) fn hold(
    tx: &mut Tx<'_>,
    context: &Context,
    resolved: &Resolved,
    version: &Version,
    enrollment: &Enrollment,
) -> Result<Option<Reason>, Error> {
    let Some(assignment) = resolved.assignment.filter(|_| version.row.carries_network) else {
        return Ok(None);
    };
    let assignment = Assignment::find(tx, assignment)?;
    let answer = rollouts::may_send(tx, context, &assignment, &version.row, enrollment.device_id)?;
    Ok(match answer {
        Release::Yes => None,
        Release::NotYet(why) => {
            Some(Reason::new("ring", format!("it carries the network and goes in rings: {why}")))
        }
        Release::Halted(why) => Some(Reason::new("halted", format!("its rollout is halted: {why}"))),
    })
}
