//! The queue's rules, one by one. The random interleavings are in `interleavings`.

mod interleavings;

use std::time::Duration;

use crate::fixture::Scene;
use crate::{
    ChannelId, Delivery, DeliveryEvent, DeliverySeq, DeliveryState, Error, IdentityId, NewDelivery, NewEvent,
    NextOptions, Pending, Recorded,
};

const IDLE: NextOptions = NextOptions { offer_not_now: true, skip: Vec::new() };
const SAME_SESSION: NextOptions = NextOptions { offer_not_now: false, skip: Vec::new() };

fn enqueue(scene: &Scene, channel: &crate::Channel, uuid: &str, lane: i16) -> DeliverySeq {
    let command_id = scene.command(uuid).id;
    let new = NewDelivery {
        command_id,
        channel_id: channel.id,
        enrollment_id: channel.enrollment_id,
        lane,
        enqueued_at: scene.now(),
        expires_at: None,
    };
    scene.tx(move |tx| tx.enqueue(new))
}

fn record(scene: &Scene, seq: DeliverySeq, state: DeliveryState) -> Recorded {
    let event = NewEvent::new(state, scene.now());
    scene.tx(move |tx| tx.record(seq, event.clone()))
}

fn next(scene: &Scene, channel: ChannelId, options: NextOptions) -> Option<String> {
    let now = scene.now();
    scene
        .tx(move |tx| Ok(tx.next(channel, now, &options)))
        .map(|pending: Pending| pending.command_uuid.to_string())
}

fn state(scene: &Scene, seq: DeliverySeq) -> DeliveryState {
    scene.read(move |c| Delivery::find(c, seq)).progress.state
}

#[test]
fn commands_leave_by_lane_and_then_in_the_order_of_asking() {
    let scene = Scene::new();
    let channel = scene.channel("U1");
    let slow = enqueue(&scene, &channel, "slow", 1);
    let first = enqueue(&scene, &channel, "first", 0);
    let second = enqueue(&scene, &channel, "second", 0);
    for (seq, uuid) in [(first, "first"), (second, "second"), (slow, "slow")] {
        assert_eq!(next(&scene, channel.id, IDLE).as_deref(), Some(uuid));
        record(&scene, seq, DeliveryState::HandedOut);
        record(&scene, seq, DeliveryState::Acknowledged);
    }
    assert_eq!(next(&scene, channel.id, IDLE), None);
    assert!(!scene.store().has_pending(channel.id));
}

#[test]
fn what_the_device_put_off_is_passed_over_until_it_says_idle_even_after_a_restart() {
    let mut scene = Scene::new();
    let channel = scene.channel("U1");
    let put_off = enqueue(&scene, &channel, "put-off", 0);
    enqueue(&scene, &channel, "other", 0);
    record(&scene, put_off, DeliveryState::HandedOut);
    record(&scene, put_off, DeliveryState::NotNow);
    scene.stop();
    scene.start();
    assert_eq!(next(&scene, channel.id, SAME_SESSION).as_deref(), Some("other"));
    assert_eq!(next(&scene, channel.id, IDLE).as_deref(), Some("put-off"));
}

#[test]
fn what_was_handed_out_and_not_answered_is_offered_again_with_the_count_and_the_identity() {
    let mut scene = Scene::new();
    let channel = scene.channel("U1");
    let seq = enqueue(&scene, &channel, "erase", 0);
    let identity = IdentityId::new(&scene.clock);
    for _ in 0..2 {
        let event =
            NewEvent { identity_id: Some(identity), ..NewEvent::new(DeliveryState::HandedOut, scene.now()) };
        scene.tx(move |tx| tx.record(seq, event.clone()));
    }
    scene.stop();
    scene.start();
    let (now, id) = (scene.now(), channel.id);
    let offered = scene.tx(move |tx| Ok(tx.next(id, now, &IDLE))).unwrap();
    assert_eq!((offered.seq, offered.state), (seq, DeliveryState::HandedOut));
    assert_eq!((offered.hand_outs, offered.last_identity), (2, Some(identity)));
    assert_eq!(offered.last_handed_out_at, Some(now));
    let skip = NextOptions { offer_not_now: true, skip: vec![seq] };
    assert_eq!(next(&scene, channel.id, skip), None);
}

#[test]
fn a_repeated_answer_changes_nothing_and_loses_nothing() {
    let scene = Scene::new();
    let channel = scene.channel("U1");
    let seqs = ["a", "b", "c"].map(|uuid| enqueue(&scene, &channel, uuid, 0));
    record(&scene, seqs[0], DeliveryState::HandedOut);
    assert_eq!(record(&scene, seqs[0], DeliveryState::Acknowledged), Recorded::Applied);
    for _ in 0..3 {
        assert_eq!(record(&scene, seqs[0], DeliveryState::Acknowledged), Recorded::Ignored);
        assert_eq!(record(&scene, seqs[0], DeliveryState::NotNow), Recorded::Ignored);
    }
    assert_eq!(next(&scene, channel.id, IDLE).as_deref(), Some("b"));
    let (first, id) = (seqs[0], channel.id);
    assert_eq!(scene.read(move |c| DeliveryEvent::list(c, first)).len(), 2);
    assert_eq!(scene.tx(move |tx| Ok(tx.pending(id))).len(), 2);
}

#[test]
fn an_answer_to_a_command_that_nobody_knows_is_not_found_and_harmless() {
    let scene = Scene::new();
    let channel = scene.channel("U1");
    enqueue(&scene, &channel, "known", 0);
    let id = channel.id;
    assert_eq!(scene.tx(move |tx| Ok(tx.find_pending(id, "stray"))), None);
    assert_eq!(scene.tx(move |tx| tx.find_delivery(id, "stray")), None);
    let event = NewEvent::new(DeliveryState::Acknowledged, scene.now());
    let stray = scene.try_tx(move |tx| tx.record(DeliverySeq(999), event.clone()));
    assert_eq!(stray, Err(Error::NotFound));
    assert_eq!(next(&scene, channel.id, IDLE).as_deref(), Some("known"));
}

#[test]
fn a_late_answer_is_kept_and_outranks_what_ward_assumed_but_not_a_cancellation() {
    let scene = Scene::new();
    let channel = scene.channel("U1");
    for (assumed, end) in [
        (DeliveryState::NoReply, DeliveryState::Acknowledged),
        (DeliveryState::Expired, DeliveryState::Acknowledged),
        (DeliveryState::Superseded, DeliveryState::Acknowledged),
        (DeliveryState::Cancelled, DeliveryState::Cancelled),
    ] {
        let seq = enqueue(&scene, &channel, assumed.as_str(), 0);
        if assumed != DeliveryState::Cancelled {
            record(&scene, seq, DeliveryState::HandedOut);
        }
        assert_eq!(record(&scene, seq, assumed), Recorded::Applied);
        assert_eq!(record(&scene, seq, DeliveryState::Acknowledged), Recorded::Late, "{assumed}");
        assert_eq!(state(&scene, seq), end, "{assumed}");
        assert_eq!(record(&scene, seq, DeliveryState::Acknowledged), Recorded::Ignored, "{assumed}");
    }
    assert!(!scene.store().has_pending(channel.id));
}

#[test]
fn a_contradicting_second_answer_is_kept_beside_the_first_which_stands() {
    let scene = Scene::new();
    let channel = scene.channel("U1");
    let seq = enqueue(&scene, &channel, "erase", 0);
    record(&scene, seq, DeliveryState::HandedOut);
    record(&scene, seq, DeliveryState::Error);
    assert_eq!(record(&scene, seq, DeliveryState::Acknowledged), Recorded::Late);
    assert_eq!(state(&scene, seq), DeliveryState::Error);
    let states: Vec<_> = scene.read(move |c| DeliveryEvent::list(c, seq)).iter().map(|e| e.state).collect();
    assert_eq!(states, [DeliveryState::HandedOut, DeliveryState::Error, DeliveryState::Acknowledged]);
}

#[test]
fn a_command_can_be_taken_back_until_it_was_handed_out() {
    let scene = Scene::new();
    let channel = scene.channel("U1");
    let (early, late) = (enqueue(&scene, &channel, "early", 0), enqueue(&scene, &channel, "late", 0));
    let id = channel.id;
    let now = scene.now();
    scene.tx(move |tx| tx.mark_pushed(id, now));
    assert_eq!(state(&scene, early), DeliveryState::Pushed);
    assert!(scene.tx(move |tx| tx.cancel(early, now, Some("not wanted"))));
    record(&scene, late, DeliveryState::HandedOut);
    assert!(!scene.tx(move |tx| tx.cancel(late, now, None)));
    assert_eq!(
        (state(&scene, early), state(&scene, late)),
        (DeliveryState::Cancelled, DeliveryState::HandedOut)
    );
    assert_eq!(next(&scene, channel.id, IDLE).as_deref(), Some("late"));
}

#[test]
fn the_end_of_an_epoch_closes_its_queue_and_owns_that_nobody_knows_what_was_under_way() {
    let scene = Scene::new();
    let (channel, other) = (scene.channel("U1"), scene.channel("U2"));
    let waiting = enqueue(&scene, &channel, "waiting", 0);
    let under_way = enqueue(&scene, &channel, "under-way", 0);
    let put_off = enqueue(&scene, &channel, "put-off", 0);
    enqueue(&scene, &other, "of-another", 0);
    for seq in [under_way, put_off] {
        record(&scene, seq, DeliveryState::HandedOut);
    }
    record(&scene, put_off, DeliveryState::NotNow);
    let (id, now) = (channel.id, scene.now());
    let ended = scene.tx(move |tx| tx.end_all(id, DeliveryState::Cancelled, now, "checked out"));
    assert_eq!(ended.len(), 3);
    assert_eq!(state(&scene, waiting), DeliveryState::Cancelled);
    assert_eq!(state(&scene, under_way), DeliveryState::NoReply);
    assert_eq!(state(&scene, put_off), DeliveryState::Superseded);
    assert!(!scene.store().has_pending(channel.id) && scene.store().has_pending(other.id));
}

#[test]
fn what_is_not_fetched_in_time_expires_and_what_was_handed_out_has_no_reply() {
    let scene = Scene::new();
    let channel = scene.channel("U1");
    let expires_at = Some(scene.now() + Duration::from_secs(60));
    let mut seqs = Vec::new();
    for uuid in ["waiting", "under-way"] {
        let new = NewDelivery {
            command_id: scene.command(uuid).id,
            channel_id: channel.id,
            enrollment_id: channel.enrollment_id,
            lane: 0,
            enqueued_at: scene.now(),
            expires_at,
        };
        seqs.push(scene.tx(move |tx| tx.enqueue(new)));
    }
    enqueue(&scene, &channel, "for-ever", 1);
    record(&scene, seqs[1], DeliveryState::HandedOut);
    scene.clock.advance(Duration::from_secs(60));
    assert_eq!(next(&scene, channel.id, IDLE).as_deref(), Some("for-ever"));
    let now = scene.now();
    assert_eq!(scene.tx(move |tx| tx.expire(now, 100)).len(), 2);
    assert_eq!(state(&scene, seqs[0]), DeliveryState::Expired);
    assert_eq!(state(&scene, seqs[1]), DeliveryState::NoReply);
    assert_eq!(scene.tx(move |tx| tx.expire(now, 100)).len(), 0);
}

#[test]
fn one_command_goes_to_many_devices_and_each_answers_for_itself() {
    let scene = Scene::new();
    let channels = [scene.channel("U1"), scene.channel("U2")];
    let command_id = scene.command("shared").id;
    let mut seqs = Vec::new();
    for channel in &channels {
        let new = NewDelivery {
            command_id,
            channel_id: channel.id,
            enrollment_id: channel.enrollment_id,
            lane: 0,
            enqueued_at: scene.now(),
            expires_at: None,
        };
        seqs.push(scene.tx(move |tx| tx.enqueue(new)));
        let again = scene.try_tx(move |tx| tx.enqueue(new));
        assert!(again.unwrap_err().is_conflict_on("deliveries.command_id, deliveries.channel_id"));
    }
    record(&scene, seqs[0], DeliveryState::HandedOut);
    record(&scene, seqs[0], DeliveryState::Acknowledged);
    assert_eq!(next(&scene, channels[0].id, IDLE), None);
    assert_eq!(next(&scene, channels[1].id, IDLE).as_deref(), Some("shared"));
}
