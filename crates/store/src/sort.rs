//! Values as texts whose order is the order that a person expects: numbers by size, `9.1` before `26.0`, letters without case.

use serde_json::Value;

use crate::page::escaped;

/// Longest text that takes part in the order; what follows does not count.
const LONGEST: usize = 200;
/// The bit that holds the sign of a double.
const SIGN: u64 = 1 << 63;

/// What a fact's value is, as far as comparing it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKind {
    /// Yes or no.
    Flag,
    /// A list, a nested value or nothing: it can be looked through and not compared.
    Json,
    /// A number.
    Number,
    /// A text.
    Text,
}

impl FactKind {
    /// All kinds, in the order of their keys.
    pub const ALL: [Self; 4] = [Self::Flag, Self::Json, Self::Number, Self::Text];

    /// The letter with which the keys of this kind begin.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Flag => "f",
            Self::Json => "j",
            Self::Number => "n",
            Self::Text => "t",
        }
    }

    /// The letter after that: every key of this kind is smaller.
    #[must_use]
    pub const fn end(self) -> &'static str {
        match self {
            Self::Flag => "g",
            Self::Json => "k",
            Self::Number => "o",
            Self::Text => "u",
        }
    }
}

/// The key by which a value is ordered and found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SortKey(String);

impl SortKey {
    /// The key of a fact's value.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Bool(flag) => Self::flag(*flag),
            Value::Number(number) => Self::number(number.as_f64().unwrap_or_default()),
            Value::String(text) => Self::text(text),
            Value::Null | Value::Array(_) | Value::Object(_) => Self(FactKind::Json.prefix().to_owned()),
        }
    }

    /// The key of a truth value.
    #[must_use]
    pub fn flag(flag: bool) -> Self {
        Self(format!("{}{}", FactKind::Flag.prefix(), u8::from(flag)))
    }

    /// The key of a number: the bits of the double, so that they sort as it does (IEEE 754, total order).
    #[must_use]
    pub fn number(number: f64) -> Self {
        let bits = if number == 0.0 { 0 } else { number.to_bits() };
        let ordered = if bits & SIGN == 0 { bits | SIGN } else { !bits };
        Self(format!("{}{ordered:016x}", FactKind::Number.prefix()))
    }

    /// The key of a text: without case, and each run of digits behind its length.
    #[must_use]
    pub fn text(text: &str) -> Self {
        let mut key = String::with_capacity(text.len().min(LONGEST) + 8);
        key.push_str(FactKind::Text.prefix());
        let mut digits = String::new();
        for character in text.chars().take(LONGEST).flat_map(char::to_lowercase) {
            if character.is_ascii_digit() {
                digits.push(character);
            } else {
                push_run(&mut key, &mut digits);
                key.push(character);
            }
        }
        push_run(&mut key, &mut digits);
        Self(key)
    }

    /// A pattern for LIKE with the escape character `\`, which fits the keys of all texts that contain `text` (and of some more: the
    /// length of a run of digits at either end is not known).
    pub(crate) fn pattern(text: &str) -> String {
        let folded: String = text.chars().take(LONGEST).flat_map(char::to_lowercase).collect();
        let inner = folded.trim_matches(|character: char| character.is_ascii_digit());
        let first: String = folded.chars().take_while(char::is_ascii_digit).collect();
        let behind = folded.get(first.len() + inner.len()..).unwrap_or_default();
        let key = Self::text(inner).0;
        let middle = escaped(key.get(1..).unwrap_or_default());
        let strip = |digits: &str| digits.trim_start_matches('0').to_owned();
        let mut pattern = String::from("%");
        for part in [strip(&first), middle, strip(behind)] {
            if !part.is_empty() {
                pattern.push_str(&part);
                pattern.push('%');
            }
        }
        pattern
    }

    /// As it stands in the database.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Appends a run of digits without leading zeros behind its length; runs of nine digits and more have their length in three digits
/// behind a nine.
fn push_run(key: &mut String, digits: &mut String) {
    if digits.is_empty() {
        return;
    }
    let run = match digits.trim_start_matches('0') {
        "" => "0",
        run => run,
    };
    match run.len() {
        length @ 1..=8 => key.push_str(&length.to_string()),
        length => key.push_str(&format!("9{length:03}")),
    }
    key.push_str(run);
    digits.clear();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn versions_sort_as_people_count_them() {
        let sorted = ["9.3", "15", "15.0", "15.1", "15.1.1", "15.2", "15.10", "26.0", "26.1 (a)", "100"];
        let keys: Vec<SortKey> = sorted.iter().map(|text| SortKey::text(text)).collect();
        assert!(keys.is_sorted(), "{keys:?}");
        assert_eq!(SortKey::text("Ward 07"), SortKey::text("ward 7"));
        assert!(SortKey::text("bed 99999999") < SortKey::text("bed 100000000"));
        assert!(SortKey::text("bed 1000000000") < SortKey::text("bed 10000000000000"));
    }

    #[test]
    fn numbers_sort_by_size_with_or_without_a_fraction_and_below_zero() {
        let sorted = [-1e9, -2.0, -0.5, 0.0, 0.2, 1.0, 2.0, 10.0, 1e12];
        let keys: Vec<SortKey> = sorted.iter().map(|number| SortKey::number(*number)).collect();
        assert!(keys.is_sorted(), "{keys:?}");
        assert_eq!(SortKey::of(&json!(2)), SortKey::of(&json!(2.0)));
        assert_eq!(SortKey::number(-0.0), SortKey::number(0.0));
    }

    #[test]
    fn the_pattern_of_a_part_is_part_of_the_pattern() {
        assert_eq!(SortKey::pattern("ward 7"), "%ward %7%");
        assert_eq!(SortKey::pattern("007"), "%7%");
        assert_eq!(SortKey::pattern("0"), "%");
        assert_eq!(SortKey::pattern("3, bed 12 b"), "%3%, bed 212 b%");
        assert_eq!(SortKey::pattern("50%_"), r"%50%\%\_%");
    }

    #[test]
    fn every_key_lies_within_its_kind() {
        for (value, kind) in [
            (json!(true), FactKind::Flag),
            (json!(["a"]), FactKind::Json),
            (json!(null), FactKind::Json),
            (json!(-7), FactKind::Number),
            (json!("zzz"), FactKind::Text),
            (json!(""), FactKind::Text),
            (json!("\u{10ffff}"), FactKind::Text),
        ] {
            let key = SortKey::of(&value);
            assert!(key.as_str() >= kind.prefix() && key.as_str() < kind.end(), "{value}");
        }
    }
}
