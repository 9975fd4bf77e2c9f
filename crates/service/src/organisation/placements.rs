//! Where a device is and whose it is: said by an operator, by a file, or by the link with which it enrolled.

use clock::Timestamp;
use serde_json::json;
use store::{
    Connection, Device, DeviceId, Enrollment, LinkId, LinkPlacement, Person, PersonId, Place, PlaceId,
    Placement, PlacementEvent, Tx,
};

use super::names::{find_person, find_place, in_field};
use super::seam::Change;
use super::{Organisation, seam, view};
use crate::audit::{self, Act};
use crate::events::Event;
use crate::operators::Operator;
use crate::views::{Consent, PlacementRequest, PlacementView};
use crate::{Context, Error, lifecycle, targets};

/// A device is put somewhere or given to somebody.
#[derive(Debug, Clone)]
pub(super) struct Move {
    /// Which device.
    pub(super) device: DeviceId,
    /// Where it goes; none: it stays where it is.
    pub(super) place: Option<PlaceId>,
    /// Whose it becomes (inner none: nobody's); none: it stays theirs.
    pub(super) owner: Option<Option<PersonId>>,
    /// Who says so.
    pub(super) by: String,
    /// In what: `operator`, `import`, `enrollment`.
    pub(super) cause: &'static str,
}

/// What an enrolment link says about the devices that enrol by it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Link {
    /// Where they go.
    pub(crate) place: Option<Place>,
    /// Whose they become.
    pub(crate) owner: Option<Person>,
}

impl Organisation {
    /// Where a device is and whose it is, with its history.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] for a serial number that several devices claim.
    pub async fn placement(&self, device: String) -> Result<PlacementView, Error> {
        self.context
            .store
            .read("show_placement", move |c| {
                let found = targets::find_device(c, &device).map_err(|miss| miss.into_error(&device))?;
                shown(c, found.id)
            })
            .await
    }

    /// Puts a device somewhere, gives it to somebody, or both.
    ///
    /// # Errors
    /// As [`Organisation::placement`]; [`Error::Invalid`] for an unknown place or person, or one that is given up or has left.
    pub async fn place_device(
        &self,
        operator: &Operator,
        device: String,
        request: PlacementRequest,
        consent: Consent,
    ) -> Result<PlacementView, Error> {
        if request.place.is_none() && request.owner.is_none() {
            return Err(Error::invalid("place", "name a place, an owner, or both"));
        }
        let (context, now, by) = (self.context.clone(), self.context.now(), operator.name.clone());
        let (placed, moved) = self
            .desired
            .guarded("place_device", operator, consent, move |tx, guard| {
                let found = targets::find_device(tx, &device).map_err(|miss| miss.into_error(&device))?;
                let place = match &request.place {
                    Some(place) => Some(in_field("place", find_place(tx, place))?.id),
                    None => None,
                };
                let owner = match request.owner.as_deref() {
                    Some("") => Some(None),
                    Some(owner) => Some(Some(in_field("owner", find_person(tx, owner))?.id)),
                    None => None,
                };
                let order = Move { device: found.id, place, owner, by: by.clone(), cause: "operator" };
                guard.before(tx, &[found.id])?;
                let moved = apply(tx, &context, now, &order)?;
                Ok((shown(tx, found.id)?, moved.then_some(found.id)))
            })
            .await?;
        if let Some(device) = moved {
            self.tell(placed_event(device, now));
        }
        Ok(placed)
    }
}

pub(super) fn placed_event(device: DeviceId, now: Timestamp) -> Event {
    Event { device: Some(device), ..Event::new("device.placed", now) }
}

/// Carries a move out, with its record and history. `false`: it is so already.
pub(super) fn apply(tx: &mut Tx<'_>, context: &Context, now: Timestamp, order: &Move) -> Result<bool, Error> {
    let before = Placement::of(tx, order.device)?;
    let root = Place::root(tx)?.id;
    let place_before = before.as_ref().map_or(root, |placement| placement.place_id);
    let owner_before = before.as_ref().and_then(|placement| placement.owner_id);
    let (place_id, owner_id) = (order.place.unwrap_or(place_before), order.owner.unwrap_or(owner_before));
    if place_id != place_before {
        let place = Place::find(tx, place_id)?;
        if place.archived_at.is_some() {
            return Err(Error::invalid("place", format!("'{}' has been given up", place.name)));
        }
    }
    let owner = owner_id.map(|id| Person::find(tx, id)).transpose()?;
    if owner_id != owner_before
        && let Some(person) = &owner
        && person.left_at.is_some()
    {
        return Err(Error::invalid("owner", format!("{} has left", person.name)));
    }
    let renamed = order.owner.is_some() && remember_owner(tx, order.device, owner)?;
    let moved = place_id != place_before || owner_id != owner_before;
    if moved {
        let (since, changed_by) = (now, order.by.clone());
        Placement { device_id: order.device, place_id, owner_id, since, changed_by }.set(tx, order.cause)?;
    } else if !renamed {
        return Ok(false);
    }
    let told = json!({
        "place": place_id, "owner": owner_id, "place_before": place_before, "owner_before": owner_before, "cause": order.cause
    });
    let act = Act::by(order.by.as_str(), "device.place").on(order.device.to_string()).with(told);
    audit::record(tx, now, &act)?;
    seam::device_changed(tx, context, order.device, Change::Placement)?;
    Ok(true)
}

/// The current epoch names its owner in words, by which lists are searched. `true`: it named another.
fn remember_owner(tx: &mut Tx<'_>, device: DeviceId, owner: Option<Person>) -> Result<bool, Error> {
    let Some(mut epoch) = Enrollment::current(tx, device)? else { return Ok(false) };
    let words = owner.map(|person| person.email.unwrap_or(person.name));
    if epoch.owner == words {
        return Ok(false);
    }
    epoch.owner = words;
    epoch.save(tx)?;
    Ok(true)
}

fn shown(connection: &mut Connection, device: DeviceId) -> Result<PlacementView, Error> {
    let placement = Placement::of(connection, device)?;
    let place = Placement::place_of(connection, device)?;
    let chain = Place::chain(connection, place.id)?;
    let owner = match placement.as_ref().and_then(|placement| placement.owner_id) {
        Some(id) => Some(Person::find(connection, id)?),
        None => None,
    };
    let events = PlacementEvent::of(connection, device)?;
    let history = view::history(connection, events)?;
    Ok(PlacementView {
        device_id: device.0,
        place: view::place_ref(&place),
        path: view::path(&chain),
        owner: owner.as_ref().map(view::person_ref),
        since: placement.as_ref().map(|placement| placement.since),
        changed_by: placement.map(|placement| placement.changed_by),
        history,
    })
}

/// Understands what a new link is to say. A free text that is no known person stays a text.
pub(crate) fn of_link(
    connection: &mut Connection,
    place: Option<&str>,
    owner: Option<&str>,
) -> Result<Link, Error> {
    let place = match place {
        Some(place) => Some(in_field("place", find_place(connection, place))?),
        None => None,
    };
    if let Some(place) = place.as_ref().filter(|place| place.archived_at.is_some()) {
        return Err(Error::invalid("place", format!("'{}' has been given up", place.name)));
    }
    let owner = match owner.map(|owner| find_person(connection, owner)) {
        None | Some(Err(Error::NotFound { .. })) => None,
        Some(found) => Some(found?),
    };
    if let Some(person) = owner.as_ref().filter(|person| person.left_at.is_some()) {
        return Err(Error::invalid("owner", format!("{} has left", person.name)));
    }
    Ok(Link { place, owner })
}

/// What some links say, by link.
pub(crate) fn on_link(connection: &mut Connection, links: &[LinkId]) -> Result<Vec<(LinkId, Link)>, Error> {
    let mut found = Vec::new();
    for row in LinkPlacement::of_many(connection, links)? {
        let place = row.place_id.map(|id| Place::find(connection, id)).transpose()?;
        let owner = row.owner_id.map(|id| Person::find(connection, id)).transpose()?;
        found.push((row.link_id, Link { place, owner }));
    }
    Ok(found)
}

/// Puts a device where its link says, once in each epoch, and never while another epoch claims to be that device: a stranger with
/// a link moves nothing. What has been given up or has left in the meantime is passed over.
pub(crate) fn place_enrolled(
    tx: &mut Tx<'_>,
    context: &Context,
    epoch: &Enrollment,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(link) = epoch.link_id else { return Ok(()) };
    let Some(says) = LinkPlacement::of(tx, link)? else { return Ok(()) };
    if lifecycle::is_disputed(tx, epoch)? {
        return Ok(());
    }
    let by_this_epoch = |event: &PlacementEvent| event.at >= epoch.authenticated_at;
    if PlacementEvent::of(tx, epoch.device_id)?.iter().any(by_this_epoch) {
        return Ok(());
    }
    let place = match says.place_id {
        Some(id) => {
            Some(Place::find(tx, id)?).filter(|place| place.archived_at.is_none()).map(|place| place.id)
        }
        None => None,
    };
    let owner = match says.owner_id {
        Some(id) => Some(Person::find(tx, id)?)
            .filter(|person| person.left_at.is_none())
            .map(|person| Some(person.id)),
        None => None,
    };
    let order =
        Move { device: epoch.device_id, place, owner, by: format!("link:{link}"), cause: "enrollment" };
    if (place.is_some() || owner.is_some()) && Device::find(tx, epoch.device_id).is_ok() {
        apply(tx, context, now, &order)?;
    }
    Ok(())
}
