//! Labels that operators give to devices, for rules and profiles.

use serde_json::json;
use store::{Connection, DeviceAttribute, DeviceId};

use super::seam::Change;
use super::{Organisation, names, seam};
use crate::audit::{self, Act};
use crate::operators::Operator;
use crate::views::{Consent, LabelView, ValueRequest};
use crate::{Error, targets};

/// Labels of one device at most.
const MOST_LABELS: usize = 64;

impl Organisation {
    /// The labels of a device.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] for a serial number that several devices claim.
    pub async fn labels(&self, device: String) -> Result<Vec<LabelView>, Error> {
        self.context
            .store
            .read("list_labels", move |c| {
                let found = targets::find_device(c, &device).map_err(|miss| miss.into_error(&device))?;
                of(c, found.id)
            })
            .await
    }

    /// Labels a device, and answers all its labels.
    ///
    /// # Errors
    /// As [`Organisation::labels`]; [`Error::Invalid`] for a wrong name or value, or too many.
    pub async fn set_label(
        &self,
        operator: &Operator,
        (device, name): (String, String),
        request: ValueRequest,
        consent: Consent,
    ) -> Result<Vec<LabelView>, Error> {
        let (name, value) = (names::key("name", &name)?, names::value("value", &request.value)?);
        let (context, now, by) = (self.context.clone(), self.context.now(), operator.name.clone());
        let act = Act::new(operator, "device.label.set").with(json!({ "name": name, "value": value }));
        self.desired
            .guarded("set_label", operator, consent, move |tx, guard| {
                let device = targets::find_device(tx, &device).map_err(|miss| miss.into_error(&device))?.id;
                let before = DeviceAttribute::of(tx, device)?;
                let known = before.iter().find(|label| label.name == name);
                if known.is_none() && before.len() >= MOST_LABELS {
                    return Err(Error::invalid("name", format!("a device has at most {MOST_LABELS} labels")));
                }
                if known.is_none_or(|known| known.value != value) {
                    guard.before(tx, &[device])?;
                    let (name, value, set_by) = (name.clone(), value.clone(), by.clone());
                    DeviceAttribute { device_id: device, name, value, set_at: now, set_by }.set(tx)?;
                    audit::record(tx, now, &act.clone().on(device.to_string()))?;
                    seam::device_changed(tx, &context, device, Change::Attributes)?;
                }
                of(tx, device)
            })
            .await
    }

    /// Takes a label off a device, and answers the others.
    ///
    /// # Errors
    /// As [`Organisation::labels`]; [`Error::NotFound`] if the device has no such label.
    pub async fn unset_label(
        &self,
        operator: &Operator,
        (device, name): (String, String),
        consent: Consent,
    ) -> Result<Vec<LabelView>, Error> {
        let (context, now) = (self.context.clone(), self.context.now());
        let act = Act::new(operator, "device.label.unset").with(json!({ "name": name }));
        self.desired
            .guarded("unset_label", operator, consent, move |tx, guard| {
                let device = targets::find_device(tx, &device).map_err(|miss| miss.into_error(&device))?.id;
                guard.before(tx, &[device])?;
                if !DeviceAttribute::unset(tx, device, &name)? {
                    return Err(Error::not_found("label of this device", &name));
                }
                audit::record(tx, now, &act.clone().on(device.to_string()))?;
                seam::device_changed(tx, &context, device, Change::Attributes)?;
                of(tx, device)
            })
            .await
    }
}

pub(crate) fn of(connection: &mut Connection, device: DeviceId) -> Result<Vec<LabelView>, Error> {
    let labels = DeviceAttribute::of(connection, device)?.into_iter();
    Ok(labels
        .map(|label| LabelView {
            name: label.name,
            value: label.value,
            set_at: label.set_at,
            set_by: label.set_by,
        })
        .collect())
}
