//! The items of devices: what each should have, what was sent, what was seen, and why.

use clock::Timestamp;
use diesel::dsl::exists;
use diesel::prelude::*;

use crate::column::{Millis, OptionalMillis};
use crate::schema::device_items;
use crate::{CommandId, Connection, DeviceId, EnrollmentId, Error, ItemId, ItemState, ItemVersionId};

/// One item of one epoch of a device.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = device_items, primary_key(enrollment_id, item_id), treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct DeviceItem {
    /// Which epoch.
    pub enrollment_id: EnrollmentId,
    /// Which item.
    pub item_id: ItemId,
    /// Which device.
    pub device_id: DeviceId,
    /// Where it stands.
    pub state: ItemState,
    /// Why it stands there, as a JSON array of reasons.
    pub why: String,
    /// The version that the device should have; none: it should not have the item.
    pub desired_version_id: Option<ItemVersionId>,
    /// The `PayloadUUID` that the device should show.
    pub desired_uuid: Option<String>,
    /// The profile's `PayloadIdentifier`.
    pub profile_identifier: String,
    /// The version that was handed out last.
    pub sent_version_id: Option<ItemVersionId>,
    /// Its `PayloadUUID`.
    pub sent_uuid: Option<String>,
    /// When it was handed out.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub sent_at: Option<Timestamp>,
    /// The command that is on its way.
    pub command_id: Option<CommandId>,
    /// When the device answered.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub answered_at: Option<Timestamp>,
    /// The `PayloadUUID` that the device's list showed last.
    pub observed_uuid: Option<String>,
    /// When it showed it.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub observed_at: Option<Timestamp>,
    /// How often it was there and then gone.
    pub losses: i32,
    /// How often it was tried in vain.
    pub attempts: i32,
    /// Nothing is sent before this.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub next_try_at: Option<Timestamp>,
    /// What the device said against it.
    pub last_error: Option<String>,
    /// When its removal was begun.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub left_at: Option<Timestamp>,
    /// When the row last changed.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub changed_at: Timestamp,
}

/// Which rows are wanted. Empty means all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeviceItemFilter {
    /// Of this item.
    pub item_id: Option<ItemId>,
    /// In this state.
    pub state: Option<ItemState>,
}

impl DeviceItem {
    /// Writes the row, new or not.
    ///
    /// # Errors
    /// [`Error::Conflict`] when a referenced row is absent.
    pub fn save(&self, connection: &mut Connection) -> Result<(), Error> {
        let row = device_items::table.find((self.enrollment_id, self.item_id));
        if diesel::update(row).set(self.clone()).execute(connection)? == 0 {
            diesel::insert_into(device_items::table).values(self.clone()).execute(connection)?;
        }
        Ok(())
    }

    /// One item of one epoch.
    ///
    /// # Errors
    /// The database's.
    pub fn find(
        connection: &mut Connection,
        enrollment: EnrollmentId,
        item: ItemId,
    ) -> Result<Option<Self>, Error> {
        let row = device_items::table.find((enrollment, item)).select(Self::as_select());
        Ok(row.first(connection).optional()?)
    }

    /// The row that waits for this command.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_command(
        connection: &mut Connection,
        enrollment: EnrollmentId,
        command: CommandId,
    ) -> Result<Option<Self>, Error> {
        let rows = device_items::table
            .filter(device_items::command_id.eq(command))
            .filter(device_items::enrollment_id.eq(enrollment));
        Ok(rows.select(Self::as_select()).first(connection).optional()?)
    }

    /// The items of an epoch.
    ///
    /// # Errors
    /// The database's.
    pub fn list_of(connection: &mut Connection, enrollment: EnrollmentId) -> Result<Vec<Self>, Error> {
        let of = device_items::table.filter(device_items::enrollment_id.eq(enrollment));
        Ok(of.order(device_items::item_id).select(Self::as_select()).load(connection)?)
    }

    /// Whether a device has a row at all, in any epoch.
    ///
    /// # Errors
    /// The database's.
    pub fn any_of_device(connection: &mut Connection, device: DeviceId) -> Result<bool, Error> {
        let of = device_items::table.filter(device_items::device_id.eq(device));
        Ok(diesel::select(exists(of)).get_result(connection)?)
    }

    /// Rows across the fleet, up to `limit`, in the order of enrolment and item.
    ///
    /// # Errors
    /// The database's.
    pub fn list(
        connection: &mut Connection,
        filter: DeviceItemFilter,
        limit: i64,
    ) -> Result<Vec<Self>, Error> {
        let mut query = device_items::table.into_boxed();
        if let Some(item) = filter.item_id {
            query = query.filter(device_items::item_id.eq(item));
        }
        if let Some(state) = filter.state {
            query = query.filter(device_items::state.eq(state));
        }
        let query = query.order((device_items::enrollment_id, device_items::item_id)).limit(limit);
        Ok(query.select(Self::as_select()).load(connection)?)
    }

    /// How many devices stand where with an item.
    ///
    /// # Errors
    /// The database's.
    pub fn count_states(connection: &mut Connection, item: ItemId) -> Result<Vec<(ItemState, i64)>, Error> {
        let of = device_items::table.filter(device_items::item_id.eq(item));
        Ok(of
            .group_by(device_items::state)
            .select((device_items::state, diesel::dsl::count_star()))
            .load(connection)?)
    }

    /// From how many devices the item's removal was begun at `since` or later.
    ///
    /// # Errors
    /// The database's.
    pub fn count_left(connection: &mut Connection, item: ItemId, since: Timestamp) -> Result<i64, Error> {
        let left = device_items::table
            .filter(device_items::item_id.eq(item))
            .filter(device_items::left_at.ge(OptionalMillis::from(Some(since))));
        Ok(left.count().get_result(connection)?)
    }
}
