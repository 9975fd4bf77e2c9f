//! Who calls the operators' door: the holder of a bearer token. Tokens are stored as hashes; accounts come later.

use std::fmt;
use std::time::Duration;

use store::{ApiToken, TokenId};

use crate::{Context, Error};

/// `last_used_at` is written at most this often.
const NOTED_EVERY: Duration = Duration::from_secs(60);

/// The service.
pub struct Operators {
    context: Context,
}

/// Somebody who may act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// The token that was shown.
    pub token_id: TokenId,
    /// Its name, as records show it.
    pub name: String,
    /// The `Idempotency-Key` of the request, if it had one: the record of what is done notes that the key's work is done.
    pub request_key: Option<String>,
}

impl Operator {
    /// The same for work in several transactions that may be begun again: none of them uses the key up.
    #[must_use]
    pub fn without_key(&self) -> Self {
        Self { request_key: None, ..self.clone() }
    }
}

impl fmt::Debug for Operators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Operators")
    }
}

impl Operators {
    /// Over the common ground.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// The operator whose token this is; `None` for a token that is unknown or revoked.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database cannot answer.
    pub async fn authenticate(&self, token: &str) -> Result<Option<Operator>, Error> {
        let hash = pki::sha256(token.as_bytes());
        let found = self
            .context
            .store
            .read("authenticate", move |c| Ok::<_, Error>(ApiToken::find_by_hash(c, &hash)?))
            .await?;
        // The search compares hashes of 256 random bits, whose order says nothing about the token; the last word is in constant time.
        let known =
            found.filter(|row| pki::constant_time_eq(&row.token_hash, &hash) && row.revoked_at.is_none());
        let Some(known) = known else { return Ok(None) };
        self.note_use(&known).await?;
        Ok(Some(Operator { token_id: known.id, name: known.name, request_key: None }))
    }

    async fn note_use(&self, token: &ApiToken) -> Result<(), Error> {
        let now = self.context.now();
        if token.last_used_at.is_some_and(|last| now.since(last) < NOTED_EVERY) {
            return Ok(());
        }
        let id = token.id;
        self.context
            .store
            .tx("note_token_use", move |tx| Ok::<_, Error>(ApiToken::set_used(tx, id, now)?))
            .await
    }
}
