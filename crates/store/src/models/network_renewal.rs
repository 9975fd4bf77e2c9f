//! How often the devices were asked to get a new identity for the network.

use clock::Timestamp;
use diesel::prelude::*;

use crate::column::Millis;
use crate::schema::network_renewals;
use crate::{Connection, DeviceId, Error};

/// A device that was asked for. The count stands in what its profile is made of, so that the profile is sent again when it grows.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = network_renewals)]
pub struct NetworkRenewal {
    /// Which device.
    pub device_id: DeviceId,
    /// How often.
    pub count: i32,
    /// When last.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub asked_at: Timestamp,
}

impl NetworkRenewal {
    /// How often a device was asked.
    ///
    /// # Errors
    /// The database's.
    pub fn count_of(connection: &mut Connection, device: DeviceId) -> Result<i32, Error> {
        let count: Option<i32> = network_renewals::table
            .find(device)
            .select(network_renewals::count)
            .first(connection)
            .optional()?;
        Ok(count.unwrap_or(0))
    }

    /// Notes that a device is asked once more.
    ///
    /// # Errors
    /// [`Error::Conflict`] when there is no such device.
    pub fn ask(connection: &mut Connection, device: DeviceId, at: Timestamp) -> Result<(), Error> {
        let count = Self::count_of(connection, device)?.saturating_add(1);
        diesel::delete(network_renewals::table.find(device)).execute(connection)?;
        let row = Self { device_id: device, count, asked_at: at };
        diesel::insert_into(network_renewals::table).values(row).execute(connection)?;
        Ok(())
    }
}
