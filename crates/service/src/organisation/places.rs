//! The tree of places: made, renamed, moved, given up; and the variables that hold at them.

use std::collections::HashMap;

use serde_json::json;
use store::{Connection, Place, PlaceId, PlaceKind, PlaceVariable, Placement, Tx};

use super::names::{self, find_place, in_field};
use super::{Organisation, seam, view};
use crate::audit::{self, Act};
use crate::events::Event;
use crate::operators::Operator;
use crate::views::{Consent, PlaceChange, PlaceDetailView, PlaceRequest, PlaceView, ValueRequest};
use crate::{Context, Error};

/// Places at most.
pub(super) const MOST_PLACES: i64 = 20_000;
/// Variables of one place at most.
const MOST_VARIABLES: usize = 100;

/// Makes the root, if there is none. Later changes of the setting do not rename it: an operator does.
///
/// # Errors
/// The database's.
pub(crate) async fn ensure_root(context: &Context) -> Result<(), Error> {
    let named = context
        .settings
        .organization
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect::<String>();
    let root = Place {
        id: PlaceId::new(context.clock.as_ref()),
        parent_id: None,
        kind: PlaceKind::Organization,
        name: if named.is_empty() { "Organisation".to_owned() } else { named },
        code: None,
        created_at: context.now(),
        archived_at: None,
    };
    context
        .store
        .tx("ensure_root", move |tx| match Place::root(tx) {
            Err(store::Error::NotFound) => Ok::<_, Error>(root.insert(tx)?),
            found => Ok(found.map(drop)?),
        })
        .await
}

impl Organisation {
    /// All places, each followed by its parts, with how many devices are there. Given-up ones only if `archived`.
    ///
    /// # Errors
    /// The database's.
    pub async fn places(&self, archived: bool) -> Result<Vec<PlaceView>, Error> {
        let (places, counts) = self
            .context
            .store
            .read("list_places", move |c| {
                Ok::<_, Error>((Place::list(c, archived)?, Placement::count_by_place(c)?))
            })
            .await?;
        Ok(view::tree(&places, &counts))
    }

    /// One place by id, code or unique name, with the variables that hold there.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] for a name that several places have.
    pub async fn place(&self, place: String) -> Result<PlaceDetailView, Error> {
        self.context
            .store
            .read("show_place", move |c| {
                let found = find_place(c, &place)?;
                detail(c, &found)
            })
            .await
    }

    /// Makes a place.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong field, [`Error::Conflict`] for a code that is taken.
    pub async fn create_place(
        &self,
        operator: &Operator,
        request: PlaceRequest,
    ) -> Result<PlaceDetailView, Error> {
        let kind = kind(&request.kind)?;
        let name = names::name("name", &request.name)?;
        let code = request.code.as_deref().map(|code| names::code("code", code)).transpose()?;
        let now = self.context.now();
        let id = PlaceId::new(self.context.clock.as_ref());
        let act = Act::new(operator, "place.create").on(id.to_string());
        let made = self
            .context
            .store
            .tx("create_place", move |tx| {
                let parent = match &request.parent {
                    Some(parent) => in_field("parent", find_place(tx, parent))?,
                    None => Place::root(tx)?,
                };
                let place = Place {
                    id,
                    parent_id: Some(parent.id),
                    kind,
                    name: name.clone(),
                    code: code.clone(),
                    created_at: now,
                    archived_at: None,
                };
                insert(tx, &place, &parent)?;
                let told =
                    json!({ "name": place.name, "code": place.code, "kind": kind, "parent": parent.id });
                audit::record(tx, now, &act.clone().with(told))?;
                detail(tx, &place)
            })
            .await?;
        self.tell(Event::new("place.created", now).with(json!({ "place": made.place.id })));
        Ok(made)
    }

    /// Renames or moves a place, or brings back a given-up one.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for a wrong field; [`Error::Conflict`] where the tree forbids it.
    pub async fn change_place(
        &self,
        operator: &Operator,
        place: String,
        change: PlaceChange,
        consent: Consent,
    ) -> Result<PlaceDetailView, Error> {
        let now = self.context.now();
        let (context, act) = (self.context.clone(), Act::new(operator, "place.change"));
        let changed = self
            .desired
            .guarded("change_place", operator, consent, move |tx, guard| {
                let before = find_place(tx, &place)?;
                let after = changed(tx, &before, &change)?;
                if after == before {
                    return detail(tx, &after);
                }
                let below = Placement::devices_below(tx, after.id)?;
                guard.before(tx, &below)?;
                save(tx, &after)?;
                let told = json!({ "before": view::summary(&before), "after": view::summary(&after) });
                audit::record(tx, now, &act.clone().on(after.id.to_string()).with(told))?;
                // The name and the path of a place are facts of the devices there; a move changes what they inherit.
                seam::devices_below_changed(tx, &context, after.id)?;
                detail(tx, &after)
            })
            .await?;
        self.tell(Event::new("place.changed", now).with(json!({ "place": changed.place.id })));
        Ok(changed)
    }

    /// Gives a place up. It stays in the records.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] while devices or parts are there, and for the root.
    pub async fn archive_place(&self, operator: &Operator, place: String) -> Result<PlaceDetailView, Error> {
        let now = self.context.now();
        let act = Act::new(operator, "place.archive");
        let archived = self
            .context
            .store
            .tx("archive_place", move |tx| {
                let mut place = find_place(tx, &place)?;
                if place.archived_at.is_none() {
                    may_go(tx, &place)?;
                    place.archived_at = Some(now);
                    place.save(tx)?;
                    audit::record(tx, now, &act.clone().on(place.id.to_string()))?;
                }
                detail(tx, &place)
            })
            .await?;
        self.tell(Event::new("place.archived", now).with(json!({ "place": archived.place.id })));
        Ok(archived)
    }

    /// Sets a variable of a place, for its devices and those of its parts that say nothing else.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for a wrong name or value, or too many.
    pub async fn set_variable(
        &self,
        operator: &Operator,
        (place, name): (String, String),
        request: ValueRequest,
        consent: Consent,
    ) -> Result<PlaceDetailView, Error> {
        let (name, value) = (names::key("name", &name)?, names::value("value", &request.value)?);
        let (now, by, context) = (self.context.now(), operator.name.clone(), self.context.clone());
        let act = Act::new(operator, "place.variable.set").with(json!({ "name": name, "value": value }));
        self.desired
            .guarded("set_place_variable", operator, consent, move |tx, guard| {
                let place = find_place(tx, &place)?;
                let before = PlaceVariable::of_places(tx, &[place.id])?;
                let known = before.iter().find(|variable| variable.name == name);
                if known.is_none() && before.len() >= MOST_VARIABLES {
                    return Err(Error::invalid(
                        "name",
                        format!("a place has at most {MOST_VARIABLES} variables"),
                    ));
                }
                if known.is_none_or(|known| known.value != value) {
                    let below = Placement::devices_below(tx, place.id)?;
                    guard.before(tx, &below)?;
                    let (name, value, set_by) = (name.clone(), value.clone(), by.clone());
                    PlaceVariable { place_id: place.id, name, value, set_at: now, set_by }.set(tx)?;
                    audit::record(tx, now, &act.clone().on(place.id.to_string()))?;
                    seam::devices_below_changed(tx, &context, place.id)?;
                }
                detail(tx, &place)
            })
            .await
    }

    /// Takes a variable of a place away; what the place inherits holds again.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the place or the variable.
    pub async fn unset_variable(
        &self,
        operator: &Operator,
        (place, name): (String, String),
        consent: Consent,
    ) -> Result<PlaceDetailView, Error> {
        let (now, context) = (self.context.now(), self.context.clone());
        let act = Act::new(operator, "place.variable.unset").with(json!({ "name": name }));
        self.desired
            .guarded("unset_place_variable", operator, consent, move |tx, guard| {
                let place = find_place(tx, &place)?;
                let below = Placement::devices_below(tx, place.id)?;
                guard.before(tx, &below)?;
                if !PlaceVariable::unset(tx, place.id, &name)? {
                    return Err(Error::not_found("variable of this place", &name));
                }
                audit::record(tx, now, &act.clone().on(place.id.to_string()))?;
                seam::devices_below_changed(tx, &context, place.id)?;
                detail(tx, &place)
            })
            .await
    }
}

pub(super) fn kind(text: &str) -> Result<PlaceKind, Error> {
    match text.trim().to_lowercase().parse() {
        Ok(PlaceKind::Organization) => {
            Err(Error::invalid("kind", "there is one organization, the root, already"))
        }
        Ok(kind) => Ok(kind),
        Err(_) => Err(Error::invalid("kind", "must be site, building or ward")),
    }
}

/// Inserts a place below another, if the tree allows it.
pub(super) fn insert(tx: &mut Tx<'_>, place: &Place, parent: &Place) -> Result<(), Error> {
    fits(place.kind, parent)?;
    if Place::count(tx)? >= MOST_PLACES {
        return Err(Error::Conflict(format!("there are {MOST_PLACES} places already, more are not kept")));
    }
    code_is_free(tx, place)?;
    Ok(place.insert(tx)?)
}

/// Writes a place that has changed.
pub(super) fn save(tx: &mut Tx<'_>, place: &Place) -> Result<(), Error> {
    code_is_free(tx, place)?;
    Ok(place.save(tx)?)
}

/// A place stands below wider ones only. So there is no circle, and no ward with a site in it.
pub(super) fn fits(kind: PlaceKind, parent: &Place) -> Result<(), Error> {
    if parent.archived_at.is_some() {
        return Err(Error::invalid("parent", format!("'{}' has been given up", parent.name)));
    }
    if parent.kind >= kind {
        return Err(Error::invalid(
            "parent",
            format!("a {kind} cannot be a part of a {} ('{}')", parent.kind, parent.name),
        ));
    }
    Ok(())
}

fn code_is_free(tx: &mut Tx<'_>, place: &Place) -> Result<(), Error> {
    let Some(code) = &place.code else { return Ok(()) };
    match Place::find_by_code(tx, code)? {
        Some(other) if other.id != place.id => {
            let state = if other.archived_at.is_some() { ", which has been given up," } else { "" };
            Err(Error::Conflict(format!("the place '{}'{state} has the code '{code}' already", other.name)))
        }
        _ => Ok(()),
    }
}

fn changed(tx: &mut Tx<'_>, before: &Place, change: &PlaceChange) -> Result<Place, Error> {
    let mut after = before.clone();
    if let Some(name) = &change.name {
        after.name = names::name("name", name)?;
    }
    if let Some(code) = &change.code {
        after.code = if code.is_empty() { None } else { Some(names::code("code", code)?) };
    }
    if let Some(parent) = &change.parent {
        let parent = in_field("parent", find_place(tx, parent))?;
        if before.parent_id.is_none() {
            return Err(Error::invalid("parent", "the root is a part of nothing"));
        }
        fits(after.kind, &parent)?;
        after.parent_id = Some(parent.id);
    }
    match change.archived {
        Some(true) => return Err(Error::invalid("archived", "a place is given up with DELETE")),
        Some(false) => {
            after.archived_at = None;
            if let Some(parent) = after.parent_id {
                fits(after.kind, &Place::find(tx, parent)?)?;
            }
        }
        None => {}
    }
    Ok(after)
}

/// Nothing is orphaned: who is there goes first.
fn may_go(tx: &mut Tx<'_>, place: &Place) -> Result<(), Error> {
    if place.parent_id.is_none() {
        return Err(Error::Conflict(
            "the root cannot be given up: every device is somewhere below it".to_owned(),
        ));
    }
    if Place::has_parts(tx, place.id)? {
        return Err(Error::Conflict(format!("'{}' has parts: move them or give them up first", place.name)));
    }
    let devices = Placement::devices_below(tx, place.id)?.len();
    if devices > 0 {
        return Err(Error::Conflict(format!(
            "{devices} devices are in '{}': put them elsewhere first",
            place.name
        )));
    }
    Ok(())
}

fn detail(connection: &mut Connection, place: &Place) -> Result<PlaceDetailView, Error> {
    let chain = Place::chain(connection, place.id)?;
    let below = i64::try_from(Placement::devices_below(connection, place.id)?.len()).unwrap_or(i64::MAX);
    let here = Placement::count_by_place(connection)?.get(&place.id).copied().unwrap_or(0);
    let variables = PlaceVariable::resolved(connection, place.id)?;
    let names: HashMap<PlaceId, String> = chain.iter().map(|place| (place.id, place.name.clone())).collect();
    Ok(PlaceDetailView {
        place: view::place(place, view::path(&chain), (here, below)),
        variables: variables
            .into_values()
            .map(|variable| view::variable(variable, place.id, &names))
            .collect(),
    })
}
