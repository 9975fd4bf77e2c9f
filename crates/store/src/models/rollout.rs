//! Rollouts: what carries the network reaches the fleet ring by ring.

use clock::Timestamp;
use diesel::prelude::*;

use super::by_id;
use crate::column::{Millis, OptionalMillis};
use crate::schema::{rollout_devices, rollouts};
use crate::{
    AssignmentId, Connection, DeviceId, Error, ItemId, ItemVersionId, Page, RolloutId, RolloutState,
};

/// One version of an assignment on its way through the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = rollouts, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Rollout {
    /// Its id.
    pub id: RolloutId,
    /// Which assignment.
    pub assignment_id: AssignmentId,
    /// Which version of the assignment.
    pub assignment_version: i32,
    /// Which item.
    pub item_id: ItemId,
    /// Which version of the item.
    pub item_version_id: ItemVersionId,
    /// The ring that is open, from 0.
    pub ring: i32,
    /// Where it stands.
    pub state: RolloutState,
    /// When the first device asked for it.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub started_at: Timestamp,
    /// When the ring was opened.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub ring_started_at: Timestamp,
    /// When it was halted.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub halted_at: Option<Timestamp>,
    /// Why.
    pub halted_reason: Option<String>,
    /// When it was done, or taken back.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub ended_at: Option<Timestamp>,
}

by_id!(Rollout, rollouts, RolloutId);

impl Rollout {
    /// The rollout of one version of an assignment.
    ///
    /// # Errors
    /// The database's.
    pub fn of(
        connection: &mut Connection,
        assignment: AssignmentId,
        version: i32,
    ) -> Result<Option<Self>, Error> {
        Ok(rollouts::table
            .filter(rollouts::assignment_id.eq(assignment))
            .filter(rollouts::assignment_version.eq(version))
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// The rollouts that are running, the oldest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list_running(connection: &mut Connection) -> Result<Vec<Self>, Error> {
        Ok(rollouts::table
            .filter(rollouts::state.eq(RolloutState::Running))
            .order(rollouts::id)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// A page of rollouts, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list(connection: &mut Connection, page: Page<RolloutId>) -> Result<Vec<Self>, Error> {
        let mut query = rollouts::table.into_boxed();
        if let Some(after) = page.after {
            query = query.filter(rollouts::id.lt(after));
        }
        Ok(query.order(rollouts::id.desc()).limit(page.limit).select(Self::as_select()).load(connection)?)
    }
}

/// A device that a rollout is for.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = rollout_devices, primary_key(rollout_id, device_id), treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct RolloutDevice {
    /// The rollout.
    pub rollout_id: RolloutId,
    /// The device.
    pub device_id: DeviceId,
    /// The ring in which it was released.
    pub ring: Option<i32>,
    /// When it was released.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub released_at: Option<Timestamp>,
    /// When it was given the item.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub sent_at: Option<Timestamp>,
    /// When it was heard again over a new connection, with the item.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub confirmed_at: Option<Timestamp>,
    /// When it was last woken to be heard.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub woken_at: Option<Timestamp>,
}

impl RolloutDevice {
    /// A device that wants the item and waits for its ring.
    #[must_use]
    pub const fn waiting(rollout_id: RolloutId, device_id: DeviceId) -> Self {
        Self {
            rollout_id,
            device_id,
            ring: None,
            released_at: None,
            sent_at: None,
            confirmed_at: None,
            woken_at: None,
        }
    }

    /// Inserts the row.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it is there already or a referenced row is absent.
    pub fn insert(&self, connection: &mut Connection) -> Result<(), Error> {
        diesel::insert_into(rollout_devices::table).values(self.clone()).execute(connection)?;
        Ok(())
    }

    /// Writes all columns of the row.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn save(&self, connection: &mut Connection) -> Result<(), Error> {
        let row = rollout_devices::table.find((self.rollout_id, self.device_id));
        match diesel::update(row).set(self.clone()).execute(connection)? {
            0 => Err(Error::NotFound),
            _ => Ok(()),
        }
    }

    /// The row of one device.
    ///
    /// # Errors
    /// The database's.
    pub fn find(
        connection: &mut Connection,
        rollout: RolloutId,
        device: DeviceId,
    ) -> Result<Option<Self>, Error> {
        let row = rollout_devices::table.find((rollout, device)).select(Self::as_select());
        Ok(row.first(connection).optional()?)
    }

    /// The devices of a rollout, in the order of their ids.
    ///
    /// # Errors
    /// The database's.
    pub fn list(connection: &mut Connection, rollout: RolloutId) -> Result<Vec<Self>, Error> {
        Ok(rollout_devices::table
            .filter(rollout_devices::rollout_id.eq(rollout))
            .order(rollout_devices::device_id)
            .select(Self::as_select())
            .load(connection)?)
    }
}
