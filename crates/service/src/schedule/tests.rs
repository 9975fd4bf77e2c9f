use std::time::Duration;

use protocol_mdm::Status;
use store::DeliveryState;

use crate::testing::operators::{plain, request};
use crate::testing::{Bench, Phone};

async fn asked(bench: &Bench, phone: &Phone) -> Vec<String> {
    let enrollment = bench.epoch(&phone.udid).await;
    let channel = bench.device_channel(&enrollment).await.id;
    bench
        .tx(move |tx| {
            Ok(tx.pending(channel).iter().map(|pending| pending.request_type.to_string()).collect())
        })
        .await
}

async fn fresh(bench: &Bench) -> Phone {
    let link = bench.link(catalog::Ownership::Corporate, None).await;
    let phone = bench.unenrolled(&link, "A").await;
    bench.authenticate(&phone).await.unwrap();
    bench.token_update(&phone, |_| {}).await.unwrap();
    phone
}

const QUESTIONS: [&str; 3] = ["DeviceInformation", "SecurityInfo", "ProfileList"];

#[tokio::test]
async fn a_device_is_asked_for_its_state_when_it_has_enrolled_and_not_before() {
    let bench = Bench::new().await;
    let link = bench.link(catalog::Ownership::Corporate, None).await;
    let phone = bench.unenrolled(&link, "A").await;
    bench.authenticate(&phone).await.unwrap();
    assert!(asked(&bench, &phone).await.is_empty());
    bench.token_update(&phone, |_| {}).await.unwrap();
    assert_eq!(asked(&bench, &phone).await, QUESTIONS);
    bench.token_update(&phone, |_| {}).await.unwrap();
    assert_eq!(asked(&bench, &phone).await, QUESTIONS, "a later TokenUpdate asks nothing");
}

#[tokio::test]
async fn it_is_asked_again_every_day_but_never_twice_at_once() {
    let bench = Bench::new().await;
    let phone = fresh(&bench).await;
    let scheduler = bench.services.scheduler();
    bench.days(2);
    scheduler.run_once().await.unwrap();
    assert_eq!(asked(&bench, &phone).await, QUESTIONS, "the first ones still wait");
    bench.clear_queue(&phone).await;
    scheduler.run_once().await.unwrap();
    assert!(asked(&bench, &phone).await.is_empty(), "not before its time");
    bench.days(2);
    scheduler.run_once().await.unwrap();
    assert_eq!(asked(&bench, &phone).await, QUESTIONS);
}

#[tokio::test]
async fn a_device_that_has_left_is_not_asked_any_more() {
    let bench = Bench::new().await;
    let phone = bench.enroll("A").await;
    bench.check_out(&phone).await.unwrap();
    let (scheduler, (worker, ..)) = (bench.services.scheduler(), bench.worker());
    worker.run_once().await.unwrap();
    for _ in 0..3 {
        bench.days(2);
        scheduler.run_once().await.unwrap();
    }
    let open = bench.tx(|tx| Ok(store::Job::count(tx, store::JobState::Ready)?)).await;
    let dead = bench.tx(|tx| Ok(store::Job::count(tx, store::JobState::Dead)?)).await;
    assert_eq!((open, dead), (0, 0));
}

#[tokio::test]
async fn what_was_not_fetched_in_time_expires_and_says_so() {
    let bench = Bench::new().await;
    let phone = bench.enroll("A").await;
    let mut wanted = request(&["A"], plain("ProfileList"));
    wanted.expires_at = Some(bench.services.context.now() + Duration::from_secs(60));
    let answer = bench.services.commands.send(&bench.operator().await, wanted).await.unwrap();
    let scheduler = bench.services.scheduler();
    scheduler.run_once().await.unwrap();
    bench.advance(Duration::from_secs(61));
    scheduler.run_once().await.unwrap();
    assert_eq!(
        bench.evidence(answer.queued[0].delivery).await.delivery.state,
        DeliveryState::Expired.as_str()
    );
    assert!(bench.next(&phone).await.is_none());
}

#[tokio::test]
async fn an_erase_that_was_fetched_and_never_answered_is_called_so_and_never_wiped() {
    let bench = Bench::new().await;
    let phone = bench.enroll("A").await;
    let seq = bench.send(&["A"], plain("EraseDevice")).await.queued[0].delivery;
    let (uuid, _) = bench.next(&phone).await.unwrap();
    let scheduler = bench.services.scheduler();
    scheduler.run_once().await.unwrap();
    assert_eq!(bench.evidence(seq).await.conclusion.code, "delivered");
    bench.days(2);
    scheduler.run_once().await.unwrap();
    let evidence = bench.evidence(seq).await;
    assert_eq!(
        (evidence.conclusion.code.as_str(), evidence.delivery.wording.as_str()),
        ("delivered_no_reply", "delivered, no reply")
    );
    assert_eq!(evidence.delivery.state, "no_reply");
    scheduler.run_once().await.unwrap();
    assert_eq!(bench.acts("command.unanswered").await.len(), 1, "noted once");
    // The bytes may never have arrived: a device that polls gets them again.
    let mut again = 0;
    while let Some((offered, _)) = bench.next(&phone).await.filter(|(offered, _)| *offered == uuid) {
        again += 1;
        assert_eq!(offered, uuid);
    }
    assert_eq!(again, 4, "five times in all");
    bench.answer(&phone, &uuid, Status::Acknowledged, plist::Dictionary::new()).await.unwrap();
    assert_eq!(bench.evidence(seq).await.conclusion.code, "acknowledged", "a late answer still counts");
}
