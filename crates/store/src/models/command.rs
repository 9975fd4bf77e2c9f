//! Commands: each is stored once, however many devices it goes to.

use clock::Timestamp;
use diesel::prelude::*;
use pki::seal::{Place, Sealer};
use zeroize::Zeroizing;

use super::by_id;
use crate::column::Millis;
use crate::page::contains_pattern;
use crate::schema::commands;
use crate::{CommandId, Connection, Error, Page, SealedBytes, SecretId};

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
    /// The inner command dictionary (XML) without secrets: what must not be shown is blanked out.
    pub body: Vec<u8>,
    /// The whole dictionary (XML), sealed, where `body` has something blanked out.
    pub sealed_body: Option<SealedBytes>,
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
    /// Seals a body for the row `id`.
    ///
    /// # Errors
    /// [`Error::Internal`] when sealing fails.
    pub fn seal_body(sealer: &Sealer, id: CommandId, plain: &[u8]) -> Result<SealedBytes, Error> {
        let sealed = sealer.seal(&place(&id), plain);
        sealed.map(SealedBytes).map_err(|_| Error::unreadable("the body of a command"))
    }

    /// The inner dictionary (XML) as it is to leave, before anything is filled in.
    ///
    /// # Errors
    /// [`Error::Internal`] when the seal does not open.
    pub fn whole_body(&self, sealer: &Sealer) -> Result<Zeroizing<Vec<u8>>, Error> {
        let Some(sealed) = &self.sealed_body else { return Ok(Zeroizing::new(self.body.clone())) };
        sealer.open(&place(&self.id), &sealed.0).map_err(|_| Error::unreadable("the body of a command"))
    }

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

    /// The newest command for which a secret was made.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_secret(connection: &mut Connection, secret: SecretId) -> Result<Option<Self>, Error> {
        Ok(commands::table
            .filter(commands::secret_id.eq(secret))
            .order(commands::id.desc())
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

const fn place(id: &CommandId) -> Place<'_> {
    Place { table: "commands", column: "sealed_body", row: id.as_bytes(), version: 1 }
}
