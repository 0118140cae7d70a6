//! The forms in which the Python operator reads values from annotations and environment variables.

const TRUE: [&str; 6] = ["true", "t", "yes", "y", "on", "1"];
const FALSE: [&str; 7] = ["false", "f", "no", "n", "off", "0", ""];

/// Reads a boolean in any case. Returns `None` for a text that is not a word for true or false; the Python
/// operator reads such a text as false.
#[must_use]
pub fn boolean(text: &str) -> Option<bool> {
    let is_one_of = |words: &[&str]| words.iter().any(|word| text.trim().eq_ignore_ascii_case(word));
    match (is_one_of(&TRUE), is_one_of(&FALSE)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// Reads a whole number, also in the form of a decimal number such as `15.0`.
#[must_use]
pub fn whole_number(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.split_once('.').map_or(text, |(digits, fraction)| {
        if fraction.chars().all(|digit| digit == '0') { digits } else { text }
    });
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_words_in_any_case() {
        for (text, expected) in [
            ("true", Some(true)),
            ("True", Some(true)),
            (" YES ", Some(true)),
            ("1", Some(true)),
            ("off", Some(false)),
            ("No", Some(false)),
            ("", Some(false)),
            ("disabled", None),
        ] {
            assert_eq!(boolean(text), expected, "{text:?}");
        }
    }

    #[test]
    fn whole_numbers_may_have_a_fraction_of_zeros() {
        for (text, expected) in [
            ("15", Some(15)),
            ("15.0", Some(15)),
            ("15.", Some(15)),
            (" 7 ", Some(7)),
            ("15.5", None),
            ("1e3", None),
            ("", None),
        ] {
            assert_eq!(whole_number(text), expected, "{text:?}");
        }
    }
}
