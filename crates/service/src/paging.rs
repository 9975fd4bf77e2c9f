//! Cursor pagination: pages by the key of the last row, so that a page does not shift while rows are added.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::Error;
use crate::views::Page;

/// Rows of a page when the caller names no number.
const DEFAULT_LIMIT: u32 = 50;
/// Rows of a page at most.
const MAX_LIMIT: u32 = 200;

/// A key by which a list is ordered.
pub(crate) trait CursorKey: Sized {
    /// As text.
    fn to_text(&self) -> String;
    /// From text; `None` if it is not such a key.
    fn from_text(text: &str) -> Option<Self>;
}

impl CursorKey for Uuid {
    fn to_text(&self) -> String {
        self.simple().to_string()
    }
    fn from_text(text: &str) -> Option<Self> {
        Self::parse_str(text).ok()
    }
}

impl CursorKey for i64 {
    fn to_text(&self) -> String {
        self.to_string()
    }
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// Which page is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageOf<K> {
    /// How many rows.
    pub(crate) limit: u32,
    /// The key of the last row that was seen.
    pub(crate) after: Option<K>,
}

impl<K: CursorKey> PageOf<K> {
    /// Reads what the caller wrote.
    pub(crate) fn read(limit: Option<u32>, cursor: Option<&str>) -> Result<Self, Error> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Error::invalid("limit", format!("must be 1 to {MAX_LIMIT}")));
        }
        let after = match cursor {
            None => None,
            Some(text) => {
                Some(decode(text).ok_or_else(|| Error::invalid("cursor", "is not a cursor of this list"))?)
            }
        };
        Ok(Self { limit, after })
    }

    /// The page as the store reads it: one row more than is shown, to know whether there is a next page.
    pub(crate) fn of<Id>(self, id: impl FnOnce(K) -> Id) -> store::Page<Id> {
        store::Page { after: self.after.map(id), limit: i64::from(self.limit).saturating_add(1) }
    }

    /// The cursor after the row with this key.
    #[expect(clippy::needless_pass_by_value, reason = "a key is a number or an id")]
    pub(crate) fn cursor(key: K) -> String {
        URL_SAFE_NO_PAD.encode(key.to_text())
    }

    /// Makes the page of `rows`, of which there may be one more than is shown.
    pub(crate) fn page<R, V>(
        &self,
        mut rows: Vec<R>,
        key: impl Fn(&R) -> K,
        view: impl FnMut(R) -> V,
    ) -> Page<V> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = if more { rows.last().map(|row| Self::cursor(key(row))) } else { None };
        Page { items: rows.into_iter().map(view).collect(), next_cursor }
    }
}

fn decode<K: CursorKey>(text: &str) -> Option<K> {
    if text.len() > 128 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    K::from_text(std::str::from_utf8(&bytes).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let all: Vec<i64> = (1..=5).collect();
        let (mut seen, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = PageOf::<i64>::read(Some(2), cursor.as_deref()).unwrap();
            let rows =
                all.iter().copied().filter(|n| page.after.is_none_or(|after| *n > after)).take(3).collect();
            let page = page.page(rows, |n| *n, |n| n);
            seen.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn a_foreign_cursor_or_an_unreasonable_limit_is_refused() {
        for (limit, cursor) in
            [(Some(0), None), (Some(201), None), (None, Some("??")), (None, Some("bm90IGEgbnVtYmVy"))]
        {
            assert!(
                matches!(PageOf::<i64>::read(limit, cursor), Err(Error::Invalid { .. })),
                "{limit:?} {cursor:?}"
            );
        }
    }
}
