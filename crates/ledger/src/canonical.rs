//! The one way to write an event (RFC 8785, JSON Canonicalization Scheme).

use serde_json::Value;

use crate::Error;

/// The largest integer that every JSON reader keeps exactly (RFC 7493 section 2.2).
const EXACT: u64 = 1 << 53;
/// How deep an event may be nested.
const DEPTH: usize = 32;

/// The canonical bytes of an event: keys sorted, no white space, numbers as ECMAScript writes them.
///
/// # Errors
/// [`Error::NotCanonical`] for an integer beyond 2^53, which readers round, and for nesting deeper than 32.
pub fn canonical(event: &Value) -> Result<Vec<u8>, Error> {
    check(event, DEPTH)?;
    serde_json_canonicalizer::to_vec(event).map_err(|error| Error::NotCanonical(error.to_string()))
}

fn check(value: &Value, depth: usize) -> Result<(), Error> {
    let deeper = || depth.checked_sub(1).ok_or_else(|| Error::NotCanonical("nested too deeply".to_owned()));
    match value {
        Value::Number(number) => {
            let size = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            match size {
                Some(size) if size > EXACT => {
                    Err(Error::NotCanonical(format!("{number} is beyond 2^53; write it as text")))
                }
                _ => Ok(()),
            }
        }
        Value::Array(items) => {
            deeper().and_then(|depth| items.iter().try_for_each(|item| check(item, depth)))
        }
        Value::Object(map) => deeper().and_then(|depth| map.values().try_for_each(|item| check(item, depth))),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(value: &str) -> String {
        String::from_utf8(canonical(&serde_json::from_str(value).unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn the_examples_of_the_rfc_are_written_as_it_says() {
        let value = r#"{
          "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
          "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
          "literals": [null, true, false]
        }"#;
        let wanted = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
                      \"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
        assert_eq!(text(value), wanted);
    }

    #[test]
    fn keys_are_sorted_by_utf_16_units() {
        let value = r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#;
        let written: Value = serde_json::from_str(value).unwrap();
        let written = String::from_utf8(canonical(&written).unwrap()).unwrap();
        let values: Vec<_> = written.split(':').skip(1).filter_map(|rest| rest.chars().next()).collect();
        assert_eq!(values, ['2', '4', '6', '7', '1', '5', '3']);
    }

    #[test]
    fn a_number_that_readers_round_is_refused() {
        assert!(canonical(&json!(9_007_199_254_740_992_u64)).is_ok());
        assert!(canonical(&json!(9_007_199_254_740_993_u64)).is_err());
        assert!(canonical(&json!(-9_007_199_254_740_993_i64)).is_err());
    }

    #[test]
    fn deep_nesting_is_refused() {
        let nested = (0..33).fold(json!(0), |inner, _| json!([inner]));
        assert!(canonical(&nested).is_err());
    }
}
