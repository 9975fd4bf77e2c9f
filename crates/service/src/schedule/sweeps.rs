//! Rounds over what is overdue. Each looks in memory or by an index first, so that a quiet fleet costs nothing.

use serde_json::json;
use store::{Channel, ChannelId, DeliveryState, NewEvent, Pending, Tx, Waiting};

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

/// Calls an erase unanswered that was handed out long ago: a device answers once, and nobody knows what became of it.
pub(super) async fn give_up_erases(context: &Context) -> Result<(), Error> {
    let (ground, channels) = (context.clone(), waiting_channels(context));
    if channels.is_empty() {
        return Ok(());
    }
    let given_up = context
        .store
        .tx("give_up_erases", move |tx| {
            let mut given_up = Vec::new();
            for channel in &channels {
                given_up.extend(unanswered(tx, &ground, *channel)?);
            }
            Ok::<_, Error>(given_up)
        })
        .await?;
    for pending in given_up {
        publish(context, "command.no_reply", &pending);
    }
    Ok(())
}

fn unanswered(tx: &mut Tx<'_>, context: &Context, channel: ChannelId) -> Result<Vec<Pending>, Error> {
    let now = context.now();
    let overdue = |pending: &Pending| {
        &*pending.request_type == "EraseDevice"
            && pending.state == DeliveryState::HandedOut
            && pending
                .last_handed_out_at
                .is_some_and(|at| now.since(at) >= context.settings.erase_reply_within)
    };
    let found: Vec<Pending> = tx.pending(channel).into_iter().filter(overdue).collect();
    for pending in &found {
        let detail = Some("handed out and not answered in time".to_owned());
        tx.record(pending.seq, NewEvent { detail, ..NewEvent::new(DeliveryState::NoReply, now) })?;
    }
    Ok(found)
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
