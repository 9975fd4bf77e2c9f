//! Pages of long lists, by key: the cursor is the id of the last row seen, so that a page costs the same wherever it is.

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page<Id> {
    /// The last id of the page before; none for the first page.
    pub after: Option<Id>,
    /// How many rows at most.
    pub limit: i64,
}

impl<Id> Page<Id> {
    /// The first `limit` rows.
    #[must_use]
    pub const fn first(limit: i64) -> Self {
        Self { after: None, limit }
    }
}

/// The text as a pattern for LIKE with the escape character `\`: found anywhere, nothing in it is special.
pub(crate) fn contains_pattern(text: &str) -> String {
    let short: String = text.chars().take(200).collect();
    format!("%{}%", escaped(&short))
}

/// The text with everything escaped that is special in LIKE.
pub(crate) fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}
