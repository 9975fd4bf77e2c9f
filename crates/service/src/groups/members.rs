//! Who is in a group; members by hand.

use serde_json::json;
use store::{Connection, Device, DeviceId, Group, GroupKind, GroupMember, GroupTrouble, Tx};
use uuid::Uuid;

use super::{Groups, find};
use crate::audit::{self, Act};
use crate::desired::trigger::{Changed, device_changed};
use crate::events::Event;
use crate::operators::Operator;
use crate::paging::PageOf;
use crate::views::{Consent, DeviceGroupView, GroupMemberView, Page, PageQuery};
use crate::{Context, Error, targets};

/// How a change of members is recorded and told.
struct Told {
    /// The name of its transaction.
    name: &'static str,
    act: Act,
    /// The kind of its event.
    kind: &'static str,
}

impl Groups {
    /// The devices in a group.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for a wrong cursor or limit.
    pub async fn members(&self, group: String, query: PageQuery) -> Result<Page<GroupMemberView>, Error> {
        let page = PageOf::<Uuid>::read(query.limit, query.cursor.as_deref())?;
        let rows = self
            .context
            .store
            .read("list_members", move |c| {
                let group = find(c, &group)?;
                let rows = GroupMember::members(c, group.id, page.of(DeviceId))?;
                rows.into_iter()
                    .map(|row| shown(c, row.device_id, row.since, row.why))
                    .collect::<Result<Vec<_>, Error>>()
            })
            .await?;
        Ok(page.page(rows, |member| member.device_id, |member| member))
    }

    /// The devices for which the rule of a group has no answer.
    ///
    /// # Errors
    /// As for [`Self::members`].
    pub async fn troubles(&self, group: String, query: PageQuery) -> Result<Page<GroupMemberView>, Error> {
        let page = PageOf::<Uuid>::read(query.limit, query.cursor.as_deref())?;
        let rows = self
            .context
            .store
            .read("list_troubles", move |c| {
                let group = find(c, &group)?;
                let rows = GroupTrouble::of_group(c, group.id, page.of(DeviceId))?;
                rows.into_iter()
                    .map(|row| shown(c, row.device_id, row.at, row.error))
                    .collect::<Result<Vec<_>, Error>>()
            })
            .await?;
        Ok(page.page(rows, |member| member.device_id, |member| member))
    }

    /// Puts a device into a group by hand. Once more changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] for a group by rule.
    pub async fn add(
        &self,
        operator: &Operator,
        (group, device): (String, String),
        consent: Consent,
    ) -> Result<GroupMemberView, Error> {
        let why = format!("put there by {}", operator.name);
        let act = Act::new(operator, "group.add");
        let told = Told { name: "add_member", act, kind: "group.joined" };
        self.by_hand(operator, (group, device), (told, consent), move |tx, context, group, device| {
            let member = GroupMember {
                group_id: group.id,
                device_id: device.id,
                since: context.now(),
                why: why.clone(),
            };
            Ok(member.add(tx)?)
        })
        .await
    }

    /// Takes a device out of a group by hand. Once more changes nothing.
    ///
    /// # Errors
    /// As for [`Self::add`].
    pub async fn remove(
        &self,
        operator: &Operator,
        (group, device): (String, String),
        consent: Consent,
    ) -> Result<GroupMemberView, Error> {
        let act = Act::new(operator, "group.remove");
        let remove = |tx: &mut Tx<'_>, _: &Context, group: &Group, device: &Device| {
            Ok(GroupMember::remove(tx, group.id, device.id)?)
        };
        let told = Told { name: "remove_member", act, kind: "group.left" };
        self.by_hand(operator, (group, device), (told, consent), remove).await
    }

    async fn by_hand<F>(
        &self,
        operator: &Operator,
        (group, device): (String, String),
        (told, consent): (Told, Consent),
        mut change: F,
    ) -> Result<GroupMemberView, Error>
    where
        F: FnMut(&mut Tx<'_>, &Context, &Group, &Device) -> Result<bool, Error> + Send + 'static,
    {
        let (context, now) = (self.context.clone(), self.context.now());
        let Told { name, act, kind } = told;
        let (view, event) = self
            .desired
            .guarded(name, operator, consent, move |tx, guard| {
                let group = find(tx, &group)?;
                if group.kind == GroupKind::Rule {
                    let name = &group.name;
                    return Err(Error::Conflict(format!(
                        "the members of '{name}' follow its rule: change the rule, or a label of the device"
                    )));
                }
                let device = targets::find_device(tx, &device).map_err(|miss| miss.into_error(&device))?;
                let mut event = None;
                guard.before(tx, &[device.id])?;
                if change(tx, &context, &group, &device)? {
                    let detail = json!({ "device": device.id, "group": group.id, "name": group.name });
                    audit::record(tx, now, &act.clone().on(group.id.to_string()).with(detail.clone()))?;
                    device_changed(tx, &context, device.id, Changed::Membership)?;
                    event = Some(Event::new(kind, now).with(detail));
                }
                Ok((shown(tx, device.id, now, String::new())?, event))
            })
            .await?;
        if let Some(event) = event {
            self.context.events.publish(event);
        }
        Ok(view)
    }

    /// The groups that a device is in, and those whose rule has no answer about it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn of_device(&self, device: String) -> Result<Vec<DeviceGroupView>, Error> {
        self.context
            .store
            .read("groups_of_device", move |c| {
                let device = targets::find_device(c, &device).map_err(|miss| miss.into_error(&device))?;
                let mut views: Vec<DeviceGroupView> = GroupMember::with_groups(c, device.id)?
                    .into_iter()
                    .map(|(row, group)| DeviceGroupView {
                        since: Some(row.since),
                        why: Some(row.why),
                        ..about(&group, true)
                    })
                    .collect();
                for trouble in GroupTrouble::of_device(c, device.id)? {
                    match views.iter_mut().find(|view| view.id == trouble.group_id.0) {
                        Some(view) => view.trouble = Some(trouble.error),
                        None => {
                            let group = Group::find(c, trouble.group_id)?;
                            views.push(DeviceGroupView {
                                trouble: Some(trouble.error),
                                ..about(&group, false)
                            });
                        }
                    }
                }
                Ok::<_, Error>(views)
            })
            .await
    }
}

fn about(group: &Group, member: bool) -> DeviceGroupView {
    DeviceGroupView {
        id: group.id.0,
        name: group.name.clone(),
        kind: group.kind.to_string(),
        member,
        since: None,
        why: None,
        trouble: None,
    }
}

fn shown(
    connection: &mut Connection,
    id: DeviceId,
    since: clock::Timestamp,
    why: String,
) -> Result<GroupMemberView, Error> {
    let device = Device::find(connection, id)?;
    Ok(GroupMemberView {
        device_id: id.0,
        serial_number: device.serial_number,
        name: device.name,
        since,
        why,
    })
}
