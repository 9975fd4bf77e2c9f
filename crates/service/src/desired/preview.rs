//! What a change does: what every device should have before and after it, compared.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use store::{Enrollment, EnrollmentId, Item, ItemId, Tx};

use super::Desired;
use super::known::{Assigned, Known};
use super::resolve::{Outcome, Reason, Resolved, resolve};
use crate::views::{PreviewLine, PreviewView};
use crate::{Context, Error};

/// Lines of a preview that are shown.
const SAMPLE: usize = 20;

/// What a change does.
#[derive(Debug, Clone, Default)]
pub(super) struct Preview {
    /// As it is shown.
    pub(super) view: PreviewView,
    /// SHA-256 of what it does to which device.
    pub(super) digest: Vec<u8>,
    /// The enrolments that it touches.
    pub(super) touched: Vec<EnrollmentId>,
    /// From how many devices each item is removed.
    pub(super) removed: BTreeMap<ItemId, i64>,
}

/// What one device should have of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Desire {
    Want(String),
    Blocked(String),
}

pub(super) type Desires = BTreeMap<ItemId, Desire>;

impl Desired {
    /// What each of these devices should have.
    pub(super) fn desires(&self, tx: &mut Tx<'_>, devices: &[Enrollment]) -> Result<Vec<Desires>, Error> {
        let assigned = Assigned::load(tx, &self.context.sealer, &self.versions)?;
        let mut all = Vec::with_capacity(devices.len());
        for enrollment in devices {
            let mut desires = Desires::new();
            if !assigned.views.is_empty() {
                let known = Known::of(tx, enrollment)?;
                for resolved in resolve(&known.subject, &assigned.views) {
                    if let Some(desire) = desire(tx, &self.context, &assigned, &known, &resolved)? {
                        desires.insert(resolved.item, desire);
                    }
                }
            }
            all.push(desires);
        }
        Ok(all)
    }
}

fn desire(
    tx: &mut Tx<'_>,
    context: &Context,
    assigned: &Assigned,
    known: &Known,
    resolved: &Resolved,
) -> Result<Option<Desire>, Error> {
    let first = |reasons: &[Reason]| reasons.first().map(|r| r.text.clone()).unwrap_or_default();
    let version = match resolved.outcome {
        Outcome::Want(version) => assigned.versions.get(&version),
        Outcome::Blocked => return Ok(Some(Desire::Blocked(first(&resolved.why)))),
        Outcome::Excluded => return Ok(None),
    };
    let Some(version) = version else { return Ok(None) };
    let values = known.values(tx, context, &version.template)?;
    Ok(Some(match super::fitting(&version.template, &values, &known.subject.facts) {
        Ok(made) => Desire::Want(made.uuid_text()),
        Err(reasons) => Desire::Blocked(first(&reasons)),
    }))
}

/// What differs.
pub(super) fn compare(
    tx: &mut Tx<'_>,
    devices: &[Enrollment],
    before: Vec<Desires>,
    after: Vec<Desires>,
) -> Result<Preview, Error> {
    let mut preview = Preview::default();
    let mut whole = String::new();
    for ((enrollment, before), mut after) in devices.iter().zip(before).zip(after) {
        let mut differs = false;
        for (item, old) in before {
            let new = after.remove(&item);
            if new.as_ref() != Some(&old) {
                differs = true;
                note(tx, &mut preview, &mut whole, (enrollment, item), (Some(&old), new.as_ref()))?;
            }
        }
        for (item, new) in &after {
            differs = true;
            note(tx, &mut preview, &mut whole, (enrollment, *item), (None, Some(new)))?;
        }
        if differs {
            preview.touched.push(enrollment.id);
            preview.view.devices += 1;
        }
    }
    preview.digest = pki::sha256(whole.as_bytes()).to_vec();
    Ok(preview)
}

fn note(
    tx: &mut Tx<'_>,
    preview: &mut Preview,
    whole: &mut String,
    (enrollment, item): (&Enrollment, ItemId),
    (old, new): (Option<&Desire>, Option<&Desire>),
) -> Result<(), Error> {
    let view = &mut preview.view;
    let (change, text) = match (old, new) {
        (_, Some(Desire::Blocked(why))) => {
            view.blocked += 1;
            ("blocked", Some(why.clone()))
        }
        (Some(Desire::Want(_)), Some(Desire::Want(_))) => {
            view.replaced += 1;
            ("replaced", None)
        }
        (_, Some(Desire::Want(_))) => {
            view.added += 1;
            ("added", None)
        }
        (_, None) => {
            view.removed += 1;
            *preview.removed.entry(item).or_default() += 1;
            ("removed", None)
        }
    };
    let uuid = match new {
        Some(Desire::Want(uuid)) => uuid.as_str(),
        _ => "",
    };
    // Writing to a String cannot fail.
    let _ = writeln!(whole, "{} {item} {change} {uuid}", enrollment.id);
    if view.sample.len() < SAMPLE {
        let device = store::Device::find(tx, enrollment.device_id)?;
        let device = device.serial_number.unwrap_or_else(|| device.id.to_string());
        let item = Item::find(tx, item)?.name;
        view.sample.push(PreviewLine { device, item, change: change.to_owned(), text });
    }
    Ok(())
}
