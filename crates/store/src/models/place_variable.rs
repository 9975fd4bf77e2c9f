//! Values that profiles take from the place of a device, for example the name of its Wi-Fi network.

use std::collections::BTreeMap;

use clock::Timestamp;
use diesel::prelude::*;

use super::Place;
use crate::column::Millis;
use crate::schema::place_variables;
use crate::{Connection, Error, PlaceId};

/// A variable of a place. A part of the place that says nothing else has it too.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = place_variables, primary_key(place_id, name))]
pub struct PlaceVariable {
    /// Where it was set.
    pub place_id: PlaceId,
    /// Its name: `$site.NAME` in a profile.
    pub name: String,
    /// Its value. Not a secret.
    pub value: String,
    /// When it was set.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub set_at: Timestamp,
    /// By whom.
    pub set_by: String,
}

impl PlaceVariable {
    /// Sets the variable, or replaces its value.
    ///
    /// # Errors
    /// [`Error::Conflict`] when there is no such place.
    pub fn set(&self, connection: &mut Connection) -> Result<(), Error> {
        let changed = diesel::update(place_variables::table.find((self.place_id, &self.name)))
            .set((
                place_variables::value.eq(&self.value),
                place_variables::set_at.eq(Millis::from(self.set_at)),
                place_variables::set_by.eq(&self.set_by),
            ))
            .execute(connection)?;
        if changed == 0 {
            diesel::insert_into(place_variables::table).values(self.clone()).execute(connection)?;
        }
        Ok(())
    }

    /// The variable of exactly this place.
    ///
    /// # Errors
    /// The database's.
    pub fn find(connection: &mut Connection, place: PlaceId, name: &str) -> Result<Option<Self>, Error> {
        Ok(place_variables::table
            .find((place, name))
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// Takes the variable of a place away. `false`: there was none.
    ///
    /// # Errors
    /// The database's.
    pub fn unset(connection: &mut Connection, place: PlaceId, name: &str) -> Result<bool, Error> {
        Ok(diesel::delete(place_variables::table.find((place, name))).execute(connection)? > 0)
    }

    /// The variables of exactly these places, by name.
    ///
    /// # Errors
    /// The database's.
    pub fn of_places(connection: &mut Connection, places: &[PlaceId]) -> Result<Vec<Self>, Error> {
        Ok(place_variables::table
            .filter(place_variables::place_id.eq_any(places))
            .order((place_variables::name, place_variables::place_id))
            .select(Self::as_select())
            .load(connection)?)
    }

    /// What holds at a place: of each name the value of the place itself, else of the nearest place above.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such place.
    pub fn resolved(connection: &mut Connection, place: PlaceId) -> Result<BTreeMap<String, Self>, Error> {
        let chain: Vec<PlaceId> =
            Place::chain(connection, place)?.into_iter().map(|place| place.id).collect();
        let all = Self::of_places(connection, &chain)?;
        let mut resolved = BTreeMap::new();
        for id in chain.into_iter().rev() {
            let here = all.iter().filter(|variable| variable.place_id == id);
            resolved.extend(here.map(|variable| (variable.name.clone(), variable.clone())));
        }
        Ok(resolved)
    }
}
