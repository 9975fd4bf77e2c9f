//! Places: one tree of organisation, sites, buildings and wards.

use clock::Timestamp;
use diesel::prelude::*;

use super::by_id;
use crate::column::{Millis, OptionalMillis};
use crate::schema::places;
use crate::{Connection, Error, PlaceId, PlaceKind};

/// How many places a step of a walk upwards meets at most: a row that points at itself does not hang the walk.
const DEEPEST: usize = 32;

/// A place. The one without a parent is the organisation, in which every device is that has been put nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = places, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Place {
    /// Its id.
    pub id: PlaceId,
    /// The place that it is a part of; none for the root.
    pub parent_id: Option<PlaceId>,
    /// What it is.
    pub kind: PlaceKind,
    /// Its name for people.
    pub name: String,
    /// Its short name, unique whatever the case of its letters.
    pub code: Option<String>,
    /// When it was made.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub created_at: Timestamp,
    /// When it was given up.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub archived_at: Option<Timestamp>,
}

by_id!(Place, places, PlaceId);

impl Place {
    /// The root of the tree.
    ///
    /// # Errors
    /// [`Error::NotFound`] before the first start of the server.
    pub fn root(connection: &mut Connection) -> Result<Self, Error> {
        Ok(places::table.filter(places::parent_id.is_null()).select(Self::as_select()).first(connection)?)
    }

    /// The place with this code, whatever the case of its letters, archived ones too.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_code(connection: &mut Connection, code: &str) -> Result<Option<Self>, Error> {
        Ok(places::table
            .filter(places::code.eq(code))
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// The places with this name that are not archived.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_name(connection: &mut Connection, name: &str) -> Result<Vec<Self>, Error> {
        Ok(places::table
            .filter(places::name.eq(name))
            .filter(places::archived_at.is_null())
            .order(places::id)
            .limit(100)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// The places that this one is a part of, the nearest first, the root last.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn ancestors(connection: &mut Connection, id: PlaceId) -> Result<Vec<Self>, Error> {
        let mut chain = Self::chain(connection, id)?;
        chain.remove(0);
        Ok(chain)
    }

    /// The place itself and then its [`Place::ancestors`]. Never empty.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn chain(connection: &mut Connection, id: PlaceId) -> Result<Vec<Self>, Error> {
        let mut chain = vec![Self::find(connection, id)?];
        while let Some(parent) = chain.last().and_then(|place| place.parent_id) {
            if chain.len() > DEEPEST {
                return Err(Error::Internal("places form a circle".to_owned()));
            }
            chain.push(Self::find(connection, parent)?);
        }
        Ok(chain)
    }

    /// The parts of this place, with their parts, in no particular order; archived ones too. Not the place itself.
    ///
    /// # Errors
    /// The database's.
    pub fn descendants(connection: &mut Connection, id: PlaceId) -> Result<Vec<Self>, Error> {
        let mut found: Vec<Self> = Vec::new();
        let mut level = vec![id];
        for _ in 0..DEEPEST {
            let mut below = Vec::new();
            // SQLite binds at most 32,766 values to a statement.
            for part in level.chunks(10_000) {
                below.extend(
                    places::table
                        .filter(places::parent_id.eq_any(part))
                        .select(Self::as_select())
                        .load(connection)?,
                );
            }
            if below.is_empty() {
                break;
            }
            level = below.iter().map(|place: &Self| place.id).collect();
            found.append(&mut below);
        }
        Ok(found)
    }

    /// The ids of this place and of all its [`Place::descendants`].
    ///
    /// # Errors
    /// The database's.
    pub fn subtree(connection: &mut Connection, id: PlaceId) -> Result<Vec<PlaceId>, Error> {
        let mut ids = vec![id];
        ids.extend(Self::descendants(connection, id)?.into_iter().map(|place| place.id));
        Ok(ids)
    }

    /// Every place, in the order in which they were made, so that a parent need not come before its parts.
    ///
    /// # Errors
    /// The database's.
    pub fn list(connection: &mut Connection, archived: bool) -> Result<Vec<Self>, Error> {
        let mut query = places::table.into_boxed();
        if !archived {
            query = query.filter(places::archived_at.is_null());
        }
        Ok(query.order(places::id).select(Self::as_select()).load(connection)?)
    }

    /// How many places there are, archived ones too.
    ///
    /// # Errors
    /// The database's.
    pub fn count(connection: &mut Connection) -> Result<i64, Error> {
        Ok(places::table.count().get_result(connection)?)
    }

    /// Whether a part of the place is not archived.
    ///
    /// # Errors
    /// The database's.
    pub fn has_parts(connection: &mut Connection, id: PlaceId) -> Result<bool, Error> {
        let live = places::table.filter(places::parent_id.eq(id)).filter(places::archived_at.is_null());
        Ok(diesel::select(diesel::dsl::exists(live)).get_result(connection)?)
    }
}
