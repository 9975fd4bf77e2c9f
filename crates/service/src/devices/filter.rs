//! Conditions on devices as operators write them: `SecurityInfo.PasscodePresent=false`, `OSVersion missing`, `place=W7`.

use clock::Timestamp;
use store::{
    Connection, DeviceFact, EnrollmentState, FactKind, Group, LabelTest, Place, Range, SortKey, Test, Wanted,
};
use uuid::Uuid;

use super::keys::{self, Key};
use crate::Error;
use crate::organisation::find_place;

/// Conditions of one question at most.
pub(super) const MOST: usize = 20;
/// Longest condition, in bytes.
const LONGEST: usize = 1024;
/// The operators that stand between key and value; the longer ones first.
const OPERATORS: [(&str, Operator); 7] = [
    ("!=", Operator::IsNot),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("=", Operator::Is),
    ("<", Operator::Below),
    (">", Operator::Above),
    ("~", Operator::Contains),
];
/// What is said of a condition that cannot be read.
const USAGE: &str =
    "write KEY OP VALUE with OP one of = != < <= > >= ~ (contains), or 'KEY exists', or 'KEY missing'";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Is,
    IsNot,
    Below,
    AtMost,
    Above,
    AtLeast,
    Contains,
    Exists,
    Missing,
}

/// A condition, cut into its parts.
#[derive(Debug, PartialEq, Eq)]
struct Parts<'a> {
    key: &'a str,
    operator: Operator,
    value: &'a str,
}

/// Reads one condition.
pub(super) fn read(connection: &mut Connection, text: &str) -> Result<Wanted, Error> {
    let parts = cut(text)?;
    match keys::find(connection, parts.key, "filter")? {
        Key::Fact(key) => fact(connection, key, &parts),
        Key::Label(name) => label(name, &parts),
        Key::Place => place(connection, &parts),
        Key::Group => group(connection, &parts),
        Key::Owner => owner(&parts),
        Key::LastSeen => last_seen(&parts),
    }
}

fn cut(text: &str) -> Result<Parts<'_>, Error> {
    let wrong = |reason: &str| Error::invalid("filter", format!("'{}': {reason}", shown(text)));
    if text.len() > LONGEST {
        return Err(wrong("it is too long"));
    }
    let text = text.trim();
    if let Some(at) = text.find(['=', '<', '>', '~', '!']) {
        let (key, rest) = text.split_at(at);
        let found = OPERATORS.iter().find_map(|(word, operator)| Some((*operator, rest.strip_prefix(word)?)));
        let Some((operator, value)) = found else { return Err(wrong(USAGE)) };
        if key.trim().is_empty() {
            return Err(wrong(USAGE));
        }
        return Ok(Parts { key: key.trim(), operator, value: unquoted(value.trim()) });
    }
    let (key, word) = text.rsplit_once(char::is_whitespace).ok_or_else(|| wrong(USAGE))?;
    let operator = match word {
        "exists" => Operator::Exists,
        "missing" => Operator::Missing,
        _ => return Err(wrong(USAGE)),
    };
    Ok(Parts { key: key.trim(), operator, value: "" })
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}

fn fact(connection: &mut Connection, key: String, parts: &Parts<'_>) -> Result<Wanted, Error> {
    let kinds = DeviceFact::kinds(connection, &key)?;
    check_word(&key, parts)?;
    let test = match parts.operator {
        Operator::Exists => Test::Exists,
        Operator::Missing => Test::Missing,
        Operator::Contains if parts.value.is_empty() => Test::Exists,
        Operator::Contains => Test::Contains(parts.value.to_owned()),
        Operator::Is => Test::Is(alternatives(&key, &kinds, parts)?),
        Operator::IsNot => Test::IsNot(alternatives(&key, &kinds, parts)?),
        Operator::Below | Operator::AtMost | Operator::Above | Operator::AtLeast => {
            Test::Within(ranges(&key, &kinds, parts)?)
        }
    };
    Ok(Wanted::Fact(key, test))
}

/// The words that can stand for platform and state are few; a wrong one would find nothing and say nothing.
fn check_word(key: &str, parts: &Parts<'_>) -> Result<(), Error> {
    if !matches!(parts.operator, Operator::Is | Operator::IsNot) {
        return Ok(());
    }
    let reason = match key {
        "device.platform" => parts.value.parse::<catalog::Platform>().err().map(|error| error.to_string()),
        "device.ownership" => parts.value.parse::<catalog::Ownership>().err().map(|error| error.to_string()),
        "device.state" => parts.value.parse::<EnrollmentState>().err().map(|error| error.to_string()),
        _ => None,
    };
    reason.map_or(Ok(()), |reason| Err(invalid(key, parts, &reason)))
}

fn invalid(key: &str, parts: &Parts<'_>, reason: &str) -> Error {
    Error::invalid("filter", format!("{key}: '{}': {reason}", shown(parts.value)))
}

/// What the value may stand for, for each kind of value that devices told.
fn alternatives(key: &str, kinds: &[FactKind], parts: &Parts<'_>) -> Result<Vec<SortKey>, Error> {
    let keys: Vec<SortKey> = kinds.iter().filter_map(|kind| sort_key(*kind, parts.value)).collect();
    if keys.is_empty() && !kinds.is_empty() {
        return Err(invalid(key, parts, expected(kinds)));
    }
    Ok(keys)
}

fn sort_key(kind: FactKind, value: &str) -> Option<SortKey> {
    match kind {
        FactKind::Flag => match value.to_ascii_lowercase().as_str() {
            "true" | "yes" => Some(SortKey::flag(true)),
            "false" | "no" => Some(SortKey::flag(false)),
            _ => None,
        },
        FactKind::Number => value.parse().ok().filter(|number: &f64| number.is_finite()).map(SortKey::number),
        FactKind::Text => Some(SortKey::text(value)),
        FactKind::Json => None,
    }
}

const fn expected(kinds: &[FactKind]) -> &'static str {
    match kinds {
        [FactKind::Flag] => "it is true or false",
        [FactKind::Number] => "it is a number",
        [FactKind::Json] => "it is a list: use ~ to look for a part of it",
        _ => "it is of another kind",
    }
}

/// The part of the order that the operator means, within each kind of value.
fn ranges(key: &str, kinds: &[FactKind], parts: &Parts<'_>) -> Result<Vec<Range>, Error> {
    let ordered = kinds.iter().filter(|kind| matches!(kind, FactKind::Number | FactKind::Text));
    let range = |kind: &FactKind| {
        let bound = sort_key(*kind, parts.value)?.as_str().to_owned();
        let (first, end) = ((kind.prefix().to_owned(), true), (kind.end().to_owned(), false));
        Some(match parts.operator {
            Operator::Below => Range { from: first, to: (bound, false) },
            Operator::AtMost => Range { from: first, to: (bound, true) },
            Operator::Above => Range { from: (bound, false), to: end },
            _ => Range { from: (bound, true), to: end },
        })
    };
    let ranges: Vec<Range> = ordered.filter_map(range).collect();
    if ranges.is_empty() && !kinds.is_empty() {
        let reason = match kinds {
            [FactKind::Flag] => "true and false have no order: use = or !=",
            kinds => expected(kinds),
        };
        return Err(invalid(key, parts, reason));
    }
    Ok(ranges)
}

fn not(wanted: Wanted) -> Wanted {
    Wanted::Not(Box::new(wanted))
}

fn label(name: String, parts: &Parts<'_>) -> Result<Wanted, Error> {
    let value = parts.value.to_owned();
    Ok(match parts.operator {
        Operator::Exists => Wanted::Label(name, LabelTest::Exists),
        Operator::Missing => not(Wanted::Label(name, LabelTest::Exists)),
        Operator::Is => Wanted::Label(name, LabelTest::Is(value)),
        Operator::IsNot => not(Wanted::Label(name, LabelTest::Is(value))),
        Operator::Contains => Wanted::Label(name, LabelTest::Contains(value)),
        _ => return Err(no_order("a label", "= != ~ exists missing")),
    })
}

fn no_order(what: &str, operators: &str) -> Error {
    Error::invalid("filter", format!("{what} has no order: use one of {operators}"))
}

fn place(connection: &mut Connection, parts: &Parts<'_>) -> Result<Wanted, Error> {
    let is = match parts.operator {
        Operator::Is => true,
        Operator::IsNot => false,
        _ => return Err(no_order("a place", "= !=")),
    };
    let place = find_place(connection, parts.value)?;
    // Who was never placed stands at the root, and everything is below it.
    let wanted = match place.parent_id {
        Some(_) => Wanted::In(Place::subtree(connection, place.id)?),
        None => not(Wanted::In(Vec::new())),
    };
    Ok(if is { wanted } else { not(wanted) })
}

fn group(connection: &mut Connection, parts: &Parts<'_>) -> Result<Wanted, Error> {
    let is = match parts.operator {
        Operator::Is => true,
        Operator::IsNot => false,
        _ => return Err(no_order("a group", "= !=")),
    };
    let found = match Group::find_by_name(connection, parts.value)? {
        Some(group) => Some(group.id),
        None => match parts.value.parse::<Uuid>() {
            Ok(id) => Group::find(connection, id.into()).ok().map(|group| group.id),
            Err(_) => None,
        },
    };
    let Some(id) = found else { return Err(Error::not_found("group", shown(parts.value))) };
    Ok(if is { Wanted::Group(id) } else { not(Wanted::Group(id)) })
}

fn owner(parts: &Parts<'_>) -> Result<Wanted, Error> {
    let wanted = Wanted::Owner(parts.value.to_owned());
    match parts.operator {
        Operator::Is => Ok(wanted),
        Operator::IsNot => Ok(not(wanted)),
        _ => Err(no_order("an owner", "= !=")),
    }
}

fn last_seen(parts: &Parts<'_>) -> Result<Wanted, Error> {
    let never = Timestamp::from_millis(0);
    let at = || {
        moment(parts.value).ok_or_else(|| {
            invalid("last_seen", parts, "write a time as 2026-11-23T13:00:00Z, or a day as 2026-11-23")
        })
    };
    Ok(match parts.operator {
        Operator::Exists => Wanted::SeenSince(never),
        Operator::Missing => not(Wanted::SeenSince(never)),
        Operator::Above | Operator::AtLeast => Wanted::SeenSince(at()?),
        Operator::Below | Operator::AtMost => not(Wanted::SeenSince(at()?)),
        _ => return Err(Error::invalid("filter", "last_seen: use one of < <= > >= exists missing")),
    })
}

fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| format!("{text}T00:00:00Z").parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_cut_into_key_operator_and_value() {
        for (text, key, operator, value) in [
            ("SecurityInfo.PasscodePresent=false", "SecurityInfo.PasscodePresent", Operator::Is, "false"),
            (" os >= 26.1 ", "os", Operator::AtLeast, "26.1"),
            ("name!=a=b", "name", Operator::IsNot, "a=b"),
            ("name ~ \" ward \"", "name", Operator::Contains, " ward "),
            ("a<b", "a", Operator::Below, "b"),
            ("ProfileList exists", "ProfileList", Operator::Exists, ""),
            ("label.bed  missing", "label.bed", Operator::Missing, ""),
            ("name=", "name", Operator::Is, ""),
        ] {
            assert_eq!(cut(text).unwrap(), Parts { key, operator, value }, "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_is_refused_with_the_usage() {
        for text in ["", "name", "=5", "name is x", "! x", "name ! x", &"x".repeat(2000)] {
            let error = cut(text).unwrap_err().to_string();
            assert!(error.starts_with("filter: "), "{error}");
            assert!(error.len() < 400, "{error}");
        }
    }
}
