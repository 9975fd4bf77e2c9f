//! A rule tried on one device or on all of them, without storing anything.

use store::{Connection, Device, DeviceId, GroupMember, Page as Rows};

use super::rule::{Outcome, Rule};
use super::{Groups, find, subject, uses};
use crate::views::{RuleAnswerView, RuleTestRequest, RuleTestView};
use crate::{Error, targets};

/// Devices that are read at once.
const AT_ONCE: i64 = 200;
/// Up to so many devices may be moved without being asked.
const UNASKED: i64 = 10;
/// Answers of each kind that are shown.
const SHOWN: usize = 10;

impl Groups {
    /// Says what a rule would say.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong rule, [`Error::NotFound`] for an unknown device.
    pub async fn test(&self, request: RuleTestRequest) -> Result<RuleTestView, Error> {
        let rule = Rule::compile(&request.rule).map_err(|error| Error::invalid("rule", error.to_string()))?;
        let rule = std::sync::Arc::new(rule);
        let mut count = Count::default();
        if let Some(name) = request.device {
            let answer = self
                .context
                .store
                .read("test_rule", move |c| {
                    let device = targets::find_device(c, &name).map_err(|miss| miss.into_error(&name))?;
                    ask(c, &rule, device.id)
                })
                .await?;
            count.take(vec![answer]);
            let shown = count.troubled.is_empty() && count.members.is_empty();
            return Ok(count.view(shown));
        }
        let mut after = None;
        loop {
            let (rule, page) = (std::sync::Arc::clone(&rule), Rows { after, limit: AT_ONCE });
            let answers = self
                .context
                .store
                .read("test_rule", move |c| {
                    let devices = Device::ids(c, page)?;
                    devices.into_iter().map(|id| ask(c, &rule, id)).collect::<Result<Vec<_>, Error>>()
                })
                .await?;
            let Some(last) = answers.last() else { return Ok(count.view(false)) };
            after = Some(DeviceId(last.0.device_id));
            count.take(answers);
        }
    }
}

impl Groups {
    /// Refuses a new rule for a group that assignments name, if more devices than are done at once would join or leave, unless
    /// exactly that number is confirmed.
    ///
    /// # Errors
    /// [`Error::Conflict`] with the number; [`Error::NotFound`]; [`Error::Invalid`] for a wrong rule.
    pub(super) async fn confirmed(
        &self,
        group: String,
        text: String,
        confirmed: Option<i64>,
    ) -> Result<(), Error> {
        let rule = Rule::compile(&text).map_err(|error| Error::invalid("rule", error.to_string()))?;
        let rule = std::sync::Arc::new(rule);
        let looked_up = move |c: &mut Connection| {
            let group = find(c, &group)?;
            let uses = uses(c, &group)?;
            Ok::<_, Error>((group, uses))
        };
        let (group, uses) = self.context.store.read("uses_of_group", looked_up).await?;
        if uses == 0 || group.rule.as_ref() == Some(&text) {
            return Ok(());
        }
        let (mut joining, mut leaving, mut after) = (0_i64, 0_i64, None);
        loop {
            let (rule, page, id) = (std::sync::Arc::clone(&rule), Rows { after, limit: AT_ONCE }, group.id);
            let moves = self
                .context
                .store
                .read("preview_rule", move |c| {
                    let devices = Device::ids(c, page)?;
                    devices
                        .into_iter()
                        .map(|device| {
                            let outcome = rule.evaluate(&subject::load(c, device)?);
                            Ok((device, outcome, GroupMember::is_member(c, id, device)?))
                        })
                        .collect::<Result<Vec<_>, Error>>()
                })
                .await?;
            let Some((last, ..)) = moves.last() else { break };
            after = Some(*last);
            for (_, outcome, within) in moves {
                match outcome {
                    Outcome::Member if !within => joining = joining.saturating_add(1),
                    Outcome::NotMember if within => leaving = leaving.saturating_add(1),
                    _ => {}
                }
            }
        }
        let moved = joining.saturating_add(leaving);
        if moved <= UNASKED || confirmed == Some(moved) {
            return Ok(());
        }
        Err(Error::Conflict(format!(
            "with this rule {joining} devices would join '{}' and {leaving} would leave it, and {uses} assignments name it: confirm \
             the number of devices, {moved}",
            group.name
        )))
    }
}

type Answer = (RuleAnswerView, Outcome);

fn ask(connection: &mut Connection, rule: &Rule, id: DeviceId) -> Result<Answer, Error> {
    let outcome = rule.evaluate(&subject::load(connection, id)?);
    let device = Device::find(connection, id)?;
    let (answer, trouble) = match &outcome {
        Outcome::Member => ("member", None),
        Outcome::NotMember => ("not_member", None),
        Outcome::Trouble(why) => ("trouble", Some(why.clone())),
    };
    let view = RuleAnswerView {
        device_id: id.0,
        serial_number: device.serial_number,
        name: device.name,
        answer: answer.to_owned(),
        trouble,
    };
    Ok((view, outcome))
}

#[derive(Default)]
struct Count {
    devices: usize,
    members_count: usize,
    others_count: usize,
    members: Vec<RuleAnswerView>,
    others: Vec<RuleAnswerView>,
    troubled: Vec<RuleAnswerView>,
}

impl Count {
    fn take(&mut self, answers: Vec<Answer>) {
        for (view, outcome) in answers {
            self.devices = self.devices.saturating_add(1);
            let (count, sample) = match outcome {
                Outcome::Member => (Some(&mut self.members_count), &mut self.members),
                Outcome::NotMember => (Some(&mut self.others_count), &mut self.others),
                Outcome::Trouble(_) => (None, &mut self.troubled),
            };
            if let Some(count) = count {
                *count = count.saturating_add(1);
            }
            if sample.len() < SHOWN {
                sample.push(view);
            }
        }
    }

    fn view(self, with_others: bool) -> RuleTestView {
        let mut sample = self.members;
        sample.extend(self.troubled);
        if with_others {
            sample.extend(self.others);
        }
        RuleTestView {
            devices: self.devices,
            members: self.members_count,
            others: self.others_count,
            troubles: self.devices.saturating_sub(self.members_count).saturating_sub(self.others_count),
            sample,
        }
    }
}
