use plist::{Dictionary, Value};
use protocol_mdm::Status;
use store::{Delivery, DeliveryEvent, DeliverySeq, DeliveryState, Device, Secret, SecretKind};

use crate::Reply;
use crate::testing::{Bench, Phone, command, handed_out};

const UDID: &str = "00008030-001A2B3C4D5E6F70";

async fn queue(bench: &Bench, request_type: &str) -> DeliverySeq {
    bench.enqueue(&bench.epoch(UDID).await, command(request_type)).await
}

async fn state(bench: &Bench, seq: DeliverySeq) -> DeliveryState {
    bench.tx(move |tx| Ok(Delivery::find(tx, seq)?)).await.progress.state
}

async fn events(bench: &Bench, seq: DeliverySeq) -> Vec<DeliveryEvent> {
    bench.tx(move |tx| Ok(DeliveryEvent::list(tx, seq)?)).await
}

async fn answer(bench: &Bench, phone: &Phone, uuid: &str, status: Status) -> Option<(String, Dictionary)> {
    handed_out(bench.answer(phone, uuid, status, Dictionary::new()).await.unwrap())
}

#[tokio::test]
async fn commands_are_handed_out_in_order_one_at_a_time_until_nothing_is_left() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let (one, two) = (queue(&bench, "DeviceInformation").await, queue(&bench, "ProfileList").await);
    let (first, dictionary) = bench.next(&phone).await.unwrap();
    assert_eq!(dictionary["RequestType"].as_string(), Some("DeviceInformation"));
    assert_eq!(
        (state(&bench, one).await, state(&bench, two).await),
        (DeliveryState::HandedOut, DeliveryState::Queued)
    );
    let (second, dictionary) = answer(&bench, &phone, &first, Status::Acknowledged).await.unwrap();
    assert_eq!(dictionary["RequestType"].as_string(), Some("ProfileList"));
    assert!(answer(&bench, &phone, &second, Status::Acknowledged).await.is_none());
    assert_eq!(
        (state(&bench, one).await, state(&bench, two).await),
        (DeliveryState::Acknowledged, DeliveryState::Acknowledged)
    );
    let handed = &events(&bench, one).await[0];
    assert_eq!(handed.identity_id, bench.epoch(UDID).await.identity_id);
    assert_eq!(handed.class.as_deref(), Some("none"));
}

#[tokio::test]
async fn a_command_whose_reply_was_lost_is_handed_out_again_with_the_same_uuid() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    queue(&bench, "DeviceInformation").await;
    let (first, _) = bench.next(&phone).await.unwrap();
    let (again, _) = bench.next(&phone).await.unwrap();
    assert_eq!(first, again);
}

#[tokio::test]
async fn what_was_put_off_is_passed_over_in_this_session_and_offered_in_the_next() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let put_off = queue(&bench, "InstallProfile").await;
    queue(&bench, "DeviceInformation").await;
    let (first, _) = bench.next(&phone).await.unwrap();
    let (second, dictionary) = answer(&bench, &phone, &first, Status::NotNow).await.unwrap();
    assert_eq!(dictionary["RequestType"].as_string(), Some("DeviceInformation"));
    assert_eq!(state(&bench, put_off).await, DeliveryState::NotNow);
    assert!(answer(&bench, &phone, &second, Status::NotNow).await.is_none(), "no circle");
    let (again, _) = bench.next(&phone).await.unwrap();
    assert_eq!(again, first);
}

#[tokio::test]
async fn repeated_stray_and_late_answers_do_no_harm() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let seq = queue(&bench, "DeviceInformation").await;
    let waiting = queue(&bench, "ProfileList").await;
    let (first, _) = bench.next(&phone).await.unwrap();
    for _ in 0..3 {
        let (next, _) = answer(&bench, &phone, &first, Status::Acknowledged).await.unwrap();
        assert_ne!(next, first);
    }
    assert!(answer(&bench, &phone, "NO-SUCH-COMMAND", Status::Acknowledged).await.is_some());
    assert!(answer(&bench, &phone, "NO-SUCH-COMMAND", Status::Error).await.is_some());
    let told = events(&bench, seq).await;
    assert_eq!(told.iter().filter(|event| event.state == DeliveryState::Acknowledged).count(), 1);
    assert_eq!(
        state(&bench, waiting).await,
        DeliveryState::HandedOut,
        "the rest of the queue is still there"
    );
    // A different answer to a finished command is kept, and changes nothing.
    answer(&bench, &phone, &first, Status::Error).await;
    assert_eq!(state(&bench, seq).await, DeliveryState::Acknowledged);
}

#[tokio::test]
async fn a_word_that_is_no_status_ends_the_command_instead_of_a_circle() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let seq = queue(&bench, "DeviceInformation").await;
    let (uuid, _) = bench.next(&phone).await.unwrap();
    assert!(answer(&bench, &phone, &uuid, Status::Unknown("Perhaps".to_owned())).await.is_none());
    assert_eq!(state(&bench, seq).await, DeliveryState::NoReply);
    assert!(events(&bench, seq).await.last().unwrap().detail.as_ref().unwrap().contains("Perhaps"));
    answer(&bench, &phone, &uuid, Status::Acknowledged).await;
    assert_eq!(
        state(&bench, seq).await,
        DeliveryState::Acknowledged,
        "what it says clearly after that counts"
    );
}

#[tokio::test]
async fn a_malformed_command_does_not_block_the_queue() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let seq = queue(&bench, "Nonsense").await;
    queue(&bench, "DeviceInformation").await;
    let (uuid, _) = bench.next(&phone).await.unwrap();
    assert!(answer(&bench, &phone, &uuid, Status::CommandFormatError).await.is_some());
    assert_eq!(state(&bench, seq).await, DeliveryState::FormatError);
}

#[tokio::test]
async fn the_error_chain_is_kept_in_words_even_where_keys_are_missing() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let seq = queue(&bench, "InstallProfile").await;
    let (uuid, _) = bench.next(&phone).await.unwrap();
    let mut entry = Dictionary::new();
    entry.insert("ErrorCode".to_owned(), 4001.into());
    entry.insert("ErrorDomain".to_owned(), "MCInstallationErrorDomain".into());
    let mut body = Dictionary::new();
    body.insert("ErrorChain".to_owned(), Value::Array(vec![entry.into(), Dictionary::new().into()]));
    bench.answer(&phone, &uuid, Status::Error, body).await.unwrap();
    let detail = events(&bench, seq).await.last().unwrap().detail.clone().unwrap();
    assert!(detail.contains("MCInstallationErrorDomain 4001"), "{detail}");
}

#[tokio::test]
async fn secrets_in_a_result_are_sealed_before_anything_of_it_is_kept() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let seq = queue(&bench, "ActivationLockBypassCode").await;
    let (uuid, _) = bench.next(&phone).await.unwrap();
    let mut body = Dictionary::new();
    body.insert("ActivationLockBypassCode".to_owned(), "PQR12-SECRET".into());
    bench.answer(&phone, &uuid, Status::Acknowledged, body).await.unwrap();
    let last = events(&bench, seq).await.pop().unwrap();
    let result = String::from_utf8(last.result.unwrap()).unwrap();
    assert!(!result.contains("PQR12-SECRET") && result.contains("ActivationLockBypassCode"), "{result}");
    assert_eq!(last.result_digest.as_deref(), Some([9; 32].as_slice()), "the digest is of what came");
    let enrollment = bench.epoch(UDID).await.id;
    let kind = SecretKind::ActivationLockBypassCode;
    let sealed = bench.tx(move |tx| Ok(Secret::latest(tx, enrollment, kind)?)).await.unwrap();
    assert_eq!(*sealed.open(&bench.services.context.sealer).unwrap(), b"PQR12-SECRET");
}

#[tokio::test]
async fn what_a_device_tells_becomes_its_record() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    queue(&bench, "DeviceInformation").await;
    let (uuid, _) = bench.next(&phone).await.unwrap();
    let mut responses = Dictionary::new();
    responses.insert("OSVersion".to_owned(), "26.2".into());
    responses.insert("DeviceName".to_owned(), "Ward 7 bedside".into());
    let mut body = Dictionary::new();
    body.insert("QueryResponses".to_owned(), responses.into());
    bench.answer(&phone, &uuid, Status::Acknowledged, body).await.unwrap();
    let id = bench.epoch(UDID).await.device_id;
    let device = bench.tx(move |tx| Ok(Device::find(tx, id)?)).await;
    assert_eq!(
        (device.os_version.as_deref(), device.name.as_deref()),
        (Some("26.2"), Some("Ward 7 bedside"))
    );
}

#[tokio::test]
async fn an_idle_poll_with_nothing_waiting_is_answered_while_the_writer_is_busy() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    assert!(matches!(bench.idle(&phone).await, Ok(Reply::Nothing)));
    let store = std::sync::Arc::clone(&bench.services.context.store);
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let (started, is_busy) = tokio::sync::oneshot::channel::<()>();
    let started = std::sync::Mutex::new(Some(started));
    let busy = tokio::spawn(async move {
        // Ends when the other side of the channel is dropped.
        let hold = move |_: &mut store::Tx<'_>| {
            started.lock().unwrap().take().map(|started| started.send(()));
            Ok::<_, crate::Error>(held.lock().unwrap().recv().is_err())
        };
        store.tx("busy", hold).await
    });
    is_busy.await.unwrap();
    let polled = tokio::time::timeout(std::time::Duration::from_secs(30), bench.idle(&phone)).await;
    drop(release);
    assert!(matches!(polled, Ok(Ok(Reply::Nothing))), "{polled:?}");
    assert!(busy.await.unwrap().unwrap());
}

#[tokio::test]
async fn a_user_channel_that_never_gave_an_address_gets_nothing_and_no_error() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    queue(&bench, "DeviceInformation").await;
    let ids = protocol_mdm::Identifiers { user_id: Some("ABC".to_owned()), ..phone.ids() };
    let report = crate::testing::report(&ids, &Status::Idle, None, Dictionary::new());
    assert!(matches!(bench.report(&phone, report).await, Ok(Reply::Nothing)));
}
