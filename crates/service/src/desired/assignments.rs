//! Assignments, the items of devices and the named secrets, as operators see them.

use serde_json::json;
use store::{
    Assignment, AssignmentId, AssignmentState, Connection, DeviceItem, Enrollment, Group, GroupId, Item,
    ItemSecret, ItemVersion, Place, PlaceId, Tx,
};
use uuid::Uuid;

use super::change::Change;
use super::profiles::{find_item, find_version, reason_view};
use super::resolve::Reason;
use super::{Desired, optional, trigger};
use crate::audit::{self, Act};
use crate::operators::Operator;
use crate::views::{
    AssignmentChange, AssignmentItemView, AssignmentRequest, ChangeView, Consent, DeviceItemView,
    NamedSecretRequest, NamedSecretView,
};
use crate::{Error, targets};

/// The longest named secret, in bytes.
const LONGEST_SECRET: usize = 16 * 1024;

impl Desired {
    /// Assigns a profile.
    ///
    /// # Errors
    /// [`Error::NotFound`] for what it refers to.
    pub async fn assign(&self, operator: &Operator, request: AssignmentRequest) -> Result<ChangeView, Error> {
        let dry_run = request.dry_run;
        let change = self.context.store.read("read_assignment", move |c| {
            let item = find_item(c, &request.profile)?;
            let version = find_version(c, &item, request.version)?;
            let group = request.group.as_deref().map(|name| find_group(c, name)).transpose()?;
            let place = request.place.as_deref().map(|name| find_place(c, name)).transpose()?;
            let excluded = find_groups(c, &request.excluded)?;
            Ok::<_, Error>(Change::Assign { item: item.id, version: version.id, group, place, excluded })
        });
        let change = change.await?;
        self.change(operator, change, dry_run).await
    }

    /// Gives an assignment another version or other exclusions.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] for one that was taken back.
    pub async fn reassign(
        &self,
        operator: &Operator,
        id: Uuid,
        request: AssignmentChange,
    ) -> Result<ChangeView, Error> {
        let dry_run = request.dry_run;
        let change = self.context.store.read("read_assignment_change", move |c| {
            let row = find_assignment(c, id)?;
            let item = Item::find(c, row.item_id)?;
            let version = match request.version {
                Some(number) => find_version(c, &item, Some(number))?.id,
                None => row.item_version_id,
            };
            let excluded = match &request.excluded {
                Some(names) => find_groups(c, names)?,
                None => row.excluded_groups(),
            };
            Ok::<_, Error>(Change::Reassign { assignment: row.id, version, excluded })
        });
        let change = change.await?;
        self.change(operator, change, dry_run).await
    }

    /// Takes an assignment back: what nothing else gives is removed from its devices.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] for one that was taken back before.
    pub async fn unassign(&self, operator: &Operator, id: Uuid, dry_run: bool) -> Result<ChangeView, Error> {
        let row = self.context.store.read("find_assignment", move |c| find_assignment(c, id)).await?;
        self.change(operator, Change::Unassign { assignment: row.id }, dry_run).await
    }

    /// The assignments that count.
    ///
    /// # Errors
    /// The database's.
    pub async fn assignments(&self) -> Result<Vec<AssignmentItemView>, Error> {
        self.context
            .store
            .read("list_assignments", |c| {
                let rows = Assignment::list_active(c)?;
                rows.iter().map(|row| view(c, row)).collect::<Result<Vec<_>, Error>>()
            })
            .await
    }

    /// Every item of a device: desired, sent, observed, and why.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn device_items(&self, device: String) -> Result<Vec<DeviceItemView>, Error> {
        self.context
            .store
            .read("list_device_items", move |c| {
                let found = targets::find_device(c, &device).map_err(|miss| miss.into_error(&device))?;
                let Some(enrollment) = Enrollment::current(c, found.id)? else { return Ok(Vec::new()) };
                let rows = DeviceItem::list_of(c, enrollment.id)?;
                rows.into_iter().map(|row| item_view(c, row)).collect::<Result<Vec<_>, Error>>()
            })
            .await
    }

    /// Sets a named secret. Profiles that refer to it are installed anew.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong name or value.
    pub async fn set_secret(
        &self,
        operator: &Operator,
        name: String,
        request: NamedSecretRequest,
        consent: Consent,
    ) -> Result<NamedSecretView, Error> {
        let plain = zeroize::Zeroizing::new(request.value);
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.is_empty() || name.len() > 100 || !name.chars().all(is_name) {
            return Err(Error::invalid("name", "must be 1 to 100 letters, digits, _ - or ."));
        }
        if plain.is_empty() || plain.len() > LONGEST_SECRET {
            return Err(Error::invalid("value", format!("must have 1 to {LONGEST_SECRET} bytes")));
        }
        let (desired, by) = (self.clone(), operator.clone());
        self.guarded("set_named_secret", operator, consent, move |tx, guard| {
            guard.before_all(tx)?;
            desired.keep_secret(tx, &by, &name, plain.as_bytes())
        })
        .await
    }

    fn keep_secret(
        &self,
        tx: &mut Tx<'_>,
        operator: &Operator,
        name: &str,
        plain: &[u8],
    ) -> Result<NamedSecretView, Error> {
        let now = self.context.now();
        let sealer = &self.context.sealer;
        let version = ItemSecret::set(tx, sealer, (name, plain), (now, &operator.name))?;
        for assignment in Assignment::list_active(tx)? {
            let used = self.versions.open(tx, sealer, assignment.item_version_id)?;
            if used.template.secrets().contains(name) {
                let filter = store::DeviceItemFilter { item_id: Some(assignment.item_id), state: None };
                for row in DeviceItem::list(tx, filter, i64::MAX)? {
                    trigger::reconcile(tx, &self.context, row.enrollment_id)?;
                }
            }
        }
        let act = Act::new(operator, "secret.set").on(format!("secret:{name}"));
        audit::record(tx, now, &act.with(json!({ "version": version })))?;
        Ok(NamedSecretView { name: name.to_owned(), version, set_at: now, set_by: operator.name.clone() })
    }

    /// The named secrets, without their values.
    ///
    /// # Errors
    /// The database's.
    pub async fn secrets(&self) -> Result<Vec<NamedSecretView>, Error> {
        let rows =
            self.context.store.read("list_named_secrets", |c| Ok::<_, Error>(ItemSecret::list(c)?)).await?;
        let view = |row: ItemSecret| NamedSecretView {
            name: row.name,
            version: row.version,
            set_at: row.set_at,
            set_by: row.set_by,
        };
        Ok(rows.into_iter().map(view).collect())
    }
}

fn find_assignment(connection: &mut Connection, id: Uuid) -> Result<Assignment, Error> {
    let found = optional(Assignment::find(connection, AssignmentId(id)))?;
    found.filter(|row| row.state == AssignmentState::Active).ok_or_else(|| Error::not_found("assignment", id))
}

fn find_group(connection: &mut Connection, name: &str) -> Result<GroupId, Error> {
    let missing = || Error::not_found("group", name);
    if let Some(group) = Group::find_by_name(connection, name)? {
        return Ok(group.id);
    }
    let id: Uuid = name.parse().map_err(|_| missing())?;
    let group = optional(Group::find(connection, GroupId(id)))?;
    group.filter(|group| group.archived_at.is_none()).map(|group| group.id).ok_or_else(missing)
}

fn find_groups(connection: &mut Connection, names: &[String]) -> Result<Vec<GroupId>, Error> {
    names.iter().map(|name| find_group(connection, name)).collect()
}

fn find_place(connection: &mut Connection, name: &str) -> Result<PlaceId, Error> {
    let missing = || Error::not_found("place", name);
    if let Some(place) = Place::find_by_code(connection, name)? {
        return Ok(place.id);
    }
    let named = Place::find_by_name(connection, name)?;
    if let [place] = named.as_slice() {
        return Ok(place.id);
    }
    let id: Uuid = name.parse().map_err(|_| missing())?;
    optional(Place::find(connection, PlaceId(id)))?.map(|place| place.id).ok_or_else(missing)
}

fn view(connection: &mut Connection, row: &Assignment) -> Result<AssignmentItemView, Error> {
    let group_name = |connection: &mut Connection, id: GroupId| {
        Ok::<_, Error>(
            optional(Group::find(connection, id))?.map_or_else(|| id.to_string(), |group| group.name),
        )
    };
    let mut excluded = Vec::new();
    for id in row.excluded_groups() {
        excluded.push(group_name(connection, id)?);
    }
    let group = row.group_id.map(|id| group_name(connection, id)).transpose()?;
    let place = match row.place_id {
        Some(place) => optional(Place::find(connection, place))?.map(|place| place.name),
        None => None,
    };
    Ok(AssignmentItemView {
        id: row.id.0,
        profile: Item::find(connection, row.item_id)?.name,
        profile_version: ItemVersion::find(connection, row.item_version_id)?.version,
        group,
        place,
        excluded,
        version: row.version,
        confirmed_by: row.confirmed_by.clone(),
        confirmed_count: row.confirmed_count,
        changed_at: row.changed_at,
    })
}

fn item_view(connection: &mut Connection, row: DeviceItem) -> Result<DeviceItemView, Error> {
    let why: Vec<Reason> = serde_json::from_str(&row.why).unwrap_or_default();
    let mut number = |version: Option<store::ItemVersionId>| match version {
        Some(version) => Ok::<_, Error>(Some(ItemVersion::find(connection, version)?.version)),
        None => Ok(None),
    };
    let (desired_version, sent_version) = (number(row.desired_version_id)?, number(row.sent_version_id)?);
    Ok(DeviceItemView {
        item: row.item_id.0,
        name: Item::find(connection, row.item_id)?.name,
        state: row.state.as_str().to_owned(),
        desired_version,
        desired_uuid: row.desired_uuid,
        sent_version,
        sent_uuid: row.sent_uuid,
        sent_at: row.sent_at,
        answered_at: row.answered_at,
        observed_uuid: row.observed_uuid,
        observed_at: row.observed_at,
        losses: row.losses,
        attempts: row.attempts,
        next_try_at: row.next_try_at,
        last_error: row.last_error,
        why: why.iter().map(reason_view).collect(),
    })
}
