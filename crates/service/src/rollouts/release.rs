//! Whether a device may be given now what carries the network: the reconciler asks before it sends.

use serde_json::json;
use store::{
    Assignment, DeviceId, DeviceItem, Enrollment, ItemState, ItemVersion, Rollout, RolloutDevice, RolloutId,
    RolloutState, Tx,
};

use super::rings;
use crate::audit::{self, Act};
use crate::{Context, Error};

/// Whether a device may be given an item now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Release {
    /// It may.
    Yes,
    /// Its ring is not open yet, and which is.
    NotYet(String),
    /// The rollout was halted, and why.
    Halted(String),
}

/// Says whether `device` may be given `version` now. The first question begins the rollout of this version of the assignment; every
/// device that asks is counted among those that wait. A device that has the version already need not ask again.
///
/// # Errors
/// The database's.
pub(crate) fn may_send(
    tx: &mut Tx<'_>,
    context: &Context,
    assignment: &Assignment,
    version: &ItemVersion,
    device: DeviceId,
) -> Result<Release, Error> {
    if has_it(tx, version, device)? {
        return Ok(Release::Yes);
    }
    let rollout = match Rollout::of(tx, assignment.id, assignment.version)? {
        Some(rollout) => rollout,
        None => begin(tx, context, assignment, version)?,
    };
    match rollout.state {
        RolloutState::Done => return Ok(Release::Yes),
        RolloutState::RolledBack => return Ok(Release::Halted("it was taken back".to_owned())),
        RolloutState::Running | RolloutState::Halted => {}
    }
    let row = match RolloutDevice::find(tx, rollout.id, device)? {
        Some(row) => row,
        None => {
            let row = RolloutDevice::waiting(rollout.id, device);
            row.insert(tx)?;
            row
        }
    };
    if rollout.state == RolloutState::Halted {
        return Ok(Release::Halted(rollout.halted_reason.unwrap_or_else(|| "it was halted".to_owned())));
    }
    if row.released_at.is_some() {
        return Ok(Release::Yes);
    }
    if rollout.ring >= rings::LAST {
        let now = context.now();
        RolloutDevice { ring: Some(rollout.ring), released_at: Some(now), ..row }.save(tx)?;
        return Ok(Release::Yes);
    }
    let ring = rollout.ring.saturating_add(1);
    Ok(Release::NotYet(format!("ring {ring} of 4 ({}) comes first", rings::name(rollout.ring))))
}

fn has_it(tx: &mut Tx<'_>, version: &ItemVersion, device: DeviceId) -> Result<bool, Error> {
    let Some(epoch) = Enrollment::current(tx, device)? else { return Ok(false) };
    let item = DeviceItem::find(tx, epoch.id, version.item_id)?;
    Ok(item.is_some_and(|item| {
        item.sent_version_id == Some(version.id)
            && matches!(item.state, ItemState::Answered | ItemState::Observed)
    }))
}

fn begin(
    tx: &mut Tx<'_>,
    context: &Context,
    assignment: &Assignment,
    version: &ItemVersion,
) -> Result<Rollout, Error> {
    let now = context.now();
    let rollout = Rollout {
        id: RolloutId::new(context.clock.as_ref()),
        assignment_id: assignment.id,
        assignment_version: assignment.version,
        item_id: version.item_id,
        item_version_id: version.id,
        ring: 0,
        state: RolloutState::Running,
        started_at: now,
        ring_started_at: now,
        halted_at: None,
        halted_reason: None,
        ended_at: None,
    };
    rollout.insert(tx)?;
    let detail = json!({ "assignment": assignment.id, "version": assignment.version });
    audit::record(tx, now, &Act::by_ward("rollout.start").on(rollout.id.to_string()).with(detail))?;
    Ok(rollout)
}
