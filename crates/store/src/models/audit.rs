//! What was done, by whom, to what. Rows are only added.

use clock::Timestamp;
use diesel::prelude::*;

use crate::column::Millis;
use crate::schema::audit_events;
use crate::{Connection, Error, Page};

/// An act.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = audit_events)]
pub struct AuditEvent {
    /// Its place in the order of all acts.
    pub id: i64,
    /// When.
    #[diesel(deserialize_as = Millis)]
    pub at: Timestamp,
    /// Who: an operator's token, a device, or Ward.
    pub actor: String,
    /// What, in dotted words: `command.enqueue`.
    pub action: String,
    /// The effect class, if it has one.
    pub class: Option<String>,
    /// To what: a kind and an id.
    pub target: Option<String>,
    /// Particulars (JSON). Never a secret.
    pub detail: String,
}

/// An act to be recorded.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = audit_events, treat_none_as_default_value = false)]
pub struct NewAuditEvent {
    /// When.
    #[diesel(serialize_as = Millis)]
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// The effect class, if it has one.
    pub class: Option<String>,
    /// To what.
    pub target: Option<String>,
    /// Particulars (JSON). Never a secret.
    pub detail: String,
}

/// Which acts are wanted. Empty means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// By this actor.
    pub actor: Option<String>,
    /// Of this kind.
    pub action: Option<String>,
    /// To this target.
    pub target: Option<String>,
    /// At this moment or later.
    pub since: Option<Timestamp>,
}

impl NewAuditEvent {
    /// Records the act.
    ///
    /// # Errors
    /// The database's.
    pub fn insert(&self, connection: &mut Connection) -> Result<(), Error> {
        diesel::insert_into(audit_events::table).values(self.clone()).execute(connection)?;
        Ok(())
    }
}

impl AuditEvent {
    /// A page of acts, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list(
        connection: &mut Connection,
        filter: &AuditFilter,
        page: Page<i64>,
    ) -> Result<Vec<Self>, Error> {
        let mut query = audit_events::table.into_boxed();
        if let Some(actor) = &filter.actor {
            query = query.filter(audit_events::actor.eq(actor));
        }
        if let Some(action) = &filter.action {
            query = query.filter(audit_events::action.eq(action));
        }
        if let Some(target) = &filter.target {
            query = query.filter(audit_events::target.eq(target));
        }
        if let Some(since) = filter.since {
            query = query.filter(audit_events::at.ge(Millis::from(since)));
        }
        if let Some(after) = page.after {
            query = query.filter(audit_events::id.lt(after));
        }
        Ok(query
            .order(audit_events::id.desc())
            .limit(page.limit)
            .select(Self::as_select())
            .load(connection)?)
    }
}
