//! Labels that operators give to devices.

use std::collections::BTreeMap;

use clock::Timestamp;
use diesel::prelude::*;

use crate::column::Millis;
use crate::schema::device_attributes;
use crate::{Connection, DeviceId, Error};

/// A label of a device, for rules (`labels`) and profiles (`$device.attribute.NAME`).
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = device_attributes)]
pub struct DeviceAttribute {
    /// Which device.
    pub device_id: DeviceId,
    /// Its name.
    pub name: String,
    /// Its value. Not a secret.
    pub value: String,
    /// When it was set.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub set_at: Timestamp,
    /// By whom.
    pub set_by: String,
}

impl DeviceAttribute {
    /// Sets the label, or replaces its value.
    ///
    /// # Errors
    /// [`Error::Conflict`] when there is no such device.
    pub fn set(&self, connection: &mut Connection) -> Result<(), Error> {
        let changed = diesel::update(device_attributes::table.find((self.device_id, &self.name)))
            .set((
                device_attributes::value.eq(&self.value),
                device_attributes::set_at.eq(Millis::from(self.set_at)),
                device_attributes::set_by.eq(&self.set_by),
            ))
            .execute(connection)?;
        if changed == 0 {
            diesel::insert_into(device_attributes::table).values(self.clone()).execute(connection)?;
        }
        Ok(())
    }

    /// Takes a label away. `false`: there was none.
    ///
    /// # Errors
    /// The database's.
    pub fn unset(connection: &mut Connection, device: DeviceId, name: &str) -> Result<bool, Error> {
        Ok(diesel::delete(device_attributes::table.find((device, name))).execute(connection)? > 0)
    }

    /// The labels of a device, by name.
    ///
    /// # Errors
    /// The database's.
    pub fn of(connection: &mut Connection, device: DeviceId) -> Result<Vec<Self>, Error> {
        Self::of_many(connection, &[device])
    }

    /// The labels of some devices, by device and name.
    ///
    /// # Errors
    /// The database's.
    pub fn of_many(connection: &mut Connection, devices: &[DeviceId]) -> Result<Vec<Self>, Error> {
        Ok(device_attributes::table
            .filter(device_attributes::device_id.eq_any(devices))
            .order((device_attributes::device_id, device_attributes::name))
            .select(Self::as_select())
            .load(connection)?)
    }

    /// The labels of a device as name and value.
    ///
    /// # Errors
    /// The database's.
    pub fn values(connection: &mut Connection, device: DeviceId) -> Result<BTreeMap<String, String>, Error> {
        Ok(Self::of(connection, device)?.into_iter().map(|label| (label.name, label.value)).collect())
    }
}
