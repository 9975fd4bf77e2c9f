//! The few regular expressions that Apple's schema uses, matched by hand.
//!
//! A test holds the table against this list, so that an expression that a new release brings is noticed.

/// Whether a text has the form. An expression that is not known lets everything pass.
pub(crate) fn matches(expression: &str, text: &str) -> bool {
    known(expression).is_none_or(|form| form(text))
}

type Form = fn(&str) -> bool;

fn known(expression: &str) -> Option<Form> {
    Some(match expression {
        "^([0-9A-Fa-f]{2}:){5}([0-9A-Fa-f]{2})$" => hardware_address,
        "^([0-9A-Za-z]{6})|([0-9A-Za-z]{9})$" => consortium,
        "^[0-9A-Za-z]{8}-[0-9A-Za-z]{4}-[0-9A-Za-z]{4}-[0-9A-Za-z]{4}-[0-9A-Za-z]{12}$" => identifier,
        "^[0-9]{6}$" => |text| text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()),
        "^https://.*$" => |text| text.starts_with("https://"),
        _ => return None,
    })
}

/// What the form looks like, for a sentence.
pub(crate) fn in_words(expression: &str) -> String {
    match expression {
        "^([0-9A-Fa-f]{2}:){5}([0-9A-Fa-f]{2})$" => "a hardware address such as 00:1A:2B:3C:4D:5E".to_owned(),
        "^([0-9A-Za-z]{6})|([0-9A-Za-z]{9})$" => "6 or 9 letters and digits".to_owned(),
        "^[0-9A-Za-z]{8}-[0-9A-Za-z]{4}-[0-9A-Za-z]{4}-[0-9A-Za-z]{4}-[0-9A-Za-z]{12}$" => {
            "a UUID".to_owned()
        }
        "^[0-9]{6}$" => "six digits".to_owned(),
        "^https://.*$" => "an address that begins with https://".to_owned(),
        other => format!("text of the form {other}"),
    }
}

fn hardware_address(text: &str) -> bool {
    let mut parts = 0;
    text.split(':').all(|part| {
        parts += 1;
        part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    }) && parts == 6
}

fn consortium(text: &str) -> bool {
    // Apple's expression is anchored on one side of each alternative only; what it means is six or nine.
    matches!(text.len(), 6 | 9) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn identifier(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Key;
    use crate::table::Table;

    fn expressions<'a>(keys: &'a [Key], found: &mut Vec<&'a str>) {
        for key in keys {
            found.extend(key.format);
            expressions(&key.keys, found);
        }
    }

    #[test]
    fn every_expression_of_the_table_is_known() {
        let mut found = Vec::new();
        for entry in Table::get().entries() {
            expressions(&entry.keys, &mut found);
        }
        assert!(found.len() > 10);
        for expression in found {
            assert!(known(expression).is_some(), "teach format.rs the expression {expression}");
        }
    }

    #[test]
    fn forms_accept_and_refuse() {
        let address = "^([0-9A-Fa-f]{2}:){5}([0-9A-Fa-f]{2})$";
        assert!(matches(address, "00:1a:2B:3c:4D:5e"));
        assert!(!matches(address, "00:1a:2B:3c:4D") && !matches(address, "00:1a:2B:3c:4D:5g"));
        let uuid = "^[0-9A-Za-z]{8}-[0-9A-Za-z]{4}-[0-9A-Za-z]{4}-[0-9A-Za-z]{4}-[0-9A-Za-z]{12}$";
        assert!(matches(uuid, "9C6E7C66-5D4F-4F3C-9F0A-6C8C6E7C665D") && !matches(uuid, "9C6E7C66"));
        assert!(matches("^[0-9]{6}$", "123456") && !matches("^[0-9]{6}$", "12345a"));
        assert!(matches("^https://.*$", "https://a") && !matches("^https://.*$", "http://a"));
        assert!(matches("^([0-9A-Za-z]{6})|([0-9A-Za-z]{9})$", "abc123"));
    }
}
