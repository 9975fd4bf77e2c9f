//! Pages of devices by what is known of them, with the columns that were asked for.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use store::{
    Connection, Cursor, Device, DeviceAttribute, DeviceFact, DeviceId, Group, GroupMember, Search, SortKey,
    Test, Wanted,
};
use uuid::Uuid;

use super::keys::{self, Key};
use super::{filter, view, word};
use crate::organisation::Whereabouts;
use crate::views::{DeviceQuery, DeviceView, Page};
use crate::{Context, Error};

/// Devices of a page when the caller names no number.
const DEFAULT_LIMIT: u32 = 50;
/// Devices of a page at most.
const MAX_LIMIT: u32 = 200;
/// Columns at most.
const MOST_COLUMNS: usize = 50;
/// Longest cursor.
const LONGEST_CURSOR: usize = 2048;

/// A question, read.
pub(super) struct Question {
    pub(super) search: Search,
    pub(super) columns: Vec<(String, Key)>,
}

/// Reads a question. `limit` is how many devices are wanted.
pub(super) fn read(connection: &mut Connection, query: &DeviceQuery, limit: u32) -> Result<Question, Error> {
    let (order, descending) = match query.sort.as_deref() {
        None | Some("") => (None, false),
        Some(sort) => {
            let (name, descending) = sort.strip_prefix('-').map_or((sort, false), |name| (name, true));
            match keys::find(connection, name, "sort")? {
                Key::Fact(key) => (Some(key), descending),
                _ => return Err(Error::invalid("sort", format!("devices cannot be ordered by {name}"))),
            }
        }
    };
    let search = Search {
        wanted: wanted(connection, query)?,
        order,
        descending,
        after: query.cursor.as_deref().map(cursor).transpose()?,
        limit: i64::from(limit),
    };
    Ok(Question { search, columns: columns(connection, query.columns.as_deref())? })
}

fn wanted(connection: &mut Connection, query: &DeviceQuery) -> Result<Vec<Wanted>, Error> {
    let filters = query.filter.as_deref().unwrap_or_default();
    if filters.len() > filter::MOST {
        return Err(Error::invalid("filter", format!("at most {} conditions", filter::MOST)));
    }
    let mut wanted = Vec::new();
    for text in filters {
        wanted.push(filter::read(connection, text)?);
    }
    let is = |name: &str, key: SortKey| Wanted::Fact(DeviceFact::own_key(name), Test::Is(vec![key]));
    if let Some(platform) = word::<catalog::Platform>("platform", query.platform.as_deref())? {
        wanted.push(is("platform", SortKey::text(platform.as_str())));
    }
    if let Some(state) = word("state", query.state.as_deref())? {
        wanted.push(Wanted::AnyState(state));
    }
    wanted.extend(query.owner.clone().map(Wanted::Owner));
    wanted.extend(query.supervised.map(|flag| is("supervised", SortKey::flag(flag))));
    wanted.extend(query.lost_mode.map(|flag| is("lost_mode", SortKey::flag(flag))));
    wanted.extend(query.q.clone().filter(|text| !text.trim().is_empty()).map(Wanted::Words));
    Ok(wanted)
}

fn columns(connection: &mut Connection, list: Option<&str>) -> Result<Vec<(String, Key)>, Error> {
    let names = list.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
    let names: Vec<&str> = names.collect();
    if names.len() > MOST_COLUMNS {
        return Err(Error::invalid("columns", format!("at most {MOST_COLUMNS} columns")));
    }
    names.into_iter().map(|name| Ok((name.to_owned(), keys::find(connection, name, "columns")?))).collect()
}

/// How many devices the caller wants.
pub(super) fn limit(query: &DeviceQuery) -> Result<u32, Error> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Error::invalid("limit", format!("must be 1 to {MAX_LIMIT}")));
    }
    Ok(limit)
}

/// One page: the devices with their columns, and where to read on.
pub(super) fn page(
    connection: &mut Connection,
    context: &Context,
    mut question: Question,
) -> Result<Page<DeviceView>, Error> {
    let wanted = usize::try_from(question.search.limit).unwrap_or(usize::MAX);
    question.search.limit = question.search.limit.saturating_add(1);
    let mut hits = Device::search(connection, &question.search)?;
    let more = hits.len() > wanted;
    hits.truncate(wanted);
    let ids: Vec<DeviceId> = hits.iter().map(|hit| hit.id).collect();
    let rows = Device::listings(connection, &ids)?;
    let whereabouts = Whereabouts::of(connection, &ids)?;
    let mut items: Vec<DeviceView> =
        rows.iter().map(|row| view::device(context, row, &whereabouts)).collect();
    fill(connection, &mut items, &question.columns)?;
    let next_cursor = if more { hits.last().map(written) } else { None };
    Ok(Page { items, next_cursor })
}

/// Adds the columns.
fn fill(
    connection: &mut Connection,
    items: &mut [DeviceView],
    columns: &[(String, Key)],
) -> Result<(), Error> {
    if columns.is_empty() {
        return Ok(());
    }
    let ids: Vec<DeviceId> = items.iter().map(|item| DeviceId(item.id)).collect();
    let facts: Vec<&str> = columns
        .iter()
        .filter_map(|(_, key)| match key {
            Key::Fact(key) => Some(key.as_str()),
            _ => None,
        })
        .collect();
    let mut known: HashMap<Uuid, BTreeMap<String, Json>> = HashMap::new();
    for (device, key, value) in DeviceFact::of_many(connection, &ids, &facts)? {
        known.entry(device.0).or_default().insert(key, value);
    }
    if columns.iter().any(|(_, key)| matches!(key, Key::Label(_))) {
        for label in DeviceAttribute::of_many(connection, &ids)? {
            let key = format!("label.{}", label.name);
            known.entry(label.device_id.0).or_default().insert(key, json!(label.value));
        }
    }
    for item in items {
        let facts = known.remove(&item.id).unwrap_or_default();
        for (name, key) in columns {
            let value = match key {
                Key::Fact(key) => facts.get(key).cloned().unwrap_or_default(),
                Key::Label(label) => facts.get(&format!("label.{label}")).cloned().unwrap_or_default(),
                Key::Place => {
                    json!(item.place.as_ref().map(|place| place.code.as_ref().unwrap_or(&place.name)))
                }
                Key::Owner => json!(item.owner),
                Key::LastSeen => json!(item.last_seen_at),
                Key::Group => groups(connection, DeviceId(item.id))?,
            };
            item.columns.insert(name.clone(), value);
        }
    }
    Ok(())
}

fn groups(connection: &mut Connection, device: DeviceId) -> Result<Json, Error> {
    let mut names = Vec::new();
    for id in GroupMember::of_device(connection, device)? {
        names.push(Group::find(connection, id)?.name);
    }
    names.sort();
    Ok(json!(names.join("; ")))
}

fn written(hit: &Cursor) -> String {
    URL_SAFE_NO_PAD.encode(json!([hit.sort, hit.id.0]).to_string())
}

fn cursor(text: &str) -> Result<Cursor, Error> {
    let read = || {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|_| text.len() <= LONGEST_CURSOR)?;
        let (sort, id): (Option<String>, Uuid) = serde_json::from_slice(&bytes).ok()?;
        Some(Cursor { sort, id: DeviceId(id) })
    };
    read().ok_or_else(|| Error::invalid("cursor", "is not a cursor of this list"))
}
