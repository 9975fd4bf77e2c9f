//! Devices: hardware by UDID or serial number, or a personal enrolment that tells neither.

use std::collections::HashMap;

use catalog::Platform;
use clock::Timestamp;
use diesel::prelude::*;

use super::{Channel, Enrollment, by_id};
use crate::column::{Millis, OptionalPlatform};
use crate::page::contains_pattern;
use crate::schema::{channels, devices, enrollments};
use crate::{Connection, DeviceId, EnrollmentState, Error, Page};

/// A device. What it told last stands here for lists; where and when it told it stands in `reports`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = devices, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Apple's UDID. A User Enrollment has none.
    pub udid: Option<String>,
    /// The serial number, if it may be known.
    pub serial_number: Option<String>,
    /// The name that its user gave it.
    pub name: Option<String>,
    /// The operating system.
    #[diesel(serialize_as = OptionalPlatform, deserialize_as = OptionalPlatform)]
    pub platform: Option<Platform>,
    /// For example `iPad13,18`.
    pub product_name: Option<String>,
    /// For example `MPQ03LL/A`.
    pub model: Option<String>,
    /// For example `iPad`.
    pub model_name: Option<String>,
    /// For example `18.1`.
    pub os_version: Option<String>,
    /// For example `22B83`.
    pub build_version: Option<String>,
    /// Whether it is supervised.
    pub supervised: Option<bool>,
    /// Whether it is in Lost Mode, as it said last.
    pub lost_mode: Option<bool>,
    /// When it was heard of first.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub first_seen_at: Timestamp,
}

by_id!(Device, devices, DeviceId, then index);

/// Which devices are wanted. Empty means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceFilter {
    /// Text found in name, serial number, UDID, product or model name, or in the owner of an epoch.
    pub query: Option<String>,
    /// Of this platform.
    pub platform: Option<Platform>,
    /// With an epoch in this state.
    pub state: Option<EnrollmentState>,
    /// Whose newest word on supervision is this.
    pub supervised: Option<bool>,
    /// Whose newest word on Lost Mode is this.
    pub lost_mode: Option<bool>,
    /// With an epoch of this owner, exactly.
    pub owner: Option<String>,
}

/// A device with its current epoch, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceListing {
    /// The device.
    pub device: Device,
    /// Its current epoch, see [`Enrollment::current`].
    pub enrollment: Option<Enrollment>,
    /// The channels of that epoch, the device's own first.
    pub channels: Vec<Channel>,
}

impl DeviceListing {
    /// When any channel of the current epoch was last heard.
    #[must_use]
    pub fn last_seen_at(&self) -> Option<Timestamp> {
        self.channels.iter().filter_map(|channel| channel.last_seen_at).max()
    }
}

impl Device {
    /// The device with this UDID.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_udid(connection: &mut Connection, udid: &str) -> Result<Option<Self>, Error> {
        Ok(devices::table
            .filter(devices::udid.eq(udid))
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// All devices that claim this serial number, newest first: a serial number is a claim, not a key.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_serial_number(connection: &mut Connection, serial: &str) -> Result<Vec<Self>, Error> {
        Ok(devices::table
            .filter(devices::serial_number.eq(serial))
            .order(devices::id.desc())
            .limit(100)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// The ids of a page of devices, in their order.
    ///
    /// # Errors
    /// The database's.
    pub fn ids(connection: &mut Connection, page: Page<DeviceId>) -> Result<Vec<DeviceId>, Error> {
        let mut query = devices::table.select(devices::id).into_boxed();
        if let Some(after) = page.after {
            query = query.filter(devices::id.gt(after));
        }
        Ok(query.order(devices::id).limit(page.limit).load(connection)?)
    }

    /// How many devices there are.
    ///
    /// # Errors
    /// The database's.
    pub fn count(connection: &mut Connection) -> Result<i64, Error> {
        Ok(devices::table.count().get_result(connection)?)
    }

    /// A page of devices in the order in which they were first seen.
    ///
    /// # Errors
    /// The database's.
    pub fn list(
        connection: &mut Connection,
        filter: &DeviceFilter,
        page: Page<DeviceId>,
    ) -> Result<Vec<DeviceListing>, Error> {
        let mut query = devices::table.into_boxed();
        if let Some(text) = filter.query.as_deref().filter(|text| !text.is_empty()) {
            let pattern = contains_pattern(text);
            let owned = enrollments::table
                .filter(enrollments::owner.like(pattern.clone()).escape('\\'))
                .select(enrollments::device_id);
            query = query.filter(
                devices::name
                    .like(pattern.clone())
                    .escape('\\')
                    .or(devices::serial_number.like(pattern.clone()).escape('\\'))
                    .or(devices::udid.like(pattern.clone()).escape('\\'))
                    .or(devices::product_name.like(pattern.clone()).escape('\\'))
                    .or(devices::model_name.like(pattern).escape('\\'))
                    .or(devices::id.eq_any(owned)),
            );
        }
        if let Some(platform) = filter.platform {
            query = query.filter(devices::platform.eq(OptionalPlatform(Some(platform))));
        }
        if let Some(supervised) = filter.supervised {
            query = query.filter(devices::supervised.eq(supervised));
        }
        if let Some(lost) = filter.lost_mode {
            query = query.filter(devices::lost_mode.eq(lost));
        }
        if let Some(state) = filter.state {
            let with = enrollments::table.filter(enrollments::state.eq(state)).select(enrollments::device_id);
            query = query.filter(devices::id.eq_any(with));
        }
        if let Some(owner) = &filter.owner {
            let with = enrollments::table.filter(enrollments::owner.eq(owner)).select(enrollments::device_id);
            query = query.filter(devices::id.eq_any(with));
        }
        if let Some(after) = page.after {
            query = query.filter(devices::id.gt(after));
        }
        let found: Vec<Self> =
            query.order(devices::id).limit(page.limit).select(Self::as_select()).load(connection)?;
        Self::with_epochs(connection, found)
    }

    /// Some devices with their current epochs and channels, in the order asked for. One that is absent is left out.
    ///
    /// # Errors
    /// The database's.
    pub fn listings(connection: &mut Connection, ids: &[DeviceId]) -> Result<Vec<DeviceListing>, Error> {
        let rows: Vec<Self> =
            devices::table.filter(devices::id.eq_any(ids)).select(Self::as_select()).load(connection)?;
        let mut found: HashMap<DeviceId, DeviceListing> =
            Self::with_epochs(connection, rows)?.into_iter().map(|row| (row.device.id, row)).collect();
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// Adds the current epochs and their channels to some devices.
    fn with_epochs(connection: &mut Connection, found: Vec<Self>) -> Result<Vec<DeviceListing>, Error> {
        let ids: Vec<DeviceId> = found.iter().map(|device| device.id).collect();
        let mut epochs: Vec<Enrollment> = enrollments::table
            .filter(enrollments::device_id.eq_any(ids))
            .select(Enrollment::as_select())
            .load(connection)?;
        epochs.sort_by_key(|epoch| (epoch.device_id, epoch.rank()));
        epochs.reverse();
        epochs.dedup_by_key(|epoch| epoch.device_id);
        let ids: Vec<_> = epochs.iter().map(|epoch| epoch.id).collect();
        let all: Vec<Channel> = channels::table
            .filter(channels::enrollment_id.eq_any(ids))
            .order((channels::kind, channels::id))
            .select(Channel::as_select())
            .load(connection)?;
        Ok(found
            .into_iter()
            .map(|device| {
                let enrollment = epochs.iter().find(|epoch| epoch.device_id == device.id).cloned();
                let of =
                    |channel: &&Channel| enrollment.as_ref().is_some_and(|e| e.id == channel.enrollment_id);
                let channels = all.iter().filter(of).cloned().collect();
                DeviceListing { device, enrollment, channels }
            })
            .collect())
    }
}
