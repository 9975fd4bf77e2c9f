//! Incidents: what a person must look at before Ward goes on; and a person's leave to remove an item from many devices.

use clock::Timestamp;
use diesel::prelude::*;

use super::by_id;
use crate::column::{Millis, OptionalMillis};
use crate::schema::{incidents, removal_allowances};
use crate::{AllowanceId, Connection, DeviceId, Error, IncidentId, ItemId, Page};

/// Something that a person must look at.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = incidents, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// What kind: `item_keeps_leaving`, `removal_brake`, …
    pub kind: String,
    /// Which device.
    pub device_id: Option<DeviceId>,
    /// Which item.
    pub item_id: Option<ItemId>,
    /// What it is about: while one is open there is no second of its kind and subject.
    pub subject: String,
    /// The rest, as JSON.
    pub detail: String,
    /// Since when.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub opened_at: Timestamp,
    /// When somebody closed it.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub closed_at: Option<Timestamp>,
    /// Who.
    pub closed_by: Option<String>,
    /// With which words.
    pub closed_reason: Option<String>,
}

by_id!(Incident, incidents, IncidentId);

/// A person's leave to remove an item from so many devices within the hour.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = removal_allowances)]
pub struct Allowance {
    /// Its id.
    pub id: AllowanceId,
    /// Which item.
    pub item_id: ItemId,
    /// From how many devices.
    pub devices: i64,
    /// When it was given.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub granted_at: Timestamp,
    /// By whom.
    pub granted_by: String,
}

impl Incident {
    /// The open incident of this kind and subject.
    ///
    /// # Errors
    /// The database's.
    pub fn find_open(connection: &mut Connection, kind: &str, subject: &str) -> Result<Option<Self>, Error> {
        let open = incidents::table
            .filter(incidents::kind.eq(kind))
            .filter(incidents::subject.eq(subject))
            .filter(incidents::closed_at.is_null());
        Ok(open.select(Self::as_select()).first(connection).optional()?)
    }

    /// A page of incidents, newest first, all or the open ones only.
    ///
    /// # Errors
    /// The database's.
    pub fn list(
        connection: &mut Connection,
        open_only: bool,
        page: Page<IncidentId>,
    ) -> Result<Vec<Self>, Error> {
        let mut query = incidents::table.into_boxed();
        if open_only {
            query = query.filter(incidents::closed_at.is_null());
        }
        if let Some(after) = page.after {
            query = query.filter(incidents::id.lt(after));
        }
        Ok(query.order(incidents::id.desc()).limit(page.limit).select(Self::as_select()).load(connection)?)
    }
}

impl Allowance {
    /// Inserts the row.
    ///
    /// # Errors
    /// The database's.
    pub fn insert(&self, connection: &mut Connection) -> Result<(), Error> {
        diesel::insert_into(removal_allowances::table).values(self.clone()).execute(connection)?;
        Ok(())
    }

    /// For how many devices leave was given at `since` or later.
    ///
    /// # Errors
    /// The database's.
    pub fn total(connection: &mut Connection, item: ItemId, since: Timestamp) -> Result<i64, Error> {
        let devices: Vec<i64> = removal_allowances::table
            .filter(removal_allowances::item_id.eq(item))
            .filter(removal_allowances::granted_at.ge(Millis::from(since)))
            .select(removal_allowances::devices)
            .load(connection)?;
        Ok(devices.into_iter().fold(0, i64::saturating_add))
    }
}
