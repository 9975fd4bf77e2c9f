//! Random interleavings of everything that can happen to a queue, with changes that fail, panic or do not commit and
//! with restarts, against a model that is as simple as can be.

use std::collections::BTreeMap;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use proptest::prelude::*;

use crate::fixture::Scene;
use crate::queue::QueueIndex;
use crate::{
    Channel, DeliverySeq, DeliveryState, Error, NewDelivery, NewEvent, NextOptions, Pending, Recorded, Tx,
};

const CHANNELS: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    Enqueue { channel: usize, lane: i16, expires: Option<u64> },
    HandOut { channel: usize, offer_not_now: bool },
    Record { pick: usize, state: DeliveryState },
    Cancel { pick: usize },
    EndAll { channel: usize },
    Push { channel: usize },
    Expire,
    Wait { seconds: u64 },
}

/// How a change ends.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Good,
    Err,
    Panic,
    NoCommit,
    GoodThenRestart,
}

fn state() -> impl Strategy<Value = DeliveryState> {
    prop::sample::select(DeliveryState::ALL)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..CHANNELS, 0..3_i16, prop::option::of(1..40_u64))
            .prop_map(|(channel, lane, expires)| Step::Enqueue { channel, lane, expires }),
        6 => (0..CHANNELS, any::<bool>()).prop_map(|(channel, offer_not_now)| Step::HandOut { channel, offer_not_now }),
        8 => (any::<usize>(), state()).prop_map(|(pick, state)| Step::Record { pick, state }),
        2 => any::<usize>().prop_map(|pick| Step::Cancel { pick }),
        1 => (0..CHANNELS).prop_map(|channel| Step::EndAll { channel }),
        2 => (0..CHANNELS).prop_map(|channel| Step::Push { channel }),
        1 => Just(Step::Expire),
        2 => (1..20_u64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![
        10 => Just(Ending::Good),
        2 => Just(Ending::Err),
        1 => Just(Ending::Panic),
        1 => Just(Ending::NoCommit),
        1 => Just(Ending::GoodThenRestart),
    ]
}

/// What the model knows of a delivery: written from the README's table, not from the code.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    channel: usize,
    lane: i16,
    expires: Option<i64>,
    state: DeliveryState,
    hand_outs: u32,
}

type Model = BTreeMap<DeliverySeq, Entry>;

fn open(state: DeliveryState) -> bool {
    use DeliveryState::{HandedOut, NotNow, Pushed, Queued};
    [Queued, Pushed, HandedOut, NotNow].contains(&state)
}

fn answer(state: DeliveryState) -> bool {
    [DeliveryState::Acknowledged, DeliveryState::Error, DeliveryState::FormatError].contains(&state)
}

fn apply(entry: &mut Entry, event: DeliveryState) {
    use DeliveryState::{Cancelled, Expired, HandedOut, NoReply, Pushed, Queued, Superseded};
    if !open(entry.state) {
        if answer(event) && [NoReply, Expired, Superseded].contains(&entry.state) {
            entry.state = event;
        }
        return;
    }
    let refused = event == Queued
        || (event == Pushed && entry.state != Queued)
        || (event == Cancelled && entry.hand_outs > 0);
    if !refused {
        entry.hand_outs += u32::from(event == HandedOut);
        entry.state = event;
    }
}

/// What Ward closes: nobody knows what became of what is under way.
fn close(entry: &mut Entry, waiting: DeliveryState) {
    let under_way = entry.state == DeliveryState::HandedOut;
    apply(entry, if under_way { DeliveryState::NoReply } else { waiting });
}

fn offered(model: &Model, channel: usize, now: i64, offer_not_now: bool) -> Option<DeliverySeq> {
    model
        .iter()
        .filter(|(_, e)| e.channel == channel && open(e.state) && e.expires.is_none_or(|at| at > now))
        .filter(|(_, e)| offer_not_now || e.state != DeliveryState::NotNow)
        .min_by_key(|(seq, e)| (e.lane, **seq))
        .map(|(seq, _)| *seq)
}

/// The same steps in the store and in the model, within one change.
fn perform(
    tx: &mut Tx<'_>,
    model: &mut Model,
    steps: &[(Step, Option<NewDelivery>)],
    now: i64,
) -> Result<(), Error> {
    let at = clock::Timestamp::from_millis(now);
    let channels: Vec<_> = CHANNEL_IDS.with_borrow(Clone::clone);
    let pick = |pick: usize, model: &Model| model.keys().nth(pick % model.len().max(1)).copied();
    for (step, new) in steps {
        match step {
            Step::Enqueue { channel, lane, .. } => {
                let new = new.unwrap();
                let seq = tx.enqueue(new)?;
                let expires = new.expires_at.map(clock::Timestamp::as_millis);
                let state = DeliveryState::Queued;
                model.insert(seq, Entry { channel: *channel, lane: *lane, expires, state, hand_outs: 0 });
            }
            Step::HandOut { channel, offer_not_now } => {
                let options = NextOptions { offer_not_now: *offer_not_now, skip: Vec::new() };
                let next = tx.next(channels[*channel], at, &options).map(|pending: Pending| pending.seq);
                assert_eq!(next, offered(model, *channel, now, *offer_not_now));
                if let Some(seq) = next {
                    tx.record(seq, NewEvent::new(DeliveryState::HandedOut, at))?;
                    apply(model.get_mut(&seq).unwrap(), DeliveryState::HandedOut);
                }
            }
            Step::Record { pick: number, state } => {
                if let Some(seq) = pick(*number, model) {
                    tx.record(seq, NewEvent::new(*state, at))?;
                    apply(model.get_mut(&seq).unwrap(), *state);
                }
            }
            Step::Cancel { pick: number } => {
                if let Some(seq) = pick(*number, model) {
                    let entry = model.get_mut(&seq).unwrap();
                    assert_eq!(tx.cancel(seq, at, None)?, open(entry.state) && entry.hand_outs == 0);
                    apply(entry, DeliveryState::Cancelled);
                }
            }
            Step::EndAll { channel } => {
                tx.end_all(channels[*channel], DeliveryState::Superseded, at, "over")?;
                let of_channel = |e: &&mut Entry| e.channel == *channel && open(e.state);
                model
                    .values_mut()
                    .filter(of_channel)
                    .for_each(|entry| close(entry, DeliveryState::Superseded));
            }
            Step::Push { channel } => {
                tx.mark_pushed(channels[*channel], at)?;
                let of_channel = |e: &&mut Entry| e.channel == *channel;
                model.values_mut().filter(of_channel).for_each(|entry| apply(entry, DeliveryState::Pushed));
            }
            Step::Expire => {
                tx.expire(at, 1000)?;
                for entry in
                    model.values_mut().filter(|e| open(e.state) && e.expires.is_some_and(|at| at <= now))
                {
                    let handed_out = entry.state == DeliveryState::HandedOut;
                    apply(entry, if handed_out { DeliveryState::NoReply } else { DeliveryState::Expired });
                }
            }
            Step::Wait { .. } => {}
        }
    }
    Ok(())
}

thread_local! {
    static CHANNEL_IDS: std::cell::RefCell<Vec<crate::ChannelId>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// The index equals a fresh reading, and both equal the model.
fn compare(scene: &Scene, channels: &[Channel], model: &Model) {
    let (kept, fresh) = scene.tx(|tx| {
        let mut fresh = QueueIndex::default();
        fresh.rebuild(tx.connection)?;
        Ok((tx.index.contents(), fresh.contents()))
    });
    assert_eq!(kept, fresh);
    for (number, channel) in channels.iter().enumerate() {
        let id = channel.id;
        let mut expected: Vec<_> = model
            .iter()
            .filter(|(_, e)| e.channel == number && open(e.state))
            .map(|(s, e)| (e.lane, *s, e))
            .collect();
        expected.sort_by_key(|(lane, seq, _)| (*lane, *seq));
        let pending = scene.tx(move |tx| Ok(tx.pending(id)));
        let found: Vec<_> = pending.iter().map(|p| (p.seq, p.state, p.hand_outs)).collect();
        let expected: Vec<_> = expected.into_iter().map(|(_, seq, e)| (seq, e.state, e.hand_outs)).collect();
        assert_eq!(found, expected);
        assert_eq!(scene.store().has_pending(id), !expected.is_empty());
    }
    let seqs: Vec<_> = model.keys().copied().collect();
    let progress = scene.read(move |c| crate::queue::progress_of(c, &seqs));
    for (seq, entry) in model {
        assert_eq!(progress[seq].state, entry.state, "{seq}");
    }
}

fn run(changes: Vec<(Vec<Step>, Ending)>) {
    let mut scene = Scene::new();
    let channels: Vec<Channel> = (0..CHANNELS).map(|number| scene.channel(&format!("U{number}"))).collect();
    let ids: Vec<_> = channels.iter().map(|channel| channel.id).collect();
    let mut model = Model::new();
    let mut commands = 0;
    for (steps, ending) in changes {
        let mut prepared = Vec::new();
        for step in steps {
            let new = if let Step::Enqueue { channel, lane, expires } = &step {
                commands += 1;
                Some(NewDelivery {
                    command_id: scene.command(&format!("C{commands}")).id,
                    channel_id: channels[*channel].id,
                    enrollment_id: channels[*channel].enrollment_id,
                    lane: *lane,
                    enqueued_at: scene.now(),
                    expires_at: expires.map(|seconds| scene.now() + Duration::from_secs(seconds)),
                })
            } else {
                None
            };
            if let Step::Wait { seconds } = &step {
                scene.clock.advance(Duration::from_secs(*seconds));
            }
            prepared.push((step, new));
        }
        let (before, now, ids) = (model.clone(), scene.now().as_millis(), ids.clone());
        let outcome = scene.try_tx(move |tx| {
            CHANNEL_IDS.set(ids.clone());
            let mut after = before.clone();
            perform(tx, &mut after, &prepared, now)?;
            match ending {
                Ending::Good | Ending::GoodThenRestart => Ok(after),
                Ending::Err => Err(Error::NotFound),
                Ending::Panic => std::panic::resume_unwind(Box::new("as the test wants it")),
                Ending::NoCommit => {
                    tx.batch_execute(
                        "PRAGMA defer_foreign_keys = ON; INSERT INTO pending (seq, channel_id) VALUES (-1, x'00');",
                    )?;
                    Ok(after)
                }
            }
        });
        match (ending, outcome) {
            (Ending::Good | Ending::GoodThenRestart, Ok(after)) => model = after,
            (Ending::Err, Err(Error::NotFound))
            | (Ending::Panic, Err(Error::Internal(_)))
            | (Ending::NoCommit, Err(Error::Unavailable(_))) => {}
            (ending, outcome) => panic!("{ending:?} gave {outcome:?}"),
        }
        if matches!(ending, Ending::GoodThenRestart) {
            scene.stop();
            scene.start();
        }
        compare(&scene, &channels, &model);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_always_equals_the_rows_and_the_model(
        changes in prop::collection::vec((prop::collection::vec(step(), 1..5), ending()), 1..24),
    ) {
        run(changes);
    }
}

#[test]
fn an_event_that_says_nothing_new_is_told_as_ignored() {
    let scene = Scene::new();
    let channel = scene.channel("U1");
    let new = NewDelivery {
        command_id: scene.command("C").id,
        channel_id: channel.id,
        enrollment_id: channel.enrollment_id,
        lane: 0,
        enqueued_at: scene.now(),
        expires_at: None,
    };
    let now = scene.now();
    let recorded = scene.tx(move |tx| {
        let seq = tx.enqueue(new)?;
        tx.record(seq, NewEvent::new(DeliveryState::Queued, now))
    });
    assert_eq!(recorded, Recorded::Ignored);
}
