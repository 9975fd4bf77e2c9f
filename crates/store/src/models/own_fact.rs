//! What Ward itself knows of a device, among the facts: so that one way of searching serves for everything.

use serde_json::{Value, json};

use super::{Device, DeviceFact, Enrollment};
use crate::sort::SortKey;
use crate::{Connection, DeviceId, Error, ReportId};
use clock::Timestamp;
use diesel::prelude::*;
use uuid::Uuid;

use crate::schema::device_facts;

/// How the names of such facts begin.
pub(crate) const PREFIX: &str = "device.";
/// The character after the dot ends the range of names.
const AFTER: &str = "device/";

impl DeviceFact {
    /// What Ward itself knows of devices and of their newest enrolments, with the names without `device.`.
    pub const OWN: [&str; 17] = [
        "name",
        "serial_number",
        "udid",
        "platform",
        "product_name",
        "model",
        "model_name",
        "os_version",
        "build_version",
        "supervised",
        "lost_mode",
        "first_seen_at",
        "ownership",
        "state",
        "enrollment_kind",
        "enrolled_at",
        "enrollment_owner",
    ];

    /// The key of one of [`DeviceFact::OWN`].
    #[must_use]
    pub fn own_key(name: &str) -> String {
        format!("{PREFIX}{name}")
    }

    /// Whether a key is that of something that Ward knows by itself.
    #[must_use]
    pub fn is_own(key: &str) -> bool {
        key.starts_with(PREFIX)
    }

    /// Writes what changed of these; a value that is gone goes.
    fn set_own(
        connection: &mut Connection,
        device: DeviceId,
        at: Timestamp,
        facts: &[(&str, Option<Value>)],
    ) -> Result<(), Error> {
        let known = Self::between(connection, device, PREFIX, AFTER)?;
        for (name, value) in facts {
            let key = Self::own_key(name);
            let before = known.get(&key).map(|(text, _)| text.as_str());
            let Some(value) = value else {
                if before.is_some() {
                    diesel::delete(device_facts::table.find((device, &key))).execute(connection)?;
                }
                continue;
            };
            let text = value.to_string();
            if before == Some(text.as_str()) {
                continue;
            }
            let row = Self {
                device_id: device,
                sort: SortKey::of(value).as_str().to_owned(),
                value: text,
                observed_at: at,
                source: "Ward".to_owned(),
                report_id: ReportId(Uuid::nil()),
                key: key.clone(),
            };
            if before.is_none() {
                diesel::insert_into(device_facts::table).values(row).execute(connection)?;
            } else {
                diesel::update(device_facts::table.find((device, &key))).set(row).execute(connection)?;
            }
        }
        Ok(())
    }
}

impl Device {
    /// Brings the facts of the row up to date.
    pub(crate) fn index(&self, connection: &mut Connection) -> Result<(), Error> {
        let text = |value: &Option<String>| value.as_ref().map(|text| json!(text));
        let facts = [
            ("name", text(&self.name)),
            ("serial_number", text(&self.serial_number)),
            ("udid", text(&self.udid)),
            ("platform", self.platform.map(|platform| json!(platform.as_str()))),
            ("product_name", text(&self.product_name)),
            ("model", text(&self.model)),
            ("model_name", text(&self.model_name)),
            ("os_version", text(&self.os_version)),
            ("build_version", text(&self.build_version)),
            ("supervised", self.supervised.map(|flag| json!(flag))),
            ("lost_mode", self.lost_mode.map(|flag| json!(flag))),
            ("first_seen_at", Some(json!(self.first_seen_at.to_string()))),
        ];
        DeviceFact::set_own(connection, self.id, self.first_seen_at, &facts)
    }
}

impl Enrollment {
    /// Brings the facts of the device's newest epoch up to date.
    pub(crate) fn index(&self, connection: &mut Connection) -> Result<(), Error> {
        let Some(current) = Self::current(connection, self.device_id)? else { return Ok(()) };
        let facts = [
            ("ownership", Some(json!(current.ownership.as_str()))),
            ("state", Some(json!(current.state.as_str()))),
            ("enrollment_kind", Some(json!(current.kind.as_str()))),
            ("enrolled_at", current.enrolled_at.map(|at| json!(at.to_string()))),
            ("enrollment_owner", current.owner.as_ref().map(|owner| json!(owner))),
        ];
        DeviceFact::set_own(connection, self.device_id, current.authenticated_at, &facts)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::EnrollmentState;
    use crate::fixture::Scene;

    fn values(scene: &Scene, device: DeviceId) -> BTreeMap<String, Value> {
        scene.read(move |c| DeviceFact::values(c, device))
    }

    #[test]
    fn what_ward_knows_follows_the_rows() {
        let scene = Scene::new();
        let (mut device, mut enrollment, _) = scene.rows("U1");
        let (first, second) = (device.clone(), enrollment.clone());
        scene.tx(move |tx| {
            first.insert(tx)?;
            second.insert(tx)
        });
        let before = values(&scene, device.id);
        assert_eq!(before["device.os_version"], "18.1");
        assert_eq!(before["device.ownership"], "corporate");
        assert!(!before.contains_key("device.lost_mode"), "nobody knows");
        (device.os_version, device.name) = (Some("26.0".to_owned()), None);
        enrollment.state = EnrollmentState::CheckedOut;
        let id = device.id;
        scene.tx(move |tx| {
            device.save(tx)?;
            enrollment.save(tx)
        });
        let after = values(&scene, id);
        assert_eq!(after["device.os_version"], "26.0");
        assert_eq!(after["device.state"], "checked_out");
        assert!(!after.contains_key("device.name"));
        for key in before.keys() {
            assert!(DeviceFact::OWN.iter().any(|name| DeviceFact::own_key(name) == *key), "{key}");
        }
    }
}
