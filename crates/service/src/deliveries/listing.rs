//! Rows of the list of deliveries.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use store::{
    Channel, ChannelId, Command, CommandId, Connection, Delivery, DeliveryFilter, DeliverySeq, DeliveryState,
    Device, Enrollment, EnrollmentId, Page as StorePage,
};

use super::conclusion::{self, Known};
use super::evidence;
use crate::paging::PageOf;
use crate::views::{DeliveryQuery, DeliveryView, Page};
use crate::{Error, targets};

/// How many rows a filter by state looks through for one page.
const LOOKED_THROUGH: usize = 5_000;

pub(super) fn list(
    connection: &mut Connection,
    query: &DeliveryQuery,
    page: PageOf<i64>,
) -> Result<Page<DeliveryView>, Error> {
    let state: Option<DeliveryState> = match query.state.as_deref() {
        Some(text) => Some(
            text.parse()
                .map_err(|error: store::ParseWordError| Error::invalid("state", error.to_string()))?,
        ),
        None => None,
    };
    let open = query.pending == Some(true) || state.is_some_and(|state| !state.is_final());
    let filters = filters(connection, query)?;
    let wanted = usize::try_from(page.limit).unwrap_or(usize::MAX).saturating_add(1);
    let (mut found, mut after, mut seen) = (Vec::new(), page.after.map(DeliverySeq), 0);
    loop {
        let part = StorePage { after, limit: page.of(DeliverySeq).limit };
        let (rows, next) = read(connection, &filters, part, open)?;
        seen += rows.len().max(1);
        for row in rows {
            let fits = match state {
                Some(state) => shown(connection, &row, state)? == state,
                None => true,
            };
            if fits && (query.pending != Some(false) || row.progress.state.is_final()) {
                found.push(row);
            }
        }
        after = next;
        if after.is_none() || found.len() >= wanted || seen >= LOOKED_THROUGH {
            break;
        }
    }
    found.truncate(wanted);
    let stopped_early = found.len() < wanted && after.is_some();
    let shown = usize::try_from(page.limit).unwrap_or(usize::MAX).min(found.len());
    let views = views(connection, found.get(..shown).unwrap_or_default())?;
    let mut answer = page.page(found, |row| row.seq.0, |_| ());
    if let (true, Some(DeliverySeq(seq))) = (stopped_early, after) {
        answer.next_cursor = Some(PageOf::cursor(seq));
    }
    Ok(Page { items: views, next_cursor: answer.next_cursor })
}

/// The state that is shown of a row, as far as it matters to whoever looks for `wanted`: what is handed out may be shown as unanswered.
fn shown(connection: &mut Connection, row: &Delivery, wanted: DeliveryState) -> Result<DeliveryState, Error> {
    let state = row.progress.state;
    let matters = [DeliveryState::HandedOut, DeliveryState::NoReply].contains(&wanted);
    if state != DeliveryState::HandedOut || !matters {
        return Ok(state);
    }
    let command = Command::find(connection, row.command_id)?;
    evidence::shown_state(connection, row, &command)
}

/// One page of the raw list, and where to read on.
fn read(
    connection: &mut Connection,
    filters: &[DeliveryFilter],
    page: StorePage<DeliverySeq>,
    open: bool,
) -> Result<(Vec<Delivery>, Option<DeliverySeq>), Error> {
    let (mut rows, mut next): (Vec<Delivery>, Option<DeliverySeq>) = (Vec::new(), None);
    for filter in filters {
        let (part, last) = if open {
            Delivery::list_open(connection, filter, page)?
        } else {
            let part = Delivery::list(connection, filter, page)?;
            let full = i64::try_from(part.len()).is_ok_and(|count| count >= page.limit);
            let last = part.last().map(|row| row.seq).filter(|_| full);
            (part, last)
        };
        rows.extend(part);
        // Several lists are merged down to the point that all of them have reached.
        next = next.max(last);
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.seq));
    if let Some(reached) = next {
        rows.retain(|row| row.seq >= reached);
    }
    Ok((rows, next))
}

/// What the query means: one filter, or one for each enrolment of a device.
fn filters(connection: &mut Connection, query: &DeliveryQuery) -> Result<Vec<DeliveryFilter>, Error> {
    let mut filter = DeliveryFilter::default();
    if let Some(uuid) = &query.command {
        let command =
            Command::find_by_uuid(connection, uuid)?.ok_or_else(|| Error::not_found("command", uuid))?;
        filter.command_id = Some(command.id);
    }
    let Some(name) = &query.device else { return Ok(vec![filter]) };
    let device = targets::find_device(connection, name).map_err(|miss| miss.into_error(name))?;
    let epochs = Enrollment::list_for_device(connection, device.id)?;
    Ok(epochs
        .iter()
        .take(20)
        .map(|epoch| DeliveryFilter { enrollment_id: Some(epoch.id), ..filter })
        .collect())
}

/// Rows with what they refer to; each referred row is read once.
pub(crate) fn views(connection: &mut Connection, rows: &[Delivery]) -> Result<Vec<DeliveryView>, Error> {
    let mut around = Around::default();
    rows.iter().map(|row| around.view(connection, row)).collect()
}

#[derive(Default)]
struct Around {
    commands: HashMap<CommandId, Command>,
    channels: HashMap<ChannelId, Channel>,
    enrolled: HashMap<EnrollmentId, (Enrollment, Device)>,
}

impl Around {
    fn view(&mut self, connection: &mut Connection, row: &Delivery) -> Result<DeliveryView, Error> {
        let command = match self.commands.entry(row.command_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(Command::find(connection, row.command_id)?),
        };
        let channel = match self.channels.entry(row.channel_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(Channel::find(connection, row.channel_id)?),
        };
        let (enrollment, device) = match self.enrolled.entry(row.enrollment_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let enrollment = Enrollment::find(connection, row.enrollment_id)?;
                let device = Device::find(connection, enrollment.device_id)?;
                place.insert((enrollment, device))
            }
        };
        let verified = evidence::verification(connection, row, command, enrollment)?.is_some();
        let state = evidence::shown_state(connection, row, command)?;
        Ok(view((row, state), command, channel, device, verified))
    }
}

/// One row as it is shown, with the state that is shown.
pub(super) fn view(
    (row, state): (&Delivery, DeliveryState),
    command: &Command,
    channel: &Channel,
    device: &Device,
    verified: bool,
) -> DeliveryView {
    let obliteration = evidence::obliteration(command);
    let known = Known {
        request_type: &command.request_type,
        platform: device.platform,
        obliteration: obliteration.as_deref(),
        state,
        hand_outs: u64::from(row.progress.hand_outs),
        verified,
    };
    DeliveryView {
        seq: row.seq.0,
        command_uuid: command.uuid.clone(),
        request_type: command.request_type.clone(),
        class: command.class.clone(),
        device_id: device.id.0,
        device_name: device.name.clone(),
        enrollment_id: row.enrollment_id.0,
        channel_key: channel.key.clone(),
        state: state.to_string(),
        wording: conclusion::wording(&known).to_owned(),
        enqueued_at: row.enqueued_at,
        expires_at: row.expires_at,
        state_at: row.progress.changed_at,
        hand_outs: u64::from(row.progress.hand_outs),
    }
}
