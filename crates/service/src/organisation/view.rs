//! Rows as operators see them.

use std::collections::HashMap;

use serde_json::{Value as Json, json};
use store::{
    Connection, Device, DeviceId, Person, PersonId, Place, PlaceId, PlaceVariable, Placement, PlacementEvent,
};

use crate::Error;
use crate::views::{
    OwnedDeviceView, PersonRefView, PersonView, PlaceRefView, PlaceView, PlacementEventView, VariableView,
};

/// Devices of one person that are shown at most.
const SHOWN_DEVICES: usize = 500;

/// The places and owners of a page of devices, read in three queries however long it is.
#[derive(Debug, Default)]
pub(crate) struct Whereabouts {
    placements: HashMap<DeviceId, Placement>,
    places: HashMap<PlaceId, Place>,
    people: HashMap<PersonId, Person>,
    root: Option<Place>,
}

impl Whereabouts {
    /// Of some devices.
    pub(crate) fn of(connection: &mut Connection, devices: &[DeviceId]) -> Result<Self, Error> {
        let placements = Placement::of_many(connection, devices)?;
        let people: Vec<PersonId> = placements.iter().filter_map(|placement| placement.owner_id).collect();
        let mut places: Vec<PlaceId> = placements.iter().map(|placement| placement.place_id).collect();
        places.sort_unstable();
        places.dedup();
        let mut found = HashMap::new();
        for id in places {
            found.insert(id, Place::find(connection, id)?);
        }
        Ok(Self {
            root: Some(Place::root(connection)?),
            places: found,
            people: Person::find_many(connection, &people)?
                .into_iter()
                .map(|person| (person.id, person))
                .collect(),
            placements: placements.into_iter().map(|placement| (placement.device_id, placement)).collect(),
        })
    }

    /// The place of one of them.
    pub(crate) fn place(&self, device: DeviceId) -> Option<PlaceRefView> {
        let placement = self.placements.get(&device);
        let place = placement.map_or(self.root.as_ref(), |placement| self.places.get(&placement.place_id));
        place.map(place_ref)
    }

    /// The word by which a file names the owner of one of them: the address or the external id.
    pub(super) fn owner_word(&self, device: DeviceId) -> Option<String> {
        let person = self.people.get(&self.placements.get(&device)?.owner_id?)?;
        person.email.clone().or_else(|| person.external_id.clone())
    }

    /// The names of the places from the root to one of them.
    pub(crate) fn path(&self, connection: &mut Connection, device: DeviceId) -> Result<Vec<String>, Error> {
        let Some(place) = self.place(device) else { return Ok(Vec::new()) };
        Ok(path(&Place::chain(connection, PlaceId(place.id))?))
    }

    /// The owner of one of them.
    pub(crate) fn owner(&self, device: DeviceId) -> Option<PersonRefView> {
        self.people.get(&self.placements.get(&device)?.owner_id?).map(person_ref)
    }
}

pub(crate) fn place_ref(place: &Place) -> PlaceRefView {
    PlaceRefView {
        id: place.id.0,
        kind: place.kind.to_string(),
        name: place.name.clone(),
        code: place.code.clone(),
    }
}

pub(crate) fn person_ref(person: &Person) -> PersonRefView {
    PersonRefView {
        id: person.id.0,
        name: person.name.clone(),
        email: person.email.clone(),
        left: person.left_at.is_some(),
    }
}

/// The names from the root down, of a chain that begins below.
pub(super) fn path(chain: &[Place]) -> Vec<String> {
    chain.iter().rev().map(|place| place.name.clone()).collect()
}

pub(super) fn place(place: &Place, path: Vec<String>, (devices, devices_below): (i64, i64)) -> PlaceView {
    PlaceView {
        id: place.id.0,
        parent_id: place.parent_id.map(|id| id.0),
        kind: place.kind.to_string(),
        name: place.name.clone(),
        code: place.code.clone(),
        path,
        devices,
        devices_below,
        created_at: place.created_at,
        archived_at: place.archived_at,
    }
}

/// The whole tree, each place before its parts, the parts by name.
pub(super) fn tree(places: &[Place], counts: &HashMap<PlaceId, i64>) -> Vec<PlaceView> {
    let mut parts: HashMap<Option<PlaceId>, Vec<&Place>> = HashMap::new();
    for place in places {
        parts.entry(place.parent_id).or_default().push(place);
    }
    for below in parts.values_mut() {
        below.sort_by_key(|place| std::cmp::Reverse(place.name.to_lowercase()));
    }
    let mut shown: Vec<PlaceView> = Vec::with_capacity(places.len());
    let mut waiting: Vec<(&Place, Vec<String>)> = Vec::new();
    let roots = parts.remove(&None).unwrap_or_default();
    waiting.extend(roots.into_iter().map(|root| (root, Vec::new())));
    while let Some((found, mut above)) = waiting.pop() {
        above.push(found.name.clone());
        for part in parts.remove(&Some(found.id)).unwrap_or_default() {
            waiting.push((part, above.clone()));
        }
        let here = counts.get(&found.id).copied().unwrap_or(0);
        shown.push(place(found, above, (here, here)));
    }
    // A part stands after its place, so that going backwards each sum is complete before it is added above.
    let index: HashMap<_, _> = shown.iter().enumerate().map(|(at, place)| (place.id, at)).collect();
    for at in (0..shown.len()).rev() {
        let Some((below, parent)) = shown.get(at).map(|place| (place.devices_below, place.parent_id)) else {
            continue;
        };
        if let Some(parent) = parent.and_then(|id| index.get(&id)).and_then(|at| shown.get_mut(*at)) {
            parent.devices_below = parent.devices_below.saturating_add(below);
        }
    }
    shown
}

pub(super) fn variable(
    variable: PlaceVariable,
    here: PlaceId,
    names: &HashMap<PlaceId, String>,
) -> VariableView {
    VariableView {
        inherited: variable.place_id != here,
        place_id: variable.place_id.0,
        place: names.get(&variable.place_id).cloned().unwrap_or_default(),
        name: variable.name,
        value: variable.value,
        set_at: variable.set_at,
        set_by: variable.set_by,
    }
}

pub(super) fn person(person: Person, devices: i64) -> PersonView {
    PersonView {
        id: person.id.0,
        name: person.name,
        email: person.email,
        external_id: person.external_id,
        devices,
        created_at: person.created_at,
        left_at: person.left_at,
    }
}

/// A place for the record of acts.
pub(super) fn summary(place: &Place) -> Json {
    json!({ "name": place.name, "code": place.code, "parent": place.parent_id, "archived": place.archived_at.is_some() })
}

/// A person for the record of acts.
pub(super) fn person_summary(person: &Person) -> Json {
    json!({ "name": person.name, "email": person.email, "external_id": person.external_id, "left": person.left_at.is_some() })
}

/// The devices of a person.
pub(super) fn devices_of(
    connection: &mut Connection,
    person: PersonId,
) -> Result<Vec<OwnedDeviceView>, Error> {
    let mut ids = Placement::devices_of(connection, person)?;
    ids.truncate(SHOWN_DEVICES);
    let whereabouts = Whereabouts::of(connection, &ids)?;
    let mut shown = Vec::with_capacity(ids.len());
    for id in ids {
        let device = Device::find(connection, id)?;
        if let Some(place) = whereabouts.place(id) {
            shown.push(OwnedDeviceView {
                id: id.0,
                serial_number: device.serial_number,
                name: device.name,
                product_name: device.product_name,
                place,
            });
        }
    }
    Ok(shown)
}

/// The changes of a device's place and owner.
pub(super) fn history(
    connection: &mut Connection,
    events: Vec<PlacementEvent>,
) -> Result<Vec<PlacementEventView>, Error> {
    let mut shown = Vec::with_capacity(events.len());
    for event in events {
        let owner = event.owner_id.map(|id| Person::find(connection, id)).transpose()?;
        shown.push(PlacementEventView {
            at: event.at,
            place: place_ref(&Place::find(connection, event.place_id)?),
            owner: owner.as_ref().map(person_ref),
            changed_by: event.changed_by,
            cause: event.cause,
        });
    }
    Ok(shown)
}
