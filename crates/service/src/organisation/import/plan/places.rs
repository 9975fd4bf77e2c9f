//! Lines `code, name, kind, parent`.

use std::collections::HashMap;

use store::{Place, PlaceId, PlaceKind};

use super::super::super::{names, places};
use super::{Cell, Known, Making, Plan, Row, Step, first_time, place_in};
use crate::Error;

/// Wider places first, so that a line may name a parent that stands further down.
pub(super) fn plan(plan: &mut Plan, rows: &[Row<'_>], known: &Known, making: &Making<'_>) {
    let mut all: HashMap<PlaceId, Place> =
        known.places.iter().map(|place| (place.id, place.clone())).collect();
    let mut sorted: Vec<(Option<PlaceKind>, &Row<'_>)> =
        rows.iter().map(|row| (kind_of(row, &all), row)).collect();
    sorted.sort_by_key(|(kind, row)| (*kind, row.line.number));
    let mut seen = HashMap::new();
    for (_, row) in sorted {
        let outcome = step(row, &all, &mut seen, making);
        if let Ok(Some((_, _, Step::CreatePlace(place) | Step::ChangePlace(place)))) = &outcome {
            all.insert(place.id, place.clone());
        }
        plan.take(row.line.number, outcome);
    }
}

fn by_code<'a>(all: &'a HashMap<PlaceId, Place>, code: &str) -> Option<&'a Place> {
    let code = code.to_lowercase();
    all.values().find(|place| place.code.as_ref().is_some_and(|other| other.to_lowercase() == code))
}

fn kind_of(row: &Row<'_>, all: &HashMap<PlaceId, Place>) -> Option<PlaceKind> {
    let said = row.text("kind").and_then(|kind| kind.to_lowercase().parse().ok());
    said.or_else(|| Some(by_code(all, row.text("code")?)?.kind))
}

fn step(
    row: &Row<'_>,
    all: &HashMap<PlaceId, Place>,
    seen: &mut HashMap<String, u64>,
    making: &Making<'_>,
) -> Result<Option<(String, String, Step)>, Error> {
    let code = row.text("code").ok_or_else(|| Error::invalid("code", "must not be empty"))?;
    let code = names::code("code", code)?;
    first_time(seen, code.to_lowercase(), row.line.number, "code")?;
    let root = all.values().find(|place| place.parent_id.is_none());
    let root = root.ok_or_else(|| Error::Internal("there is no root".to_owned()))?;
    let parent = match row.cell("parent") {
        Cell::Silent => None,
        Cell::Clear => Some(root),
        Cell::Text(text) => Some(place_in(all.values(), "parent", text)?),
    };
    let name = row.text("name").map(|name| names::name("name", name)).transpose()?;
    match by_code(all, &code) {
        Some(before) => change(row, before, name, parent).map(|after| {
            let after = after?;
            let detail = told(before, &after, all);
            Some((code, detail, Step::ChangePlace(after)))
        }),
        None => {
            let parent = parent.unwrap_or(root);
            let place = Place {
                id: PlaceId::new(making.clock),
                parent_id: Some(parent.id),
                kind: places::kind(row.text("kind").unwrap_or_default())?,
                name: name.ok_or_else(|| Error::invalid("name", "must not be empty"))?,
                code: Some(code.clone()),
                created_at: making.now,
                archived_at: None,
            };
            places::fits(place.kind, parent)?;
            let detail = format!("{} '{}' in {}", place.kind, place.name, parent.name);
            Ok(Some((code, detail, Step::CreatePlace(place))))
        }
    }
}

fn change(
    row: &Row<'_>,
    before: &Place,
    name: Option<String>,
    parent: Option<&Place>,
) -> Result<Option<Place>, Error> {
    if before.archived_at.is_some() {
        return Err(Error::invalid(
            "code",
            format!("'{}' has been given up: bring it back first", before.name),
        ));
    }
    if row.text("kind").is_some_and(|kind| kind.to_lowercase() != before.kind.as_str()) {
        return Err(Error::invalid("kind", format!("'{}' is a {}, and stays one", before.name, before.kind)));
    }
    let mut after = before.clone();
    after.name = name.unwrap_or(after.name);
    if let Some(parent) =
        parent.filter(|parent| before.parent_id.is_some() && before.parent_id != Some(parent.id))
    {
        places::fits(before.kind, parent)?;
        after.parent_id = Some(parent.id);
    }
    Ok((after != *before).then_some(after))
}

fn told(before: &Place, after: &Place, all: &HashMap<PlaceId, Place>) -> String {
    let mut said = Vec::new();
    if before.name != after.name {
        said.push(format!("'{}' becomes '{}'", before.name, after.name));
    }
    if before.parent_id != after.parent_id {
        let name = after.parent_id.and_then(|id| all.get(&id)).map_or("", |place| place.name.as_str());
        said.push(format!("moves to {name}"));
    }
    said.join(", ")
}
