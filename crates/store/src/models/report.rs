//! Reports: what devices told, with its time and source. Nothing is overwritten; the newest counts.

use std::collections::BTreeMap;

use clock::Timestamp;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::DeviceFact;
use crate::column::Millis;
use crate::page::contains_pattern;
use crate::schema::reports;
use crate::{Connection, DeviceId, EnrollmentId, Error, ReportId};

/// How many reports of one source are looked at for the facts at one time: enough for answers to partial questions.
const REPORTS_PER_SOURCE: i64 = 16;

/// How many reports that only look as if they told a fact are passed over.
const LOOKED_THROUGH: i64 = 100;

/// A set of facts that a device told at one time.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = reports, treat_none_as_default_value = false)]
pub struct Report {
    /// Its id.
    pub id: ReportId,
    /// Which device.
    pub device_id: DeviceId,
    /// In which epoch.
    pub enrollment_id: EnrollmentId,
    /// A command's `RequestType` or a check-in's `MessageType`.
    pub source: String,
    /// The command that asked.
    pub command_uuid: Option<String>,
    /// When the device told it.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub observed_at: Timestamp,
    /// When it was stored.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub recorded_at: Timestamp,
    /// A JSON object: key and value of each fact.
    pub facts: String,
}

/// A fact with its time and source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What.
    pub value: Value,
    /// When the device told it.
    pub observed_at: Timestamp,
    /// In answer to what.
    pub source: String,
    /// Which command asked.
    pub command_uuid: Option<String>,
    /// The report that tells it.
    pub report_id: ReportId,
}

impl Report {
    /// Inserts the row.
    ///
    /// # Errors
    /// The database's.
    pub fn insert(&self, connection: &mut Connection) -> Result<(), Error> {
        diesel::insert_into(reports::table).values(self.clone()).execute(connection)?;
        Ok(())
    }

    /// The newest value of each fact of a device: with the time of its newest observation if that is among the reports that
    /// [`Report::facts_at`] looks at, else with the time since which it is so.
    ///
    /// # Errors
    /// The database's.
    pub fn current_facts(
        connection: &mut Connection,
        device: DeviceId,
    ) -> Result<BTreeMap<String, Fact>, Error> {
        let mut facts = Self::facts_at(connection, device, Timestamp::from_millis(i64::MAX))?;
        for row in
            DeviceFact::list(connection, device)?.into_iter().filter(|row| !DeviceFact::is_own(&row.key))
        {
            let Ok(value) = serde_json::from_str(&row.value) else { continue };
            facts.entry(row.key).or_insert(Fact {
                value,
                observed_at: row.observed_at,
                source: row.source,
                command_uuid: None,
                report_id: row.report_id,
            });
        }
        Ok(facts)
    }

    /// The newest value of each fact that was observed at `time` or before. Of each source the last 16 reports are
    /// looked at. A report that cannot be read is passed over.
    ///
    /// # Errors
    /// The database's.
    pub fn facts_at(
        connection: &mut Connection,
        device: DeviceId,
        time: Timestamp,
    ) -> Result<BTreeMap<String, Fact>, Error> {
        let sources: Vec<String> = reports::table
            .filter(reports::device_id.eq(device))
            .select(reports::source)
            .distinct()
            .load(connection)?;
        let mut newest_first = Vec::new();
        for source in sources {
            newest_first.extend(Self::newest(connection, device, &source, time, REPORTS_PER_SOURCE)?);
        }
        newest_first.sort_by_key(|report| std::cmp::Reverse((report.observed_at, report.id)));
        let mut facts = BTreeMap::new();
        for report in newest_first {
            let Ok(Value::Object(values)) = serde_json::from_str(&report.facts) else { continue };
            for (key, value) in values {
                facts.entry(key).or_insert_with(|| Fact {
                    value,
                    observed_at: report.observed_at,
                    source: report.source.clone(),
                    command_uuid: report.command_uuid.clone(),
                    report_id: report.id,
                });
            }
        }
        Ok(facts)
    }

    /// The reports of a device from one source, newest first, observed at `time` or before.
    ///
    /// # Errors
    /// The database's.
    pub fn newest(
        connection: &mut Connection,
        device: DeviceId,
        source: &str,
        time: Timestamp,
        limit: i64,
    ) -> Result<Vec<Self>, Error> {
        Ok(reports::table
            .filter(reports::device_id.eq(device))
            .filter(reports::source.eq(source))
            .filter(reports::observed_at.le(Millis::from(time)))
            .order((reports::observed_at.desc(), reports::id.desc()))
            .limit(limit)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// The last report of a device at `time` or before that tells a fact, with its value.
    ///
    /// # Errors
    /// The database's.
    pub fn last_with(
        connection: &mut Connection,
        device: DeviceId,
        key: &str,
        time: Timestamp,
    ) -> Result<Option<(Self, Value)>, Error> {
        Self::told(connection, device, key, (time, true))
    }

    /// The first report of a device after `time` that tells a fact, with its value.
    ///
    /// # Errors
    /// The database's.
    pub fn first_with(
        connection: &mut Connection,
        device: DeviceId,
        key: &str,
        time: Timestamp,
    ) -> Result<Option<(Self, Value)>, Error> {
        Self::told(connection, device, key, (time, false))
    }

    /// The nearest report before or after a time that tells a fact. Those that only look so are passed over.
    fn told(
        connection: &mut Connection,
        device: DeviceId,
        key: &str,
        (time, before): (Timestamp, bool),
    ) -> Result<Option<(Self, Value)>, Error> {
        let pattern = contains_pattern(&format!("{}:", Value::String(key.to_owned())));
        for skip in 0..LOOKED_THROUGH {
            let query = reports::table
                .filter(reports::device_id.eq(device))
                .filter(reports::facts.like(pattern.clone()).escape('\\'))
                .into_boxed();
            let query = if before {
                let query = query.filter(reports::observed_at.le(Millis::from(time)));
                query.order((reports::observed_at.desc(), reports::id.desc()))
            } else {
                let query = query.filter(reports::observed_at.gt(Millis::from(time)));
                query.order((reports::observed_at.asc(), reports::id.asc()))
            };
            let found: Option<Self> =
                query.offset(skip).limit(1).select(Self::as_select()).first(connection).optional()?;
            let Some(report) = found else { return Ok(None) };
            let facts: Value = serde_json::from_str(&report.facts).unwrap_or_default();
            if let Some(value) = facts.get(key) {
                let value = value.clone();
                return Ok(Some((report, value)));
            }
        }
        Ok(None)
    }
}
