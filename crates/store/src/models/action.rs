//! Actions: changes that somebody asks for, with what they would do, until somebody confirms them.

use clock::Timestamp;
use diesel::prelude::*;

use super::by_id;
use crate::column::{Millis, OptionalMillis};
use crate::schema::actions;
use crate::{ActionId, ActionState, Connection, Error, Page};

/// A change that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = actions, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Action {
    /// Its id.
    pub id: ActionId,
    /// What kind of change: `assignment`, `placement`, …
    pub kind: String,
    /// The change, as JSON.
    pub request: String,
    /// What it would do, as JSON.
    pub preview: String,
    /// SHA-256 of what it would do to which device.
    pub preview_digest: Vec<u8>,
    /// How many devices it would touch.
    pub devices: i64,
    /// Where it stands.
    pub state: ActionState,
    /// When it was asked for.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was done.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub applied_at: Option<Timestamp>,
    /// Who confirmed it.
    pub applied_by: Option<String>,
}

by_id!(Action, actions, ActionId);

impl Action {
    /// A page of actions, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list(
        connection: &mut Connection,
        state: Option<ActionState>,
        page: Page<ActionId>,
    ) -> Result<Vec<Self>, Error> {
        let mut query = actions::table.into_boxed();
        if let Some(state) = state {
            query = query.filter(actions::state.eq(state));
        }
        if let Some(after) = page.after {
            query = query.filter(actions::id.lt(after));
        }
        Ok(query.order(actions::id.desc()).limit(page.limit).select(Self::as_select()).load(connection)?)
    }
}
