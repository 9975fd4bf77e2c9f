//! What a device asks for in a `DeclarativeManagement` check-in. Apple: "DeclarativeManagementRequest".

use crate::Error;
use crate::set::check_identifier;

/// The four kinds of declarations, as they stand in endpoints and manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeclarationKind {
    /// Which configurations apply, and when.
    Activation,
    /// Data that configurations refer to.
    Asset,
    /// What the device shall do.
    Configuration,
    /// What the server tells of itself.
    Management,
}

impl DeclarationKind {
    /// All kinds, in the order of the manifest.
    pub const ALL: [Self; 4] = [Self::Activation, Self::Asset, Self::Configuration, Self::Management];

    /// The word in an endpoint.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Activation => "activation",
            Self::Asset => "asset",
            Self::Configuration => "configuration",
            Self::Management => "management",
        }
    }

    /// The key in a manifest.
    #[must_use]
    pub const fn manifest_key(self) -> &'static str {
        match self {
            Self::Activation => "Activations",
            Self::Asset => "Assets",
            Self::Configuration => "Configurations",
            Self::Management => "Management",
        }
    }
}

/// A parsed `Endpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// `tokens`.
    Tokens,
    /// `declaration-items`.
    DeclarationItems,
    /// `status`.
    Status,
    /// `declaration/<kind>/<Identifier>`.
    Declaration {
        /// The kind.
        kind: DeclarationKind,
        /// The identifier, verbatim; it may contain slashes.
        identifier: String,
    },
}

impl Endpoint {
    /// Parses the value of the key `Endpoint`.
    ///
    /// # Errors
    /// [`Error::UnknownEndpoint`] for everything but the five forms, absolute URLs and `..` included.
    pub fn parse(text: &str) -> Result<Self, Error> {
        match text {
            "tokens" => return Ok(Self::Tokens),
            "declaration-items" => return Ok(Self::DeclarationItems),
            "status" => return Ok(Self::Status),
            _ => {}
        }
        let rest = text.strip_prefix("declaration/").ok_or(Error::UnknownEndpoint)?;
        let (kind, identifier) = rest.split_once('/').ok_or(Error::UnknownEndpoint)?;
        let kind = DeclarationKind::ALL.into_iter().find(|known| known.as_str() == kind);
        let kind = kind.ok_or(Error::UnknownEndpoint)?;
        let walks = identifier.split('/').any(|part| matches!(part, "" | "." | ".."));
        if walks || check_identifier(identifier).is_err() {
            return Err(Error::UnknownEndpoint);
        }
        Ok(Self::Declaration { kind, identifier: identifier.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_five_forms_are_understood() {
        let declaration =
            |kind, identifier: &str| Endpoint::Declaration { kind, identifier: identifier.into() };
        for (text, endpoint) in [
            ("tokens", Endpoint::Tokens),
            ("declaration-items", Endpoint::DeclarationItems),
            ("status", Endpoint::Status),
            ("declaration/activation/a", declaration(DeclarationKind::Activation, "a")),
            ("declaration/asset/org.example.asset", declaration(DeclarationKind::Asset, "org.example.asset")),
            ("declaration/configuration/a b%20c", declaration(DeclarationKind::Configuration, "a b%20c")),
            ("declaration/management/with/slash", declaration(DeclarationKind::Management, "with/slash")),
        ] {
            assert_eq!(Endpoint::parse(text), Ok(endpoint), "{text}");
        }
    }

    #[test]
    fn urls_paths_and_unknown_words_are_refused() {
        let long = format!("declaration/asset/{}", "x".repeat(65));
        for text in [
            "",
            "/tokens",
            "tokens/",
            "Tokens",
            "tokens?x=1",
            "https://elsewhere.example/tokens",
            "declaration",
            "declaration/",
            "declaration/asset",
            "declaration/asset/",
            "declaration/assets/a",
            "declaration/asset/..",
            "declaration/asset/../../status",
            "declaration/asset/a/../b",
            "declaration/asset//etc/passwd",
            "declaration/asset/https://elsewhere.example/",
            "declaration/asset/a\u{0}b",
            "../tokens",
            &long,
        ] {
            assert_eq!(Endpoint::parse(text), Err(Error::UnknownEndpoint), "{text}");
        }
    }
}
