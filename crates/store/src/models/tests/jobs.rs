//! Jobs: nobody does one twice at a time, and none is forgotten.

use std::time::Duration;

use crate::fixture::Scene;
use crate::{Job, JobState, NewJob, Page};

const MINUTE: Duration = Duration::from_secs(60);

fn ask(scene: &Scene, key: &str, payload: &str) {
    let (clock, new) = (
        scene.clock.clone(),
        NewJob { kind: "SendPush", key: key.to_owned(), payload: payload.to_owned(), run_at: scene.now() },
    );
    scene.tx(move |tx| Job::enqueue(tx, &clock, &new));
}

fn lease(scene: &Scene) -> Vec<Job> {
    let now = scene.now();
    scene.tx(move |tx| Job::lease(tx, &["SendPush"], now, now + MINUTE, 10))
}

#[test]
fn jobs_of_one_key_coalesce_and_the_last_payload_counts() {
    let scene = Scene::new();
    ask(&scene, "a", "1");
    ask(&scene, "a", "2");
    ask(&scene, "b", "1");
    let leased = lease(&scene);
    assert_eq!(leased.len(), 2);
    assert!(leased.iter().any(|job| job.key == "a" && job.payload == "2"));
    assert!(lease(&scene).is_empty(), "somebody works on them");
}

#[test]
fn what_is_asked_for_again_while_somebody_works_on_it_is_done_once_more() {
    let scene = Scene::new();
    ask(&scene, "a", "1");
    let first = lease(&scene).remove(0);
    ask(&scene, "a", "2");
    assert!(lease(&scene).is_empty());
    assert!(scene.tx(move |tx| first.finish(tx)));
    let second = lease(&scene).remove(0);
    assert_eq!(second.payload, "2");
    assert!(scene.tx(move |tx| second.finish(tx)));
    assert!(lease(&scene).is_empty());
    assert_eq!(scene.read(|c| Job::count(c, JobState::Ready)), 0);
}

#[test]
fn a_lease_that_ended_gives_the_job_to_another_and_the_first_can_no_longer_finish_it() {
    let scene = Scene::new();
    ask(&scene, "a", "1");
    let slow = lease(&scene).remove(0);
    scene.clock.advance(MINUTE);
    let taken = lease(&scene).remove(0);
    assert_eq!((taken.id, taken.attempts), (slow.id, 2));
    let now = scene.now();
    assert!(!scene.tx({
        let slow = slow.clone();
        move |tx| slow.finish(tx)
    }));
    assert!(!scene.tx(move |tx| slow.retry(tx, now, "too late")));
    assert!(scene.tx(move |tx| taken.finish(tx)));
}

#[test]
fn a_job_that_fails_waits_and_keeps_its_count_and_one_that_is_given_up_is_shown() {
    let scene = Scene::new();
    ask(&scene, "a", "1");
    let first = lease(&scene).remove(0);
    let later = scene.now() + MINUTE;
    assert!(scene.tx(move |tx| first.retry(tx, later, "APNs is away")));
    assert!(lease(&scene).is_empty());
    scene.clock.advance(MINUTE);
    let second = lease(&scene).remove(0);
    assert_eq!((second.attempts, second.last_error.as_deref()), (2, Some("APNs is away")));
    assert!(scene.tx(move |tx| second.bury(tx, "no certificate")));
    let dead = scene.read(|c| Job::list(c, Some(JobState::Dead), Page::first(10)));
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].last_error.as_deref(), Some("no certificate"));
    ask(&scene, "a", "2");
    assert_eq!(lease(&scene).len(), 1, "a dead job does not stand in the way of a new one");
}
