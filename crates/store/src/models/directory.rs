//! What operators call devices, found for many names at once: a few queries for a list of targets, however long.

use std::collections::{BTreeMap, HashMap};

use catalog::ChannelKind;
use diesel::prelude::*;
use uuid::Uuid;

use super::{Channel, Device, Enrollment};
use crate::schema::{channels, devices, enrollments};
use crate::{ChannelId, Connection, DeviceId, EnrollmentId, Error};

/// The devices that some names may mean, with all their epochs and channels.
#[derive(Debug, Default)]
pub struct Directory {
    devices: BTreeMap<DeviceId, Device>,
    by_udid: HashMap<String, DeviceId>,
    /// The newest first.
    by_serial_number: HashMap<String, Vec<DeviceId>>,
    enrollments: BTreeMap<EnrollmentId, Enrollment>,
    by_apple_id: HashMap<String, Vec<EnrollmentId>>,
    epochs: BTreeMap<DeviceId, Vec<EnrollmentId>>,
    channels: BTreeMap<ChannelId, Channel>,
    by_key: HashMap<String, Vec<ChannelId>>,
    of_epoch: BTreeMap<EnrollmentId, Vec<ChannelId>>,
}

impl Directory {
    /// Reads what the names may mean: ids of devices, enrolments and channels, UDIDs, serial numbers, EnrollmentIDs and the composite
    /// ids of channels. One that means nothing is simply absent.
    ///
    /// # Errors
    /// The database's.
    pub fn load(connection: &mut Connection, names: &[&str]) -> Result<Self, Error> {
        let ids: Vec<Uuid> = names.iter().filter_map(|name| Uuid::parse_str(name).ok()).collect();
        let mut epochs: Vec<EnrollmentId> = channels::table
            .filter(channels::key.eq_any(names))
            .select(channels::enrollment_id)
            .load(connection)?;
        let channel_ids: Vec<ChannelId> = ids.iter().copied().map(ChannelId).collect();
        epochs.extend(
            channels::table
                .filter(channels::id.eq_any(channel_ids))
                .select(channels::enrollment_id)
                .load::<EnrollmentId>(connection)?,
        );
        epochs.extend(ids.iter().copied().map(EnrollmentId));
        let mut of: Vec<DeviceId> = enrollments::table
            .filter(enrollments::id.eq_any(epochs))
            .select(enrollments::device_id)
            .load(connection)?;
        of.extend(
            enrollments::table
                .filter(enrollments::apple_id.eq_any(names))
                .select(enrollments::device_id)
                .load::<DeviceId>(connection)?,
        );
        of.extend(ids.iter().copied().map(DeviceId));
        for column in [true, false] {
            let query = devices::table.select(devices::id).into_boxed();
            let query = if column {
                query.filter(devices::udid.eq_any(names))
            } else {
                query.filter(devices::serial_number.eq_any(names))
            };
            of.extend(query.load::<DeviceId>(connection)?);
        }
        of.sort_unstable();
        of.dedup();
        Self::of_devices(connection, &of)
    }

    /// Reads some devices by their ids.
    fn of_devices(connection: &mut Connection, ids: &[DeviceId]) -> Result<Self, Error> {
        let mut directory = Self::default();
        let rows: Vec<Device> = devices::table
            .filter(devices::id.eq_any(ids))
            .order(devices::id.desc())
            .select(Device::as_select())
            .load(connection)?;
        for device in rows {
            directory.add_device(device);
        }
        let rows: Vec<Enrollment> = enrollments::table
            .filter(enrollments::device_id.eq_any(ids))
            .order((enrollments::epoch.desc(), enrollments::id.desc()))
            .select(Enrollment::as_select())
            .load(connection)?;
        for enrollment in rows {
            directory.add_enrollment(enrollment);
        }
        let epochs: Vec<EnrollmentId> = directory.enrollments.keys().copied().collect();
        let rows: Vec<Channel> = channels::table
            .filter(channels::enrollment_id.eq_any(epochs))
            .order(channels::id.desc())
            .select(Channel::as_select())
            .load(connection)?;
        for channel in rows {
            directory.add_channel(channel);
        }
        Ok(directory)
    }

    fn add_device(&mut self, device: Device) {
        if let Some(udid) = &device.udid {
            self.by_udid.insert(udid.clone(), device.id);
        }
        if let Some(serial) = &device.serial_number {
            self.by_serial_number.entry(serial.clone()).or_default().push(device.id);
        }
        self.devices.insert(device.id, device);
    }

    fn add_enrollment(&mut self, enrollment: Enrollment) {
        self.by_apple_id.entry(enrollment.apple_id.clone()).or_default().push(enrollment.id);
        self.epochs.entry(enrollment.device_id).or_default().push(enrollment.id);
        self.enrollments.insert(enrollment.id, enrollment);
    }

    fn add_channel(&mut self, channel: Channel) {
        self.by_key.entry(channel.key.clone()).or_default().push(channel.id);
        self.of_epoch.entry(channel.enrollment_id).or_default().push(channel.id);
        self.channels.insert(channel.id, channel);
    }

    /// A device by its id.
    #[must_use]
    pub fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices.get(&id)
    }

    /// The device with a UDID.
    #[must_use]
    pub fn device_by_udid(&self, udid: &str) -> Option<&Device> {
        self.by_udid.get(udid).and_then(|id| self.devices.get(id))
    }

    /// All devices that claim a serial number, the newest first.
    pub fn devices_by_serial_number(&self, serial: &str) -> impl Iterator<Item = &Device> {
        self.by_serial_number.get(serial).into_iter().flatten().filter_map(|id| self.devices.get(id))
    }

    /// An epoch by its id.
    #[must_use]
    pub fn enrollment(&self, id: EnrollmentId) -> Option<&Enrollment> {
        self.enrollments.get(&id)
    }

    /// The newest epoch under a UDID or EnrollmentID.
    #[must_use]
    pub fn newest_enrollment(&self, apple_id: &str) -> Option<&Enrollment> {
        self.by_apple_id.get(apple_id).and_then(|ids| ids.first()).and_then(|id| self.enrollments.get(id))
    }

    /// All epochs of a device, the newest first.
    #[must_use]
    pub fn epochs(&self, device: DeviceId) -> Vec<Enrollment> {
        let ids = self.epochs.get(&device).into_iter().flatten();
        ids.filter_map(|id| self.enrollments.get(id)).cloned().collect()
    }

    /// The current epoch of a device, as [`Enrollment::current`].
    #[must_use]
    pub fn current(&self, device: DeviceId) -> Option<&Enrollment> {
        let ids = self.epochs.get(&device).into_iter().flatten();
        ids.filter_map(|id| self.enrollments.get(id)).max_by_key(|epoch| epoch.rank())
    }

    /// A channel by its id.
    #[must_use]
    pub fn channel(&self, id: ChannelId) -> Option<&Channel> {
        self.channels.get(&id)
    }

    /// All channels with a composite id, of the newest epoch first.
    pub fn channels_by_key(&self, key: &str) -> impl Iterator<Item = &Channel> {
        self.by_key.get(key).into_iter().flatten().filter_map(|id| self.channels.get(id))
    }

    /// The device's own channel of an epoch.
    #[must_use]
    pub fn device_channel(&self, enrollment: EnrollmentId) -> Option<&Channel> {
        let ids = self.of_epoch.get(&enrollment).into_iter().flatten();
        ids.filter_map(|id| self.channels.get(id)).find(|channel| channel.kind == ChannelKind::Device)
    }
}
