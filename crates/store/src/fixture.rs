//! What the tests of this crate share: a store in a scratch folder, and rows to hang others on.

use std::sync::Arc;
use std::time::Duration;

use catalog::{ChannelKind, EnrollmentType, Ownership, Platform};
use clock::{Clock, MockClock, Timestamp};
use pki::seal::Sealer;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    Channel, ChannelId, Command, CommandId, Connection, Device, DeviceId, Enrollment, EnrollmentId,
    EnrollmentState, Error, Store, StoreOptions, Tx,
};

/// A store that can be stopped and started again on the same file.
pub(crate) struct Scene {
    pub(crate) folder: TempDir,
    pub(crate) clock: MockClock,
    pub(crate) runtime: Runtime,
    sealer: Arc<Sealer>,
    store: Option<Arc<Store>>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let mut scene = Self {
            folder: tempfile::tempdir().unwrap(),
            clock: MockClock::new(Timestamp::from_millis(1_800_000_000_000)),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap(),
            sealer: Arc::new(Sealer::new(Sealer::generate_master())),
            store: None,
        };
        scene.start();
        scene
    }

    pub(crate) fn options(&self) -> StoreOptions {
        StoreOptions {
            reader_threads: 1,
            housekeeping_every: Duration::from_millis(2),
            ..StoreOptions::new(self.folder.path().join("ward.db"))
        }
    }

    pub(crate) fn start(&mut self) {
        self.store = Some(Store::open(self.options(), Arc::clone(&self.sealer)).unwrap());
    }

    pub(crate) fn stop(&mut self) {
        if let Some(store) = self.store.take() {
            self.runtime.block_on(store.close());
        }
    }

    pub(crate) fn store(&self) -> Arc<Store> {
        Arc::clone(self.store.as_ref().unwrap())
    }

    pub(crate) fn sealer(&self) -> Arc<Sealer> {
        Arc::clone(&self.sealer)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Runs a change and waits for it.
    pub(crate) fn try_tx<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.runtime.block_on(self.store().tx("test", work))
    }

    pub(crate) fn tx<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.try_tx(work).unwrap()
    }

    pub(crate) fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.runtime.block_on(self.store().read("test", work)).unwrap()
    }

    /// An enrolled device with its channel.
    pub(crate) fn channel(&self, udid: &str) -> Channel {
        let (device, enrollment, channel) = self.rows(udid);
        let kept = channel.clone();
        self.tx(move |tx| {
            device.insert(tx)?;
            enrollment.insert(tx)?;
            channel.insert(tx)
        });
        kept
    }

    /// Such rows, not inserted.
    pub(crate) fn rows(&self, udid: &str) -> (Device, Enrollment, Channel) {
        let device = Device {
            id: DeviceId::new(&self.clock),
            udid: Some(udid.to_owned()),
            serial_number: Some(format!("S{udid}")),
            name: Some(format!("iPad of {udid}")),
            platform: Some(Platform::Ipados),
            product_name: Some("iPad13,18".to_owned()),
            model: None,
            model_name: None,
            os_version: Some("18.1".to_owned()),
            build_version: None,
            supervised: Some(true),
            lost_mode: None,
            first_seen_at: self.now(),
        };
        let enrollment = self.epoch(device.id, udid, 1, EnrollmentState::Enrolled);
        let channel = Channel {
            id: ChannelId::new(&self.clock),
            enrollment_id: enrollment.id,
            kind: ChannelKind::Device,
            key: udid.to_owned(),
            user_id: None,
            user_short_name: None,
            user_long_name: None,
            push_token: None,
            push_magic: None,
            topic: "com.apple.mgmt.test".to_owned(),
            token_updated_at: Some(self.now()),
            token_update_tally: 1,
            enabled: true,
            push_dead_at: None,
            last_pushed_at: None,
            last_seen_at: None,
        };
        (device, enrollment, channel)
    }

    pub(crate) fn epoch(
        &self,
        device_id: DeviceId,
        udid: &str,
        epoch: i32,
        state: EnrollmentState,
    ) -> Enrollment {
        Enrollment {
            id: EnrollmentId::new(&self.clock),
            device_id,
            apple_id: udid.to_owned(),
            kind: EnrollmentType::Device,
            ownership: Ownership::Corporate,
            owner: Some("a.nurse".to_owned()),
            state,
            epoch,
            previous_id: None,
            link_id: None,
            topic: "com.apple.mgmt.test".to_owned(),
            access_rights: 8191,
            identity_id: None,
            awaiting_configuration: false,
            quarantine_reason: None,
            profile_digest: None,
            authenticated_at: self.now(),
            enrolled_at: None,
            ended_at: None,
            end_reason: None,
            superseded_by: None,
        }
    }

    /// A command, stored.
    pub(crate) fn command(&self, uuid: &str) -> Command {
        let command = Command {
            id: CommandId::new(&self.clock),
            uuid: uuid.to_owned(),
            request_type: "DeviceInformation".to_owned(),
            class: "none".to_owned(),
            secret_id: None,
            sealed_body: None,
            digest: vec![1; 32],
            created_at: self.now(),
            created_by: "test".to_owned(),
            reason: None,
            body: b"<plist/>".to_vec(),
        };
        let kept = command.clone();
        self.tx(move |tx| command.insert(tx));
        kept
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stop();
    }
}
