//! The set of declarations that a channel shall have: manifest and tokens. Apple: "DeclarationItemsResponse", "TokensResponse".

use std::collections::BTreeMap;

use clock::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{DeclarationKind, Error};

/// Longest `Identifier` and `ServerToken` in octets.
pub const LONGEST_IDENTIFIER: usize = 64;

/// The namespace of declarations tokens.
const NAMESPACE: Uuid = Uuid::from_u128(0x1f7a_88d4_0b6e_5f35_8e0c_92ab_6cd3_417e);

/// A set of declarations by identifier. Two sets of the same members have the same documents, however they were put together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeclarationSet {
    items: BTreeMap<String, (DeclarationKind, String)>,
}

impl DeclarationSet {
    /// The set of a channel that is managed without declarations: valid, and without effect.
    #[must_use]
    pub const fn empty() -> Self {
        Self { items: BTreeMap::new() }
    }

    /// Adds a declaration; `server_token` has to change with its content, and only then.
    ///
    /// # Errors
    /// For an identifier or token that Apple does not allow, and an identifier that is taken.
    pub fn insert(
        &mut self,
        kind: DeclarationKind,
        identifier: &str,
        server_token: &str,
    ) -> Result<(), Error> {
        check_identifier(identifier)?;
        check_identifier(server_token)?;
        if self.items.contains_key(identifier) {
            return Err(Error::Duplicate(identifier.to_owned()));
        }
        self.items.insert(identifier.to_owned(), (kind, server_token.to_owned()));
        Ok(())
    }

    /// The server token that the manifest gives for a declaration.
    #[must_use]
    pub fn server_token(&self, kind: DeclarationKind, identifier: &str) -> Option<&str> {
        self.items.get(identifier).filter(|(known, _)| *known == kind).map(|(_, token)| token.as_str())
    }

    /// `DeclarationsToken`: equal for equal sets, different for different ones.
    #[must_use]
    pub fn declarations_token(&self) -> String {
        let mut content = Vec::new();
        for (identifier, (kind, token)) in &self.items {
            for part in [kind.as_str(), identifier, token] {
                // Lengths keep "ab","c" apart from "a","bc".
                content.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
                content.extend_from_slice(part.as_bytes());
            }
        }
        Uuid::new_v5(&NAMESPACE, &content).hyphenated().to_string()
    }

    /// The reply to `tokens`, also the `Data` of the `DeclarativeManagement` command.
    #[must_use]
    pub fn tokens_json(&self, at: Timestamp) -> Vec<u8> {
        // Apple wants no fractions of a second.
        let whole = Timestamp::from_millis(at.as_seconds().saturating_mul(1000));
        let document = json!({
            "SyncTokens": { "Timestamp": whole.to_string(), "DeclarationsToken": self.declarations_token() }
        });
        document.to_string().into_bytes()
    }

    /// The reply to `declaration-items`. All four arrays are there, even empty: a null one breaks the device's reader.
    #[must_use]
    pub fn items_json(&self) -> Vec<u8> {
        let of_kind = |wanted: DeclarationKind| {
            let items = self.items.iter().filter(|(_, (kind, _))| *kind == wanted);
            let items =
                items.map(|(identifier, (_, token))| json!({"Identifier": identifier, "ServerToken": token}));
            (wanted.manifest_key().to_owned(), Value::Array(items.collect()))
        };
        let declarations: serde_json::Map<String, Value> =
            DeclarationKind::ALL.into_iter().map(of_kind).collect();
        json!({"Declarations": declarations, "DeclarationsToken": self.declarations_token()})
            .to_string()
            .into_bytes()
    }
}

/// Checks an identifier or a server token.
pub(crate) fn check_identifier(text: &str) -> Result<(), Error> {
    if text.is_empty() || text.len() > LONGEST_IDENTIFIER || text.chars().any(char::is_control) {
        return Err(Error::Identifier { max: LONGEST_IDENTIFIER });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
