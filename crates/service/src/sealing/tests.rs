use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use pki::seal::Sealer;
use store::{SEALED, Secret, SecretId, SecretKind, Setting};

use super::*;
use crate::testing::Bench;

/// The keys under which the values of a bench stand.
async fn keys_in_use(bench: &Bench) -> BTreeSet<String> {
    bench
        .tx(|tx| {
            let mut keys = BTreeSet::new();
            for column in SEALED {
                let rows = column.page(tx, None, 1_000)?;
                keys.extend(rows.iter().filter_map(store::SealedColumn::key_of));
            }
            Ok(keys)
        })
        .await
}

async fn plant(bench: &Bench, count: usize) -> Vec<SecretId> {
    let (context, epoch) = (bench.services.context.clone(), bench.epoch("A").await.id);
    let seal = move |tx: &mut Tx<'_>| {
        let mut ids = Vec::new();
        for _ in 0..count {
            let (id, now) = (SecretId::new(&*context.clock), context.now());
            let kind = SecretKind::ActivationLockBypassCode;
            Secret::seal(&context.sealer, (id, epoch), kind, id.as_bytes(), "test", now)?.insert(tx)?;
            ids.push(id);
        }
        Ok(ids)
    };
    bench.tx(seal).await
}

async fn opens(bench: &Bench, ids: Vec<SecretId>) {
    let sealer = bench.services.context.sealer.clone();
    let check = move |tx: &mut Tx<'_>| {
        for id in &ids {
            assert_eq!(Secret::find(tx, *id)?.open(&sealer)?.as_slice(), id.as_bytes());
        }
        Ok(())
    };
    bench.tx(check).await;
}

fn asked(reason: &str) -> ReasonRequest {
    ReasonRequest { reason: reason.to_owned() }
}

#[tokio::test]
async fn a_new_server_seals_everything_under_a_data_key_from_the_beginning() {
    let bench = Bench::new().await;
    let shown = bench.services.sealing.show().await.unwrap();
    assert_eq!((shown.data_keys.len(), &shown.resealing), (1, &None));
    let current = shown.data_keys.first().unwrap();
    assert!(current.current && current.id != shown.key_encrypting_key.id);
    assert_eq!(keys_in_use(&bench).await, BTreeSet::from([current.id.clone()]));
}

#[tokio::test]
async fn a_rotation_moves_everything_under_load_and_retires_then_destroys_the_old_key() {
    let bench = Bench::new().await;
    bench.enroll("A").await;
    let mut planted = plant(&bench, 450).await;
    let (operator, old) = (bench.operator().await, bench.services.context.sealer.key_id());
    let before = bench.services.sealing.rotate(&operator, asked("a copy was found")).await.unwrap();
    assert!(before.resealing.is_some());
    let again = bench.services.sealing.rotate(&operator, asked("once more")).await.unwrap_err();
    assert!(matches!(again, Error::Conflict(_)), "{again}");
    let resealer = bench.services.sealing.resealer();
    let (worked, more) = tokio::join!(resealer.run_once(), async {
        let mut more = Vec::new();
        for _ in 0..20 {
            more.extend(plant(&bench, 5).await);
        }
        more
    });
    assert!(worked.unwrap());
    planted.extend(more);
    let new = bench.services.context.sealer.key_id();
    assert_ne!(new, old);
    assert_eq!(keys_in_use(&bench).await, BTreeSet::from([new.clone()]));
    opens(&bench, planted.clone()).await;
    let shown = bench.services.sealing.show().await.unwrap();
    assert_eq!(shown.resealing, None);
    let of = |id: &str| shown.data_keys.iter().find(|key| key.id == id).unwrap().clone();
    assert!(of(&new).resealed >= 450 && of(&old).retired_at.is_some() && of(&old).destroyed_at.is_none());
    // A day later, after another proof, the old key is gone; what is sealed opens.
    bench.advance(Duration::from_secs(86_400));
    assert!(resealer.run_once().await.unwrap());
    let shown = bench.services.sealing.show().await.unwrap();
    assert!(shown.data_keys.iter().find(|key| key.id == old).unwrap().destroyed_at.is_some());
    opens(&bench, planted).await;
    assert_eq!(bench.acts("sealing.rotate").await.len(), 1);
    assert_eq!(bench.acts("sealing.resealed").await.len(), 2);
}

#[tokio::test]
async fn an_interrupted_rotation_goes_on_where_it_was() {
    let bench = Bench::new().await;
    bench.enroll("A").await;
    let planted = plant(&bench, 450).await;
    let operator = bench.operator().await;
    bench.services.sealing.rotate(&operator, asked("yearly")).await.unwrap();
    // Where a process was that ended in the middle of the secrets: at its second page.
    let column = SEALED.iter().position(|column| column.table == "secrets").unwrap();
    let (key, now) = (bench.services.context.sealer.key_id(), bench.services.context.now());
    let half = planted.get(199).copied().unwrap();
    bench
        .tx(move |tx| {
            let job = Job::lease(tx, &[RESEAL], now, now + Duration::from_secs(60), 1)?.pop().unwrap();
            let progress = json!({ "key": key, "column": column, "after": hex::encode(half.as_bytes()), "found": 200, "moved": 200 });
            assert!(job.go_on(tx, &progress.to_string(), now + Duration::from_secs(60))?);
            Ok(())
        })
        .await;
    let resealer = bench.services.sealing.resealer();
    assert!(!resealer.run_once().await.unwrap(), "another worker has it");
    let shown = bench.services.sealing.show().await.unwrap().resealing.unwrap();
    assert_eq!((shown.table.as_str(), shown.resealed), ("secrets", 200));
    bench.advance(Duration::from_secs(61));
    assert!(resealer.run_once().await.unwrap());
    assert_eq!(keys_in_use(&bench).await.len(), 1, "the next pass found what was left before it");
    opens(&bench, planted).await;
}

#[tokio::test]
async fn a_value_that_does_not_open_holds_its_key_and_nothing_else_back() {
    let bench = Bench::new().await;
    bench.enroll("A").await;
    let planted = plant(&bench, 3).await;
    let (operator, old) = (bench.operator().await, bench.services.context.sealer.key_id());
    let broken = planted.first().copied().unwrap();
    bench
        .tx(move |tx| {
            let mut secret = Secret::find(tx, broken)?;
            *secret.sealed.0.last_mut().unwrap() ^= 1;
            Ok(secret.save(tx)?)
        })
        .await;
    bench.services.sealing.rotate(&operator, asked("yearly")).await.unwrap();
    assert!(bench.services.sealing.resealer().run_once().await.unwrap());
    let shown = bench.services.sealing.show().await.unwrap();
    assert_eq!(shown.resealing, None);
    assert_eq!(shown.data_keys.iter().find(|key| key.id == old).unwrap().retired_at, None);
    assert_eq!(keys_in_use(&bench).await.len(), 2);
    opens(&bench, planted[1..].to_vec()).await;
}

/// A place whose next key a test knows.
struct Place {
    next: Zeroizing<[u8; 32]>,
    committed: Mutex<u32>,
}

impl KeySource for Place {
    fn describe(&self) -> String {
        "the test".to_owned()
    }
    fn next(&self) -> Result<Zeroizing<[u8; 32]>, String> {
        Ok(self.next.clone())
    }
    fn commit(&self) -> Result<(), String> {
        *self.committed.lock().unwrap() += 1;
        Ok(())
    }
}

#[tokio::test]
async fn another_key_encrypting_key_wraps_the_data_keys_and_touches_no_value() {
    let bench = Bench::new().await;
    let (operator, sealing) = (bench.operator().await, &bench.services.sealing);
    assert!(sealing.rekey(&operator, asked("yearly")).await.is_err(), "it does not know its place yet");
    let (key, before) = (Sealer::generate_master(), keys_in_use(&bench).await);
    let place = Arc::new(Place { next: key.clone(), committed: Mutex::new(0) });
    // The key that the place holds is a new one: the data keys stand under a previous key, and are wrapped anew.
    sealing.keep_key_at(place.clone(), key.clone()).await.unwrap();
    assert_eq!(sealing.show().await.unwrap().key_encrypting_key.id, Sealer::id_of(&key).to_string());
    let same = sealing.rekey(&operator, asked("yearly")).await.unwrap_err();
    assert!(matches!(&same, Error::Conflict(why) if why.contains("the test")), "{same}");
    assert_eq!(*place.committed.lock().unwrap(), 0);
    assert_eq!(keys_in_use(&bench).await, before);
    let stored = bench.tx(|tx| Ok(DataKey::wrapped(tx)?)).await;
    assert_eq!(Sealer::new(key).load(&stored), Ok(()), "the new key alone is enough");
    assert_eq!(bench.acts("sealing.rekey").await.len(), 1);
}

#[tokio::test]
async fn what_an_earlier_version_sealed_is_brought_over_and_a_wrong_key_changes_nothing() {
    let bench = Bench::new().await;
    bench.enroll("A").await;
    crate::escrow::key::ensure(&bench.services.context).await.unwrap();
    let context = bench.services.context.clone();
    // As it was before data keys: everything stands under the key itself, and sealed settings in a form of their own.
    let old = context.sealer.for_another_database();
    assert_eq!(old.sealing_key(), old.wrapping_key());
    let sealer = context.sealer.clone();
    bench
        .tx(move |tx| {
            for column in SEALED {
                for row in column.page(tx, None, 1_000)? {
                    let place = pki::seal::Place {
                        table: column.table,
                        column: column.column,
                        row: &row.row,
                        version: 1,
                    };
                    let plain = sealer.open(&place, &row.sealed)?;
                    assert!(column.replace(tx, &row, old.seal(&place, &plain)?)?);
                }
            }
            let key = Setting::open(tx, &old, crate::escrow::key::KEY)?.unwrap();
            let row = crate::escrow::key::KEY;
            let place =
                pki::seal::Place { table: "settings", column: "value", row: row.as_bytes(), version: 1 };
            let value =
                base64::Engine::encode(&base64::engine::general_purpose::STANDARD, old.seal(&place, &key)?);
            Setting::write(tx, row, &value)?;
            Setting::delete(tx, &format!("sealed:{row}"))?;
            for key in DataKey::list(tx)? {
                DataKey { wrapped: None, replaced_at: Some(key.created_at), ..key }.save(tx)?;
            }
            Ok(())
        })
        .await;
    let wrong = Context { sealer: Arc::new(Sealer::new(Sealer::generate_master())), ..context.clone() };
    let refused = begin(&wrong).await.unwrap_err();
    assert!(matches!(&refused, Error::Conflict(why) if why.contains("put the right key back")), "{refused}");
    assert!(bench.tx(|tx| Ok(DataKey::current(tx)?)).await.is_none());
    begin(&context).await.unwrap();
    assert!(bench.services.sealing.resealer().run_once().await.unwrap());
    assert_eq!(keys_in_use(&bench).await, BTreeSet::from([context.sealer.key_id()]));
    let sealer = context.sealer.clone();
    assert!(bench.tx(move |tx| Ok(Setting::open(tx, &sealer, crate::escrow::key::KEY)?)).await.is_some());
    assert!(bench.tx(|tx| Ok(Setting::read(tx, crate::escrow::key::KEY)?)).await.is_none());
}
