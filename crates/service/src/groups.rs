//! Groups of devices, by hand and by rule.
//!
//! A rule is evaluated when something about a device changes, and for every device when the rule itself does. Where it has no answer,
//! because a fact is missing, the device stays in the group or out of it as it was, and the trouble is shown.

mod evaluate;
mod members;
pub mod rule;
mod subject;
#[cfg(test)]
mod tests;
mod trial;
mod worker;

use clock::Timestamp;
use serde_json::json;
use store::{
    Assignment, Connection, DeviceId, Group, GroupId, GroupKind, GroupMember, GroupTrouble, Page as Rows, Tx,
};
use uuid::Uuid;

pub(crate) use evaluate::Rules;
pub use worker::{EVALUATE_GROUP, Evaluator};

use self::rule::Rule;
use crate::audit::{self, Act};
use crate::desired::Desired;
use crate::desired::trigger::{Changed, device_changed};
use crate::events::Event;
use crate::operators::Operator;
use crate::paging::PageOf;
use crate::views::{GroupChangeRequest, GroupRequest, GroupView, Page, PageQuery};
use crate::{Context, Error};

/// Characters of a name at most.
const NAME: usize = 100;
/// Characters of a description at most.
const DESCRIPTION: usize = 1_000;

/// The service.
pub struct Groups {
    context: Context,
    evaluator: Evaluator,
    desired: Desired,
}

impl Groups {
    /// Over the common ground.
    #[must_use]
    pub fn new(context: Context, desired: Desired) -> Self {
        Self { evaluator: Evaluator::new(context.clone()), context, desired }
    }

    /// The worker that evaluates the rules.
    #[must_use]
    pub fn evaluator(&self) -> Evaluator {
        self.evaluator.clone()
    }

    /// Makes a group. Of a group by rule the first devices are evaluated before the answer, the others soon after.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong name or rule, [`Error::Conflict`] when the name is taken.
    pub async fn create(&self, operator: &Operator, request: GroupRequest) -> Result<GroupView, Error> {
        let now = self.context.now();
        let group = Group {
            id: GroupId::new(self.context.clock.as_ref()),
            name: checked_name(&request.name)?,
            kind: if request.rule.is_some() { GroupKind::Rule } else { GroupKind::Manual },
            rule: request.rule.map(checked_rule).transpose()?,
            description: checked_description(request.description.as_deref().unwrap_or_default())?,
            created_at: now,
            created_by: operator.name.clone(),
            changed_at: now,
            archived_at: None,
        };
        let act = Act::new(operator, "group.create").on(group.id.to_string());
        let act = act.with(json!({ "name": group.name, "rule": group.rule }));
        let (context, id) = (self.context.clone(), group.id);
        self.context
            .store
            .tx("create_group", move |tx| {
                free_name(tx, &group.name, group.id)?;
                group.insert(tx)?;
                if group.kind == GroupKind::Rule {
                    worker::evaluate_all(tx, &context, group.id)?;
                }
                audit::record(tx, now, &act)
            })
            .await?;
        self.settled("group.created", id, now).await
    }

    /// Changes the name, the description or the rule of a group.
    ///
    /// # Errors
    /// As for [`Self::create`]; [`Error::Invalid`] for a rule on a group by hand; [`Error::Conflict`] when assignments name the group
    /// and more than ten devices would join or leave, unless that number is confirmed.
    pub async fn change(
        &self,
        operator: &Operator,
        name: String,
        request: GroupChangeRequest,
    ) -> Result<GroupView, Error> {
        let now = self.context.now();
        let new_name = request.name.as_deref().map(checked_name).transpose()?;
        let description = request.description.as_deref().map(checked_description).transpose()?;
        let rule = request.rule.map(checked_rule).transpose()?;
        if let Some(rule) = &rule {
            self.confirmed(name.clone(), rule.clone(), request.confirm_devices).await?;
        }
        let act = Act::new(operator, "group.change");
        let context = self.context.clone();
        let id = self
            .context
            .store
            .tx("change_group", move |tx| {
                let mut group = find(tx, &name)?;
                let before = group.clone();
                if let Some(name) = &new_name {
                    free_name(tx, name, group.id)?;
                    group.name.clone_from(name);
                }
                if let Some(description) = &description {
                    group.description.clone_from(description);
                }
                if let Some(rule) = &rule {
                    if group.kind == GroupKind::Manual {
                        return Err(Error::invalid(
                            "rule",
                            "this group gets its members by hand; make another one",
                        ));
                    }
                    group.rule = Some(rule.clone());
                }
                if group == before {
                    return Ok(group.id);
                }
                group.changed_at = later(now, before.changed_at);
                group.save(tx)?;
                if group.rule != before.rule {
                    worker::evaluate_all(tx, &context, group.id)?;
                }
                let detail = json!({ "name": group.name, "rule": group.rule, "rule_before": before.rule });
                audit::record(tx, now, &act.clone().on(group.id.to_string()).with(detail))?;
                Ok::<_, Error>(group.id)
            })
            .await?;
        self.settled("group.changed", id, now).await
    }

    /// Puts a group away. Its members leave it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] while an assignment names it.
    pub async fn delete(&self, operator: &Operator, name: String) -> Result<GroupView, Error> {
        let now = self.context.now();
        let (act, context) = (Act::new(operator, "group.delete"), self.context.clone());
        let view = self
            .context
            .store
            .tx("delete_group", move |tx| {
                let mut group = find(tx, &name)?;
                let shown = view(tx, &group)?;
                unused(tx, &group)?;
                for device in everyone(tx, group.id)? {
                    GroupMember::remove(tx, group.id, device)?;
                    device_changed(tx, &context, device, Changed::Membership)?;
                }
                GroupTrouble::clear_all(tx, group.id)?;
                group.archived_at = Some(now);
                group.save(tx)?;
                let detail = json!({ "name": group.name, "members": shown.members });
                audit::record(tx, now, &act.clone().on(group.id.to_string()).with(detail))?;
                Ok::<_, Error>(shown)
            })
            .await?;
        self.context.events.publish(Event::new("group.deleted", now).with(json!({ "group": view.id })));
        Ok(view)
    }

    /// The groups, the oldest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong cursor or limit.
    pub async fn list(&self, query: PageQuery) -> Result<Page<GroupView>, Error> {
        let page = PageOf::<Uuid>::read(query.limit, query.cursor.as_deref())?;
        let rows = self
            .context
            .store
            .read("list_groups", move |c| {
                let groups = Group::list(c, None, page.of(GroupId))?;
                groups.iter().map(|group| view(c, group)).collect::<Result<Vec<_>, Error>>()
            })
            .await?;
        Ok(page.page(rows, |group| group.id, |group| group))
    }

    /// One group, by id or name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn show(&self, name: String) -> Result<GroupView, Error> {
        self.context
            .store
            .read("show_group", move |c| {
                let group = find(c, &name)?;
                view(c, &group)
            })
            .await
    }

    /// Does at once what the worker would do in a moment, so that whoever made a small change sees what came of it.
    async fn settled(&self, kind: &'static str, id: GroupId, now: Timestamp) -> Result<GroupView, Error> {
        self.context.events.publish(Event::new(kind, now).with(json!({ "group": id })));
        self.evaluator.run_once().await?;
        self.show(id.to_string()).await
    }
}

/// The group with this id or name.
///
/// # Errors
/// [`Error::NotFound`].
pub(crate) fn find(connection: &mut Connection, name: &str) -> Result<Group, Error> {
    let missing = || Error::not_found("group", name);
    if let Ok(id) = name.parse::<Uuid>() {
        let found = Group::find(connection, GroupId(id));
        return match found {
            Ok(group) if group.archived_at.is_none() => Ok(group),
            Ok(_) | Err(store::Error::NotFound) => Err(missing()),
            Err(error) => Err(error.into()),
        };
    }
    Group::find_by_name(connection, name)?.ok_or_else(missing)
}

fn view(connection: &mut Connection, group: &Group) -> Result<GroupView, Error> {
    Ok(GroupView {
        id: group.id.0,
        name: group.name.clone(),
        kind: group.kind.to_string(),
        rule: group.rule.clone(),
        description: group.description.clone(),
        members: GroupMember::count(connection, group.id)?,
        troubles: GroupTrouble::count(connection, group.id)?,
        created_at: group.created_at,
        created_by: group.created_by.clone(),
        changed_at: group.changed_at,
    })
}

/// A later time than the change before, so that a finding of the old rule is never taken for one of the new.
fn later(now: Timestamp, before: Timestamp) -> Timestamp {
    now.max(before + std::time::Duration::from_millis(1))
}

fn everyone(tx: &mut Tx<'_>, group: GroupId) -> Result<Vec<DeviceId>, Error> {
    let all = GroupMember::members(tx, group, Rows::first(i64::MAX))?;
    Ok(all.into_iter().map(|member| member.device_id).collect())
}

/// How many assignments name the group.
fn uses(connection: &mut Connection, group: &Group) -> Result<usize, Error> {
    let active = Assignment::list_active(connection)?;
    let names =
        |one: &&Assignment| one.group_id == Some(group.id) || one.excluded_groups().contains(&group.id);
    Ok(active.iter().filter(names).count())
}

fn unused(tx: &mut Tx<'_>, group: &Group) -> Result<(), Error> {
    match uses(tx, group)? {
        0 => Ok(()),
        uses => {
            let reason = format!("{uses} assignments name the group '{}': remove them first", group.name);
            Err(Error::Conflict(reason))
        }
    }
}

fn free_name(tx: &mut Tx<'_>, name: &str, own: GroupId) -> Result<(), Error> {
    match Group::find_by_name(tx, name)? {
        Some(other) if other.id != own => Err(Error::Conflict(format!("there is a group '{name}' already"))),
        _ => Ok(()),
    }
}

fn checked_name(name: &str) -> Result<String, Error> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
        return Err(Error::invalid(
            "name",
            format!("must have 1 to {NAME} characters and no control characters"),
        ));
    }
    if name.parse::<Uuid>().is_ok() {
        return Err(Error::invalid("name", "looks like an id, and would be taken for one"));
    }
    Ok(name.to_owned())
}

fn checked_description(text: &str) -> Result<String, Error> {
    if text.chars().count() > DESCRIPTION {
        return Err(Error::invalid("description", format!("may have at most {DESCRIPTION} characters")));
    }
    Ok(text.trim().to_owned())
}

fn checked_rule(rule: String) -> Result<String, Error> {
    Rule::compile(&rule).map_err(|error| Error::invalid("rule", error.to_string()))?;
    Ok(rule)
}
