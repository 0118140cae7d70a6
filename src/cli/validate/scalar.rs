//! Types of YAML scalars as kubectl reads them.
//!
//! kubectl reads YAML 1.1 with exceptions: `0440` is octal, `yes` is a boolean, and `1:30` is text. It then
//! converts the value to JSON, where `3.0` and `1e1` are integers. No library has these rules.

use serde_json::{Number, Value};

/// Value of a scalar without quotes.
#[derive(Debug, PartialEq)]
pub(super) enum Scalar {
    /// `~`, `null` and nothing.
    Null,
    /// `true`, `yes`, `on`, `y` and their opposites.
    Bool(bool),
    /// An integer of 64 bits with a sign.
    Integer(i64),
    /// A larger integer of 64 bits.
    Unsigned(u64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// Everything else, such as a date.
    Text,
}

impl Scalar {
    /// Returns the value of a scalar without quotes and without a tag.
    #[must_use]
    pub(super) fn resolve(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Self::Null,
            "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
                return Self::Bool(true);
            }
            "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
                return Self::Bool(false);
            }
            ".nan" | ".NaN" | ".NAN" => return Self::Float(f64::NAN),
            ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Self::Float(f64::INFINITY),
            "-.inf" | "-.Inf" | "-.INF" => return Self::Float(f64::NEG_INFINITY),
            _ => {}
        }
        if !text.starts_with(['+', '-', '.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) {
            return Self::Text;
        }
        let digits = text.replace('_', "");
        integer(&digits).or_else(|| float(&digits)).unwrap_or(Self::Text)
    }

    /// Returns the value in JSON. `text` is the scalar.
    ///
    /// # Errors
    ///
    /// JSON cannot contain the number. The error describes it.
    pub(super) fn into_json(self, text: &str) -> Result<Value, String> {
        match self {
            Self::Null => Ok(Value::Null),
            Self::Bool(value) => Ok(value.into()),
            Self::Integer(value) => Ok(value.into()),
            // The API server reads numbers beyond 64 bits with a sign as floating-point numbers.
            Self::Unsigned(value) => Ok((value as f64).into()),
            Self::Float(value) => Number::from_f64(value)
                .map(|number| whole_number(&number).into())
                .ok_or_else(|| format!("{text} is not a finite number: quote it to make it text")),
            Self::Text => Ok(text.into()),
        }
    }

    /// Returns the value as the key of a JSON object. `text` is the scalar.
    ///
    /// # Errors
    ///
    /// A key cannot have this type. The error describes it.
    pub(super) fn into_key(self, text: &str) -> Result<String, String> {
        match self {
            Self::Bool(value) => Ok(value.to_string()),
            Self::Integer(value) => Ok(value.to_string()),
            Self::Float(value) if value.is_nan() => Ok(".nan".to_owned()),
            Self::Float(value) if value.is_infinite() => {
                Ok(if value.is_sign_positive() { ".inf" } else { "-.inf" }.to_owned())
            }
            Self::Float(value) => Ok(short_float(value as f32)),
            Self::Text => Ok(text.to_owned()),
            Self::Null => Err("a key must not be null: quote it to make it text".to_owned()),
            Self::Unsigned(_) => Err(format!("the key {text} is too large: quote it to make it text")),
        }
    }
}

/// Returns a number as an integer, if it is one: the API server sees no difference between `3.0` and `3`.
#[must_use]
pub(super) fn whole_number(number: &Number) -> Number {
    // 2^63, the first number that a signed integer of 64 bits cannot represent.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    match number.as_f64() {
        Some(value) if number.is_f64() && value.fract() == 0.0 && (-LIMIT..LIMIT).contains(&value) => {
            Number::from(value as i64)
        }
        Some(value) if number.as_i64().is_none() => Number::from_f64(value).unwrap_or_else(|| number.clone()),
        _ => number.clone(),
    }
}

/// Parses an integer with an optional sign: decimal, `0b1`, `0o7`, `07` or `0xF`.
fn integer(text: &str) -> Option<Scalar> {
    let (sign, unsigned) = match text.as_bytes().first()? {
        b'+' => ("", &text[1..]),
        b'-' => ("-", &text[1..]),
        _ => ("", text),
    };
    let lower = unsigned.to_ascii_lowercase();
    let (radix, digits) = [("0b", 2), ("0o", 8), ("0x", 16)]
        .into_iter()
        .find_map(|(prefix, radix)| Some((radix, lower.strip_prefix(prefix)?)))
        .or_else(|| Some((8, lower.strip_prefix('0').filter(|digits| !digits.is_empty())?)))
        .unwrap_or((10, &lower));
    if !digits.starts_with(|first: char| first.is_digit(radix)) {
        return None;
    }
    if let Ok(value) = i64::from_str_radix(&format!("{sign}{digits}"), radix) {
        return Some(Scalar::Integer(value));
    }
    let has_sign = unsigned.len() < text.len();
    u64::from_str_radix(digits, radix).ok().filter(|_| !has_sign).map(Scalar::Unsigned)
}

/// Parses a decimal number with a fraction or an exponent. A number that is too large is text.
fn float(text: &str) -> Option<Scalar> {
    if !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite()).map(Scalar::Float)
}

/// Formats a number in the shortest form, with an exponent from 7 digits on.
fn short_float(value: f32) -> String {
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent @ ..-4) => format!("{digits}e-{:02}", -exponent),
        Ok(exponent @ 6..) => format!("{digits}e+{exponent:02}"),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What kubectl makes of each scalar; `tests/suite/validate/kubectl_reads.rs` compares this with kubectl itself.
    #[test]
    fn scalars_have_the_types_of_kubectl() {
        for (text, expected) in [
            ("0440", json!(288)),
            ("3.0", json!(3)),
            ("1e1", json!(10)),
            ("1_000", json!(1000)),
            ("0o17", json!(15)),
            ("0x1F", json!(31)),
            ("-0b11", json!(-3)),
            ("08", json!(8)),
            ("1:30", json!("1:30")),
            ("2001-12-14", json!("2001-12-14")),
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("~", json!(null)),
            ("1e400", json!("1e400")),
            ("18446744073709551615", json!(18446744073709551615.0)),
            (".5", json!(0.5)),
            ("0x", json!("0x")),
            ("1_", json!(1)),
            ("-", json!("-")),
            ("++1", json!("++1")),
            ("1.2.3", json!("1.2.3")),
        ] {
            assert_eq!(Scalar::resolve(text).into_json(text), Ok(expected), "{text}");
        }
        assert!(Scalar::resolve(".inf").into_json(".inf").is_err());
    }

    #[test]
    fn keys_are_converted_to_text() {
        for (text, expected) in [
            ("1.10", "1.1"),
            ("on", "true"),
            ("0x10", "16"),
            ("1000000.5", "1.0000005e+06"),
            ("0.00001", "1e-05"),
            ("a", "a"),
        ] {
            assert_eq!(Scalar::resolve(text).into_key(text).as_deref(), Ok(expected), "{text}");
        }
        assert!(Scalar::resolve("~").into_key("~").is_err());
    }
}
