//! Reading keys out of a dictionary with the tolerance that devices need: an absent value and one of another kind are both no
//! value, except where nothing can be done without it.

use plist::{Dictionary, Value};

use crate::{Error, SecretBytes};

/// A string, taken out; an empty one is no value.
pub(crate) fn text(from: &mut Dictionary, key: &str) -> Option<String> {
    from.remove(key).and_then(Value::into_string).filter(|text| !text.is_empty())
}

/// A string that decides who speaks: another kind of value is an error, an empty one is no value.
pub(crate) fn identity(from: &mut Dictionary, key: &'static str) -> Result<Option<String>, Error> {
    match from.remove(key) {
        None => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::WrongType { key, expected: "a string" }),
    }
}

/// A truth value; 0 and 1 are taken as well.
pub(crate) fn truth(from: &Dictionary, key: &str) -> Option<bool> {
    match from.get(key)? {
        Value::Boolean(truth) => Some(*truth),
        Value::Integer(number) => match number.as_unsigned() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        _ => None,
    }
}

/// Bytes, taken out; empty ones are no value.
pub(crate) fn bytes(from: &mut Dictionary, key: &str) -> Option<Vec<u8>> {
    from.remove(key).and_then(Value::into_data).filter(|bytes| !bytes.is_empty())
}

/// Secret bytes, taken out; empty ones are no value.
pub(crate) fn secret(from: &mut Dictionary, key: &str) -> Option<SecretBytes> {
    bytes(from, key).map(SecretBytes::new)
}

/// Puts a value in if there is one.
pub(crate) fn put<V: Into<Value>>(into: &mut Dictionary, key: &str, value: Option<V>) {
    if let Some(value) = value {
        into.insert(key.into(), value.into());
    }
}
