use store::{SecretId, SecretKind};

use super::*;
use crate::testing::Bench;
use crate::views::RevealRequest;

#[tokio::test]
async fn what_a_person_needs_is_revealed_and_recorded_and_what_only_the_server_uses_is_not() {
    let bench = Bench::new().await;
    bench.enroll("A").await;
    let (operator, epoch) = (bench.operator().await, bench.epoch("A").await.id);
    let shown = [
        (SecretKind::Location, b"<plist/>".as_slice(), "<plist/>"),
        (SecretKind::ActivationLockBypassCode, b"PQR12", "PQR12"),
        (SecretKind::RecoveryKey, &[0xff, 0xfe], "//4="),
        (SecretKind::UnlockToken, b"t", ""),
        (SecretKind::BootstrapToken, b"t", ""),
    ];
    for (kind, plain, expected) in shown {
        let context = bench.services.context.clone();
        let id = SecretId::new(&*context.clock);
        let insert = move |tx: &mut store::Tx<'_>| {
            let now = context.now();
            Ok(Secret::seal(&context.sealer, (id, epoch), kind, plain, "test", now)?.insert(tx)?)
        };
        bench.tx(insert).await;
        let request = RevealRequest { reason: "the ward searches for it".to_owned() };
        let answer = bench.services.escrow.reveal(&operator, id.0, request).await;
        let recorded = bench.acts("secret.reveal").await;
        let newest = recorded.first().map(|act| (act.target.as_deref(), act.class.as_deref()));
        let of_this = newest == Some((Some(id.to_string().as_str()), Some("D2")));
        match answer {
            Ok(revealed) => assert_eq!((revealed.value.as_str(), of_this), (expected, true), "{kind}"),
            Err(error) => {
                assert!(matches!(error, Error::Forbidden(_)), "{error}");
                assert_eq!((expected, of_this), ("", false), "{kind}");
            }
        }
    }
}
