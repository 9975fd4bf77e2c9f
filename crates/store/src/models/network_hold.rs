//! Devices that may not have a network identity for now.

use clock::Timestamp;
use diesel::prelude::*;

use crate::column::Millis;
use crate::schema::network_holds;
use crate::{Connection, DeviceId, Error, NetworkReason};

/// A device whose access to the network was withdrawn. As long as it stands, no new identity is issued to it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = network_holds)]
pub struct NetworkHold {
    /// Which device.
    pub device_id: DeviceId,
    /// Why.
    pub reason: NetworkReason,
    /// Why, in a person's words.
    pub note: Option<String>,
    /// Since when.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub since: Timestamp,
    /// By whom.
    pub held_by: String,
}

impl NetworkHold {
    /// What is held against a device.
    ///
    /// # Errors
    /// The database's.
    pub fn of(connection: &mut Connection, device: DeviceId) -> Result<Option<Self>, Error> {
        Ok(network_holds::table.find(device).select(Self::as_select()).first(connection).optional()?)
    }

    /// Puts the hold in the place of whatever is held against the device.
    ///
    /// # Errors
    /// [`Error::Conflict`] when there is no such device.
    pub fn place(&self, connection: &mut Connection) -> Result<(), Error> {
        Self::lift(connection, self.device_id)?;
        diesel::insert_into(network_holds::table).values(self.clone()).execute(connection)?;
        Ok(())
    }

    /// Lifts what is held against a device. `false`: nothing was.
    ///
    /// # Errors
    /// The database's.
    pub fn lift(connection: &mut Connection, device: DeviceId) -> Result<bool, Error> {
        Ok(diesel::delete(network_holds::table.find(device)).execute(connection)? > 0)
    }

    /// How many devices are held.
    ///
    /// # Errors
    /// The database's.
    pub fn count(connection: &mut Connection) -> Result<i64, Error> {
        Ok(network_holds::table.count().get_result(connection)?)
    }
}
