//! Results that get lost, come twice, or are broken.

use std::time::Duration;

use plist::Dictionary;
use simulator::{Fault, Model};

use crate::enrolled;
use crate::server::Answer;

#[tokio::test]
async fn a_result_that_the_server_did_not_take_is_sent_again_first() {
    let (server, device) = enrolled(Model::IPhone).await;
    server.command("SecurityInfo", Dictionary::new());
    server.script.answers.lock().clear();
    // The command goes out as usual, the answer to its result is 503.
    device.with_faults([Fault::LoseAnswer]);
    device.poll().await.unwrap();
    assert_eq!(server.seen("Acknowledged").len(), 1);
    server.script.answers.lock().push_back(Answer::Status(503));
    let session = device.poll().await.unwrap();
    assert!(!session.complete);
    assert_eq!(server.seen("Acknowledged").len(), 2, "the answer was lost, so it is sent again");
    device.poll().await.unwrap();
    assert_eq!(server.story()[4..], ["Acknowledged"; 3], "a 503 is no confirmation either");
    device.poll().await.unwrap();
    assert_eq!(server.story().last().unwrap(), "Idle");
    assert_eq!(device.snapshot().executed.len(), 1, "it was executed once");
}

#[tokio::test]
async fn each_fault_changes_what_is_sent_and_the_right_result_follows() {
    for (fault, expected) in [
        (Fault::DuplicateReport, vec!["Idle", "Acknowledged", "Acknowledged"]),
        (Fault::StrayReport, vec!["Idle", "Acknowledged", "Acknowledged"]),
        (Fault::DelayReport(Duration::from_millis(20)), vec!["Idle", "Acknowledged"]),
        (Fault::UnknownStatus, vec!["Idle", "Confused", "Acknowledged"]),
        (Fault::MalformedReport, vec!["Idle", "Acknowledged"]),
        (Fault::OversizedReport(100_000), vec!["Idle", "Acknowledged"]),
        (Fault::LoseReport, vec!["Idle", "Idle"]),
    ] {
        let (server, device) = enrolled(Model::IPhone).await;
        server.command("SecurityInfo", Dictionary::new());
        device.with_faults([fault.clone()]);
        device.poll().await.unwrap();
        let twice = matches!(fault, Fault::UnknownStatus | Fault::MalformedReport | Fault::LoseReport);
        if twice {
            device.poll().await.unwrap();
        }
        assert_eq!(server.story()[3..], expected, "{fault:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_command_ends_the_session() {
    let (server, device) = enrolled(Model::IPhone).await;
    let empty = b"<plist version=\"1.0\"><dict/></plist>".to_vec();
    server.script.answers.lock().push_back(Answer::Body(200, "application/xml", empty));
    let session = device.poll().await.unwrap();
    assert!(!session.complete);
    assert!(device.snapshot().problems.iter().any(|problem| problem.contains("no valid command")));
}
