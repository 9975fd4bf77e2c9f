use super::*;
use crate::testing::Bench;

#[tokio::test]
async fn the_durability_of_the_writer_is_read_back_from_the_database() {
    let bench = Bench::new().await;
    let checks = bench.services.health.checks().await.unwrap();
    let found = checks.iter().find(|check| check.name == "database.durability").unwrap();
    assert_eq!(found.severity, CheckSeverity::Ok);
    assert_eq!(found.detail, "journal_mode is wal, synchronous is 2");
}

#[test]
fn a_journal_or_a_synchronous_that_is_weaker_is_an_error() {
    for (journal_mode, synchronous) in [("wal", 1), ("wal", 0), ("memory", 2), ("off", 3)] {
        let found = Durability { journal_mode: journal_mode.to_owned(), synchronous };
        assert_eq!(durability(&found).severity, CheckSeverity::Error, "{found:?}");
    }
}
