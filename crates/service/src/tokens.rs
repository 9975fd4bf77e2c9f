//! API tokens: made, listed, taken back. A token is shown once; the database has its hash.

use secrecy::ExposeSecret as _;
use serde_json::json;
use store::{ApiToken, TokenId};
use uuid::Uuid;

use crate::audit::{self, Act};
use crate::operators::Operator;
use crate::setup::PREFIX;
use crate::views::{NewTokenView, TokenRequest, TokenView};
use crate::{Context, Error, idempotency};

/// The longest name of a token, in characters.
const LONGEST_NAME: usize = 100;
/// Tokens that may be in use at a time.
const MOST: usize = 500;

/// The service.
pub struct Tokens {
    context: Context,
}

impl Tokens {
    /// Over the common ground.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// The tokens, revoked ones included, the newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(&self) -> Result<Vec<TokenView>, Error> {
        let rows = self.context.store.read("list_tokens", |c| Ok::<_, Error>(ApiToken::list(c)?)).await?;
        Ok(rows.iter().map(view).collect())
    }

    /// Makes a token. Whoever has it may do what its maker may do.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is empty or too long, [`Error::Conflict`] for one that is in use.
    pub async fn create(&self, operator: &Operator, request: TokenRequest) -> Result<NewTokenView, Error> {
        let name = request.name.trim().to_owned();
        let count = name.chars().count();
        if count == 0 || count > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(Error::invalid("name", format!("must have 1 to {LONGEST_NAME} characters")));
        }
        let (now, secret) = (self.context.now(), pki::random_token("ward_op_"));
        let text = secret.expose_secret().to_owned();
        let row = ApiToken {
            id: TokenId::new(self.context.clock.as_ref()),
            name: name.clone(),
            token_hash: pki::sha256(text.as_bytes()).to_vec(),
            prefix: text.chars().take(PREFIX).collect(),
            created_at: now,
            last_used_at: None,
            revoked_at: None,
        };
        let answer = NewTokenView { token: view(&row), secret: text };
        let act = Act::new(operator, "token.create").of_class(catalog::Class::D3).on(row.id.to_string());
        let (act, context, by) = (act.with(json!({ "name": name })), self.context.clone(), operator.clone());
        self.context
            .store
            .tx("create_token", move |tx| {
                let live: Vec<ApiToken> =
                    ApiToken::list(tx)?.into_iter().filter(|token| token.revoked_at.is_none()).collect();
                if live.iter().any(|token| token.name == row.name) {
                    return Err(Error::Conflict(format!("a token named '{}' is in use", row.name)));
                }
                if live.len() >= MOST {
                    return Err(Error::Conflict(format!("{MOST} tokens are in use: revoke some first")));
                }
                row.insert(tx)?;
                audit::record(tx, now, &act)?;
                idempotency::keep_answer(tx, &context, &by, (201, &answer))?;
                Ok(answer.clone())
            })
            .await
    }

    /// Takes a token back: it opens nothing from now on. The last one that is left stays, or nobody could come in.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] for the last one.
    pub async fn revoke(&self, operator: &Operator, id: Uuid) -> Result<TokenView, Error> {
        let now = self.context.now();
        let act = Act::new(operator, "token.revoke").of_class(catalog::Class::D3).on(id.to_string());
        self.context
            .store
            .tx("revoke_token", move |tx| {
                let mut token = ApiToken::find(tx, TokenId(id)).map_err(|error| match error {
                    store::Error::NotFound => Error::not_found("token", id),
                    other => other.into(),
                })?;
                if token.revoked_at.is_some() {
                    return Ok(view(&token));
                }
                let live = ApiToken::list(tx)?.iter().filter(|one| one.revoked_at.is_none()).count();
                if live < 2 {
                    let why = "this is the last token that opens anything: make another one first";
                    return Err(Error::Conflict(why.to_owned()));
                }
                token.revoked_at = Some(now);
                token.save(tx)?;
                audit::record(tx, now, &act.clone().with(json!({ "name": token.name })))?;
                Ok(view(&token))
            })
            .await
    }
}

fn view(token: &ApiToken) -> TokenView {
    TokenView {
        id: token.id.0,
        name: token.name.clone(),
        prefix: token.prefix.clone(),
        created_at: token.created_at,
        last_used_at: token.last_used_at,
        revoked_at: token.revoked_at,
    }
}
