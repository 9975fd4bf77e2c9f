//! Lines `serial, place, owner`.

use std::collections::HashMap;

use store::{DeviceId, Person, PersonId, Place, PlaceId};

use super::super::super::placements::Move;
use super::{
    Cell, Known, Making, Plan, Row, Step, first_time, owner_words, person_in, place_in, place_words,
};
use crate::Error;

/// What the lines are looked up in.
struct Index<'a> {
    known: &'a Known,
    root: Option<&'a Place>,
    places: HashMap<PlaceId, &'a Place>,
    people: HashMap<PersonId, &'a Person>,
    by_word: HashMap<String, &'a Person>,
}

pub(super) fn plan(plan: &mut Plan, rows: &[Row<'_>], known: &Known, making: &Making<'_>) {
    let words = known.people.iter().flat_map(|person| {
        person.external_id.iter().chain(person.email.iter()).map(move |word| (word.clone(), person))
    });
    let index = Index {
        known,
        root: known.places.iter().find(|place| place.parent_id.is_none()),
        places: known.places.iter().map(|place| (place.id, place)).collect(),
        people: known.people.iter().map(|person| (person.id, person)).collect(),
        by_word: words.collect(),
    };
    let mut seen = HashMap::new();
    for row in rows {
        let outcome = step(row, &index, &mut seen, making);
        plan.take(row.line.number, outcome);
    }
}

fn step(
    row: &Row<'_>,
    index: &Index<'_>,
    seen: &mut HashMap<DeviceId, u64>,
    making: &Making<'_>,
) -> Result<Option<(String, String, Step)>, Error> {
    let serial = row.text("serial").ok_or_else(|| Error::invalid("serial", "must not be empty"))?;
    let device = match index.known.devices.get(serial).map(Vec::as_slice) {
        Some([device]) => *device,
        Some([_, _, ..]) => {
            return Err(Error::invalid("serial", format!("several devices claim '{serial}'")));
        }
        _ => return Err(Error::invalid("serial", format!("there is no device '{serial}'"))),
    };
    first_time(seen, device, row.line.number, "serial")?;
    let root = index.root.ok_or_else(|| Error::Internal("there is no root".to_owned()))?;
    let place = match row.cell("place") {
        Cell::Silent => None,
        Cell::Clear => Some(root),
        Cell::Text(text) => Some(place_in(index.known.places.iter(), "place", text)?),
    };
    let owner = match row.cell("owner") {
        Cell::Silent => None,
        Cell::Clear => Some(None),
        Cell::Text(text) => Some(Some(person_in(&index.by_word, "owner", text)?)),
    };
    let before = index.known.placements.get(&device);
    let place_before = before.map_or(root.id, |placement| placement.place_id);
    let owner_before = before.and_then(|placement| placement.owner_id);
    let place = place.filter(|place| place.id != place_before);
    let owner = owner.filter(|owner| owner.map(|person| person.id) != owner_before);
    if let Some(place) = place.filter(|place| place.archived_at.is_some()) {
        return Err(Error::invalid("place", format!("'{}' has been given up", place.name)));
    }
    if let Some(person) = owner.flatten().filter(|person| person.left_at.is_some()) {
        return Err(Error::invalid("owner", format!("{} has left", person.name)));
    }
    if place.is_none() && owner.is_none() {
        return Ok(None);
    }
    let mut said = Vec::new();
    if let Some(place) = place {
        said.push(format!("from {} to {}", place_words(&index.places, place_before), place.name));
    }
    if let Some(owner) = owner {
        let (before, after) =
            (owner_words(&index.people, owner_before), owner_words(&index.people, owner.map(|o| o.id)));
        said.push(format!("owner {before} becomes {after}"));
    }
    let order = Move {
        device,
        place: place.map(|place| place.id),
        owner: owner.map(|owner| owner.map(|person| person.id)),
        by: making.by.to_owned(),
        cause: "import",
    };
    Ok(Some((serial.to_owned(), said.join(", "), Step::Move(order))))
}
