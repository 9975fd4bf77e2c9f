//! The kinds of values, and how one is read as another where devices mix them.

use plist::Value;

/// What Apple says a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string.
    Text,
    /// A truth value; 0 and 1 as well.
    Truth,
    /// An integer; a real without a fraction as well.
    Whole,
    /// A real; an integer as well.
    Number,
    /// Bytes.
    Bytes,
    /// A date.
    Date,
    /// An array.
    Array,
    /// A dictionary.
    Dictionary,
}

/// The largest magnitude up to which every whole number has an exact double.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Kind {
    /// The value as this kind, if it can stand for it.
    pub(crate) fn coerce(self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Self::Text, Value::String(_))
            | (Self::Truth, Value::Boolean(_))
            | (Self::Whole, Value::Integer(_))
            | (Self::Bytes, Value::Data(_))
            | (Self::Date, Value::Date(_))
            | (Self::Array, Value::Array(_))
            | (Self::Dictionary, Value::Dictionary(_)) => Some(value.clone()),
            (Self::Number, Value::Real(number)) => number.is_finite().then(|| value.clone()),
            (Self::Number, Value::Integer(number)) => number.to_string().parse().ok().map(Value::Real),
            (Self::Whole, Value::Real(number)) => whole(*number),
            (Self::Truth, Value::Integer(number)) => match number.as_unsigned() {
                Some(0) => Some(false.into()),
                Some(1) => Some(true.into()),
                _ => None,
            },
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Truth => "a truth value",
            Self::Whole => "an integer",
            Self::Number => "a number",
            Self::Bytes => "data",
            Self::Date => "a date",
            Self::Array => "an array",
            Self::Dictionary => "a dictionary",
        }
    }
}

fn whole(number: f64) -> Option<Value> {
    if number.fract() != 0.0 || number.abs() > EXACT {
        return None;
    }
    format!("{number:.0}").parse::<i64>().ok().map(|whole| Value::Integer(whole.into()))
}

/// A sentence on a value of another kind, without the value.
pub(crate) fn complaint(path: &str, expected: Kind, found: &Value) -> String {
    let found = match found {
        Value::Array(_) => "an array",
        Value::Dictionary(_) => "a dictionary",
        Value::Boolean(_) => "a truth value",
        Value::Data(_) => "data",
        Value::Date(_) => "a date",
        Value::Integer(_) => "an integer",
        Value::Real(_) => "a real",
        Value::String(_) => "a string",
        _ => "something else",
    };
    format!("{path}: expected {}, found {found}", expected.name())
}
