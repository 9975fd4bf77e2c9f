//! Distinguished names that we write.

use openssl::x509::{X509Name, X509NameBuilder};

use crate::{Error, Result};

/// A name from pairs of type and value, in order. A type is a short name (`CN`, `O`, `OU`, `C`, `serialNumber`,
/// `UID`) or a dotted object identifier.
pub(crate) fn build(pairs: &[(String, String)]) -> Result<X509Name> {
    let mut builder = X509NameBuilder::new()?;
    for (kind, value) in pairs {
        let plain =
            !kind.is_empty() && kind.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '.');
        if !plain || value.is_empty() {
            return Err(Error::malformed("the subject", format!("'{kind}' with {} characters", value.len())));
        }
        builder.append_entry_by_text(kind, value).map_err(|_| {
            Error::malformed(
                "the subject",
                format!("'{kind}' is unknown, or its value too long or not allowed"),
            )
        })?;
    }
    Ok(builder.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(kind, value)| ((*kind).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn short_names_and_dotted_types_are_taken() {
        let name = build(&pairs(&[("CN", "Ward"), ("2.5.4.5", "42"), ("UID", "x")])).unwrap();
        assert_eq!(name.entries().count(), 3);
    }

    #[test]
    fn unknown_types_and_bad_values_are_refused() {
        let long = "x".repeat(65);
        for pair in [
            ("nonsense", "x"),
            ("", "x"),
            ("CN\0", "x"),
            ("CN", ""),
            ("CN", long.as_str()),
            ("C", "Switzerland"),
        ] {
            assert!(build(&pairs(&[pair])).is_err(), "{pair:?}");
        }
    }
}
