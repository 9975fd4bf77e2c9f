//! Many devices at once, from a description in TOML.

mod spec;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::StreamExt as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::device::{DeviceState, ProfileSource, SimulatedDevice};
use crate::network::Network;

pub use spec::{FleetSpec, Group};

/// Simulated devices that enrol and live together.
pub struct Fleet {
    devices: Vec<SimulatedDevice>,
    spec: FleetSpec,
}

/// Where enrolling a fleet stands; given to the callback after each device.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Devices enrolled so far.
    pub enrolled: usize,
    /// Devices that failed so far.
    pub failed: usize,
    /// Devices in all.
    pub total: usize,
    /// The device that has just been tried.
    pub device: String,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// What a fleet has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// Devices in all.
    pub devices: usize,
    /// Devices that are enrolled.
    pub enrolled: usize,
    /// Sessions with the server.
    pub polls: u64,
    /// Pushes received.
    pub pushes: u64,
    /// Commands acknowledged.
    pub acknowledged: u64,
    /// Commands answered with an error.
    pub errors: u64,
    /// Commands put off.
    pub not_now: u64,
    /// Requests that failed.
    pub failed_requests: u64,
}

impl Fleet {
    /// The devices that `spec` describes, not yet enrolled.
    #[must_use]
    pub fn new(spec: FleetSpec, network: &Arc<Network>) -> Self {
        let devices: Vec<SimulatedDevice> =
            spec.devices().into_iter().map(|one| SimulatedDevice::new(one, Arc::clone(network))).collect();
        for (device, group) in devices.iter().zip(spec.kinds()) {
            device.with_faults(group.faults());
        }
        Self { devices, spec }
    }

    /// The devices, in the order of the description.
    #[must_use]
    pub fn devices(&self) -> &[SimulatedDevice] {
        &self.devices
    }

    /// The device whose name, serial number or UDID is `name`, in any case.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&SimulatedDevice> {
        self.devices.iter().find(|device| {
            let state = device.snapshot();
            [&state.name, &state.serial_number, &state.udid].iter().any(|own| own.eq_ignore_ascii_case(name))
        })
    }

    /// Enrols every device with the same profile, some at a time. One that fails does not stop the others; the number
    /// of those that are enrolled afterwards is returned.
    ///
    /// # Errors
    /// When not a single device could enrol: the text is that of the last failure.
    pub async fn enroll(&self, source: &ProfileSource, progress: impl Fn(Progress)) -> Result<usize> {
        self.enroll_each(|_| source.clone(), progress).await
    }

    /// As [`enroll`](Self::enroll), with a profile for each device, by its place in the fleet: for links that can be used once.
    ///
    /// # Errors
    /// As [`enroll`](Self::enroll).
    pub async fn enroll_each(
        &self,
        source: impl Fn(usize) -> ProfileSource,
        progress: impl Fn(Progress),
    ) -> Result<usize> {
        let (enrolled, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let total = self.devices.len();
        let mut last = None;
        let mut work = futures_util::stream::iter(self.devices.iter().enumerate())
            .map(|(index, device)| {
                let source = source(index);
                async move { (device, device.enroll(&source).await) }
            })
            .buffer_unordered(self.spec.enroll_at_once.max(1));
        while let Some((device, result)) = work.next().await {
            let counter = if result.is_ok() { &enrolled } else { &failed };
            counter.fetch_add(1, Ordering::Relaxed);
            let error = result.err().map(|error| format!("{error:#}"));
            last = error.clone().or(last);
            progress(Progress {
                enrolled: enrolled.load(Ordering::Relaxed),
                failed: failed.load(Ordering::Relaxed),
                total,
                device: device.snapshot().name,
                error,
            });
        }
        let enrolled = enrolled.into_inner();
        ensure!(enrolled > 0 || total == 0, "no device could enrol: {}", last.unwrap_or_default());
        Ok(enrolled)
    }

    /// Every device lives until cancelled.
    pub async fn run(&self, cancel: &CancellationToken) {
        let mut lives = JoinSet::new();
        for device in &self.devices {
            let (device, cancel) = (device.clone(), cancel.clone());
            lives.spawn(async move { device.run(&cancel).await });
        }
        while lives.join_next().await.is_some() {}
    }

    /// Every device polls once, some at a time. Returns how many sessions ended properly.
    pub async fn poll_all(&self) -> usize {
        futures_util::stream::iter(&self.devices)
            .map(|device| async move { device.poll().await.is_ok_and(|session| session.complete) })
            .buffer_unordered(self.spec.enroll_at_once.max(1))
            .fold(0, |count, complete| async move { count + usize::from(complete) })
            .await
    }

    /// The pictures of all devices.
    #[must_use]
    pub fn snapshots(&self) -> Vec<DeviceState> {
        self.devices.iter().map(SimulatedDevice::snapshot).collect()
    }

    /// What the fleet has done so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary { devices: self.devices.len(), ..Summary::default() };
        for state in self.snapshots() {
            summary.enrolled += usize::from(state.enrolled);
            summary.polls += state.counts.polls;
            summary.pushes += state.counts.pushes;
            summary.failed_requests += state.counts.failed_requests;
            for (status, count) in state.commands.values().flatten() {
                match status.as_str() {
                    "Acknowledged" => summary.acknowledged += count,
                    "NotNow" => summary.not_now += count,
                    _ => summary.errors += count,
                }
            }
        }
        summary
    }

    /// Waits until `done` holds for the fleet, looking every 50 ms; gives up after `limit`.
    pub async fn wait(&self, limit: Duration, done: impl Fn(&[DeviceState]) -> bool) -> bool {
        tokio::time::timeout(limit, async {
            while !done(&self.snapshots()) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await
        .is_ok()
    }
}
