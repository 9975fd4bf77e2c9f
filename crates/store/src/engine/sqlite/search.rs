//! Searching devices. What few devices are is looked up first and bounds the rest; what many are is asked of each device in the order
//! of the page, which is then soon full. So a page costs neither the size of the fleet nor that of the answer.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::sqlite::Sqlite;

use crate::page::contains_pattern;
use crate::{Cursor, DeviceId, Error, FactKind, Hit, LabelTest, Range, Search, SortKey, Test, Wanted};

/// Up to so many devices are collected before the page is looked for.
const FEW: usize = 10_000;

/// A value in a statement.
#[derive(Clone)]
enum Bind {
    Text(String),
    Id(Vec<u8>),
    Number(i64),
}

/// A piece of a statement with its values. The text never holds anything that a caller wrote.
#[derive(Clone, Default)]
struct Sql {
    text: String,
    binds: Vec<Bind>,
}

impl Sql {
    fn new(text: impl Into<String>, binds: impl IntoIterator<Item = Bind>) -> Self {
        Self { text: text.into(), binds: binds.into_iter().collect() }
    }

    fn push(&mut self, other: Self) {
        self.text.push_str(&other.text);
        self.binds.extend(other.binds);
    }

    fn query(self) -> BoxedSqlQuery<'static, Sqlite, SqlQuery> {
        let mut query = diesel::sql_query(self.text).into_boxed::<Sqlite>();
        for bind in self.binds {
            query = match bind {
                Bind::Text(text) => query.bind::<Text, _>(text),
                Bind::Id(id) => query.bind::<Binary, _>(id),
                Bind::Number(number) => query.bind::<BigInt, _>(number),
            };
        }
        query
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Binary)]
    id: DeviceId,
    #[diesel(sql_type = Nullable<Text>)]
    sort: Option<String>,
}

#[derive(QueryableByName)]
struct Key {
    #[diesel(sql_type = Text)]
    key: String,
}

/// One page.
pub(crate) fn search(connection: &mut SqliteConnection, search: &Search) -> Result<Vec<Hit>, Error> {
    let mut few: Option<BTreeSet<DeviceId>> = None;
    let mut rest: Vec<&Wanted> = Vec::new();
    for wanted in &search.wanted {
        match collect(connection, wanted)? {
            Some(ids) => {
                few = Some(few.map_or(ids.clone(), |before| before.intersection(&ids).copied().collect()))
            }
            None => rest.push(wanted),
        }
        if few.as_ref().is_some_and(BTreeSet::is_empty) {
            return Ok(Vec::new());
        }
    }
    let few = few.map(|ids| {
        let ids: Vec<String> = ids.iter().map(|id| id.0.simple().to_string()).collect();
        serde_json::json!(ids).to_string()
    });
    let Some(key) = &search.order else {
        return by_id(connection, search, few.as_deref(), &rest, None);
    };
    let among_others = search.after.as_ref().is_some_and(|after| after.sort.is_none());
    let mut found =
        if among_others { Vec::new() } else { by_fact(connection, search, few.as_deref(), &rest, key)? };
    let missing = search.limit.saturating_sub(i64::try_from(found.len()).unwrap_or(i64::MAX));
    if missing > 0 {
        let after = search.after.clone().filter(|after| after.sort.is_none());
        let others = Search { after, limit: missing, descending: false, ..search.clone() };
        found.extend(by_id(connection, &others, few.as_deref(), &rest, Some(key))?);
    }
    Ok(found)
}

/// All devices that are this, if they are few and it can be looked up.
fn collect(connection: &mut SqliteConnection, wanted: &Wanted) -> Result<Option<BTreeSet<DeviceId>>, Error> {
    let Some(mut sql) = ids(wanted) else { return Ok(None) };
    sql.text = format!("SELECT device_id AS id, NULL AS sort FROM ({}) LIMIT {}", sql.text, FEW + 1);
    let rows: Vec<Row> = sql.query().load(connection)?;
    Ok((rows.len() <= FEW).then(|| rows.into_iter().map(|row| row.id).collect()))
}

/// In the order of ids; with a key, those of which that fact is not known.
fn by_id(
    connection: &mut SqliteConnection,
    search: &Search,
    few: Option<&str>,
    rest: &[&Wanted],
    without: Option<&str>,
) -> Result<Vec<Hit>, Error> {
    let mut sql = Sql::new("SELECT d.id AS id, NULL AS sort FROM devices d WHERE TRUE", []);
    if let Some(after) = &search.after {
        let than = if search.descending { "<" } else { ">" };
        sql.push(Sql::new(format!(" AND d.id {than} ?"), [Bind::Id(after.id.as_bytes().to_vec())]));
    }
    if let Some(key) = without {
        let holds = Sql::new(
            " AND d.id NOT IN (SELECT o.device_id FROM device_facts o INDEXED BY device_facts_key WHERE o.key = ?)",
            [Bind::Text(key.to_owned())],
        );
        sql.push(holds);
    }
    narrow(&mut sql, "d.id", few, rest);
    let way = if search.descending { "DESC" } else { "ASC" };
    sql.push(Sql::new(format!(" ORDER BY d.id {way} LIMIT ?"), [Bind::Number(search.limit)]));
    load(connection, sql)
}

/// In the order of a fact's values.
fn by_fact(
    connection: &mut SqliteConnection,
    search: &Search,
    few: Option<&str>,
    rest: &[&Wanted],
    key: &str,
) -> Result<Vec<Hit>, Error> {
    // Few devices are looked up one by one and then sorted; else the index gives the order.
    let by = if few.is_some() { "" } else { " INDEXED BY device_facts_key" };
    let text = format!("SELECT s.device_id AS id, s.sort AS sort FROM device_facts s{by} WHERE s.key = ?");
    let mut sql = Sql::new(text, [Bind::Text(key.to_owned())]);
    if let Some(Cursor { sort: Some(last), id }) = &search.after {
        let than = if search.descending { "<" } else { ">" };
        let binds = [Bind::Text(last.clone()), Bind::Id(id.as_bytes().to_vec())];
        sql.push(Sql::new(format!(" AND (s.sort, s.device_id) {than} (?, ?)"), binds));
    }
    narrow(&mut sql, "s.device_id", few, rest);
    let way = if search.descending { "DESC" } else { "ASC" };
    let order = format!(" ORDER BY s.sort {way}, s.device_id {way} LIMIT ?");
    sql.push(Sql::new(order, [Bind::Number(search.limit)]));
    load(connection, sql)
}

fn load(connection: &mut SqliteConnection, sql: Sql) -> Result<Vec<Hit>, Error> {
    let rows: Vec<Row> = sql.query().load(connection)?;
    Ok(rows.into_iter().map(|row| Cursor { sort: row.sort, id: row.id }).collect())
}

/// Adds what bounds the devices and what each must be.
fn narrow(sql: &mut Sql, id: &str, few: Option<&str>, rest: &[&Wanted]) {
    if let Some(few) = few {
        let list = format!(" AND {id} IN (SELECT unhex(value) FROM json_each(?))");
        sql.push(Sql::new(list, [Bind::Text(few.to_owned())]));
    }
    for wanted in rest {
        let mut holds = holds(wanted, id);
        holds.text = format!(" AND {}", holds.text);
        sql.push(holds);
    }
}

/// The devices that are this, as a query of `device_id`; nothing for what can only be asked of each device.
fn ids(wanted: &Wanted) -> Option<Sql> {
    Some(match wanted {
        Wanted::Fact(_, Test::Missing) | Wanted::Not(_) | Wanted::SeenSince(_) => return None,
        Wanted::Fact(key, Test::Contains(text)) => Sql::new(
            // The index is looked through, and only what it lets pass is looked at.
            "SELECT f.device_id FROM device_facts i INDEXED BY device_facts_key CROSS JOIN device_facts f \
             ON f.device_id = i.device_id AND f.key = i.key \
             WHERE i.key = ? AND (i.sort LIKE ? ESCAPE '\\' OR i.sort < 't') AND f.value LIKE ? ESCAPE '\\'",
            [Bind::Text(key.clone()), Bind::Text(SortKey::pattern(text)), Bind::Text(json_pattern(text))],
        ),
        Wanted::Fact(key, test) => {
            let mut sql =
                Sql::new("SELECT f.device_id FROM device_facts f WHERE f.key = ?", [Bind::Text(key.clone())]);
            sql.push(value_is(test));
            sql
        }
        Wanted::Label(name, test) => {
            let text = "SELECT a.device_id FROM device_attributes a WHERE a.name = ?";
            let mut sql = Sql::new(text, [Bind::Text(name.clone())]);
            sql.push(label_is(test));
            sql
        }
        Wanted::Words(words) => {
            let mut sql = Sql::new("SELECT w.id AS device_id FROM devices w WHERE ", []);
            sql.push(row_has(words));
            let pattern = Bind::Text(contains_pattern(words));
            let owned = " UNION SELECT e.device_id FROM enrollments e WHERE e.owner LIKE ? ESCAPE '\\'";
            sql.push(Sql::new(owned, [pattern]));
            sql
        }
        Wanted::AnyState(state) => Sql::new(
            "SELECT e.device_id FROM enrollments e WHERE e.state = ?",
            [Bind::Text(state.as_str().to_owned())],
        ),
        Wanted::Owner(owner) => owned_by(owner),
        Wanted::In(places) => {
            let places: Vec<String> = places.iter().map(|place| place.0.simple().to_string()).collect();
            Sql::new(
                "SELECT p.device_id FROM placements p WHERE p.place_id IN (SELECT unhex(value) FROM json_each(?))",
                [Bind::Text(serde_json::json!(places).to_string())],
            )
        }
        Wanted::Group(group) => Sql::new(
            "SELECT g.device_id FROM group_members g WHERE g.group_id = ?",
            [Bind::Id(group.as_bytes().to_vec())],
        ),
    })
}

/// Whether the device whose id the expression `id` gives is this.
fn holds(wanted: &Wanted, id: &str) -> Sql {
    match wanted {
        Wanted::Fact(key, Test::Missing) => Sql::new(
            // The index is read once: it is far smaller than the rows that would be looked at otherwise.
            format!(
                "{id} NOT IN (SELECT f.device_id FROM device_facts f INDEXED BY device_facts_key WHERE f.key = ?)"
            ),
            [Bind::Text(key.clone())],
        ),
        Wanted::Fact(key, test) => {
            // The index is dense: that many devices lie on one of its pages.
            let by = if matches!(test, Test::Is(_)) { " INDEXED BY device_facts_key" } else { "" };
            let text =
                format!("EXISTS (SELECT 1 FROM device_facts f{by} WHERE f.device_id = {id} AND f.key = ?");
            let mut sql = Sql::new(text, [Bind::Text(key.clone())]);
            sql.push(value_is(test));
            sql.text.push(')');
            sql
        }
        Wanted::Words(words) => {
            let mut sql = Sql::new(format!("(EXISTS (SELECT 1 FROM devices w WHERE w.id = {id} AND ("), []);
            sql.push(row_has(words));
            let text = format!(
                ")) OR EXISTS (SELECT 1 FROM enrollments e WHERE e.device_id = {id} AND e.owner LIKE ? ESCAPE '\\'))"
            );
            sql.push(Sql::new(text, [Bind::Text(contains_pattern(words))]));
            sql
        }
        Wanted::SeenSince(at) => Sql::new(
            format!(
                "EXISTS (SELECT 1 FROM enrollments e JOIN channels c ON c.enrollment_id = e.id \
                 WHERE e.device_id = {id} AND c.last_seen_at >= ?)"
            ),
            [Bind::Number(at.as_millis())],
        ),
        Wanted::Not(inner) => {
            let mut sql = holds(inner, id);
            sql.text = format!("NOT {}", sql.text);
            sql
        }
        listed => {
            let mut sql = ids(listed).unwrap_or_default();
            sql.text = format!("{id} IN ({})", sql.text);
            sql
        }
    }
}

/// What `ids` and `holds` ask of the value.
fn value_is(test: &Test) -> Sql {
    match test {
        Test::Exists | Test::Missing => Sql::default(),
        Test::Is(keys) => in_keys(" AND f.sort IN", keys),
        Test::IsNot(keys) => in_keys(" AND f.sort NOT IN", keys),
        Test::Within(ranges) => {
            let mut sql = Sql::new(" AND (", []);
            for (index, Range { from, to }) in ranges.iter().enumerate() {
                let or = if index == 0 { "" } else { " OR " };
                let (above, below) = (if from.1 { ">=" } else { ">" }, if to.1 { "<=" } else { "<" });
                let text = format!("{or}(f.sort {above} ? AND f.sort {below} ?)");
                sql.push(Sql::new(text, [Bind::Text(from.0.clone()), Bind::Text(to.0.clone())]));
            }
            sql.text.push_str(if ranges.is_empty() { "FALSE)" } else { ")" });
            sql
        }
        Test::Contains(text) => Sql::new(" AND f.value LIKE ? ESCAPE '\\'", [Bind::Text(json_pattern(text))]),
    }
}

/// The pattern of a part of a text as it stands in JSON.
fn json_pattern(text: &str) -> String {
    let json = serde_json::Value::String(text.to_owned()).to_string();
    contains_pattern(json.get(1..json.len().saturating_sub(1)).unwrap_or_default())
}

fn in_keys(operator: &str, keys: &[SortKey]) -> Sql {
    let marks = vec!["?"; keys.len()].join(", ");
    Sql::new(format!("{operator} ({marks})"), keys.iter().map(|key| Bind::Text(key.as_str().to_owned())))
}

fn label_is(test: &LabelTest) -> Sql {
    match test {
        LabelTest::Exists => Sql::default(),
        LabelTest::Is(value) => Sql::new(" AND a.value = ? COLLATE NOCASE", [Bind::Text(value.clone())]),
        LabelTest::Contains(text) => {
            Sql::new(" AND a.value LIKE ? ESCAPE '\\'", [Bind::Text(contains_pattern(text))])
        }
    }
}

fn row_has(words: &str) -> Sql {
    let columns = ["name", "serial_number", "udid", "product_name", "model_name"];
    let like = columns.map(|column| format!("w.{column} LIKE ? ESCAPE '\\'"));
    Sql::new(like.join(" OR "), columns.map(|_| Bind::Text(contains_pattern(words))))
}

fn owned_by(owner: &str) -> Sql {
    let text = Bind::Text(owner.to_owned());
    let key = Bind::Text(SortKey::text(owner).as_str().to_owned());
    Sql::new(
        "SELECT p.device_id FROM placements p JOIN people o ON o.id = p.owner_id \
         WHERE o.email = lower(?) OR o.external_id = ? OR o.name = ? COLLATE NOCASE \
         UNION SELECT f.device_id FROM device_facts f WHERE f.key = 'device.enrollment_owner' AND f.sort = ?",
        [text.clone(), text.clone(), text, key],
    )
}

/// Which kinds of values a fact has: one look into the index for each kind.
pub(crate) fn fact_kinds(connection: &mut SqliteConnection, key: &str) -> Result<Vec<FactKind>, Error> {
    let mut kinds = Vec::new();
    for kind in FactKind::ALL {
        let text =
            "SELECT f.key AS key FROM device_facts f WHERE f.key = ? AND f.sort >= ? AND f.sort < ? LIMIT 1";
        let binds = [key, kind.prefix(), kind.end()].map(|text| Bind::Text(text.to_owned()));
        let found: Vec<Key> = Sql::new(text, binds).query().load(connection)?;
        if !found.is_empty() {
            kinds.push(kind);
        }
    }
    Ok(kinds)
}

/// All keys: one look into the index for each, not for each device.
pub(crate) fn fact_keys(connection: &mut SqliteConnection) -> Result<Vec<String>, Error> {
    let rows: Vec<Key> = diesel::sql_query(
        "WITH RECURSIVE k(key) AS (SELECT min(key) FROM device_facts \
         UNION ALL SELECT (SELECT min(f.key) FROM device_facts f WHERE f.key > k.key) FROM k WHERE k.key IS NOT NULL) \
         SELECT key FROM k WHERE key IS NOT NULL LIMIT 10000",
    )
    .load(connection)?;
    Ok(rows.into_iter().map(|row| row.key).collect())
}
