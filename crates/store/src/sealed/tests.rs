use std::collections::BTreeSet;

use diesel::prelude::{QueryableByName, RunQueryDsl as _};
use diesel::sql_types::Text;

use super::*;
use crate::fixture::Scene;
use crate::models::SEALED_SETTING;
use crate::{DataKey, ItemSecret, Secret, SecretId, SecretKind, Setting};

/// Columns of bytes that hold no secret: ids, digests of random tokens, certificates, what devices answered (cleaned of secrets).
const NO_SECRET: &[(&str, &str)] = &[
    ("commands", "body"),
    ("data_keys", "wrapped"),
    ("delivery_events", "result"),
    ("identities", "fingerprint"),
    ("network_identities", "fingerprint"),
    ("quarantined", "fingerprint"),
    ("sinks", "leased_by"),
    ("issuances", "transaction_id"),
];
/// How the names of such columns end.
const NO_SECRET_ENDINGS: &[&str] = &["id", "_id", "digest", "_hash", "der", "link_id", "superseded_by"];

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table: String,
    #[diesel(sql_type = Text)]
    column: String,
}

#[test]
fn every_column_of_bytes_is_sealed_or_known_to_hold_no_secret() {
    let scene = Scene::new();
    let columns = scene.read(|c| {
        let Connection::Sqlite(inner) = c;
        let all = "SELECT m.name AS \"table\", p.name AS \"column\" FROM sqlite_master m, pragma_table_info(m.name) p \
                   WHERE m.type = 'table' AND p.type = 'BLOB'";
        Ok(diesel::sql_query(all).load::<Column>(inner).unwrap())
    });
    let mut listed: BTreeSet<(&str, &str)> = SEALED.iter().map(|known| (known.table, known.column)).collect();
    listed.remove(&("settings", "value"));
    for Column { table, column } in &columns {
        let harmless = NO_SECRET.contains(&(table, column))
            || NO_SECRET_ENDINGS.iter().any(|ending| column.ends_with(ending));
        let sealed = listed.remove(&(table.as_str(), column.as_str()));
        assert!(
            sealed || harmless,
            "{table}.{column}: seal it and list it in sealed/tables.rs, or say here that it holds no secret"
        );
    }
    assert!(columns.is_empty() || listed.is_empty(), "listed and not in the schema: {listed:?}");
}

#[test]
fn every_place_that_the_models_name_is_listed() {
    let mut named = BTreeSet::new();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/models")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for place in text.split("Place { table: \"").skip(1) {
            named.insert(place.split('"').next().unwrap().to_owned());
        }
    }
    let listed: BTreeSet<String> = SEALED.iter().map(|column| column.table.to_owned()).collect();
    named.insert("idempotency_keys".to_owned());
    assert_eq!(named, listed);
}

/// Plants one value in each of a few tables and returns how to read them back.
fn plant(scene: &Scene) -> SecretId {
    let (sealer, now) = (scene.sealer(), scene.now());
    let mut channel = scene.channel("U1");
    channel.set_push_address(&sealer, b"token", "magic").unwrap();
    let id = SecretId::new(&scene.clock);
    let secret =
        Secret::seal(&sealer, (id, channel.enrollment_id), SecretKind::LockPin, b"123456", "ward", now);
    let secret = secret.unwrap();
    scene.tx(move |tx| {
        channel.save(tx)?;
        secret.insert(tx)?;
        ItemSecret::set(tx, &sealer, ("wifi", b"one"), (now, "test"))?;
        ItemSecret::set(tx, &sealer, ("vpn", b"two"), (now, "test"))?;
        Setting::seal(tx, &sealer, "escrow_key", b"key")?;
        Setting::write(tx, "other", "not sealed")
    });
    id
}

fn rows(scene: &Scene) -> Vec<(SealedColumn, SealedRow)> {
    scene.read(|c| {
        let mut rows = Vec::new();
        for column in SEALED {
            let mut after: Option<Vec<u8>> = None;
            while let Some(row) = column.page(c, after.as_deref(), 1)?.pop() {
                after = Some(row.row.clone());
                rows.push((*column, row));
            }
        }
        Ok(rows)
    })
}

/// Puts a new data key in force.
fn rotate(scene: &Scene) {
    let (sealer, now) = (scene.sealer(), scene.now());
    let new = sealer.new_data_key().unwrap();
    scene.tx(move |tx| DataKey::install(tx, &new, now));
    scene.sealer().load(&scene.read(DataKey::wrapped)).unwrap();
}

#[test]
fn every_value_moves_to_the_new_key_and_opens_as_before() {
    let mut scene = Scene::new();
    let id = plant(&scene);
    for _ in 0..2 {
        rotate(&scene);
        let (sealer, before) = (scene.sealer(), rows(&scene));
        assert_eq!(before.len(), 6);
        scene.tx(move |tx| {
            for (column, row) in &before {
                let sealed = column.reseal(&sealer, row)?.expect("it stands under the old key");
                assert!(column.replace(tx, row, sealed.clone())?);
                assert!(!column.replace(tx, row, sealed)?, "it has changed since it was read");
            }
            Ok(())
        });
        let key = scene.sealer().key_id();
        assert!(rows(&scene).iter().all(|(_, row)| SealedColumn::key_of(row).as_ref() == Some(&key)));
    }
    scene.stop();
    scene.start();
    let sealer = scene.sealer();
    scene.read(move |c| {
        assert_eq!(Secret::find(c, id)?.open(&sealer)?.as_slice(), b"123456");
        assert_eq!(ItemSecret::find(c, "vpn")?.unwrap().open(&sealer)?.as_slice(), b"two");
        assert_eq!(Setting::open(c, &sealer, "escrow_key")?.unwrap().as_slice(), b"key");
        Ok(())
    });
}

#[test]
fn a_value_in_the_wrong_row_is_not_sealed_anew() {
    let scene = Scene::new();
    plant(&scene);
    rotate(&scene);
    for (column, row) in rows(&scene) {
        let elsewhere = SealedRow { row: [row.row.as_slice(), b"x"].concat(), ..row };
        assert!(column.reseal(&scene.sealer(), &elsewhere).is_err(), "{}.{}", column.table, column.column);
    }
}

#[test]
fn another_key_encrypting_key_is_refused_when_the_database_is_opened_and_named() {
    let mut scene = Scene::new();
    rotate(&scene);
    scene.stop();
    let wrong = std::sync::Arc::new(Sealer::new(Sealer::generate_master()));
    let refused = crate::Store::open(scene.options(), wrong).unwrap_err().to_string();
    assert!(refused.contains(&scene.sealer().wrapping_key().to_string()), "{refused}");
    assert!(refused.contains("Put the right key"), "{refused}");
    scene.start();
}

#[test]
fn sealed_settings_are_told_by_their_names() {
    let scene = Scene::new();
    plant(&scene);
    let value = scene.read(|c| Setting::read(c, &format!("{SEALED_SETTING}escrow_key"))).unwrap();
    assert!(!value.contains(&hex::encode("key")));
}
