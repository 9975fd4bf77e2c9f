//! Rings over a real store with a clock that is set: who gets it when, and what stops it.

use std::time::Duration;

use clock::Clock;
use store::{
    AssignmentId, Channel, ChannelId, Device, DeviceId, DeviceItem, Enrollment, EnrollmentId, ItemId,
    ItemState, ItemVersionId, SealedBytes,
};

use super::*;
use crate::push;
use crate::testing::Bench;

const MINUTE: Duration = Duration::from_secs(60);

struct Fleet {
    bench: Bench,
    assignment: Assignment,
    versions: Vec<ItemVersion>,
    devices: Vec<(DeviceId, EnrollmentId)>,
}

fn version(clock: &dyn Clock, item: ItemId, number: i32) -> ItemVersion {
    ItemVersion {
        id: ItemVersionId::new(clock),
        item_id: item,
        version: number,
        source: "toml".to_owned(),
        sealed_source: SealedBytes(Vec::new()),
        sealed_template: SealedBytes(Vec::new()),
        digest: vec![0; 32],
        identifier: "org.ward.wifi".to_owned(),
        payload_types: "[]".to_owned(),
        carries_network: true,
        class: "D1".to_owned(),
        class_reason: "Wi-Fi".to_owned(),
        lint: "[]".to_owned(),
        override_reason: None,
        created_at: clock.now(),
        created_by: "test".to_owned(),
    }
}

/// Enrolled devices like the one of `epoch`.
fn copies(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    epoch: &Enrollment,
    count: usize,
) -> Result<Vec<(DeviceId, EnrollmentId)>, Error> {
    let device = Device::find(tx, epoch.device_id)?;
    let channel = Channel::find_device_channel(tx, epoch.id)?;
    let mut devices = Vec::new();
    for number in 0..count {
        let apple_id = format!("U{number}");
        let device = Device { id: DeviceId::new(clock), udid: Some(apple_id.clone()), ..device.clone() };
        let epoch = Enrollment {
            id: EnrollmentId::new(clock),
            device_id: device.id,
            apple_id: apple_id.clone(),
            identity_id: None,
            ..epoch.clone()
        };
        let channel =
            Channel { id: ChannelId::new(clock), enrollment_id: epoch.id, key: apple_id, ..channel.clone() };
        device.insert(tx)?;
        epoch.insert(tx)?;
        channel.insert(tx)?;
        devices.push((device.id, epoch.id));
    }
    Ok(devices)
}

impl Fleet {
    /// `count` devices, and an assignment that has just gone from version 1 of the item to version 2.
    async fn new(count: usize) -> Self {
        let bench = Bench::new().await;
        bench.enroll("A").await;
        let (clock, epoch) = (bench.clock.clone(), bench.epoch("A").await);
        let item = Item {
            id: ItemId::new(&clock),
            name: "Clinical Wi-Fi".to_owned(),
            kind: "profile".to_owned(),
            created_at: clock.now(),
            created_by: "test".to_owned(),
            archived_at: None,
        };
        let versions = vec![version(&clock, item.id, 1), version(&clock, item.id, 2)];
        let assignment = Assignment {
            id: AssignmentId::new(&clock),
            item_id: item.id,
            item_version_id: versions[0].id,
            group_id: None,
            place_id: None,
            excluded: "[]".to_owned(),
            version: 1,
            state: AssignmentState::Active,
            confirmed_by: "test".to_owned(),
            confirmed_count: 0,
            created_at: clock.now(),
            changed_at: clock.now(),
        };
        let (kept, second) = (versions.clone(), versions[1].id);
        let (devices, assignment) = bench
            .tx(move |tx| {
                item.insert(tx)?;
                versions.iter().try_for_each(|version| version.insert(tx))?;
                assignment.insert(tx)?;
                assignment.keep_version(tx)?;
                let next = Assignment { version: 2, item_version_id: second, ..assignment.clone() };
                next.save(tx)?;
                next.keep_version(tx)?;
                let devices = copies(tx, &clock, &epoch, count)?;
                Ok((devices, next))
            })
            .await;
        Self { bench, assignment, versions: kept, devices }
    }

    async fn asks(&self, device: usize) -> Release {
        let (context, assignment) = (self.bench.services.context.clone(), self.assignment.clone());
        let version = self.versions.iter().find(|one| one.id == assignment.item_version_id).unwrap().clone();
        let id = self.devices[device].0;
        self.bench.tx(move |tx| may_send(tx, &context, &assignment, &version, id)).await
    }

    async fn released(&self) -> Vec<usize> {
        let mut released = Vec::new();
        for device in 0..self.devices.len() {
            if self.asks(device).await == Release::Yes {
                released.push(device);
            }
        }
        released
    }

    async fn round(&self) {
        round(&self.bench.services.context).await.unwrap();
    }

    /// The device was given the item and has answered.
    async fn answers(&self, device: usize, state: ItemState) {
        let ((device_id, enrollment_id), now) = (self.devices[device], self.bench.clock.now());
        let row = DeviceItem {
            enrollment_id,
            item_id: self.assignment.item_id,
            device_id,
            state,
            why: "[]".to_owned(),
            desired_version_id: None,
            desired_uuid: None,
            profile_identifier: "org.ward.wifi".to_owned(),
            sent_version_id: Some(self.assignment.item_version_id),
            sent_uuid: None,
            sent_at: Some(now),
            command_id: None,
            answered_at: Some(now),
            observed_uuid: None,
            observed_at: None,
            losses: 0,
            attempts: 0,
            next_try_at: None,
            last_error: None,
            left_at: None,
            changed_at: now,
        };
        self.bench.tx(move |tx| Ok(row.save(tx)?)).await;
    }

    async fn is_heard(&self, device: usize) {
        let (enrollment, now) = (self.devices[device].1, self.bench.clock.now());
        self.bench
            .tx(move |tx| {
                let mut channel = Channel::find_device_channel(tx, enrollment)?;
                channel.last_seen_at = Some(now);
                Ok(channel.save(tx)?)
            })
            .await;
    }

    /// These devices take the item and are heard again.
    async fn take(&self, devices: &[usize]) {
        for device in devices {
            self.answers(*device, ItemState::Answered).await;
        }
        self.bench.advance(MINUTE * 2);
        for device in devices {
            self.is_heard(*device).await;
        }
    }

    async fn shown(&self) -> RolloutView {
        self.bench.services.rollouts.list(PageQuery::default()).await.unwrap().items.remove(0)
    }

    async fn order(&self, order: Order) -> Result<RolloutView, Error> {
        let id = self.shown().await.id;
        self.bench.services.rollouts.order(&self.bench.operator().await, id, order).await
    }

    /// All have asked, and the first ring is chosen.
    async fn begun(count: usize) -> Self {
        let fleet = Self::new(count).await;
        assert!(fleet.released().await.is_empty(), "nobody is first before it is known who wants it");
        fleet.round().await;
        assert!(fleet.released().await.is_empty());
        fleet.bench.advance(MINUTE);
        fleet.round().await;
        fleet
    }
}

#[tokio::test]
async fn it_goes_ring_by_ring_as_devices_are_heard_again() {
    let fleet = Fleet::begun(30).await;
    let first = fleet.released().await;
    assert_eq!(first.len(), 3);
    for device in &first {
        fleet.answers(*device, ItemState::Answered).await;
    }
    fleet.round().await;
    assert_eq!(fleet.released().await.len(), 3, "an answer alone proves nothing about the network");
    fleet.take(&first).await;
    fleet.round().await;
    assert_eq!(fleet.shown().await.ring_name, "a ward");
    fleet
        .bench
        .services
        .rollouts
        .order(&fleet.bench.operator().await, fleet.shown().await.id, Order::Halt("lunch".to_owned()))
        .await
        .unwrap();
    let waiting = (0..30).find(|device| !first.contains(device)).unwrap();
    assert!(matches!(fleet.asks(waiting).await, Release::Halted(why) if why.contains("lunch")));
    fleet.order(Order::Resume).await.unwrap();
    fleet.round().await;
    let ward = fleet.released().await;
    assert_eq!(ward.len(), 30, "they are all in one place");
    fleet.take(&ward).await;
    fleet.round().await;
    let shown = fleet.shown().await;
    assert_eq!((shown.state.as_str(), shown.confirmed, shown.waiting), ("done", 30, 0));
}

#[tokio::test]
async fn a_device_that_does_not_come_by_itself_is_woken_to_be_heard() {
    let fleet = Fleet::begun(4).await;
    let first = fleet.released().await;
    fleet.answers(first[0], ItemState::Answered).await;
    fleet.bench.advance(MINUTE * 2);
    let wakes = async || {
        let kinds = [push::SEND_PUSH];
        let now = fleet.bench.clock.now();
        fleet.bench.tx(move |tx| Ok(store::Job::lease(tx, &kinds, now, now, 100)?)).await
    };
    wakes().await;
    fleet.round().await;
    assert!(wakes().await.iter().any(|job| job.payload.contains("forced")));
}

#[tokio::test]
async fn two_silent_devices_halt_it_and_one_act_puts_the_version_before_back() {
    let fleet = Fleet::begun(12).await;
    let first = fleet.released().await;
    for device in &first {
        fleet.answers(*device, ItemState::Answered).await;
    }
    fleet.bench.advance(MINUTE * 10);
    fleet.is_heard(first[0]).await;
    fleet.round().await;
    assert_eq!(fleet.shown().await.state, "running");
    fleet.bench.advance(MINUTE * 21);
    fleet.round().await;
    let halted = fleet.shown().await;
    assert_eq!((halted.state.as_str(), halted.confirmed), ("halted", 1));
    assert!(halted.halted_reason.unwrap().starts_with("2 of 3 devices have not been heard"));
    assert_eq!(fleet.bench.acts("rollout.halt").await.len(), 1);
    let waiting = (0..12).find(|device| !first.contains(device)).unwrap();
    assert!(matches!(fleet.asks(waiting).await, Release::Halted(_)));
    let back = fleet.order(Order::RollBack).await.unwrap();
    assert_eq!(back.state, "rolled_back");
    let id = fleet.assignment.id;
    let assignment = fleet.bench.tx(move |tx| Ok(Assignment::find(tx, id)?)).await;
    assert_eq!((assignment.version, assignment.item_version_id), (3, fleet.versions[0].id));
    let fleet = Fleet { assignment, ..fleet };
    assert_eq!(fleet.released().await.len(), 12, "what held before goes to everybody at once");
    assert!(matches!(fleet.order(Order::RollBack).await, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn where_nothing_held_before_rolling_back_takes_the_assignment_back() {
    let mut fleet = Fleet::new(3).await;
    let (id, first) = (fleet.assignment.id, fleet.versions[0].id);
    fleet.assignment = fleet
        .bench
        .tx(move |tx| {
            let assignment = Assignment { version: 3, item_version_id: first, ..Assignment::find(tx, id)? };
            let fresh = Assignment { id: AssignmentId(Uuid::from_u128(7)), version: 1, ..assignment };
            fresh.insert(tx)?;
            fresh.keep_version(tx)?;
            Ok(fresh)
        })
        .await;
    fleet.released().await;
    fleet.order(Order::RollBack).await.unwrap();
    let id = fleet.assignment.id;
    let assignment = fleet.bench.tx(move |tx| Ok(Assignment::find(tx, id)?)).await;
    assert_eq!(assignment.state, AssignmentState::Removed);
}

#[tokio::test]
async fn a_device_that_enrols_later_gets_it_without_asking_anybody() {
    let fleet = Fleet::begun(4).await;
    let first = fleet.released().await;
    fleet.take(&first).await;
    fleet.round().await;
    fleet.round().await;
    let rest = fleet.released().await;
    fleet.take(&rest).await;
    fleet.round().await;
    assert_eq!(fleet.shown().await.state, "done");
    let newcomer = fleet.bench.epoch("A").await;
    let fleet = Fleet { devices: vec![(newcomer.device_id, newcomer.id)], ..fleet };
    assert_eq!(fleet.asks(0).await, Release::Yes);
}

#[tokio::test]
async fn a_device_that_has_the_version_already_is_not_counted_again() {
    let fleet = Fleet::new(2).await;
    fleet.answers(0, ItemState::Observed).await;
    assert_eq!(fleet.asks(0).await, Release::Yes);
    assert!(matches!(fleet.asks(1).await, Release::NotYet(_)));
    assert_eq!(fleet.shown().await.devices, 1);
}
