//! Commands: each is stored once, however many devices it goes to.

use clock::Timestamp;
use diesel::prelude::*;

use super::by_id;
use crate::column::Millis;
use crate::page::contains_pattern;
use crate::schema::commands;
use crate::{CommandId, Connection, Error, Page, SecretId};

/// What is to be done. Never changed after it was stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = commands, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Command {
    /// Its id.
    pub id: CommandId,
    /// The `CommandUUID` that devices see.
    pub uuid: String,
    /// Apple's name of what is to be done.
    pub request_type: String,
    /// Its effect class, for display; the gate classes the bytes that leave.
    pub class: String,
    /// The secret that is filled in when it is handed out.
    pub secret_id: Option<SecretId>,
    /// SHA-256 by which a repeated request is told from a different one.
    pub digest: Vec<u8>,
    /// When it was asked for.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Why.
    pub reason: Option<String>,
    /// The inner command dictionary (XML) without secrets.
    pub body: Vec<u8>,
}

by_id!(Command, commands, CommandId);

/// Which commands are wanted. Empty means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandFilter {
    /// Of this type.
    pub request_type: Option<String>,
    /// Asked for by this actor.
    pub created_by: Option<String>,
    /// Of this class.
    pub class: Option<String>,
    /// Text found in the UUID, the type or the reason.
    pub query: Option<String>,
}

impl Command {
    /// The command with this `CommandUUID`.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_uuid(connection: &mut Connection, uuid: &str) -> Result<Option<Self>, Error> {
        Ok(commands::table
            .filter(commands::uuid.eq(uuid))
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// A page of commands, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list(
        connection: &mut Connection,
        filter: &CommandFilter,
        page: Page<CommandId>,
    ) -> Result<Vec<Self>, Error> {
        let mut query = commands::table.into_boxed();
        if let Some(request_type) = &filter.request_type {
            query = query.filter(commands::request_type.eq(request_type));
        }
        if let Some(created_by) = &filter.created_by {
            query = query.filter(commands::created_by.eq(created_by));
        }
        if let Some(class) = &filter.class {
            query = query.filter(commands::class.eq(class));
        }
        if let Some(text) = filter.query.as_deref().filter(|text| !text.is_empty()) {
            let pattern = contains_pattern(text);
            query = query.filter(
                commands::uuid
                    .like(pattern.clone())
                    .escape('\\')
                    .or(commands::request_type.like(pattern.clone()).escape('\\'))
                    .or(commands::reason.like(pattern).escape('\\')),
            );
        }
        if let Some(after) = page.after {
            query = query.filter(commands::id.lt(after));
        }
        Ok(query.order(commands::id.desc()).limit(page.limit).select(Self::as_select()).load(connection)?)
    }
}
