//! Evaluation: what the rules say now, compared with who is in which group.
//!
//! The rules are asked outside of a transaction, because they cost more than anything else here; what follows is written in one. A rule
//! without an answer changes nobody's membership.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use clock::Timestamp;
use parking_lot::Mutex;
use serde_json::json;
use store::{Connection, DeviceId, Group, GroupId, GroupKind, GroupMember, GroupTrouble, Tx};

use super::rule::{Outcome, Rule};
use super::subject;
use crate::desired::trigger::{Changed, device_changed};
use crate::events::Event;
use crate::{Context, Error};

/// Rules that are kept ready.
const KEPT: usize = 512;

/// Rules that were read before, by their text.
#[derive(Clone, Default)]
pub(crate) struct Rules {
    read: Arc<Mutex<HashMap<String, Arc<Rule>>>>,
}

impl Rules {
    /// The rule of this text; an old rule that this version cannot read any more is trouble for every device.
    fn of(&self, text: &str) -> Result<Arc<Rule>, String> {
        let mut read = self.read.lock();
        if let Some(rule) = read.get(text) {
            return Ok(Arc::clone(rule));
        }
        let rule = Arc::new(Rule::compile(text).map_err(|error| error.to_string())?);
        if read.len() >= KEPT {
            read.clear();
        }
        read.insert(text.to_owned(), Arc::clone(&rule));
        Ok(rule)
    }

    /// Asks all rules about some devices in the transaction of a change and writes down what follows. Returns what those who watch
    /// are told once it is committed.
    ///
    /// # Errors
    /// The database's.
    pub(crate) fn ask_again(
        &self,
        tx: &mut Tx<'_>,
        context: &Context,
        devices: &[DeviceId],
    ) -> Result<Vec<Event>, Error> {
        let groups = Group::with_rules(tx)?;
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let mut findings = Vec::new();
        for device in devices {
            findings.extend(look(tx, self, &groups, *device)?);
        }
        settle(tx, context, &findings)
    }
}

/// What is to be written down about one device and one group.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    group: GroupId,
    name: String,
    /// The group as it was when its rule was asked: if it has been changed since, the finding is void.
    changed_at: Timestamp,
    device: DeviceId,
    outcome: Outcome,
}

/// What the rules of these groups say of a device that differs from what is written down.
///
/// # Errors
/// [`Error::NotFound`] when there is no such device; the database's.
pub(super) fn look(
    connection: &mut Connection,
    rules: &Rules,
    groups: &[Group],
    device: DeviceId,
) -> Result<Vec<Finding>, Error> {
    let subject = subject::load(connection, device)?;
    let within = GroupMember::of_device(connection, device)?;
    let troubles: BTreeMap<GroupId, String> = GroupTrouble::of_device(connection, device)?
        .into_iter()
        .map(|trouble| (trouble.group_id, trouble.error))
        .collect();
    let mut findings = Vec::new();
    for group in groups {
        let Some(text) = group.rule.as_deref() else { continue };
        let outcome = match rules.of(text) {
            Ok(rule) => rule.evaluate(&subject),
            Err(why) => Outcome::Trouble(why),
        };
        let trouble = troubles.get(&group.id);
        let as_written = match &outcome {
            Outcome::Trouble(why) => trouble == Some(why),
            settled => trouble.is_none() && within.contains(&group.id) == (*settled == Outcome::Member),
        };
        if !as_written {
            let name = group.name.clone();
            findings.push(Finding { group: group.id, name, changed_at: group.changed_at, device, outcome });
        }
    }
    Ok(findings)
}

/// Writes findings down and has the desired state of the devices looked at that changed groups. Returns what those who watch are told.
///
/// # Errors
/// The database's.
pub(super) fn settle(tx: &mut Tx<'_>, context: &Context, findings: &[Finding]) -> Result<Vec<Event>, Error> {
    let now = context.now();
    let mut events = Vec::new();
    let mut moved = Vec::new();
    for finding in findings {
        let holds = match Group::find(tx, finding.group) {
            Ok(group) => {
                group.kind == GroupKind::Rule
                    && group.archived_at.is_none()
                    && group.changed_at == finding.changed_at
            }
            Err(store::Error::NotFound) => false,
            Err(error) => return Err(error.into()),
        };
        if !holds {
            continue;
        }
        if let Some(kind) = write(tx, finding, now)? {
            let detail = json!({ "device": finding.device, "group": finding.group, "name": finding.name });
            events.push(Event::new(kind, now).with(detail));
            moved.push(finding.device);
        }
    }
    moved.dedup();
    for device in moved {
        device_changed(tx, context, device, Changed::Membership)?;
    }
    Ok(events)
}

/// The kind of the event, if the device has joined or left.
fn write(tx: &mut Tx<'_>, finding: &Finding, now: Timestamp) -> Result<Option<&'static str>, Error> {
    let (group_id, device_id) = (finding.group, finding.device);
    match &finding.outcome {
        Outcome::Trouble(error) => {
            GroupTrouble { group_id, device_id, error: error.clone(), at: now }.note(tx)?;
            Ok(None)
        }
        Outcome::Member => {
            GroupTrouble::clear(tx, group_id, device_id)?;
            let member = GroupMember { group_id, device_id, since: now, why: "the rule says so".to_owned() };
            Ok(member.add(tx)?.then_some("group.joined"))
        }
        Outcome::NotMember => {
            GroupTrouble::clear(tx, group_id, device_id)?;
            Ok(GroupMember::remove(tx, group_id, device_id)?.then_some("group.left"))
        }
    }
}
