//! Rounds over what is overdue. Each looks in memory or by an index first, so that a quiet fleet costs nothing.

use clock::Timestamp;
use serde_json::json;
use store::{
    AuditEvent, AuditFilter, Channel, ChannelId, DeliveryState, NewEvent, Page, Pending, Tx, Waiting,
};

use crate::audit::{self, Act};
use crate::deliveries::UNANSWERED;
use crate::events::Event;
use crate::{Context, Error, idempotency, push};

/// Deliveries or channels that one transaction takes.
const AT_ONCE: usize = 500;
/// After so many days of silence a channel is pushed once a day only.
const SILENT_DAYS: u64 = 7;

/// Closes deliveries whose time is over.
pub(super) async fn expire(context: &Context) -> Result<(), Error> {
    let now = context.now();
    if context.store.waiting().is_empty() {
        return Ok(());
    }
    let closed =
        context.store.tx("expire_deliveries", move |tx| Ok::<_, Error>(tx.expire(now, AT_ONCE)?)).await?;
    for (pending, state) in closed {
        let kind = if state == DeliveryState::NoReply { "command.no_reply" } else { "command.expired" };
        publish(context, kind, &pending);
    }
    Ok(())
}

/// Notes which erases were handed out long ago and not answered: nobody knows what became of them. They stay in the queue, because a
/// device that never got the bytes and polls again must get them; only one that was handed out as often as is sensible is closed.
pub(super) async fn note_unanswered_erases(context: &Context) -> Result<(), Error> {
    let (ground, channels) = (context.clone(), waiting_channels(context));
    if channels.is_empty() {
        return Ok(());
    }
    let noted = context
        .store
        .tx("note_unanswered_erases", move |tx| {
            let mut noted = Vec::new();
            for channel in &channels {
                noted.extend(unanswered(tx, &ground, *channel)?);
            }
            Ok::<_, Error>(noted)
        })
        .await?;
    for pending in noted {
        publish(context, "command.no_reply", &pending);
    }
    Ok(())
}

fn unanswered(tx: &mut Tx<'_>, context: &Context, channel: ChannelId) -> Result<Vec<Pending>, Error> {
    let now = context.now();
    let mut noted = Vec::new();
    for pending in tx.pending(channel) {
        if &*pending.request_type != "EraseDevice" || pending.state != DeliveryState::HandedOut {
            continue;
        }
        let Some(at) = pending.last_handed_out_at else { continue };
        if now.since(at) < context.settings.erase_reply_within {
            continue;
        }
        if pending.hand_outs.saturating_sub(pending.not_nows) >= context.settings.erase_hand_outs {
            let detail = Some("handed out as often as is sensible, and not answered in time".to_owned());
            tx.record(pending.seq, NewEvent { detail, ..NewEvent::new(DeliveryState::NoReply, now) })?;
            noted.push(pending);
        } else if note_once(tx, &pending, at, now)? {
            noted.push(pending);
        }
    }
    Ok(noted)
}

/// Records that the hand-out `at` was not answered. `false` when that is recorded already.
fn note_once(tx: &mut Tx<'_>, pending: &Pending, at: Timestamp, now: Timestamp) -> Result<bool, Error> {
    let target = format!("delivery:{}", pending.seq);
    let filter = AuditFilter {
        action: Some(UNANSWERED.to_owned()),
        target: Some(target.clone()),
        since: Some(at),
        ..AuditFilter::default()
    };
    if !AuditEvent::list(tx, &filter, Page::first(1))?.is_empty() {
        return Ok(false);
    }
    let detail = json!({ "handed_out_at": at, "hand_outs": pending.hand_outs });
    audit::record(tx, now, &Act::by("ward", UNANSWERED).on(&target).with(detail))?;
    Ok(true)
}

/// Pushes channels again that have not come for what waits for them, or have put it off.
pub(super) async fn push_again(context: &Context) -> Result<(), Error> {
    let now = context.now();
    let after = context.settings.repush_after;
    let old: Vec<ChannelId> = context
        .store
        .waiting()
        .iter()
        .filter(|waiting| now.since(waiting.oldest_at) >= after)
        .map(|waiting| waiting.channel_id)
        .collect();
    for chunk in old.chunks(AT_ONCE) {
        let (ground, channels) = (context.clone(), chunk.to_vec());
        let silent = context.store.read("look_for_silent", move |c| {
            let mut silent = Vec::new();
            for id in channels {
                let channel = Channel::find(c, id)?;
                if is_silent(&ground, &channel) {
                    silent.push(id);
                }
            }
            Ok::<_, Error>(silent)
        });
        let silent = silent.await?;
        if !silent.is_empty() {
            context
                .store
                .tx("push_again", move |tx| {
                    for id in &silent {
                        push::request(tx, *id, now)?;
                    }
                    Ok::<_, Error>(())
                })
                .await?;
        }
    }
    Ok(())
}

/// Whether the last push is long enough ago. Apple keeps the last push for a device that is away, so that days are soon.
fn is_silent(context: &Context, channel: &Channel) -> bool {
    if !channel.enabled || channel.push_dead_at.is_some() {
        return false;
    }
    let Some(pushed) = channel.last_pushed_at else { return true };
    let heard = channel.last_seen_at.max(context.store.seen_lately(channel.id));
    let now = context.now();
    let away = heard.is_none_or(|heard| now.since(heard).as_secs() > SILENT_DAYS * 86_400);
    let wait = if away {
        context.settings.repush_after.max(std::time::Duration::from_secs(86_400))
    } else {
        context.settings.repush_after
    };
    now.since(pushed) >= wait
}

/// Forgets answers of the API that are too old to be asked for.
pub(super) async fn forget_answers(context: &Context) -> Result<(), Error> {
    let ground = context.clone();
    let due = context.store.read("look_for_old_answers", move |c| idempotency::has_old(c, &ground)).await?;
    if due {
        let ground = context.clone();
        context.store.tx("forget_answers", move |tx| idempotency::sweep(tx, &ground)).await?;
    }
    Ok(())
}

fn waiting_channels(context: &Context) -> Vec<ChannelId> {
    let now = context.now();
    let after = context.settings.erase_reply_within;
    let old = |waiting: &&Waiting| now.since(waiting.oldest_at) >= after;
    context.store.waiting().iter().filter(old).map(|waiting| waiting.channel_id).collect()
}

fn publish(context: &Context, kind: &'static str, pending: &Pending) {
    let event = Event { enrollment: Some(pending.enrollment_id), ..Event::new(kind, context.now()) };
    let detail = json!({ "command_uuid": &*pending.command_uuid, "request_type": &*pending.request_type, "delivery": pending.seq.0 });
    context.events.publish(event.with(detail));
}
