//! The newest value of each fact of each device, for searching. History and times of repeated observations stand in `reports`.

use std::collections::BTreeMap;

use clock::Timestamp;
use diesel::prelude::*;
use serde_json::Value;

use super::{Device, Enrollment, Report};
use crate::column::Millis;
use crate::schema::device_facts;
use crate::sort::SortKey;
use crate::{Connection, DeviceId, Error, ReportId};

/// A fact of a device as it was told last.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = device_facts, primary_key(device_id, key))]
pub struct DeviceFact {
    /// Whose.
    pub device_id: DeviceId,
    /// Which, for example `DeviceInformation.OSVersion`.
    pub key: String,
    /// [`SortKey`] of the value.
    pub sort: String,
    /// The value as JSON.
    pub value: String,
    /// Since when it is known to have this value: the first report of the row that told it.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub observed_at: Timestamp,
    /// In answer to what.
    pub source: String,
    /// The report.
    pub report_id: ReportId,
}

impl DeviceFact {
    /// Takes over what a report tells, where it is new. Returns the keys whose values changed; unchanged ones cost no write.
    /// What is older than the known value, or no JSON object, changes nothing.
    ///
    /// # Errors
    /// The database's.
    pub fn apply(connection: &mut Connection, report: &Report) -> Result<Vec<String>, Error> {
        let Ok(Value::Object(told)) = serde_json::from_str(&report.facts) else { return Ok(Vec::new()) };
        let told: BTreeMap<String, Value> = told.into_iter().collect();
        let (Some((first, _)), Some((last, _))) = (told.first_key_value(), told.last_key_value()) else {
            return Ok(Vec::new());
        };
        let known = Self::between(connection, report.device_id, first, last)?;
        let mut changed = Vec::new();
        for (key, value) in told {
            let text = value.to_string();
            let before = known.get(&key);
            if before.is_some_and(|(known, at)| *known == text || *at > report.observed_at) {
                continue;
            }
            let is_new = before.is_none();
            let row = Self {
                device_id: report.device_id,
                key: key.clone(),
                sort: SortKey::of(&value).as_str().to_owned(),
                value: text,
                observed_at: report.observed_at,
                source: report.source.clone(),
                report_id: report.id,
            };
            if is_new {
                diesel::insert_into(device_facts::table).values(row).execute(connection)?;
            } else {
                let old = device_facts::table.find((report.device_id, &key));
                diesel::update(old).set(row).execute(connection)?;
            }
            changed.push(key);
        }
        Ok(changed)
    }

    /// Takes over what the reports of a device tell, for a database that has no facts yet. What a user's channel told has an `@` in
    /// its name and is not the device's.
    ///
    /// # Errors
    /// The database's.
    pub fn fill(connection: &mut Connection, device: DeviceId) -> Result<(), Error> {
        let known = Self::between(connection, device, "", "\u{10ffff}")?;
        for (key, fact) in Report::current_facts(connection, device)? {
            if key.contains('@') || Self::is_own(&key) || known.contains_key(&key) {
                continue;
            }
            let row = Self {
                device_id: device,
                key,
                sort: SortKey::of(&fact.value).as_str().to_owned(),
                value: fact.value.to_string(),
                observed_at: fact.observed_at,
                source: fact.source,
                report_id: fact.report_id,
            };
            diesel::insert_into(device_facts::table).values(row).execute(connection)?;
        }
        Device::find(connection, device)?.index(connection)?;
        Enrollment::current(connection, device)?.map_or(Ok(()), |epoch| epoch.index(connection))
    }

    /// The known values and times of the keys from `first` to `last`: those of one source stand side by side.
    pub(super) fn between(
        connection: &mut Connection,
        device: DeviceId,
        first: &str,
        last: &str,
    ) -> Result<BTreeMap<String, (String, Timestamp)>, Error> {
        let rows: Vec<(String, String, i64)> = device_facts::table
            .filter(device_facts::device_id.eq(device))
            .filter(device_facts::key.ge(first))
            .filter(device_facts::key.le(last))
            .select((device_facts::key, device_facts::value, device_facts::observed_at))
            .load(connection)?;
        let with_time = |(key, value, at)| (key, (value, Timestamp::from_millis(at)));
        Ok(rows.into_iter().map(with_time).collect())
    }

    /// Everything that is known of a device, by key.
    ///
    /// # Errors
    /// The database's.
    pub fn list(connection: &mut Connection, device: DeviceId) -> Result<Vec<Self>, Error> {
        Ok(device_facts::table
            .filter(device_facts::device_id.eq(device))
            .order(device_facts::key)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// The values of a device, by key.
    ///
    /// # Errors
    /// The database's.
    pub fn values(connection: &mut Connection, device: DeviceId) -> Result<BTreeMap<String, Value>, Error> {
        let rows: Vec<(String, String)> = device_facts::table
            .filter(device_facts::device_id.eq(device))
            .select((device_facts::key, device_facts::value))
            .load(connection)?;
        Ok(rows
            .into_iter()
            .filter_map(|(key, value)| Some((key, serde_json::from_str(&value).ok()?)))
            .collect())
    }

    /// Some values of some devices.
    ///
    /// # Errors
    /// The database's.
    pub fn of_many(
        connection: &mut Connection,
        devices: &[DeviceId],
        keys: &[&str],
    ) -> Result<Vec<(DeviceId, String, Value)>, Error> {
        let rows: Vec<(DeviceId, String, String)> = device_facts::table
            .filter(device_facts::device_id.eq_any(devices))
            .filter(device_facts::key.eq_any(keys))
            .select((device_facts::device_id, device_facts::key, device_facts::value))
            .load(connection)?;
        let read = |(device, key, value): (DeviceId, String, String)| {
            Some((device, key, serde_json::from_str(&value).ok()?))
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// One value of a device.
    ///
    /// # Errors
    /// The database's.
    pub fn value(connection: &mut Connection, device: DeviceId, key: &str) -> Result<Option<Value>, Error> {
        let found: Option<String> = device_facts::table
            .find((device, key))
            .select(device_facts::value)
            .first(connection)
            .optional()?;
        Ok(found.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Forgets what is known of a device, but for the keys that `keep` says yes to. Returns how many facts that were.
    ///
    /// # Errors
    /// The database's.
    pub fn forget(
        connection: &mut Connection,
        device: DeviceId,
        keep: impl Fn(&str) -> bool,
    ) -> Result<usize, Error> {
        let keys: Vec<String> = device_facts::table
            .filter(device_facts::device_id.eq(device))
            .select(device_facts::key)
            .load(connection)?;
        let mut forgotten = 0;
        for key in keys.iter().filter(|key| !keep(key)) {
            forgotten += diesel::delete(device_facts::table.find((device, key))).execute(connection)?;
        }
        Ok(forgotten)
    }
}

impl Report {
    /// Inserts the row and takes over what it tells into [`DeviceFact`]. Returns the keys whose values changed.
    ///
    /// # Errors
    /// The database's.
    pub fn keep(&self, connection: &mut Connection) -> Result<Vec<String>, Error> {
        self.insert(connection)?;
        DeviceFact::apply(connection, self)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fixture::Scene;

    fn told(scene: &Scene, later: u64, facts: &str) -> Vec<String> {
        let device = scene.read(|c| Device::find_by_udid(c, "U1")).unwrap().id;
        let epoch = scene.read(move |c| Enrollment::current(c, device)).unwrap().id;
        let report = Report {
            id: ReportId::new(&scene.clock),
            device_id: device,
            enrollment_id: epoch,
            source: "DeviceInformation".to_owned(),
            command_uuid: None,
            observed_at: scene.now() + Duration::from_secs(later),
            recorded_at: scene.now(),
            facts: facts.to_owned(),
        };
        scene.tx(move |tx| report.keep(tx))
    }

    fn known(scene: &Scene) -> Vec<DeviceFact> {
        scene.read(|c| {
            let device = Device::find_by_udid(c, "U1")?.unwrap().id;
            let mut facts = DeviceFact::list(c, device)?;
            facts.retain(|fact| !DeviceFact::is_own(&fact.key));
            Ok(facts)
        })
    }

    #[test]
    fn only_what_changed_is_written_and_named() {
        let scene = Scene::new();
        scene.channel("U1");
        assert_eq!(
            told(&scene, 0, r#"{"D.OS":"26.0","D.Battery":0.5,"D.Apps":["a"]}"#),
            ["D.Apps", "D.Battery", "D.OS"]
        );
        assert_eq!(told(&scene, 10, r#"{"D.OS":"26.0","D.Battery":0.25}"#), ["D.Battery"]);
        let facts = known(&scene);
        let at = |key: &str| facts.iter().find(|fact| fact.key == key).unwrap().clone();
        assert_eq!(at("D.Battery").value, "0.25");
        assert_eq!(at("D.OS").observed_at, scene.now(), "since when it has been so");
        assert_eq!(at("D.Battery").observed_at, scene.now() + Duration::from_secs(10));
        assert_eq!(at("D.Apps").sort, "j");
    }

    #[test]
    fn what_was_observed_earlier_and_comes_late_changes_nothing() {
        let scene = Scene::new();
        scene.channel("U1");
        told(&scene, 20, r#"{"D.OS":"26.1"}"#);
        assert!(told(&scene, 5, r#"{"D.OS":"26.0"}"#).is_empty());
        assert!(told(&scene, 30, "not JSON").is_empty());
        assert!(told(&scene, 30, "{}").is_empty());
        assert_eq!(known(&scene).len(), 1);
        assert_eq!(known(&scene)[0].value, "\"26.1\"");
    }

    #[test]
    fn what_was_told_before_there_was_a_table_of_facts_is_taken_over() {
        let scene = Scene::new();
        scene.channel("U1");
        told(&scene, 0, r#"{"D.OS":"26.0","D.Name":"a","ProfileList@U":[]}"#);
        told(&scene, 1, r#"{"D.OS":"26.1"}"#);
        let before = known(&scene).into_iter().filter(|fact| !fact.key.contains('@')).collect::<Vec<_>>();
        scene.tx(|tx| {
            let device = Device::find_by_udid(tx, "U1")?.unwrap().id;
            DeviceFact::forget(tx, device, |_| false)?;
            DeviceFact::fill(tx, device)?;
            DeviceFact::fill(tx, device)
        });
        assert_eq!(known(&scene), before);
    }

    #[test]
    fn what_may_not_be_kept_any_more_is_forgotten() {
        let scene = Scene::new();
        scene.channel("U1");
        told(&scene, 0, r#"{"D.OS":"26.0","D.Serial":"S1","E.Name":"x"}"#);
        let gone = scene.tx(|tx| {
            let device = Device::find_by_udid(tx, "U1")?.unwrap().id;
            DeviceFact::forget(tx, device, |key| key == "D.OS" || DeviceFact::is_own(key))
        });
        assert_eq!(gone, 2);
        assert_eq!(known(&scene).iter().map(|fact| fact.key.as_str()).collect::<Vec<_>>(), ["D.OS"]);
    }
}
