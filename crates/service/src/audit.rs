//! The record of acts: who did what to what. Appended in the transaction of the act, never changed.

use catalog::Class;
use clock::Timestamp;
use serde_json::Value as Json;
use store::{AuditEvent, AuditFilter, IdempotencyKey, NewAuditEvent, TokenId, Tx};

use crate::operators::Operator;
use crate::paging::PageOf;
use crate::streams::{self, Recorded};
use crate::views::{AuditEventView, AuditQuery, Page};
use crate::{Context, Error};

/// An act, to be recorded. Its details hold no secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    actor: String,
    action: &'static str,
    class: Option<Class>,
    target: Option<String>,
    detail: Json,
    /// The operator's token, if an operator acts.
    token: Option<TokenId>,
    /// The request whose work this is, by its token and key.
    request: Option<(TokenId, String)>,
}

impl Act {
    /// An operator's act, for example `link.create`.
    #[must_use]
    pub fn new(operator: &Operator, action: &'static str) -> Self {
        let request = operator.request_key.clone().map(|key| (operator.token_id, key));
        Self {
            actor: operator.name.clone(),
            token: Some(operator.token_id),
            request,
            ..Self::by_ward(action)
        }
    }

    /// An act of the server itself.
    #[must_use]
    pub fn by_ward(action: &'static str) -> Self {
        Self {
            actor: "ward".to_owned(),
            action,
            class: None,
            target: None,
            detail: Json::Null,
            token: None,
            request: None,
        }
    }

    /// An act of somebody else, for example `device:<id>`.
    #[must_use]
    pub fn by(actor: impl Into<String>, action: &'static str) -> Self {
        Self { actor: actor.into(), ..Self::by_ward(action) }
    }

    /// The same on a target.
    #[must_use]
    pub fn on(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// The same with its effect class.
    #[must_use]
    pub const fn of_class(mut self, class: Class) -> Self {
        self.class = Some(class);
        self
    }

    /// The same with details.
    #[must_use]
    pub fn with(mut self, detail: Json) -> Self {
        self.detail = detail;
        self
    }
}

/// The reason that an operator gives for an act, without white space around it.
///
/// # Errors
/// [`Error::Invalid`] for none, or a very long one.
pub(crate) fn reason(text: &str) -> Result<&str, Error> {
    let reason = text.trim();
    if reason.is_empty() || reason.chars().count() > 200 {
        return Err(Error::invalid("reason", "say in 1 to 200 characters why: it is recorded"));
    }
    Ok(reason)
}

/// Appends `act` to the record, in the transaction of what was done.
///
/// # Errors
/// The database's.
pub fn record(tx: &mut Tx<'_>, at: Timestamp, act: &Act) -> Result<(), Error> {
    let event = NewAuditEvent {
        at,
        actor: act.actor.clone(),
        action: act.action.to_owned(),
        class: act.class.map(|class| class.as_str().to_owned()),
        target: act.target.clone(),
        detail: act.detail.to_string(),
    };
    event.insert(tx)?;
    let told = Recorded {
        token: act.token,
        actor: &act.actor,
        action: act.action,
        class: act.class,
        target: act.target.as_deref(),
        detail: &act.detail,
    };
    streams::recorded(tx, at, &told)?;
    if let Some((token, key)) = &act.request {
        // In the transaction of the act: after a crash the same request is not carried out once more.
        IdempotencyKey::note_done(tx, *token, key)?;
    }
    Ok(())
}

/// The record, to be read.
pub struct Audit {
    context: Context,
}

impl Audit {
    /// Over the common ground.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// The acts, the newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong cursor or limit.
    pub async fn list(&self, query: AuditQuery) -> Result<Page<AuditEventView>, Error> {
        let page = PageOf::<i64>::read(query.limit, query.cursor.as_deref())?;
        let filter = AuditFilter { action: query.action, actor: query.actor, ..AuditFilter::default() };
        let rows = self
            .context
            .store
            .read("list_audit", move |c| Ok::<_, Error>(AuditEvent::list(c, &filter, page.of(|id| id))?))
            .await?;
        Ok(page.page(rows, |event| event.id, view))
    }
}

fn view(event: AuditEvent) -> AuditEventView {
    AuditEventView {
        id: event.id,
        at: event.at,
        actor: event.actor,
        action: event.action,
        class: event.class,
        target: event.target,
        detail: serde_json::from_str(&event.detail).unwrap_or(Json::Null),
    }
}
