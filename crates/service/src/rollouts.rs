//! Rollouts: what carries the network goes in rings.
//!
//! Three devices first, then one ward, a tenth, all. A ring is over when its devices, with the item installed, have been heard again on
//! a later connection. Two of ten that fall silent or refuse halt everything, and one act puts the version before back in force.

mod release;
mod rings;
mod round;
#[cfg(test)]
mod tests;

use serde_json::json;
use store::{
    Assignment, AssignmentState, AssignmentVersion, Connection, Item, ItemVersion, Rollout, RolloutDevice,
    RolloutId, RolloutState, Tx,
};
use uuid::Uuid;

pub(crate) use release::{Release, may_send};
pub(crate) use round::round;

use crate::audit::{self, Act};
use crate::operators::Operator;
use crate::paging::PageOf;
use crate::views::{Page, PageQuery, RolloutView};
use crate::{Context, Error};

/// The service.
pub struct Rollouts {
    context: Context,
}

/// What an operator can do with a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Stop it, and why.
    Halt(String),
    /// Go on after a halt. Devices that had fallen silent are left out of the count.
    Resume,
    /// Open the next ring now.
    Advance,
    /// Put the version before back in force, on every device at once.
    RollBack,
}

impl Rollouts {
    /// Over the common ground.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// The rollouts, the newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong cursor or limit.
    pub async fn list(&self, query: PageQuery) -> Result<Page<RolloutView>, Error> {
        let page = PageOf::<Uuid>::read(query.limit, query.cursor.as_deref())?;
        let rows = self
            .context
            .store
            .read("list_rollouts", move |c| {
                let rollouts = Rollout::list(c, page.of(RolloutId))?;
                rollouts.iter().map(|rollout| view(c, rollout)).collect::<Result<Vec<_>, Error>>()
            })
            .await?;
        Ok(page.page(rows, |rollout| rollout.id, |rollout| rollout))
    }

    /// One rollout.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn show(&self, id: Uuid) -> Result<RolloutView, Error> {
        self.context
            .store
            .read("show_rollout", move |c| {
                let rollout = Rollout::find(c, RolloutId(id)).map_err(|error| missing(error, id))?;
                view(c, &rollout)
            })
            .await
    }

    /// Carries out an operator's order.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when the rollout stands elsewhere; [`Error::Invalid`] for a halt without a reason.
    pub async fn order(&self, operator: &Operator, id: Uuid, order: Order) -> Result<RolloutView, Error> {
        let now = self.context.now();
        if let Order::Halt(reason) = &order {
            audit::reason(reason)?;
        }
        let (action, kind) = match &order {
            Order::Halt(_) => ("rollout.halt", "rollout.halted"),
            Order::Resume => ("rollout.resume", "rollout.resumed"),
            Order::Advance => ("rollout.advance", "rollout.advanced"),
            Order::RollBack => ("rollout.roll_back", "rollout.rolled_back"),
        };
        let act = Act::new(operator, action).on(id.to_string());
        let (context, name) = (self.context.clone(), operator.name.clone());
        let (view, event) = self
            .context
            .store
            .tx("order_rollout", move |tx| {
                let mut rollout = Rollout::find(tx, RolloutId(id)).map_err(|error| missing(error, id))?;
                let detail = carry_out(tx, &context, &mut rollout, (&order, &name))?;
                audit::record(tx, now, &act.clone().with(detail.clone()))?;
                let event = round::event(kind, &rollout, now, &detail);
                Ok::<_, Error>((view(tx, &rollout)?, event))
            })
            .await?;
        self.context.events.publish(event);
        Ok(view)
    }
}

fn carry_out(
    tx: &mut Tx<'_>,
    context: &Context,
    rollout: &mut Rollout,
    (order, operator): (&Order, &str),
) -> Result<serde_json::Value, Error> {
    let now = context.now();
    let fits = match order {
        Order::Halt(_) | Order::Advance => rollout.state == RolloutState::Running,
        Order::Resume => rollout.state == RolloutState::Halted,
        Order::RollBack => rollout.state != RolloutState::RolledBack,
    };
    if !fits {
        return Err(Error::Conflict(format!("the rollout is {}", rollout.state.as_str().replace('_', " "))));
    }
    match order {
        Order::Halt(reason) => {
            let reason = format!("{operator}: {}", reason.trim());
            round::halt(tx, context, rollout, &reason, now)?;
            Ok(json!({ "reason": reason }))
        }
        Order::Resume => {
            let excused = resume(tx, context, rollout)?;
            Ok(json!({ "left_out": excused }))
        }
        Order::Advance => {
            if rollout.ring >= rings::LAST {
                return Err(Error::Conflict("the last ring is open already".to_owned()));
            }
            round::advance(rollout, now);
            rollout.save(tx)?;
            Ok(json!({ "ring": rings::name(rollout.ring) }))
        }
        Order::RollBack => roll_back(tx, context, rollout, operator),
    }
}

/// Goes on. Who was not heard again does not count any more, or the next round would halt it again.
fn resume(tx: &mut Tx<'_>, context: &Context, rollout: &mut Rollout) -> Result<usize, Error> {
    (rollout.state, rollout.halted_at, rollout.halted_reason) = (RolloutState::Running, None, None);
    rollout.save(tx)?;
    let mut excused = 0_usize;
    for row in RolloutDevice::list(tx, rollout.id)? {
        if row.sent_at.is_some() && row.confirmed_at.is_none() {
            RolloutDevice { ring: Some(-1), ..row.clone() }.save(tx)?;
            excused = excused.saturating_add(1);
        } else if row.released_at.is_some() && row.sent_at.is_none() {
            round::again(tx, context, row.device_id)?;
        }
    }
    Ok(excused)
}

/// Puts the version before back in force; where there was none, the assignment is taken back.
fn roll_back(
    tx: &mut Tx<'_>,
    context: &Context,
    rollout: &mut Rollout,
    operator: &str,
) -> Result<serde_json::Value, Error> {
    let now = context.now();
    let mut assignment = Assignment::find(tx, rollout.assignment_id)?;
    if assignment.version != rollout.assignment_version {
        return Err(Error::Conflict(
            "a newer version of the assignment holds: roll that one back".to_owned(),
        ));
    }
    let before = version_before(tx, &assignment)?;
    assignment.version = assignment.version.saturating_add(1);
    assignment.changed_at = now;
    operator.clone_into(&mut assignment.confirmed_by);
    match &before {
        Some(before) => assignment.item_version_id = before.item_version_id,
        None => assignment.state = AssignmentState::Removed,
    }
    assignment.save(tx)?;
    assignment.keep_version(tx)?;
    if before.is_some() {
        // What held before is known to work: it goes to everybody at once.
        let back = Rollout {
            id: RolloutId::new(context.clock.as_ref()),
            assignment_version: assignment.version,
            item_version_id: assignment.item_version_id,
            ring: rings::LAST,
            state: RolloutState::Done,
            started_at: now,
            ring_started_at: now,
            halted_at: None,
            halted_reason: None,
            ended_at: Some(now),
            ..rollout.clone()
        };
        back.insert(tx)?;
    }
    (rollout.state, rollout.ended_at) = (RolloutState::RolledBack, Some(now));
    rollout.save(tx)?;
    for row in RolloutDevice::list(tx, rollout.id)? {
        round::again(tx, context, row.device_id)?;
    }
    Ok(json!({ "assignment": assignment.id, "version": assignment.version, "removed": before.is_none() }))
}

/// The newest other version that held, and was not taken back itself: that would go to everybody at once.
fn version_before(tx: &mut Tx<'_>, assignment: &Assignment) -> Result<Option<AssignmentVersion>, Error> {
    let mut taken_back = false;
    for one in AssignmentVersion::list_of(tx, assignment.id)? {
        let other = one.version < assignment.version
            && one.state == AssignmentState::Active
            && one.item_version_id != assignment.item_version_id;
        if !other {
            continue;
        }
        let rollout = Rollout::of(tx, assignment.id, one.version)?;
        if rollout.is_none_or(|rollout| rollout.state != RolloutState::RolledBack) {
            return Ok(Some(one));
        }
        taken_back = true;
    }
    if taken_back {
        let reason = "every version before this one was taken back: assign the version that you want";
        return Err(Error::Conflict(reason.to_owned()));
    }
    Ok(None)
}

fn missing(error: store::Error, id: Uuid) -> Error {
    if error == store::Error::NotFound { Error::not_found("rollout", id) } else { error.into() }
}

fn view(connection: &mut Connection, rollout: &Rollout) -> Result<RolloutView, Error> {
    let devices = RolloutDevice::list(connection, rollout.id)?;
    let count = |fits: fn(&RolloutDevice) -> bool| devices.iter().filter(|row| fits(row)).count();
    Ok(RolloutView {
        id: rollout.id.0,
        assignment_id: rollout.assignment_id.0,
        assignment_version: rollout.assignment_version,
        profile: Item::find(connection, rollout.item_id)?.name,
        profile_version: ItemVersion::find(connection, rollout.item_version_id)?.version,
        ring: rollout.ring.saturating_add(1),
        ring_name: rings::name(rollout.ring).to_owned(),
        state: rollout.state.to_string(),
        devices: devices.len(),
        waiting: count(|row| row.released_at.is_none()),
        sent: count(|row| row.sent_at.is_some()),
        confirmed: count(|row| row.confirmed_at.is_some()),
        started_at: rollout.started_at,
        ring_started_at: rollout.ring_started_at,
        halted_at: rollout.halted_at,
        halted_reason: rollout.halted_reason.clone(),
        ended_at: rollout.ended_at,
    })
}
