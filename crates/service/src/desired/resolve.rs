//! What a device should have, and why. Pure: the reconciler, previews and "why?" ask this one function with different inputs.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{DeviceFacts, Platform};
use serde::{Deserialize, Serialize};
use store::{AssignmentId, GroupId, ItemId, ItemVersionId, PlaceId};

/// What is known of one device.
#[derive(Debug, Clone)]
pub struct Subject {
    /// What the catalogue asks about.
    pub facts: DeviceFacts,
    /// The groups that it is in.
    pub groups: BTreeSet<GroupId>,
    /// The groups whose rule could not be evaluated for it: its membership stays as it was.
    pub troubled: BTreeSet<GroupId>,
    /// Its place, then what that is a part of, the root last.
    pub places: Vec<PlaceId>,
}

/// An assignment, as far as it matters here, with the names of what it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentView {
    /// Its id.
    pub id: AssignmentId,
    /// Its version.
    pub version: i32,
    /// The item.
    pub item: ItemId,
    /// The version of the item.
    pub item_version: ItemVersionId,
    /// Its number.
    pub number: i32,
    /// The platforms that the version is meant for; empty for any.
    pub platforms: Vec<Platform>,
    /// To the members of this group; none: to every device.
    pub group: Option<GroupId>,
    /// Only at this place and below it.
    pub place: Option<PlaceId>,
    /// The groups whose members do not get the item.
    pub excluded: Vec<GroupId>,
    /// The names of groups and places, for the reasons.
    pub names: BTreeMap<uuid::Uuid, String>,
}

/// A reason, for programs and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What kind: `assigned`, `excluded`, `not_assigned`, `platform`, `unset`, `refused`, `rule_trouble`, `ring`, `brake`, `back_off`, …
    pub code: String,
    /// In words.
    pub text: String,
    /// The assignment that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<AssignmentId>,
    /// The group that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// The variable, or the key path within the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// What is to become of an item on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It should be there in this version.
    Want(ItemVersionId),
    /// It is assigned and cannot be there. What is there of it stays.
    Blocked,
    /// An exclusion keeps it away.
    Excluded,
}

/// The answer for one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The item.
    pub item: ItemId,
    /// What is to become of it.
    pub outcome: Outcome,
    /// The assignment that decides, for an item that is wanted.
    pub assignment: Option<AssignmentId>,
    /// Why.
    pub why: Vec<Reason>,
}

impl Reason {
    /// A reason of this kind in these words.
    #[must_use]
    pub fn new(code: &str, text: impl Into<String>) -> Self {
        Self { code: code.to_owned(), text: text.into(), assignment: None, group: None, key: None }
    }

    /// The same about a key.
    #[must_use]
    pub fn at(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    const fn of(mut self, assignment: AssignmentId, group: Option<GroupId>) -> Self {
        self.assignment = Some(assignment);
        self.group = group;
        self
    }
}

/// What the device should have of all that is assigned. An item that is not in the answer is assigned to it by nothing.
///
/// An exclusion goes before every assignment of the item. Of several assignments the highest version of the item counts.
#[must_use]
pub fn resolve(subject: &Subject, assignments: &[AssignmentView]) -> Vec<Resolved> {
    let mut of_item: BTreeMap<ItemId, Vec<&AssignmentView>> = BTreeMap::new();
    for assignment in assignments.iter().filter(|assignment| applies(subject, assignment)) {
        of_item.entry(assignment.item).or_default().push(assignment);
    }
    of_item.into_iter().filter_map(|(item, assigned)| resolve_item(subject, item, &assigned)).collect()
}

fn applies(subject: &Subject, assignment: &AssignmentView) -> bool {
    assignment.group.is_none_or(|group| subject.groups.contains(&group))
        && assignment.place.is_none_or(|place| subject.places.contains(&place))
}

fn resolve_item(subject: &Subject, item: ItemId, assigned: &[&AssignmentView]) -> Option<Resolved> {
    let mut why: Vec<Reason> = assigned.iter().map(|assignment| assigned_by(assignment)).collect();
    for assignment in assigned {
        let group = assignment.group.filter(|group| subject.troubled.contains(group));
        if let Some(group) = group {
            let text = format!(
                "the rule of group '{}' cannot be evaluated; it counts as before",
                assignment.name(group.0)
            );
            why.push(Reason::new("rule_trouble", text).of(assignment.id, Some(group)));
        }
        let excluded = assignment.excluded.iter().find(|group| subject.groups.contains(group));
        if let Some(group) = excluded {
            let text = format!("the device is in the excluded group '{}'", assignment.name(group.0));
            why.insert(0, Reason::new("excluded", text).of(assignment.id, Some(*group)));
            return Some(Resolved { item, outcome: Outcome::Excluded, assignment: None, why });
        }
    }
    let chosen =
        assigned.iter().max_by_key(|assignment| (assignment.number, std::cmp::Reverse(assignment.id)))?;
    let assignment = Some(chosen.id);
    if let Some(reason) = misplaced(subject, chosen) {
        why.insert(0, reason);
        return Some(Resolved { item, outcome: Outcome::Blocked, assignment, why });
    }
    Some(Resolved { item, outcome: Outcome::Want(chosen.item_version), assignment, why })
}

fn misplaced(subject: &Subject, assignment: &AssignmentView) -> Option<Reason> {
    if assignment.platforms.is_empty() {
        return None;
    }
    let meant: Vec<&str> = assignment.platforms.iter().map(|platform| platform.as_str()).collect();
    let text = match subject.facts.platform {
        Some(platform) if assignment.platforms.contains(&platform) => return None,
        Some(platform) => format!("it is meant for {}, and this is {}", meant.join(", "), platform.as_str()),
        None => format!("it is meant for {}, and the device's platform is not known yet", meant.join(", ")),
    };
    Some(Reason::new("platform", text).of(assignment.id, assignment.group))
}

fn assigned_by(assignment: &AssignmentView) -> Reason {
    let to = assignment
        .group
        .map_or_else(|| "every device".to_owned(), |group| format!("group '{}'", assignment.name(group.0)));
    let place =
        assignment.place.map_or_else(String::new, |place| format!(" at '{}'", assignment.name(place.0)));
    let text = format!("version {} is assigned to {to}{place}", assignment.number);
    Reason::new("assigned", text).of(assignment.id, assignment.group)
}

impl AssignmentView {
    fn name(&self, id: uuid::Uuid) -> String {
        self.names.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }
}

#[cfg(test)]
mod tests;
