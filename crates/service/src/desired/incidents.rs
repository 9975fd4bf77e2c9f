//! Incidents: opened once, closed by a person; and the brake on removals.

use std::time::Duration;

use serde_json::json;
use store::{Allowance, Device, DeviceId, DeviceItem, Incident, IncidentId, ItemId, Tx};

use super::resolve::Reason;
use crate::audit::{self, Act};
use crate::{Context, Error};

/// The kind of the incident that stops removals.
pub(super) const REMOVAL_BRAKE: &str = "removal_brake";
/// Removals are counted over this time.
pub(super) const WINDOW: Duration = Duration::from_secs(3600);
/// So many removals an hour are nobody's mistake.
const HARMLESS: i64 = 10;

/// What an incident is about.
pub(super) struct About<'a> {
    pub(super) kind: &'a str,
    pub(super) item: ItemId,
    pub(super) device: Option<DeviceId>,
    pub(super) words: &'a str,
}

/// Opens an incident, unless one of its kind and subject is open.
pub(super) fn open(tx: &mut Tx<'_>, context: &Context, about: &About<'_>) -> Result<(), Error> {
    let subject = match about.device {
        Some(device) => format!("item:{} device:{device}", about.item),
        None => format!("item:{}", about.item),
    };
    if Incident::find_open(tx, about.kind, &subject)?.is_some() {
        return Ok(());
    }
    let incident = Incident {
        id: IncidentId::new(&*context.clock),
        kind: about.kind.to_owned(),
        device_id: about.device,
        item_id: Some(about.item),
        subject: subject.clone(),
        detail: json!({ "words": about.words }).to_string(),
        opened_at: context.now(),
        closed_at: None,
        closed_by: None,
        closed_reason: None,
    };
    incident.insert(tx)?;
    let detail = json!({ "kind": about.kind, "words": about.words, "incident": incident.id });
    tracing::warn!(incident.id = %incident.id, incident.kind = about.kind, "An incident was opened: {}", about.words);
    audit::record(tx, context.now(), &Act::by_ward("incident.open").on(subject).with(detail))
}

/// Why the item must not be removed from one more device now, if so: too many within the hour, and nobody has said that they should.
pub(super) fn brake(tx: &mut Tx<'_>, context: &Context, item: ItemId) -> Result<Option<Reason>, Error> {
    let since = context.now() - WINDOW;
    let devices = Device::count(tx)?;
    let usual = HARMLESS.max(devices / 100);
    let limit = usual.saturating_add(Allowance::total(tx, item, since)?);
    if DeviceItem::count_left(tx, item, since)? < limit {
        return Ok(None);
    }
    let words = format!(
        "it was to be removed from more than {limit} devices within an hour; nothing more is removed until somebody confirms it"
    );
    open(tx, context, &About { kind: REMOVAL_BRAKE, item, device: None, words: &words })?;
    Ok(Some(Reason::new("brake", words)))
}
