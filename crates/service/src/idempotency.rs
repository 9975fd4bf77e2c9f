//! Answers that were given before, by the caller's key: the same request is done once and answered alike.

use std::time::Duration;

use pki::seal::{Place, Sealer};
use serde::{Deserialize, Serialize};
use store::{IdempotencyKey, TokenId, Tx};

use crate::operators::Operator;
use crate::{Context, Error};

/// A request that has not been answered within this time was lost with its process.
const LOST_AFTER: Duration = Duration::from_secs(120);

/// The service.
pub struct Idempotency {
    context: Context,
}

/// The right to do the work of a key, and the duty to finish or abandon it.
#[derive(Debug)]
pub struct Claim {
    token_id: TokenId,
    key: String,
}

/// An answer to be given again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// The HTTP status, or any other number of the door's.
    pub status: u16,
    /// The content type.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// What a key stands for.
#[derive(Debug)]
pub enum Begun {
    /// Nothing yet: do the work.
    Fresh(Claim),
    /// The same request was answered so.
    Answered(KeptAnswer),
    /// Another request has the key, or the same is being worked on.
    Conflict(&'static str),
}

impl Idempotency {
    /// Over the common ground.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// Claims `key` for the request whose parts are `what`.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin(&self, operator: &Operator, key: &str, what: &[&[u8]]) -> Result<Begun, Error> {
        let (token_id, key, digest) = (operator.token_id, key.to_owned(), digest(what));
        let (now, kept, sealer) =
            (self.context.now(), self.context.settings.idempotency_kept, self.context.sealer.clone());
        self.context
            .store
            .tx("begin_idempotent", move |tx| {
                if let Some(row) = IdempotencyKey::find(tx, token_id, &key)? {
                    let age = now.since(row.created_at);
                    let lost = row.status == IdempotencyKey::WORKING && age >= LOST_AFTER;
                    if age < kept && !lost {
                        return standing(&sealer, &row, &digest);
                    }
                    IdempotencyKey::delete(tx, token_id, &key)?;
                }
                let row = IdempotencyKey {
                    token_id,
                    key: key.clone(),
                    request_digest: digest.to_vec(),
                    status: IdempotencyKey::WORKING,
                    body: Vec::new(),
                    created_at: now,
                };
                row.insert(tx)?;
                Ok(Begun::Fresh(Claim { token_id, key: key.clone() }))
            })
            .await
    }

    /// Keeps the answer, sealed: it may hold what is shown once.
    ///
    /// # Errors
    /// The database's.
    pub async fn finish(&self, claim: Claim, answer: KeptAnswer) -> Result<(), Error> {
        let plain = serde_json::to_vec(&answer).map_err(|error| Error::Internal(error.to_string()))?;
        let sealed = self.context.sealer.seal(&place(&row_name(claim.token_id, &claim.key)), &plain)?;
        let status = i32::from(answer.status);
        self.context
            .store
            .tx("finish_idempotent", move |tx| {
                Ok::<_, Error>(IdempotencyKey::finish(tx, (claim.token_id, &claim.key), status, &sealed)?)
            })
            .await
    }

    /// Gives the key back: the work failed in a way that may be tried again. What was done all the same stays noted.
    ///
    /// # Errors
    /// The database's.
    pub async fn abandon(&self, claim: Claim) -> Result<(), Error> {
        self.context
            .store
            .tx("abandon_idempotent", move |tx| {
                let row = IdempotencyKey::find(tx, claim.token_id, &claim.key)?;
                if row.is_some_and(|row| row.status == IdempotencyKey::WORKING) {
                    IdempotencyKey::delete(tx, claim.token_id, &claim.key)?;
                }
                Ok::<_, Error>(())
            })
            .await
    }
}

/// Keeps the answer in the transaction of the work, for what is shown once and could not be had again: a repetition after a crash gets
/// it. Does nothing for a request without a key.
///
/// # Errors
/// The database's, and [`Error::Internal`] for what cannot be written as JSON.
pub(crate) fn keep_answer<T: Serialize>(
    tx: &mut Tx<'_>,
    context: &Context,
    operator: &Operator,
    (status, view): (u16, &T),
) -> Result<(), Error> {
    let Some(key) = &operator.request_key else { return Ok(()) };
    let written = |error: serde_json::Error| Error::Internal(error.to_string());
    let body = serde_json::to_vec(view).map_err(written)?;
    let answer = KeptAnswer { status, content_type: "application/json".to_owned(), body };
    let plain = serde_json::to_vec(&answer).map_err(written)?;
    let sealed = context.sealer.seal(&place(&row_name(operator.token_id, key)), &plain)?;
    Ok(IdempotencyKey::finish(tx, (operator.token_id, key), i32::from(status), &sealed)?)
}

/// Whether there are answers that are too old to be asked for.
pub(crate) fn has_old(connection: &mut store::Connection, context: &Context) -> Result<bool, Error> {
    Ok(IdempotencyKey::has_before(connection, context.now() - context.settings.idempotency_kept)?)
}

/// Forgets answers that are too old to be asked for.
pub(crate) fn sweep(tx: &mut Tx<'_>, context: &Context) -> Result<usize, Error> {
    let before = context.now() - context.settings.idempotency_kept;
    Ok(IdempotencyKey::delete_before(tx, before)?)
}

fn standing(sealer: &Sealer, row: &IdempotencyKey, digest: &[u8; 32]) -> Result<Begun, Error> {
    if row.request_digest != digest {
        return Ok(Begun::Conflict("this key was used for another request: choose a new one"));
    }
    if row.status == IdempotencyKey::WORKING {
        return Ok(Begun::Conflict("a request with this key is being worked on: wait for its answer"));
    }
    if row.status == IdempotencyKey::DONE {
        return Ok(Begun::Conflict(
            "the request with this key was carried out and its answer was lost with the server: look for what it made before you choose a new key",
        ));
    }
    let plain = sealer.open(&place(&row_name(row.token_id, &row.key)), &row.body)?;
    let kept = serde_json::from_slice(&plain).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Begun::Answered(kept))
}

/// Every part with its length, so that no two requests look alike.
fn digest(what: &[&[u8]]) -> [u8; 32] {
    let parts: Vec<u8> = what.iter().flat_map(|part| pki::sha256(part)).collect();
    pki::sha256(&parts)
}

fn row_name(token: TokenId, key: &str) -> Vec<u8> {
    [token.as_bytes().as_slice(), key.as_bytes()].concat()
}

const fn place(row: &[u8]) -> Place<'_> {
    Place { table: "idempotency_keys", column: "body", row, version: 1 }
}
