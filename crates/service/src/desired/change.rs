//! Changes of the desired state: shown before they are done, and above ten devices confirmed by their number.

use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{
    Action, ActionId, ActionState, Assignment, AssignmentId, AssignmentState, DeviceId, Enrollment, GroupId,
    GroupMember, ItemId, ItemVersion, ItemVersionId, Page, PlaceId, Placement, Tx,
};

use super::preview::{Preview, compare};
use super::{Desired, guard, trigger};
use crate::audit::{self, Act};
use crate::operators::Operator;
use crate::views::{ActionView, ChangeView};
use crate::{Context, Error};

/// Up to so many devices a change is done at once.
pub(crate) const AT_ONCE: i64 = 10;
/// Members that are read at a time.
const PAGE: i64 = 1000;
/// How long an action waits for its confirmation.
const WAITS: std::time::Duration = std::time::Duration::from_secs(7 * 86_400);

/// A change of what devices should have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// A new assignment.
    Assign {
        /// The item.
        item: ItemId,
        /// Its version.
        version: ItemVersionId,
        /// To this group; none: to every device.
        group: Option<GroupId>,
        /// Only at this place and below it.
        place: Option<PlaceId>,
        /// Not to the members of these.
        excluded: Vec<GroupId>,
    },
    /// Another version or other exclusions of an assignment.
    Reassign {
        /// Which.
        assignment: AssignmentId,
        /// The version of the item.
        version: ItemVersionId,
        /// Not to the members of these.
        excluded: Vec<GroupId>,
    },
    /// The end of an assignment.
    Unassign {
        /// Which.
        assignment: AssignmentId,
    },
}

/// How a change is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mode {
    /// To be done, if it is small.
    Do,
    /// To be shown.
    Show,
    /// Confirmed: to be done if this is still what it does.
    Confirmed(Vec<u8>),
}

/// Why the transaction of a change is undone.
enum Halt {
    Failed(Error),
    Shown(Box<Preview>),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<store::Error> for Halt {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Desired {
    /// Does a change, or shows what it would do, or proposes it as an action when it touches more than ten devices.
    ///
    /// # Errors
    /// Those of the change itself.
    pub async fn change(
        &self,
        operator: &Operator,
        change: Change,
        dry_run: bool,
    ) -> Result<ChangeView, Error> {
        let mode = if dry_run { Mode::Show } else { Mode::Do };
        match self.try_change(operator, &change, mode).await {
            Ok((preview, assignment)) => Ok(ChangeView {
                outcome: "applied".to_owned(),
                preview: preview.view,
                action: None,
                assignment: Some(assignment.0),
            }),
            Err(Halt::Failed(error)) => Err(error),
            Err(Halt::Shown(preview)) if dry_run => Ok(ChangeView {
                outcome: "preview".to_owned(),
                preview: preview.view,
                action: None,
                assignment: None,
            }),
            Err(Halt::Shown(preview)) => {
                let action = self.propose(operator, &change, &preview).await?;
                let preview = preview.view;
                Ok(ChangeView {
                    outcome: "proposed".to_owned(),
                    preview,
                    action: Some(action),
                    assignment: None,
                })
            }
        }
    }

    /// Does a proposed action, if its number of devices is repeated and it would still do the same.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it was done before or would do something else now; [`Error::Invalid`] for
    /// another number.
    pub async fn apply_action(
        &self,
        operator: &Operator,
        id: uuid::Uuid,
        confirm_devices: i64,
    ) -> Result<ChangeView, Error> {
        let found =
            self.context.store.read("find_action", move |c| super::optional(Action::find(c, ActionId(id))));
        let mut action = found.await?.ok_or_else(|| Error::not_found("action", id))?;
        let now = self.context.now();
        if action.state != ActionState::Proposed || now.since(action.created_at) > WAITS {
            return Err(Error::Conflict(format!("the action is {}; ask for the change again", action.state)));
        }
        if confirm_devices != action.devices {
            let reason =
                format!("the action touches {} devices; repeat that number to confirm it", action.devices);
            return Err(Error::invalid("confirm_devices", reason));
        }
        let change: Change = serde_json::from_str(&action.request)
            .map_err(|error| Error::Internal(format!("action {id} cannot be read: {error}")))?;
        let mode = Mode::Confirmed(action.preview_digest.clone());
        let outcome = self.try_change(operator, &change, mode).await;
        let (preview, assignment) = match outcome {
            Ok(done) => done,
            Err(Halt::Failed(error)) => return Err(error),
            Err(Halt::Shown(preview)) => {
                let words = format!(
                    "what the action would do has changed since it was proposed (now {} devices); ask for the change again",
                    preview.view.devices
                );
                return Err(Error::Conflict(words));
            }
        };
        action.state = ActionState::Applied;
        action.applied_at = Some(now);
        action.applied_by = Some(operator.name.clone());
        let done = action.clone();
        self.context.store.tx("note_action", move |tx| Ok::<_, Error>(done.save(tx)?)).await?;
        Ok(ChangeView {
            outcome: "applied".to_owned(),
            preview: preview.view,
            action: Some(super::actions::view(&action)),
            assignment: Some(assignment.0),
        })
    }

    async fn try_change(
        &self,
        operator: &Operator,
        change: &Change,
        mode: Mode,
    ) -> Result<(Preview, AssignmentId), Halt> {
        let (desired, operator, change) = (self.clone(), operator.clone(), change.clone());
        self.context
            .store
            .tx("change_desired_state", move |tx| desired.do_change(tx, &operator, &change, &mode))
            .await
    }

    fn do_change(
        &self,
        tx: &mut Tx<'_>,
        operator: &Operator,
        change: &Change,
        mode: &Mode,
    ) -> Result<(Preview, AssignmentId), Halt> {
        let context = &self.context;
        let devices = self.reached(tx, change)?;
        let before = self.desires(tx, &devices)?;
        let assignment = apply(tx, context, operator, change)?;
        let after = self.desires(tx, &devices)?;
        let preview = compare(tx, &devices, before, after)?;
        let is_confirmed = matches!(mode, Mode::Confirmed(digest) if *digest == preview.digest);
        if *mode == Mode::Show || (preview.view.devices > AT_ONCE && !is_confirmed) {
            return Err(Halt::Shown(Box::new(preview)));
        }
        if let Some(mut row) = super::optional(Assignment::find(tx, assignment))? {
            row.confirmed_count = preview.view.devices;
            row.save(tx)?;
            row.keep_version(tx)?;
        }
        for (item, devices) in preview.removed.iter().filter(|_| is_confirmed) {
            guard::allow(tx, context, operator, *item, *devices)?;
        }
        for enrollment in &preview.touched {
            trigger::reconcile(tx, context, *enrollment)?;
        }
        let detail =
            json!({ "change": change, "devices": preview.view.devices, "removed": preview.view.removed });
        let act = Act::new(operator, "desired.change").on(format!("assignment:{assignment}")).with(detail);
        audit::record(tx, context.now(), &act)?;
        Ok((preview, assignment))
    }

    async fn propose(
        &self,
        operator: &Operator,
        change: &Change,
        preview: &Preview,
    ) -> Result<ActionView, Error> {
        let action = Action {
            id: ActionId::new(&*self.context.clock),
            kind: "assignment".to_owned(),
            request: json!(change).to_string(),
            preview: json!(preview.view).to_string(),
            preview_digest: preview.digest.clone(),
            devices: preview.view.devices,
            state: ActionState::Proposed,
            created_at: self.context.now(),
            created_by: operator.name.clone(),
            applied_at: None,
            applied_by: None,
        };
        let view = super::actions::view(&action);
        self.context.store.tx("propose_action", move |tx| Ok::<_, Error>(action.insert(tx)?)).await?;
        Ok(view)
    }

    /// The enrolments that a change can reach.
    fn reached(&self, tx: &mut Tx<'_>, change: &Change) -> Result<Vec<Enrollment>, Error> {
        let (group, place) = match change {
            Change::Assign { group, place, .. } => (*group, *place),
            Change::Reassign { assignment, .. } | Change::Unassign { assignment } => {
                let row = Assignment::find(tx, *assignment)?;
                (row.group_id, row.place_id)
            }
        };
        let mut devices = None;
        if let Some(group) = group {
            devices = Some(members(tx, group)?);
        } else if let Some(place) = place {
            devices = Some(Placement::devices_below(tx, place)?);
        }
        let mut enrollments = Vec::new();
        if let Some(devices) = devices {
            for device in devices {
                enrollments.extend(Enrollment::list_for_device(tx, device)?);
            }
        } else {
            enrollments = guard::every_enrolled(tx)?;
        }
        guard::live(tx, enrollments)
    }
}

fn members(tx: &mut Tx<'_>, group: GroupId) -> Result<Vec<DeviceId>, Error> {
    let mut devices = Vec::new();
    let mut page = Page::first(PAGE);
    loop {
        let some = GroupMember::members(tx, group, page)?;
        page.after = some.last().map(|last| last.device_id);
        devices.extend(some.into_iter().map(|member| member.device_id));
        if page.after.is_none() {
            return Ok(devices);
        }
    }
}

/// Writes the change into its rows.
fn apply(
    tx: &mut Tx<'_>,
    context: &Context,
    operator: &Operator,
    change: &Change,
) -> Result<AssignmentId, Error> {
    let now = context.now();
    match change {
        Change::Assign { item, version, group, place, excluded } => {
            let row = Assignment {
                id: AssignmentId::new(&*context.clock),
                item_id: *item,
                item_version_id: ItemVersion::find(tx, *version)?.id,
                group_id: *group,
                place_id: *place,
                excluded: json!(excluded).to_string(),
                version: 1,
                state: AssignmentState::Active,
                confirmed_by: operator.name.clone(),
                confirmed_count: 0,
                created_at: now,
                changed_at: now,
            };
            row.insert(tx)?;
            Ok(row.id)
        }
        Change::Reassign { assignment, .. } | Change::Unassign { assignment } => {
            let mut row = Assignment::find(tx, *assignment)?;
            if row.state == AssignmentState::Removed {
                return Err(Error::Conflict("the assignment was taken back before".to_owned()));
            }
            if let Change::Reassign { version, excluded, .. } = change {
                row.item_version_id = ItemVersion::find(tx, *version)?.id;
                row.excluded = json!(excluded).to_string();
            } else {
                row.state = AssignmentState::Removed;
            }
            row.version = row.version.saturating_add(1);
            row.confirmed_by.clone_from(&operator.name);
            row.changed_at = now;
            row.save(tx)?;
            Ok(row.id)
        }
    }
}
