//! Where a device is and whose it is, now and before.

use std::collections::HashMap;

use clock::Timestamp;
use diesel::dsl::count_star;
use diesel::prelude::*;

use super::Place;
use crate::column::Millis;
use crate::schema::{devices, link_placements, placement_events, placements};
use crate::{Connection, DeviceId, Error, LinkId, PersonId, PlaceId};

/// The place and the owner of a device. A device without a row is in the root and belongs to nobody.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = placements)]
pub struct Placement {
    /// Which device.
    pub device_id: DeviceId,
    /// Where it is.
    pub place_id: PlaceId,
    /// Whose it is.
    pub owner_id: Option<PersonId>,
    /// Since when both are so.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub since: Timestamp,
    /// Who said so.
    pub changed_by: String,
}

/// A change of place or owner. Rows are only added.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = placement_events)]
pub struct PlacementEvent {
    /// Its place in the order of all changes.
    pub id: i64,
    /// Which device.
    pub device_id: DeviceId,
    /// Where it was from then on.
    pub place_id: PlaceId,
    /// Whose it was from then on.
    pub owner_id: Option<PersonId>,
    /// When.
    #[diesel(deserialize_as = Millis)]
    pub at: Timestamp,
    /// Who said so.
    pub changed_by: String,
    /// In what: `operator`, `import`, `enrollment`, `person.left`.
    pub cause: String,
}

/// A change to be recorded.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = placement_events, treat_none_as_default_value = false)]
pub struct NewPlacementEvent {
    /// Which device.
    pub device_id: DeviceId,
    /// Where it is from now on.
    pub place_id: PlaceId,
    /// Whose it is from now on.
    pub owner_id: Option<PersonId>,
    /// When.
    #[diesel(serialize_as = Millis)]
    pub at: Timestamp,
    /// Who says so.
    pub changed_by: String,
    /// In what.
    pub cause: String,
}

/// Where devices go that enrol by a link, and whose they become.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = link_placements, treat_none_as_default_value = false)]
pub struct LinkPlacement {
    /// Which link.
    pub link_id: LinkId,
    /// Where they go.
    pub place_id: Option<PlaceId>,
    /// Whose they become.
    pub owner_id: Option<PersonId>,
}

impl Placement {
    /// The placement of a device, if somebody has said one.
    ///
    /// # Errors
    /// The database's.
    pub fn of(connection: &mut Connection, device: DeviceId) -> Result<Option<Self>, Error> {
        Ok(placements::table.find(device).select(Self::as_select()).first(connection).optional()?)
    }

    /// The place of a device: the root if nobody has said another.
    ///
    /// # Errors
    /// [`Error::NotFound`] before there is a root.
    pub fn place_of(connection: &mut Connection, device: DeviceId) -> Result<Place, Error> {
        match Self::of(connection, device)? {
            Some(placement) => Place::find(connection, placement.place_id),
            None => Place::root(connection),
        }
    }

    /// The placements of some devices; those that have none are missing.
    ///
    /// # Errors
    /// The database's.
    pub fn of_many(connection: &mut Connection, ids: &[DeviceId]) -> Result<Vec<Self>, Error> {
        Ok(placements::table
            .filter(placements::device_id.eq_any(ids))
            .select(Self::as_select())
            .load(connection)?)
    }

    /// Makes this the placement of its device and records the change.
    ///
    /// # Errors
    /// [`Error::Conflict`] when there is no such device, place or person.
    pub fn set(&self, connection: &mut Connection, cause: &str) -> Result<(), Error> {
        diesel::delete(placements::table.find(self.device_id)).execute(connection)?;
        diesel::insert_into(placements::table).values(self.clone()).execute(connection)?;
        let event = NewPlacementEvent {
            device_id: self.device_id,
            place_id: self.place_id,
            owner_id: self.owner_id,
            at: self.since,
            changed_by: self.changed_by.clone(),
            cause: cause.to_owned(),
        };
        diesel::insert_into(placement_events::table).values(event).execute(connection)?;
        Ok(())
    }

    /// The devices of a person.
    ///
    /// # Errors
    /// The database's.
    pub fn devices_of(connection: &mut Connection, person: PersonId) -> Result<Vec<DeviceId>, Error> {
        Ok(placements::table
            .filter(placements::owner_id.eq(person))
            .order(placements::device_id)
            .select(placements::device_id)
            .load(connection)?)
    }

    /// How many devices some people have; who has none is missing.
    ///
    /// # Errors
    /// The database's.
    pub fn count_by_owner(
        connection: &mut Connection,
        people: &[PersonId],
    ) -> Result<HashMap<PersonId, i64>, Error> {
        let counts: Vec<(Option<PersonId>, i64)> = placements::table
            .filter(placements::owner_id.eq_any(people))
            .group_by(placements::owner_id)
            .select((placements::owner_id, count_star()))
            .load(connection)?;
        Ok(counts.into_iter().filter_map(|(owner, count)| Some((owner?, count))).collect())
    }

    /// How many devices are in each place itself, not counting its parts. Those that were never put anywhere count as
    /// the root's.
    ///
    /// # Errors
    /// The database's.
    pub fn count_by_place(connection: &mut Connection) -> Result<HashMap<PlaceId, i64>, Error> {
        let placed: Vec<(PlaceId, i64)> = placements::table
            .group_by(placements::place_id)
            .select((placements::place_id, count_star()))
            .load(connection)?;
        let mut counts: HashMap<PlaceId, i64> = placed.into_iter().collect();
        let all: i64 = devices::table.count().get_result(connection)?;
        let elsewhere: i64 = counts.values().sum();
        let root = Place::root(connection)?.id;
        let nowhere = all.saturating_sub(elsewhere);
        let here = counts.entry(root).or_insert(0);
        *here = here.saturating_add(nowhere);
        Ok(counts)
    }

    /// The devices in a place and all its parts, in the order of their ids. For the root these are all devices.
    ///
    /// # Errors
    /// The database's; [`Error::NotFound`] when there is no such place.
    pub fn devices_below(connection: &mut Connection, place: PlaceId) -> Result<Vec<DeviceId>, Error> {
        if Place::find(connection, place)?.parent_id.is_none() {
            return Ok(devices::table.order(devices::id).select(devices::id).load(connection)?);
        }
        let mut found: Vec<DeviceId> = Vec::new();
        for part in Place::subtree(connection, place)?.chunks(10_000) {
            let placed = placements::table.filter(placements::place_id.eq_any(part));
            found.extend(placed.select(placements::device_id).load::<DeviceId>(connection)?);
        }
        found.sort_unstable();
        Ok(found)
    }
}

impl PlacementEvent {
    /// What became of a device's place and owner, the newest first, 200 at most.
    ///
    /// # Errors
    /// The database's.
    pub fn of(connection: &mut Connection, device: DeviceId) -> Result<Vec<Self>, Error> {
        Ok(placement_events::table
            .filter(placement_events::device_id.eq(device))
            .order(placement_events::id.desc())
            .limit(200)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// Where a device was and whose it was at a moment, if anybody had said so by then.
    ///
    /// # Errors
    /// The database's.
    pub fn at(connection: &mut Connection, device: DeviceId, at: Timestamp) -> Result<Option<Self>, Error> {
        Ok(placement_events::table
            .filter(placement_events::device_id.eq(device))
            .filter(placement_events::at.le(Millis::from(at)))
            .order(placement_events::id.desc())
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }
}

impl LinkPlacement {
    /// Inserts the row.
    ///
    /// # Errors
    /// [`Error::Conflict`] when there is no such link, place or person.
    pub fn insert(&self, connection: &mut Connection) -> Result<(), Error> {
        diesel::insert_into(link_placements::table).values(self.clone()).execute(connection)?;
        Ok(())
    }

    /// What a link says, if it says anything.
    ///
    /// # Errors
    /// The database's.
    pub fn of(connection: &mut Connection, link: LinkId) -> Result<Option<Self>, Error> {
        Ok(link_placements::table.find(link).select(Self::as_select()).first(connection).optional()?)
    }

    /// What some links say.
    ///
    /// # Errors
    /// The database's.
    pub fn of_many(connection: &mut Connection, links: &[LinkId]) -> Result<Vec<Self>, Error> {
        Ok(link_placements::table
            .filter(link_placements::link_id.eq_any(links))
            .select(Self::as_select())
            .load(connection)?)
    }
}
