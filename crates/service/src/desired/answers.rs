//! What a device says of the commands that bring or take items.

use protocol_mdm::commands;
use store::{Channel, Command, DeliveryState, DeviceItem, Enrollment, ItemState};

use super::{plan, trigger};
use crate::Error;
use crate::own_commands::{self, AUTHOR, OwnCommand};
use crate::work::Work;

/// The lane of the question that shows the effect: right after the installs and removals, so that one list answers for all.
const LANE: i16 = 300;

/// Notes the answer to a command for an item. An acknowledgement is not believed: the list of profiles is asked for.
pub(crate) fn note(
    work: &mut Work<'_, '_>,
    enrollment: &Enrollment,
    channel: &Channel,
    (command, state): (&Command, DeliveryState),
    error: Option<&str>,
) -> Result<(), Error> {
    let is_ours = command.created_by == AUTHOR
        && matches!(command.request_type.as_str(), "InstallProfile" | "RemoveProfile");
    if !is_ours {
        return Ok(());
    }
    let Some(mut row) = DeviceItem::find_by_command(work.tx, enrollment.id, command.id)? else {
        return Ok(());
    };
    row.command_id = None;
    row.answered_at = Some(work.now);
    row.changed_at = work.now;
    if state == DeliveryState::Acknowledged {
        if command.request_type == "InstallProfile" {
            row.state = ItemState::Answered;
        } else {
            row.observed_uuid = None;
        }
        row.save(work.tx)?;
        return ask_for_list(work, enrollment, channel);
    }
    plan::fail(&mut row, error.unwrap_or("the device refused it without a word"), work.now);
    row.save(work.tx)?;
    if command.request_type == "RemoveProfile" {
        // It may refuse because there is nothing to remove.
        ask_for_list(work, enrollment, channel)?;
    }
    trigger::reconcile(work.tx, work.context, enrollment.id)
}

fn ask_for_list(work: &mut Work<'_, '_>, enrollment: &Enrollment, channel: &Channel) -> Result<(), Error> {
    let pending = work.tx.pending(channel.id);
    if pending.iter().any(|before| &*before.request_type == "ProfileList" && before.hand_outs == 0) {
        return Ok(());
    }
    let personal = enrollment.ownership == catalog::Ownership::Personal;
    let question = OwnCommand {
        enrollment,
        channel: channel.id,
        dictionary: commands::profile_list(personal),
        lane: LANE,
        expires_at: None,
        reason: "to see that it did",
    };
    own_commands::enqueue(work.tx, work.context, question).map(|_| ())
}
