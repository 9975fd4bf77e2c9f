//! The rounds that move rollouts on: what became of the devices of the open ring is read, judged, and the next ring is opened or the
//! rollout halted.

use std::time::Duration;

use clock::Timestamp;
use serde_json::json;
use store::{
    Channel, ChannelId, Connection, DeviceId, DeviceItem, Enrollment, EnrollmentState, ItemState, Placement,
    Rollout, RolloutDevice, RolloutId, RolloutState, Tx,
};

use super::rings::{self, Candidate, Fate, Verdict};
use crate::audit::{self, Act};
use crate::desired::trigger;
use crate::events::Event;
use crate::{Context, Error, push};

/// How long devices may register before the first ring is chosen.
const GATHERING: Duration = Duration::from_secs(10);
/// How often a device that is not heard is woken.
const WAKE_EVERY: Duration = Duration::from_secs(5 * 60);

/// What a round has found out about one rollout.
struct Look {
    rollout: RolloutId,
    ring: i32,
    /// Rows that have changed.
    rows: Vec<RolloutDevice>,
    /// Channels to be woken, so that the device shows that it can be reached.
    wake: Vec<ChannelId>,
    verdict: Verdict,
    /// Who is released now.
    released: Vec<DeviceId>,
}

/// One round over all running rollouts. Returns how many there are.
///
/// # Errors
/// The database's; what failed is tried in the next round.
pub(crate) async fn round(context: &Context) -> Result<usize, Error> {
    let now = context.now();
    let looks = context
        .store
        .read("look_at_rollouts", move |c| {
            let running = Rollout::list_running(c)?;
            running.iter().map(|rollout| look(c, rollout, now)).collect::<Result<Vec<_>, Error>>()
        })
        .await?;
    let count = looks.len();
    for look in looks {
        if look.rows.is_empty()
            && look.wake.is_empty()
            && look.released.is_empty()
            && look.verdict == Verdict::Wait
        {
            continue;
        }
        let ground = context.clone();
        let look = std::sync::Arc::new(look);
        let event = context.store.tx("move_rollout", move |tx| write(tx, &ground, &look, now)).await?;
        if let Some(event) = event {
            context.events.publish(event);
        }
    }
    Ok(count)
}

fn look(connection: &mut Connection, rollout: &Rollout, now: Timestamp) -> Result<Look, Error> {
    let all = RolloutDevice::list(connection, rollout.id)?;
    let mut look = Look {
        rollout: rollout.id,
        ring: rollout.ring,
        rows: Vec::new(),
        wake: Vec::new(),
        verdict: Verdict::Wait,
        released: Vec::new(),
    };
    let mut fates = Vec::new();
    for row in all.iter().filter(|row| row.ring == Some(rollout.ring)) {
        fates.push(follow(connection, rollout, row, now, &mut look)?);
    }
    let waiting: Vec<&RolloutDevice> = all.iter().filter(|row| row.released_at.is_none()).collect();
    if !fates.is_empty() {
        look.verdict = rings::judge(rollout.ring, rollout.ring_started_at, now, &fates, waiting.len());
        return Ok(look);
    }
    if now.since(rollout.started_at) >= GATHERING {
        let mut candidates = Vec::new();
        for row in &waiting {
            candidates.extend(candidate(connection, row.device_id)?);
        }
        look.released = rings::pick(rollout.ring, candidates, all.len());
    }
    Ok(look)
}

fn candidate(connection: &mut Connection, device: DeviceId) -> Result<Option<Candidate>, Error> {
    let Some((_, channel)) = current(connection, device)? else { return Ok(None) };
    let place = Placement::place_of(connection, device)?.id;
    Ok(Some(Candidate { device, place, last_seen_at: channel.last_seen_at }))
}

fn current(connection: &mut Connection, device: DeviceId) -> Result<Option<(Enrollment, Channel)>, Error> {
    let epoch = Enrollment::current(connection, device)?;
    let Some(epoch) = epoch.filter(|epoch| epoch.state == EnrollmentState::Enrolled) else { return Ok(None) };
    let channel = Channel::find_device_channel(connection, epoch.id)?;
    Ok(Some((epoch, channel)))
}

/// What became of the item on one device of the ring.
fn follow(
    connection: &mut Connection,
    rollout: &Rollout,
    row: &RolloutDevice,
    now: Timestamp,
    look: &mut Look,
) -> Result<Fate, Error> {
    if let Some(sent_at) = row.sent_at.filter(|_| row.confirmed_at.is_some()) {
        return Ok(Fate::Confirmed { sent_at });
    }
    let Some((epoch, channel)) = current(connection, row.device_id)? else { return Ok(Fate::Gone) };
    let item = DeviceItem::find(connection, epoch.id, rollout.item_id)?;
    let Some(item) = item.filter(|item| item.sent_version_id == Some(rollout.item_version_id)) else {
        return Ok(Fate::NotReached);
    };
    let Some(at) = item.sent_at else { return Ok(Fate::NotReached) };
    let mut changed = RolloutDevice { sent_at: Some(at), ..row.clone() };
    let fate = match item.state {
        ItemState::Failed | ItemState::Incident => Fate::Refused { at },
        _ => {
            let heard_at = channel.last_seen_at.unwrap_or(at);
            let answered = item.answered_at.filter(|answered| {
                *answered >= at && matches!(item.state, ItemState::Answered | ItemState::Observed)
            });
            match answered {
                Some(answered) if heard_at >= answered + rings::LATER => {
                    changed.confirmed_at = Some(heard_at);
                    Fate::Confirmed { sent_at: at }
                }
                Some(answered) => {
                    let due = row.woken_at.is_none_or(|woken| now.since(woken) >= WAKE_EVERY);
                    if due && now >= answered + rings::LATER {
                        changed.woken_at = Some(now);
                        look.wake.push(channel.id);
                    }
                    Fate::Sent { at, heard_at }
                }
                None => Fate::Sent { at, heard_at },
            }
        }
    };
    if changed != *row {
        look.rows.push(changed);
    }
    Ok(fate)
}

/// Writes down what was found, unless somebody has changed the rollout meanwhile.
fn write(tx: &mut Tx<'_>, context: &Context, look: &Look, now: Timestamp) -> Result<Option<Event>, Error> {
    let mut rollout = Rollout::find(tx, look.rollout)?;
    if rollout.state != RolloutState::Running || rollout.ring != look.ring {
        return Ok(None);
    }
    for row in &look.rows {
        row.save(tx)?;
    }
    for channel in &look.wake {
        push::wake(tx, *channel, now)?;
    }
    if !look.released.is_empty() {
        for device in &look.released {
            release(tx, context, &rollout, *device, now)?;
        }
        let devices = look.released.len();
        return Ok(Some(event("rollout.ring", &rollout, now, &json!({ "devices": devices }))));
    }
    match &look.verdict {
        Verdict::Wait => Ok(None),
        Verdict::Advance => {
            advance(&mut rollout, now);
            rollout.save(tx)?;
            Ok(None)
        }
        Verdict::Halt(reason) => {
            halt(tx, context, &mut rollout, reason, now)?;
            let act = Act::by_ward("rollout.halt").on(rollout.id.to_string());
            audit::record(tx, now, &act.with(json!({ "reason": reason })))?;
            tracing::error!(rollout.id = %rollout.id, "The rollout {} was halted: {reason}", rollout.id);
            Ok(Some(event("rollout.halted", &rollout, now, &json!({ "reason": reason }))))
        }
        Verdict::Done => {
            (rollout.state, rollout.ended_at) = (RolloutState::Done, Some(now));
            rollout.save(tx)?;
            Ok(Some(event("rollout.done", &rollout, now, &json!({}))))
        }
    }
}

fn release(
    tx: &mut Tx<'_>,
    context: &Context,
    rollout: &Rollout,
    device: DeviceId,
    now: Timestamp,
) -> Result<(), Error> {
    let row = RolloutDevice::find(tx, rollout.id, device)?;
    let Some(row) = row.filter(|row| row.released_at.is_none()) else { return Ok(()) };
    RolloutDevice { ring: Some(rollout.ring), released_at: Some(now), ..row }.save(tx)?;
    again(tx, context, device)
}

/// The desired state of a device is to be looked at again.
pub(super) fn again(tx: &mut Tx<'_>, context: &Context, device: DeviceId) -> Result<(), Error> {
    match current(tx, device)? {
        Some((epoch, _)) => trigger::reconcile(tx, context, epoch.id),
        None => Ok(()),
    }
}

/// Opens the next ring; the next round chooses its devices.
pub(super) fn advance(rollout: &mut Rollout, now: Timestamp) {
    rollout.ring = rollout.ring.saturating_add(1).min(rings::LAST);
    rollout.ring_started_at = now;
}

/// Stops a rollout. What still waits in a queue is taken back by the reconciler, which asks again.
pub(super) fn halt(
    tx: &mut Tx<'_>,
    context: &Context,
    rollout: &mut Rollout,
    reason: &str,
    now: Timestamp,
) -> Result<(), Error> {
    rollout.state = RolloutState::Halted;
    rollout.halted_at = Some(now);
    rollout.halted_reason = Some(reason.to_owned());
    rollout.save(tx)?;
    for row in RolloutDevice::list(tx, rollout.id)? {
        if row.released_at.is_some() && row.sent_at.is_none() {
            again(tx, context, row.device_id)?;
        }
    }
    Ok(())
}

/// What those who watch are told.
pub(super) fn event(
    kind: &'static str,
    rollout: &Rollout,
    now: Timestamp,
    more: &serde_json::Value,
) -> Event {
    let detail = json!({
        "rollout": rollout.id, "assignment": rollout.assignment_id, "ring": rings::name(rollout.ring), "more": more
    });
    Event::new(kind, now).with(detail)
}
