//! Settings and migrations of the real engine.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_migrations::MigrationHarness;

use super::{MIGRATIONS, connect, open_writer, verify_writer};
use crate::{Connection, OpenError};

#[derive(QueryableByName, PartialEq, Debug)]
struct Object {
    #[diesel(sql_type = Text)]
    sql: String,
}

fn schema(connection: &mut SqliteConnection) -> Vec<String> {
    let objects: Vec<Object> =
        diesel::sql_query("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
            .load(connection)
            .unwrap();
    objects.into_iter().map(|object| object.sql).filter(|sql| !sql.contains("__diesel")).collect()
}

#[test]
fn the_schema_goes_up_down_and_up_again_to_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = connect(&folder.path().join("ward.db")).unwrap();
    let count = connection.run_pending_migrations(MIGRATIONS).unwrap().len();
    let first = schema(&mut connection);
    assert!(first.iter().any(|sql| sql.contains("CREATE TABLE deliveries")));
    assert_eq!(connection.revert_all_migrations(MIGRATIONS).unwrap().len(), count);
    assert_eq!(schema(&mut connection), ["CREATE TABLE sqlite_sequence(name,seq)"]);
    connection.run_pending_migrations(MIGRATIONS).unwrap();
    assert_eq!(schema(&mut connection), first);
}

#[test]
fn rows_that_point_at_each_other_do_not_stop_the_way_down() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = connect(&folder.path().join("ward.db")).unwrap();
    connection.run_pending_migrations(MIGRATIONS).unwrap();
    connection
        .batch_execute(
            "PRAGMA foreign_keys = OFF;
             INSERT INTO issuances (id, purpose, challenge_hash, ownership, subject, created_at, expires_at, identity_id)
                VALUES (x'01', 'enroll', x'01', 'corporate', 's', 0, 0, x'02');
             INSERT INTO identities (id, fingerprint, serial_hex, authority_id, issuance_id, subject, der, not_before, not_after, issued_at)
                VALUES (x'02', x'02', '02', x'03', x'01', 's', x'00', 0, 0, 0);
             INSERT INTO authorities (id, kind, certificate_der, sealed_key, not_after, created_at, active)
                VALUES (x'03', 'device', x'00', x'00', 0, 0, 1);
             PRAGMA foreign_keys = ON;",
        )
        .unwrap();
    connection.revert_all_migrations(MIGRATIONS).unwrap();
    connection.run_pending_migrations(MIGRATIONS).unwrap();
}

#[test]
fn a_connection_that_would_lose_what_was_acknowledged_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ward.db");
    for (pragma, named) in [
        ("PRAGMA synchronous = NORMAL", "synchronous = FULL"),
        ("PRAGMA synchronous = OFF", "synchronous = FULL"),
        ("PRAGMA foreign_keys = OFF", "foreign_keys = ON"),
        ("PRAGMA journal_mode = DELETE", "journal_mode = WAL"),
    ] {
        let Connection::Sqlite(mut connection) = open_writer(&path).unwrap();
        verify_writer(&mut connection, &path).unwrap();
        connection.batch_execute(pragma).unwrap();
        let error = verify_writer(&mut connection, &path).unwrap_err();
        assert!(
            matches!(&error, OpenError::Setting { setting, .. } if *setting == named),
            "{pragma}: {error}"
        );
    }
}
