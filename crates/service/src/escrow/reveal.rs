//! Showing a secret to a person: one secret of one device, for a reason, on record before it leaves the database, changed afterwards.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clock::Timestamp;
use serde_json::json;
use store::{Command, Connection, Reveal, RevealFilter, RevealId, RotationState, Secret, SecretId, Tx};
use uuid::Uuid;

use super::{Escrow, is_revealable, rotate, rotator};
use crate::audit::{self, Act};
use crate::operators::Operator;
use crate::paging::PageOf;
use crate::views::{Page, RevealQuery, RevealRequest, RevealView, RevealedSecretView};
use crate::{Context, Error};

/// The longest reason, in characters.
const LONGEST: usize = 1_000;

impl Escrow {
    /// The value of a secret that a person needs. The act stands in the record, with its reason, before the value leaves the database;
    /// from then on the value counts as known, and Ward changes it on the device where Apple gives a way.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`] for secrets that only the server uses; [`Error::Invalid`] without a reason, or with one
    /// that was given for this secret before.
    pub async fn reveal(
        &self,
        operator: &Operator,
        id: Uuid,
        request: RevealRequest,
    ) -> Result<RevealedSecretView, Error> {
        let reason = request.reason.trim().to_owned();
        if reason.is_empty() || reason.chars().count() > LONGEST {
            let advice = "say in 1 to 1000 characters why you need it: it is recorded";
            return Err(Error::invalid("reason", advice));
        }
        let (context, operator) = (self.context.clone(), operator.clone());
        self.context
            .store
            .tx("reveal_secret", move |tx| reveal(tx, &context, &operator, (SecretId(id), &reason)))
            .await
    }

    /// What was shown, the newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong cursor or limit.
    pub async fn reveals(&self, query: RevealQuery) -> Result<Page<RevealView>, Error> {
        let page = PageOf::<Uuid>::read(query.limit, query.cursor.as_deref())?;
        let now = self.context.now();
        let filter = RevealFilter { overdue_at: query.overdue.then_some(now), ..RevealFilter::default() };
        self.context
            .store
            .read("list_reveals", move |c| {
                let mut rows = Vec::new();
                for reveal in Reveal::list(c, &filter, page.of(RevealId))? {
                    let uuid = uuid_of(c, &reveal)?;
                    rows.push((reveal, uuid));
                }
                Ok(page.page(rows, |(row, _)| row.id.0, |(row, uuid)| view(row, uuid, now)))
            })
            .await
    }
}

fn reveal(
    tx: &mut Tx<'_>,
    context: &Context,
    operator: &Operator,
    (id, reason): (SecretId, &str),
) -> Result<RevealedSecretView, Error> {
    let now = context.now();
    let secret = Secret::find(tx, id).map_err(|error| match error {
        store::Error::NotFound => Error::not_found("secret", id),
        other => other.into(),
    })?;
    if !is_revealable(secret.kind) {
        let why = "this kind is never shown; the server uses this secret itself when a command needs it";
        return Err(Error::Forbidden(why.to_owned()));
    }
    let before = Reveal::of_secret(tx, id)?;
    if let Some(same) = before.iter().find(|earlier| alike(&earlier.reason, reason)) {
        let advice = format!(
            "it was shown for this reason on {} to {}: a secret is shown once for each reason, so say why it is needed again",
            same.at, same.revealed_by
        );
        return Err(Error::invalid("reason", advice));
    }
    let plan = rotate::plan(tx, &secret)?;
    let row = Reveal {
        id: RevealId::new(&*context.clock),
        secret_id: id,
        enrollment_id: secret.enrollment_id,
        kind: secret.kind,
        at: now,
        revealed_by: operator.name.clone(),
        reason: reason.to_owned(),
        earlier: i64::try_from(before.len()).unwrap_or(i64::MAX),
        rotation: if plan.is_ok() { RotationState::Due } else { RotationState::Needless },
        rotate_by: plan.is_ok().then_some(now + rotator::WITHIN),
        command_id: None,
        rotated_at: None,
        detail: plan.err().map(str::to_owned),
    };
    row.insert(tx)?;
    if row.rotation == RotationState::Due {
        rotator::ask(tx, context, row.id, now + rotator::LEFT_ALONE)?;
    }
    let detail = json!({
        "kind": secret.kind, "enrollment": secret.enrollment_id, "reason": reason, "reveal": row.id,
        "earlier": row.earlier, "again": row.earlier > 0, "rotation": row.rotation,
    });
    let act = Act::new(operator, "secret.reveal").on(id.to_string()).of_class(catalog::Class::D2);
    audit::record(tx, now, &act.with(detail))?;
    let plain = secret.open(&context.sealer)?;
    // The key of a disk comes encrypted to the operator's certificate, as bytes.
    let value = std::str::from_utf8(&plain).map_or_else(|_| STANDARD.encode(&*plain), str::to_owned);
    Ok(RevealedSecretView {
        id: id.0,
        kind: secret.kind.to_string(),
        value,
        earlier: u64::try_from(row.earlier).unwrap_or_default(),
        rotation: row.rotation.to_string(),
        rotate_by: row.rotate_by,
        detail: row.detail,
    })
}

/// Whether two reasons say the same, white space and case aside.
fn alike(one: &str, other: &str) -> bool {
    let words = |text: &str| text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
    words(one) == words(other)
}

fn uuid_of(connection: &mut Connection, reveal: &Reveal) -> Result<Option<String>, Error> {
    let Some(id) = reveal.command_id else { return Ok(None) };
    match Command::find(connection, id) {
        Ok(command) => Ok(Some(command.uuid)),
        Err(store::Error::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn view(reveal: Reveal, command_uuid: Option<String>, now: Timestamp) -> RevealView {
    let open = matches!(reveal.rotation, RotationState::Due | RotationState::Failed);
    RevealView {
        id: reveal.id.0,
        secret_id: reveal.secret_id.0,
        kind: reveal.kind.to_string(),
        enrollment_id: reveal.enrollment_id.0,
        at: reveal.at,
        revealed_by: reveal.revealed_by,
        reason: reveal.reason,
        earlier: u64::try_from(reveal.earlier).unwrap_or_default(),
        rotation: reveal.rotation.to_string(),
        rotate_by: reveal.rotate_by,
        rotated_at: reveal.rotated_at,
        command_uuid,
        overdue: open && reveal.rotate_by.is_some_and(|by| by <= now),
        detail: reveal.detail,
    }
}
