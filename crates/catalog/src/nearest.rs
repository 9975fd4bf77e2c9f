//! The nearest right name for a wrong one.

/// ` Did you mean X?` with a leading blank, or nothing when no name is near.
#[must_use]
pub fn hint<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> String {
    // Names of Apple's keys are short; a longer word is near to none, and comparing costs the product of the lengths.
    if wrong.len() > 80 {
        return String::new();
    }
    let lower = wrong.to_lowercase();
    names
        .map(|name| (strsim::osa_distance(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.len() / 4).clamp(1, 4))
        .min_by_key(|(distance, _)| *distance)
        .map_or_else(String::new, |(_, name)| format!(" Did you mean {name}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_a_strange_word_is_not() {
        let names = ["Message", "PhoneNumber", "PIN"];
        assert_eq!(hint("Mesage", names.into_iter()), " Did you mean Message?");
        assert_eq!(hint("phonenumber", names.into_iter()), " Did you mean PhoneNumber?");
        assert_eq!(hint("Toast", names.into_iter()), "");
        assert_eq!(hint(&"x".repeat(1000), names.into_iter()), "");
    }
}
