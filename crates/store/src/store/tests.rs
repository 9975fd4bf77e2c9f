//! What the store promises to its callers.

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use pki::seal::Sealer;

use crate::fixture::Scene;
use crate::{Device, Error, OpenError, Setting, Store};

fn value(scene: &Scene, name: &'static str) -> Option<String> {
    scene.read(move |c| Setting::read(c, name))
}

#[test]
fn a_change_that_fails_or_panics_is_undone_alone() {
    let scene = Scene::new();
    let store = scene.store();
    let (good, failing, panicking) = scene.runtime.block_on(async {
        tokio::join!(
            store.tx("good", |tx| Setting::write(tx, "good", "1")),
            store.tx("failing", |tx| {
                Setting::write(tx, "failing", "1")?;
                Err::<(), _>(Error::NotFound)
            }),
            store.tx("panicking", |tx| {
                Setting::write(tx, "panicking", "1")?;
                // A savepoint that is left open must not confuse the writer.
                tx.batch_execute("SAVEPOINT mine")?;
                std::panic::resume_unwind(Box::new("as the test wants it"));
                #[expect(unreachable_code, reason = "it gives the closure its type")]
                Ok::<(), Error>(())
            }),
        )
    });
    assert_eq!((good, failing), (Ok(()), Err(Error::NotFound)));
    assert!(matches!(panicking, Err(Error::Internal(_))));
    assert_eq!(value(&scene, "good").as_deref(), Some("1"));
    assert_eq!((value(&scene, "failing"), value(&scene, "panicking")), (None, None));
}

#[test]
fn a_transaction_that_does_not_commit_answers_all_its_callers_with_an_error_and_the_next_one_works() {
    let scene = Scene::new();
    let options = crate::StoreOptions {
        path: scene.folder.path().join("other.db"),
        batch_time: Duration::from_secs(60),
        ..scene.options()
    };
    let store = Store::open(options, scene.sealer()).unwrap();
    let (running, has_begun) = std::sync::mpsc::channel::<()>();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let outcomes = scene.runtime.block_on(async {
        // The first change keeps the transaction open until the others wait behind it.
        let mut tasks = vec![tokio::spawn({
            let store = Arc::clone(&store);
            async move {
                let work = move |tx: &mut crate::Tx<'_>| {
                    running.send(()).unwrap();
                    held.lock().unwrap().recv().unwrap();
                    Setting::write(tx, "first", "1")
                };
                store.tx("first", work).await
            }
        })];
        has_begun.recv().unwrap();
        for poisoned in [true, false] {
            let store = Arc::clone(&store);
            tasks.push(tokio::spawn(async move {
                let work = move |tx: &mut crate::Tx<'_>| {
                    if poisoned {
                        tx.batch_execute(
                            "PRAGMA defer_foreign_keys = ON; INSERT INTO pending (seq, channel_id) VALUES (-1, x'00')",
                        )?;
                    }
                    Setting::write(tx, "behind", "1")
                };
                store.tx("behind", work).await
            }));
        }
        while store.write_room.available_permits() > scene.options().waiting_max - 3 {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        release.send(()).unwrap();
        let mut outcomes = Vec::new();
        for task in tasks {
            outcomes.push(task.await.unwrap());
        }
        outcomes
    });
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Error::Unavailable(_)))), "{outcomes:?}");
    scene.runtime.block_on(async {
        for name in ["first", "behind"] {
            assert_eq!(store.read("check", move |c| Setting::read(c, name)).await, Ok(None));
        }
        assert_eq!(store.tx("after", |tx| Setting::write(tx, "after", "1")).await, Ok(()));
        store.close().await;
    });
}

#[test]
fn what_was_answered_is_seen_by_every_later_reading() {
    let scene = Scene::new();
    for number in 0..50 {
        scene.tx(move |tx| Setting::write(tx, "number", &number.to_string()));
        assert_eq!(value(&scene, "number"), Some(number.to_string()));
    }
}

#[test]
fn many_callers_share_transactions_and_none_is_lost() {
    let scene = Scene::new();
    let store = scene.store();
    scene.runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..2_000 {
            let store = Arc::clone(&store);
            tasks.spawn(async move {
                store.tx("count", move |tx| Setting::write(tx, &format!("n{number}"), "1")).await
            });
        }
        while let Some(done) = tasks.join_next().await {
            assert_eq!(done.unwrap(), Ok(()));
        }
    });
    let last = scene.read(|c| Setting::read(c, "n1999"));
    assert_eq!(last.as_deref(), Some("1"));
}

#[test]
fn a_reading_connection_cannot_write() {
    let scene = Scene::new();
    let outcome = scene.runtime.block_on(scene.store().read("write", |c| Setting::write(c, "name", "value")));
    assert!(outcome.is_err());
    assert_eq!(value(&scene, "name"), None);
}

#[test]
fn a_reading_that_panics_is_told_and_the_next_one_works() {
    let scene = Scene::new();
    let outcome: Result<(), Error> = scene.runtime.block_on(
        scene.store().read("panic", |_| std::panic::resume_unwind(Box::new("as the test wants it"))),
    );
    assert!(matches!(outcome, Err(Error::Internal(_))));
    assert_eq!(value(&scene, "name"), None);
}

#[test]
fn a_closing_store_finishes_what_it_was_given_and_refuses_the_rest() {
    let mut scene = Scene::new();
    let store = scene.store();
    let (running, has_begun) = std::sync::mpsc::channel::<()>();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let handed_over = scene.runtime.block_on(async {
        let writer = Arc::clone(&store);
        let task = tokio::spawn(async move {
            let work = move |tx: &mut crate::Tx<'_>| {
                running.send(()).unwrap();
                held.lock().unwrap().recv().unwrap();
                Setting::write(tx, "last", "1")
            };
            writer.tx("last", work).await
        });
        has_begun.recv().unwrap();
        let closing = tokio::spawn({
            let store = Arc::clone(&store);
            async move { store.close().await }
        });
        while !store.write_room.is_closed() {
            tokio::task::yield_now().await;
        }
        release.send(()).unwrap();
        closing.await.unwrap();
        task.await.unwrap()
    });
    assert_eq!(handed_over, Ok(()));
    let late = scene.runtime.block_on(store.tx("late", |tx| Setting::write(tx, "late", "1")));
    assert!(matches!(late, Err(Error::Unavailable(_))));
    scene.stop();
    scene.start();
    assert_eq!(value(&scene, "last").as_deref(), Some("1"));
    assert_eq!(value(&scene, "late"), None);
}

#[test]
fn when_a_channel_was_heard_is_written_at_the_latest_when_the_store_closes_and_never_goes_back() {
    let mut scene = Scene::new();
    let channel = scene.channel("U1");
    let (early, late) = (scene.now(), scene.now() + Duration::from_secs(5));
    scene.store().touch(channel.id, late);
    scene.store().touch(channel.id, early);
    scene.stop();
    scene.start();
    let id = channel.id;
    let seen = |scene: &Scene| scene.read(move |c| crate::Channel::find(c, id)).last_seen_at;
    assert_eq!(seen(&scene), Some(late));
    scene.store().touch(channel.id, early);
    scene.stop();
    scene.start();
    assert_eq!(seen(&scene), Some(late));
}

#[test]
fn two_processes_cannot_write_to_one_file() {
    let scene = Scene::new();
    let second = Store::open(scene.options(), scene.sealer());
    let error = second.unwrap_err();
    assert!(matches!(error, OpenError::InUse(_)));
    assert!(error.to_string().contains("in use by another process"), "{error}");
}

#[cfg(unix)]
#[test]
fn the_files_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new();
    scene.channel("U1");
    let mut seen = 0;
    for entry in std::fs::read_dir(scene.folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        seen += 1;
    }
    assert!(seen >= 3, "the database, its log and its lock");
}

#[test]
fn a_file_that_is_no_database_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ward.db");
    std::fs::write(&path, vec![b'x'; 4096]).unwrap();
    let sealer = Arc::new(Sealer::new(Sealer::generate_master()));
    let error = Store::open(crate::StoreOptions::new(path), sealer).unwrap_err();
    assert!(error.to_string().contains("not a database"), "{error}");
}

#[test]
fn conflicts_name_columns_and_never_values() {
    let scene = Scene::new();
    let (first, ..) = scene.rows("SECRET-UDID");
    let (second, ..) = scene.rows("SECRET-UDID");
    scene.tx(move |tx| first.insert(tx));
    let error = scene.try_tx(move |tx| second.insert(tx)).unwrap_err();
    assert!(error.is_conflict_on("devices.udid"), "{error}");
    let (_, orphan, _) = scene.rows("U2");
    let error = scene.try_tx(move |tx| orphan.insert(tx)).unwrap_err();
    assert_eq!(error, Error::Conflict("foreign key".to_owned()));
    let missing = crate::DeviceId::new(&scene.clock);
    assert_eq!(scene.try_tx(move |tx| Device::find(tx, missing)), Err(Error::NotFound));
}

#[test]
fn a_full_disk_is_told_as_such_and_survived() {
    let scene = Scene::new();
    scene.tx(|tx| Setting::write(tx, "before", "1"));
    let full = scene.try_tx(|tx| {
        tx.batch_execute("PRAGMA max_page_count = 1")?;
        Setting::write(tx, "large", &"x".repeat(5_000_000))
    });
    assert_eq!(full, Err(Error::Unavailable("the disk is full")));
    scene.tx(|tx| {
        tx.batch_execute("PRAGMA max_page_count = 1000000")?;
        Setting::write(tx, "after", "1")
    });
    assert_eq!(value(&scene, "before").as_deref(), Some("1"));
    assert_eq!((value(&scene, "large"), value(&scene, "after").as_deref()), (None, Some("1")));
}
