//! Commands as operators see them.

use store::{Command, CommandFilter, CommandId, Connection, Delivery, DeliveryFilter, Page as StorePage};
use uuid::Uuid;

use crate::paging::PageOf;
use crate::views::{CommandDetailView, CommandQuery, CommandTypeView, CommandView, Page};
use crate::{Error, deliveries, plist_json};

/// How many deliveries the page of a command shows.
const SHOWN: i64 = 200;

pub(super) fn list(connection: &mut Connection, query: CommandQuery) -> Result<Page<CommandView>, Error> {
    let page = PageOf::<Uuid>::read(query.limit, query.cursor.as_deref())?;
    let filter = CommandFilter {
        request_type: query.request_type,
        class: query.class,
        created_by: query.created_by,
        query: query.q,
    };
    let rows = Command::list(connection, &filter, page.of(CommandId))?;
    let counts = Delivery::count_by_command(connection, &rows.iter().map(|row| row.id).collect::<Vec<_>>())?;
    Ok(page.page(rows, |row| row.id.0, |row| view(&row, counts.get(&row.id).copied().unwrap_or_default())))
}

pub(super) fn show(connection: &mut Connection, uuid: &str) -> Result<CommandDetailView, Error> {
    let command =
        Command::find_by_uuid(connection, uuid)?.ok_or_else(|| Error::not_found("command", uuid))?;
    let filter = DeliveryFilter { command_id: Some(command.id), ..DeliveryFilter::default() };
    let rows = Delivery::list(connection, &filter, StorePage::first(SHOWN))?;
    let counts = Delivery::count_by_command(connection, &[command.id])?;
    Ok(CommandDetailView {
        command: view(&command, counts.get(&command.id).copied().unwrap_or_default()),
        body: deliveries::body(&command)
            .map_or(serde_json::Value::Null, |body| plist_json::command_to_json(&body)),
        deliveries: deliveries::views(connection, &rows)?,
    })
}

fn view(command: &Command, (all, open): (i64, i64)) -> CommandView {
    CommandView {
        uuid: command.uuid.clone(),
        request_type: command.request_type.clone(),
        class: command.class.clone(),
        created_at: command.created_at,
        created_by: command.created_by.clone(),
        reason: command.reason.clone(),
        deliveries: u64::try_from(all).unwrap_or_default(),
        open: u64::try_from(open).unwrap_or_default(),
    }
}

pub(super) fn catalog() -> Vec<CommandTypeView> {
    let view = |known: catalog::CommandDescription| CommandTypeView {
        request_type: known.request_type.to_owned(),
        class: known.effect.class.to_string(),
        class_reason: known.effect.reason.to_string(),
        works_on: known.works_on,
        successor: known.successor.map(ToOwned::to_owned),
    };
    catalog::commands().filter_map(catalog::describe).map(view).collect()
}
