//! Assignments: which devices get which version of an item. Every change makes a new version; the old ones are kept.

use clock::Timestamp;
use diesel::dsl::exists;
use diesel::prelude::*;

use super::by_id;
use crate::column::Millis;
use crate::schema::{assignment_versions, assignments};
use crate::{AssignmentId, AssignmentState, Connection, Error, GroupId, ItemId, ItemVersionId, PlaceId};

/// An assignment as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = assignments, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Assignment {
    /// Its id.
    pub id: AssignmentId,
    /// Which item.
    pub item_id: ItemId,
    /// In which version.
    pub item_version_id: ItemVersionId,
    /// To the members of this group; none: to every device.
    pub group_id: Option<GroupId>,
    /// Only at this place and below it.
    pub place_id: Option<PlaceId>,
    /// The groups whose members do not get it, as a JSON array of ids.
    pub excluded: String,
    /// 1, 2, 3, …: what a person has confirmed is a version.
    pub version: i32,
    /// Whether it counts.
    pub state: AssignmentState,
    /// Who confirmed this version.
    pub confirmed_by: String,
    /// For how many devices.
    pub confirmed_count: i64,
    /// When it was made.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub created_at: Timestamp,
    /// When this version was made.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub changed_at: Timestamp,
}

by_id!(Assignment, assignments, AssignmentId);

/// An assignment as it was.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = assignment_versions, treat_none_as_default_value = false)]
pub struct AssignmentVersion {
    /// Of which assignment.
    pub assignment_id: AssignmentId,
    /// Which version.
    pub version: i32,
    /// The version of the item.
    pub item_version_id: ItemVersionId,
    /// The group.
    pub group_id: Option<GroupId>,
    /// The place.
    pub place_id: Option<PlaceId>,
    /// The excluded groups.
    pub excluded: String,
    /// Whether it counted.
    pub state: AssignmentState,
    /// Who confirmed it.
    pub confirmed_by: String,
    /// For how many devices.
    pub confirmed_count: i64,
    /// When it was made.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub changed_at: Timestamp,
}

impl Assignment {
    /// Keeps the present version in the history. To be called after every insert and save.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the version is there already.
    pub fn keep_version(&self, connection: &mut Connection) -> Result<(), Error> {
        let version = AssignmentVersion {
            assignment_id: self.id,
            version: self.version,
            item_version_id: self.item_version_id,
            group_id: self.group_id,
            place_id: self.place_id,
            excluded: self.excluded.clone(),
            state: self.state,
            confirmed_by: self.confirmed_by.clone(),
            confirmed_count: self.confirmed_count,
            changed_at: self.changed_at,
        };
        diesel::insert_into(assignment_versions::table).values(version).execute(connection)?;
        Ok(())
    }

    /// Whether any assignment counts.
    ///
    /// # Errors
    /// The database's.
    pub fn any_active(connection: &mut Connection) -> Result<bool, Error> {
        let active = assignments::table.filter(assignments::state.eq(AssignmentState::Active));
        Ok(diesel::select(exists(active)).get_result(connection)?)
    }

    /// All assignments that count, the oldest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list_active(connection: &mut Connection) -> Result<Vec<Self>, Error> {
        let active = assignments::table.filter(assignments::state.eq(AssignmentState::Active));
        Ok(active.order(assignments::id).select(Self::as_select()).load(connection)?)
    }

    /// The groups whose members do not get it.
    #[must_use]
    pub fn excluded_groups(&self) -> Vec<GroupId> {
        serde_json::from_str(&self.excluded).unwrap_or_default()
    }
}

impl AssignmentVersion {
    /// The versions of an assignment, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list_of(connection: &mut Connection, assignment: AssignmentId) -> Result<Vec<Self>, Error> {
        let of = assignment_versions::table.filter(assignment_versions::assignment_id.eq(assignment));
        Ok(of.order(assignment_versions::version.desc()).select(Self::as_select()).load(connection)?)
    }
}
