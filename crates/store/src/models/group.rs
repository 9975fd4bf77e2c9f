//! Groups of devices, who is in them, and where a rule could not say who is.

use clock::Timestamp;
use diesel::prelude::*;

use super::by_id;
use crate::column::{Millis, OptionalMillis};
use crate::page::contains_pattern;
use crate::schema::{group_members, group_troubles, groups};
use crate::{Connection, DeviceId, Error, GroupId, GroupKind, Page};

/// A group of devices.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = groups, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name, unique among the groups that are not archived.
    pub name: String,
    /// How it gets its members.
    pub kind: GroupKind,
    /// The rule, for a group by rule.
    pub rule: Option<String>,
    /// What it is for. May be empty.
    pub description: String,
    /// When it was made.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When its name, description or rule was changed last.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub changed_at: Timestamp,
    /// When it was put away. Its name is free again then, and it has no members.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub archived_at: Option<Timestamp>,
}

by_id!(Group, groups, GroupId);

impl Group {
    /// The group with this name, unless it is archived.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_name(connection: &mut Connection, name: &str) -> Result<Option<Self>, Error> {
        Ok(groups::table
            .filter(groups::name.eq(name))
            .filter(groups::archived_at.is_null())
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// A page of the groups that are not archived, oldest first, whose name contains `text`.
    ///
    /// # Errors
    /// The database's.
    pub fn list(
        connection: &mut Connection,
        text: Option<&str>,
        page: Page<GroupId>,
    ) -> Result<Vec<Self>, Error> {
        let mut query = groups::table.filter(groups::archived_at.is_null()).into_boxed();
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            query = query.filter(groups::name.like(contains_pattern(text)).escape('\\'));
        }
        if let Some(after) = page.after {
            query = query.filter(groups::id.gt(after));
        }
        Ok(query.order(groups::id).limit(page.limit).select(Self::as_select()).load(connection)?)
    }

    /// All groups by rule that are not archived.
    ///
    /// # Errors
    /// The database's.
    pub fn with_rules(connection: &mut Connection) -> Result<Vec<Self>, Error> {
        Ok(groups::table
            .filter(groups::kind.eq(GroupKind::Rule))
            .filter(groups::archived_at.is_null())
            .order(groups::id)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// Whether there is any group by rule.
    ///
    /// # Errors
    /// The database's.
    pub fn any_with_rule(connection: &mut Connection) -> Result<bool, Error> {
        let rules =
            groups::table.filter(groups::kind.eq(GroupKind::Rule)).filter(groups::archived_at.is_null());
        Ok(diesel::select(diesel::dsl::exists(rules)).get_result(connection)?)
    }
}

/// A device is in a group.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = group_members)]
pub struct GroupMember {
    /// The group.
    pub group_id: GroupId,
    /// The device.
    pub device_id: DeviceId,
    /// Since when.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub since: Timestamp,
    /// Why, for a person: who put it there, or which rule.
    pub why: String,
}

impl GroupMember {
    /// Takes the device into the group. `false`: it was in it, and nothing changed.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the group or the device is absent.
    pub fn add(&self, connection: &mut Connection) -> Result<bool, Error> {
        if Self::is_member(connection, self.group_id, self.device_id)? {
            return Ok(false);
        }
        diesel::insert_into(group_members::table).values(self.clone()).execute(connection)?;
        Ok(true)
    }

    /// Takes the device out of the group. `false`: it was not in it.
    ///
    /// # Errors
    /// The database's.
    pub fn remove(connection: &mut Connection, group: GroupId, device: DeviceId) -> Result<bool, Error> {
        Ok(diesel::delete(group_members::table.find((group, device))).execute(connection)? > 0)
    }

    /// Whether the device is in the group.
    ///
    /// # Errors
    /// The database's.
    pub fn is_member(connection: &mut Connection, group: GroupId, device: DeviceId) -> Result<bool, Error> {
        let row = group_members::table.find((group, device));
        Ok(diesel::select(diesel::dsl::exists(row)).get_result(connection)?)
    }

    /// The groups that a device is in.
    ///
    /// # Errors
    /// The database's.
    pub fn of_device(connection: &mut Connection, device: DeviceId) -> Result<Vec<GroupId>, Error> {
        Ok(group_members::table
            .filter(group_members::device_id.eq(device))
            .order(group_members::group_id)
            .select(group_members::group_id)
            .load(connection)?)
    }

    /// The memberships of a device, with their groups.
    ///
    /// # Errors
    /// The database's.
    pub fn with_groups(connection: &mut Connection, device: DeviceId) -> Result<Vec<(Self, Group)>, Error> {
        Ok(group_members::table
            .inner_join(groups::table)
            .filter(group_members::device_id.eq(device))
            .order(groups::name)
            .select((Self::as_select(), Group::as_select()))
            .load(connection)?)
    }

    /// A page of the members of a group, in the order of the devices' ids.
    ///
    /// # Errors
    /// The database's.
    pub fn members(
        connection: &mut Connection,
        group: GroupId,
        page: Page<DeviceId>,
    ) -> Result<Vec<Self>, Error> {
        let mut query = group_members::table.filter(group_members::group_id.eq(group)).into_boxed();
        if let Some(after) = page.after {
            query = query.filter(group_members::device_id.gt(after));
        }
        Ok(query
            .order(group_members::device_id)
            .limit(page.limit)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// How many devices are in the group.
    ///
    /// # Errors
    /// The database's.
    pub fn count(connection: &mut Connection, group: GroupId) -> Result<i64, Error> {
        Ok(group_members::table.filter(group_members::group_id.eq(group)).count().get_result(connection)?)
    }
}

/// The rule of a group could not be evaluated for a device: it stays in the group, or out of it, as it was.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = group_troubles)]
pub struct GroupTrouble {
    /// The group.
    pub group_id: GroupId,
    /// The device.
    pub device_id: DeviceId,
    /// What kept the rule from an answer.
    pub error: String,
    /// When that was found first.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub at: Timestamp,
}

impl GroupTrouble {
    /// Writes the trouble down. One with the same error keeps its time, and nothing is written.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the group or the device is absent.
    pub fn note(&self, connection: &mut Connection) -> Result<bool, Error> {
        let known: Option<String> = group_troubles::table
            .find((self.group_id, self.device_id))
            .select(group_troubles::error)
            .first(connection)
            .optional()?;
        match known {
            Some(error) if error == self.error => return Ok(false),
            Some(_) => diesel::update(group_troubles::table.find((self.group_id, self.device_id)))
                .set(self.clone())
                .execute(connection)?,
            None => diesel::insert_into(group_troubles::table).values(self.clone()).execute(connection)?,
        };
        Ok(true)
    }

    /// The rule has an answer again. `false`: there was no trouble.
    ///
    /// # Errors
    /// The database's.
    pub fn clear(connection: &mut Connection, group: GroupId, device: DeviceId) -> Result<bool, Error> {
        Ok(diesel::delete(group_troubles::table.find((group, device))).execute(connection)? > 0)
    }

    /// Forgets all troubles of a group.
    ///
    /// # Errors
    /// The database's.
    pub fn clear_all(connection: &mut Connection, group: GroupId) -> Result<usize, Error> {
        Ok(diesel::delete(group_troubles::table.filter(group_troubles::group_id.eq(group)))
            .execute(connection)?)
    }

    /// The troubles with one device.
    ///
    /// # Errors
    /// The database's.
    pub fn of_device(connection: &mut Connection, device: DeviceId) -> Result<Vec<Self>, Error> {
        Ok(group_troubles::table
            .filter(group_troubles::device_id.eq(device))
            .order(group_troubles::group_id)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// A page of the troubles of one group, in the order of the devices' ids.
    ///
    /// # Errors
    /// The database's.
    pub fn of_group(
        connection: &mut Connection,
        group: GroupId,
        page: Page<DeviceId>,
    ) -> Result<Vec<Self>, Error> {
        let mut query = group_troubles::table.filter(group_troubles::group_id.eq(group)).into_boxed();
        if let Some(after) = page.after {
            query = query.filter(group_troubles::device_id.gt(after));
        }
        Ok(query
            .order(group_troubles::device_id)
            .limit(page.limit)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// With how many devices the rule of a group is in trouble.
    ///
    /// # Errors
    /// The database's.
    pub fn count(connection: &mut Connection, group: GroupId) -> Result<i64, Error> {
        Ok(group_troubles::table.filter(group_troubles::group_id.eq(group)).count().get_result(connection)?)
    }
}
