//! Actions and incidents, as operators see them.

use serde_json::{Value as Json, json};
use store::{
    Action, ActionId, Allowance, AllowanceId, DeviceItem, DeviceItemFilter, Incident, IncidentId, Item,
    ItemState, Tx,
};
use uuid::Uuid;

use super::incidents::REMOVAL_BRAKE;
use super::{Desired, optional, trigger};
use crate::Error;
use crate::audit::{self, Act};
use crate::operators::Operator;
use crate::paging::PageOf;
use crate::views::{ActionView, CloseIncidentRequest, IncidentQuery, IncidentView, Page, PageQuery};

/// Rows that the end of a brake sets free at most.
const FREED: i64 = 1_000_000;

impl Desired {
    /// The actions, the newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong cursor or limit.
    pub async fn actions(&self, query: PageQuery) -> Result<Page<ActionView>, Error> {
        let page = PageOf::<Uuid>::read(query.limit, query.cursor.as_deref())?;
        let rows = self
            .context
            .store
            .read("list_actions", move |c| Ok::<_, Error>(Action::list(c, None, page.of(ActionId))?))
            .await?;
        Ok(page.page(rows, |action| action.id.0, |action| view(&action)))
    }

    /// One action.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn action(&self, id: Uuid) -> Result<ActionView, Error> {
        let found =
            self.context.store.read("show_action", move |c| optional(Action::find(c, ActionId(id)))).await?;
        found.map(|action| view(&action)).ok_or_else(|| Error::not_found("action", id))
    }

    /// The incidents, the newest first: the open ones, or all.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong cursor or limit.
    pub async fn incidents(&self, query: IncidentQuery) -> Result<Page<IncidentView>, Error> {
        let page = PageOf::<Uuid>::read(query.limit, query.cursor.as_deref())?;
        let open_only = !query.all.unwrap_or_default();
        let rows = self
            .context
            .store
            .read("list_incidents", move |c| {
                let rows = Incident::list(c, open_only, page.of(IncidentId))?;
                let mut named = Vec::with_capacity(rows.len());
                for row in rows {
                    let item = match row.item_id {
                        Some(item) => optional(Item::find(c, item))?.map(|item| item.name),
                        None => None,
                    };
                    named.push((row, item));
                }
                Ok::<_, Error>(named)
            })
            .await?;
        Ok(page.page(rows, |(incident, _)| incident.id.0, |(incident, item)| incident_view(incident, item)))
    }

    /// Closes an incident: what it held back is tried again.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it was closed before; [`Error::Invalid`] without a reason, and for a brake without
    /// the number of devices.
    pub async fn close_incident(
        &self,
        operator: &Operator,
        id: Uuid,
        request: CloseIncidentRequest,
    ) -> Result<IncidentView, Error> {
        let reason = request.reason.trim().to_owned();
        if reason.is_empty() || reason.chars().count() > 500 {
            return Err(Error::invalid("reason", "must have 1 to 500 characters"));
        }
        let (desired, operator) = (self.clone(), operator.clone());
        self.context
            .store
            .tx("close_incident", move |tx| {
                desired.close(tx, &operator, id, (&reason, request.allow_devices))
            })
            .await
    }

    fn close(
        &self,
        tx: &mut Tx<'_>,
        operator: &Operator,
        id: Uuid,
        (reason, allowed): (&str, Option<i64>),
    ) -> Result<IncidentView, Error> {
        let found = optional(Incident::find(tx, IncidentId(id)))?;
        let mut incident = found.ok_or_else(|| Error::not_found("incident", id))?;
        if incident.closed_at.is_some() {
            return Err(Error::Conflict("the incident was closed before".to_owned()));
        }
        let now = self.context.now();
        incident.closed_at = Some(now);
        incident.closed_by = Some(operator.name.clone());
        incident.closed_reason = Some(reason.to_owned());
        incident.save(tx)?;
        if incident.kind == REMOVAL_BRAKE {
            self.release_brake(tx, operator, &incident, allowed)?;
        } else {
            self.try_again(tx, &incident)?;
        }
        let detail = json!({ "kind": incident.kind, "reason": reason, "allow_devices": allowed });
        let act = Act::new(operator, "incident.close").on(incident.subject.clone()).with(detail);
        audit::record(tx, now, &act)?;
        let item = match incident.item_id {
            Some(item) => optional(Item::find(tx, item))?.map(|item| item.name),
            None => None,
        };
        Ok(incident_view(incident, item))
    }

    fn release_brake(
        &self,
        tx: &mut Tx<'_>,
        operator: &Operator,
        incident: &Incident,
        allowed: Option<i64>,
    ) -> Result<(), Error> {
        let Some(item_id) = incident.item_id else { return Ok(()) };
        let Some(devices) = allowed.filter(|devices| *devices >= 0) else {
            let reason = "say from how many more devices the item may be removed; 0 for none";
            return Err(Error::invalid("allow_devices", reason));
        };
        let (granted_at, granted_by) = (self.context.now(), operator.name.clone());
        let id = AllowanceId::new(&*self.context.clock);
        Allowance { id, item_id, devices, granted_at, granted_by }.insert(tx)?;
        let filter = DeviceItemFilter { item_id: Some(item_id), state: Some(ItemState::Waiting) };
        for row in DeviceItem::list(tx, filter, FREED)? {
            trigger::reconcile(tx, &self.context, row.enrollment_id)?;
        }
        Ok(())
    }

    fn try_again(&self, tx: &mut Tx<'_>, incident: &Incident) -> Result<(), Error> {
        let (Some(device), Some(item)) = (incident.device_id, incident.item_id) else { return Ok(()) };
        let epochs = store::Enrollment::list_for_device(tx, device)?;
        for epoch in epochs {
            let Some(mut row) = DeviceItem::find(tx, epoch.id, item)? else { continue };
            if row.state == ItemState::Incident {
                row.state = ItemState::Waiting;
                (row.losses, row.attempts, row.next_try_at) = (0, 0, None);
                row.changed_at = self.context.now();
                row.save(tx)?;
                trigger::reconcile(tx, &self.context, epoch.id)?;
            }
        }
        Ok(())
    }
}

/// An action as it is shown.
pub(super) fn view(action: &Action) -> ActionView {
    ActionView {
        id: action.id.0,
        kind: action.kind.clone(),
        request: serde_json::from_str(&action.request).unwrap_or(Json::Null),
        preview: serde_json::from_str(&action.preview).unwrap_or_default(),
        confirm_devices: action.devices,
        state: action.state.as_str().to_owned(),
        created_at: action.created_at,
        created_by: action.created_by.clone(),
        applied_at: action.applied_at,
        applied_by: action.applied_by.clone(),
    }
}

fn incident_view(incident: Incident, item_name: Option<String>) -> IncidentView {
    let detail: Json = serde_json::from_str(&incident.detail).unwrap_or_default();
    IncidentView {
        id: incident.id.0,
        kind: incident.kind,
        device: incident.device_id.map(|id| id.0),
        item: incident.item_id.map(|id| id.0),
        item_name,
        words: detail.get("words").and_then(Json::as_str).unwrap_or_default().to_owned(),
        opened_at: incident.opened_at,
        closed_at: incident.closed_at,
        closed_by: incident.closed_by,
        closed_reason: incident.closed_reason,
    }
}
