//! Streams over a real store, a set clock and receivers that do as they are told.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use catalog::Ownership;
use notify_client::{Deliver, Delivered, Message, Trouble};
use parking_lot::Mutex;
use serde_json::json;
use store::Outbox;

use super::{SinkPlan, StreamSettings};
use crate::Error;
use crate::testing::Bench;
use crate::views::{CheckSeverity, ReplayRequest, SkipRequest};

const HOUR: Duration = Duration::from_secs(3_600);

/// A receiver.
#[derive(Debug, Default)]
struct Receiver {
    down: Mutex<bool>,
    refuses: Mutex<Option<i64>>,
    doubt: Duration,
    taken: Mutex<Vec<Message>>,
}

#[async_trait]
impl Deliver for Receiver {
    async fn deliver(&self, messages: &[Message]) -> Delivered {
        if *self.down.lock() {
            return Delivered::until(0, messages.len(), Trouble::new("it is down"));
        }
        for (index, message) in messages.iter().enumerate() {
            if message.seq.is_some() && message.seq == *self.refuses.lock() {
                return Delivered::until(index, messages.len(), Trouble::new("it refuses"));
            }
            self.taken.lock().push(message.clone());
        }
        Delivered::all(messages.len())
    }

    fn in_doubt(&self) -> Duration {
        self.doubt
    }
}

impl Receiver {
    /// The numbers of the events that it took, in that order.
    fn numbers(&self) -> Vec<i64> {
        self.taken.lock().iter().filter_map(|message| message.seq).collect()
    }

    fn kinds(&self) -> Vec<String> {
        self.taken.lock().iter().map(|message| message.kind.clone()).collect()
    }
}

fn plan(receiver: &Arc<Receiver>, kinds: &[&str]) -> SinkPlan {
    let deliver: Arc<dyn Deliver> = Arc::clone(receiver) as Arc<dyn Deliver>;
    SinkPlan {
        name: "siem".to_owned(),
        kind: "webhook",
        target: "https://siem.example".to_owned(),
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        witness: false,
        digest: String::new(),
        deliver,
    }
}

async fn bench(receiver: &Arc<Receiver>, kinds: &[&str]) -> Bench {
    let bench = Bench::new().await;
    bench.services.streams.configure(vec![plan(receiver, kinds)], StreamSettings::default()).await.unwrap();
    bench
}

impl Bench {
    async fn note(&self, object: &'static str, kind: &'static str) {
        let now = self.services.context.now();
        self.tx(move |tx| super::notice(tx, now, kind, object, json!({}))).await;
    }

    async fn stream(&self) {
        self.services.streams.run_once().await.unwrap();
    }

    async fn kept(&self) -> Vec<Outbox> {
        let read = |c: &mut store::Connection| Ok::<_, Error>(Outbox::after(c, 0, 10_000)?);
        self.services.context.store.read("test", read).await.unwrap()
    }

    async fn sink_check(&self) -> CheckSeverity {
        let checks = self.services.health.checks().await.unwrap();
        checks.into_iter().find(|check| check.name == "sink").unwrap().severity
    }
}

#[tokio::test]
async fn nothing_is_written_while_nobody_is_told() {
    let bench = Bench::new().await;
    bench.enroll("UDID-1").await;
    assert!(bench.kept().await.is_empty());
    let receiver = Arc::new(Receiver::default());
    bench.services.streams.configure(vec![plan(&receiver, &[])], StreamSettings::default()).await.unwrap();
    bench.stream().await;
    assert_eq!(receiver.kinds(), ["act.sink.add", "ward.heartbeat"], "only what happens from then on");
}

#[tokio::test]
async fn a_receiver_that_is_down_for_a_day_gets_everything_in_order_afterwards() {
    let receiver = Arc::new(Receiver::default());
    let bench = bench(&receiver, &[]).await;
    bench.stream().await;
    *receiver.down.lock() = true;
    bench.enroll("UDID-1").await;
    for _ in 0..24 {
        for _ in 0..10 {
            bench.note("device:1", "device.state").await;
        }
        bench.stream().await;
        bench.advance(HOUR);
    }
    assert_eq!(bench.sink_check().await, CheckSeverity::Error);
    let shown = bench.services.streams.show("siem").await.unwrap();
    assert_eq!((shown.state.as_str(), shown.last_error.as_deref()), ("failing", Some("it is down")));
    assert!(shown.lag_seconds >= 23 * 3_600, "{shown:?}");
    *receiver.down.lock() = false;
    bench.advance(Duration::from_secs(600));
    bench.stream().await;
    let all: Vec<i64> = bench.kept().await.iter().map(|event| event.seq).collect();
    assert!(all.len() > 240);
    assert_eq!(receiver.numbers(), all, "each once, in order");
    assert_eq!(bench.sink_check().await, CheckSeverity::Ok);
}

#[tokio::test]
async fn an_event_that_is_refused_holds_the_sink_until_a_person_leaves_it_out() {
    let receiver = Arc::new(Receiver::default());
    let bench = bench(&receiver, &["device.*"]).await;
    let operator = bench.operator().await;
    for _ in 0..3 {
        bench.note("device:1", "device.state").await;
    }
    let numbers: Vec<i64> = bench
        .kept()
        .await
        .iter()
        .filter(|event| event.kind == "device.state")
        .map(|event| event.seq)
        .collect();
    *receiver.refuses.lock() = Some(numbers[1]);
    for _ in 0..5 {
        bench.stream().await;
        bench.advance(HOUR);
    }
    assert_eq!(receiver.numbers(), [numbers[0]]);
    let streams = &bench.services.streams;
    let order = |seq| SkipRequest { seq, reason: "it cannot be read there".to_owned() };
    let wrong = streams.skip(&operator, "siem", order(numbers[2])).await;
    assert!(matches!(wrong, Err(Error::Conflict(_))), "{wrong:?}");
    let shown = streams.skip(&operator, "siem", order(numbers[1])).await.unwrap();
    assert_eq!(shown.skipped, 1);
    bench.stream().await;
    assert_eq!(receiver.numbers(), [numbers[0], numbers[2]]);
    assert_eq!(bench.acts("sink.skip").await.len(), 1);
}

#[tokio::test]
async fn a_replay_tells_the_same_events_with_the_same_ids_again() {
    let receiver = Arc::new(Receiver::default());
    let bench = bench(&receiver, &["device.*"]).await;
    let operator = bench.operator().await;
    bench.note("device:1", "device.state").await;
    bench.note("device:2", "device.state").await;
    bench.stream().await;
    let first = receiver.numbers()[0];
    let order = |from_seq| ReplayRequest { from_seq, from_time: None, reason: "lost there".to_owned() };
    let streams = &bench.services.streams;
    assert!(matches!(streams.replay(&operator, "siem", order(None)).await, Err(Error::Invalid { .. })));
    assert!(matches!(
        streams.replay(&operator, "siem", order(Some(9_999))).await,
        Err(Error::Invalid { .. })
    ));
    assert!(matches!(streams.replay(&operator, "none", order(Some(1))).await, Err(Error::NotFound { .. })));
    streams.replay(&operator, "siem", order(Some(first))).await.unwrap();
    bench.note("device:3", "device.state").await;
    bench.stream().await;
    let ids: Vec<String> = {
        let taken = receiver.taken.lock();
        taken.iter().filter(|message| message.seq.is_some()).map(|message| message.id.clone()).collect()
    };
    assert_eq!(ids.len(), 5);
    assert_eq!(ids[..2], ids[2..4]);
}

#[tokio::test]
async fn events_that_were_kept_too_long_are_pruned_and_the_sink_is_told_what_it_missed() {
    let receiver = Arc::new(Receiver::default());
    let bench = bench(&receiver, &["device.*"]).await;
    bench.stream().await;
    *receiver.down.lock() = true;
    bench.note("device:1", "device.state").await;
    bench.days(31);
    bench.note("device:2", "device.state").await;
    assert!(bench.services.streams.prune().await.unwrap() > 0);
    *receiver.down.lock() = false;
    bench.stream().await;
    let told: Vec<String> = receiver.kinds().into_iter().filter(|kind| kind != "ward.heartbeat").collect();
    assert_eq!(told, ["ward.gap", "device.state"]);
    let gap = receiver.taken.lock().iter().find(|message| message.kind == "ward.gap").cloned().unwrap();
    assert_eq!(gap.data["why"], "kept too long");
    assert_eq!(bench.services.streams.show("siem").await.unwrap().gap, None);
}

#[tokio::test]
async fn what_was_in_doubt_when_the_receiver_went_away_is_told_again() {
    let receiver = Arc::new(Receiver { doubt: Duration::from_secs(30), ..Receiver::default() });
    let bench = bench(&receiver, &["device.*"]).await;
    bench.note("device:1", "device.state").await;
    bench.stream().await;
    *receiver.down.lock() = true;
    bench.stream().await;
    *receiver.down.lock() = false;
    bench.advance(Duration::from_secs(10));
    bench.stream().await;
    assert_eq!(receiver.numbers().len(), 2, "told again: it may have been lost");
    bench.advance(Duration::from_secs(31));
    bench.stream().await;
    *receiver.down.lock() = true;
    bench.stream().await;
    bench.advance(HOUR);
    *receiver.down.lock() = false;
    bench.stream().await;
    assert_eq!(receiver.numbers().len(), 2, "no longer in doubt");
}

#[tokio::test]
async fn a_sink_that_leaves_the_configuration_goes_on_where_it_was_when_it_returns() {
    let receiver = Arc::new(Receiver::default());
    let bench = bench(&receiver, &["device.*"]).await;
    bench.note("device:1", "device.state").await;
    bench.stream().await;
    let streams = &bench.services.streams;
    streams.configure(Vec::new(), StreamSettings::default()).await.unwrap();
    assert_eq!(bench.acts("sink.remove").await.len(), 1);
    assert_eq!(streams.show("siem").await.unwrap().state, "not_configured");
    bench.advance(HOUR);
    streams.configure(vec![plan(&receiver, &["device.*"])], StreamSettings::default()).await.unwrap();
    bench.note("device:2", "device.state").await;
    bench.stream().await;
    let told: Vec<String> = receiver.kinds().into_iter().filter(|kind| kind != "ward.heartbeat").collect();
    assert_eq!(told, ["device.state", "ward.gap", "device.state"], "nothing was written in between");
}

#[tokio::test]
async fn no_message_holds_a_name_a_token_or_a_secret() {
    let receiver = Arc::new(Receiver::default());
    let bench = bench(&receiver, &[]).await;
    let operator = bench.operator().await;
    let token = bench.link(Ownership::Corporate, None).await;
    bench.enroll_by(&token, "UDID-CANARY").await;
    let now = bench.services.context.now();
    let act = crate::audit::Act::new(&operator, "person.create").on("Canary Person").with(json!({
        "name": "Canary Person", "email": "canary@hospital.example", "reason": "canary reason", "state": "canary word",
    }));
    bench.tx(move |tx| crate::audit::record(tx, now, &act)).await;
    bench.stream().await;
    let taken = receiver.taken.lock();
    let text: String = taken.iter().map(Message::to_json).collect();
    assert!(taken.iter().any(|message| message.kind == "enrollment.enrolled"));
    assert!(taken.iter().any(|message| message.kind == "act.person.create"));
    for canary in ["canary", "Canary", "Nurse Joy", &token, &operator.name] {
        assert!(!text.contains(canary), "{canary} in {text}");
    }
    assert!(text.contains(&format!("token:{}", operator.token_id)));
}
