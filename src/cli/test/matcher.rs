//! Comparison of expected values, which may contain matchers, with what came. Pure.
//!
//! A matcher is a map whose first key starts with `$`.

use regex::Regex;
use serde_json::{Map, Value};

/// Relative difference that `$approx` accepts unless `within` gives an absolute one.
const RELATIVE: f64 = 1e-6;

/// A matcher that is not written correctly.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum InvalidMatcher {
    /// There is no matcher of this name.
    #[error(
        "there is no matcher '{0}': use $any, $approx, $contains, $exactly, $regex or $unordered, or $exactly for a value \
         with such a key"
    )]
    Unknown(String),
    /// A matcher has a key that it does not take.
    #[error("'{matcher}' does not take '{key}'")]
    Key {
        /// Name of the matcher.
        matcher: String,
        /// The key.
        key: String,
    },
    /// The argument of a matcher has another type.
    #[error("'{matcher}' takes {takes}")]
    Argument {
        /// Name of the matcher.
        matcher: &'static str,
        /// What it takes.
        takes: &'static str,
    },
    /// The pattern of `$regex` is not valid.
    #[error("'$regex' takes a regular expression: {0}")]
    Pattern(String),
}

/// An expected value.
#[derive(Debug)]
pub(super) enum Matcher {
    /// This value.
    Exactly(Value),
    /// Any value, or any of a type.
    Any(Option<&'static str>),
    /// A string in which the pattern is found.
    Regex(Regex),
    /// A number that differs by at most the second number.
    Approx(f64, f64),
    /// A string that contains this one.
    Substring(String),
    /// An object with these fields, and perhaps others.
    Object(Vec<(String, Matcher)>, Others),
    /// A list with these items in order.
    List(Vec<Matcher>),
    /// A list with these items in any order, and `true` if it may have others.
    Items(Vec<Matcher>, bool),
}

/// Whether an object may have other fields than the expected ones.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Others {
    /// It may not.
    Refused,
    /// It may, because `$contains` says so.
    Accepted,
    /// It may, because of its place: an expected message.
    Implied,
}

/// Names of the types that `$any` takes.
const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "object", "array", "null"];

impl Matcher {
    /// Reads an expected value.
    ///
    /// # Errors
    ///
    /// A matcher is not written correctly.
    pub(super) fn parse(expected: &Value) -> Result<Self, InvalidMatcher> {
        match expected {
            Value::Object(fields) => match fields.iter().find(|(key, _)| key.starts_with('$')) {
                Some((name, argument)) if name != "$base64" => Self::named(name, argument, fields),
                _ => Ok(Self::Object(Self::fields(fields)?, Others::Refused)),
            },
            Value::Array(items) => Ok(Self::List(Self::items(items)?)),
            other => Ok(Self::Exactly(other.clone())),
        }
    }

    fn fields(fields: &Map<String, Value>) -> Result<Vec<(String, Self)>, InvalidMatcher> {
        fields.iter().map(|(name, value)| Ok((name.clone(), Self::parse(value)?))).collect()
    }

    fn items(items: &[Value]) -> Result<Vec<Self>, InvalidMatcher> {
        items.iter().map(Self::parse).collect()
    }

    /// Reads the matcher of a name. `fields` has all keys next to it.
    fn named(name: &str, argument: &Value, fields: &Map<String, Value>) -> Result<Self, InvalidMatcher> {
        let accepted = |key: &&String| *key == name || (name == "$approx" && *key == "within");
        if let Some(key) = fields.keys().find(|key| !accepted(key)) {
            return Err(InvalidMatcher::Key { matcher: name.to_owned(), key: key.clone() });
        }
        let wrong = |matcher, takes| Err(InvalidMatcher::Argument { matcher, takes });
        match (name, argument) {
            ("$any", Value::Null | Value::Bool(true)) => Ok(Self::Any(None)),
            ("$any", Value::String(text)) => match TYPES.iter().find(|known| *known == text) {
                Some(known) => Ok(Self::Any(Some(known))),
                None => wrong("$any", "true, or string, number, integer, boolean, object, array or null"),
            },
            ("$any", _) => wrong("$any", "true, or string, number, integer, boolean, object, array or null"),
            ("$exactly", value) => Ok(Self::Exactly(value.clone())),
            ("$regex", Value::String(pattern)) => match Regex::new(pattern) {
                Ok(regex) => Ok(Self::Regex(regex)),
                Err(error) => {
                    let text = error.to_string();
                    Err(InvalidMatcher::Pattern(text.lines().last().unwrap_or_default().to_owned()))
                }
            },
            ("$regex", _) => wrong("$regex", "a string"),
            ("$approx", number) => match (number.as_f64(), fields.get("within").map(Value::as_f64)) {
                (Some(number), None) => Ok(Self::Approx(number, number.abs() * RELATIVE)),
                (Some(number), Some(Some(within))) => Ok(Self::Approx(number, within)),
                _ => wrong("$approx", "a number, and a number for 'within'"),
            },
            ("$contains", Value::Object(fields)) => Ok(Self::Object(Self::fields(fields)?, Others::Accepted)),
            ("$contains", Value::Array(items)) => Ok(Self::Items(Self::items(items)?, true)),
            ("$contains", Value::String(text)) => Ok(Self::Substring(text.clone())),
            ("$contains", _) => wrong("$contains", "an object, a list or a string"),
            ("$unordered", Value::Array(items)) => Ok(Self::Items(Self::items(items)?, false)),
            ("$unordered", _) => wrong("$unordered", "a list"),
            (other, _) => Err(InvalidMatcher::Unknown(other.to_owned())),
        }
    }

    /// Returns whether a value is expected.
    #[must_use]
    pub(super) fn matches(&self, got: &Value) -> bool {
        match (self, got) {
            (Self::Exactly(value), got) => equal(value, got),
            (Self::Any(kind), got) => kind.is_none_or(|kind| is_of_type(got, kind)),
            (Self::Regex(regex), Value::String(text)) => regex.is_match(text),
            (Self::Approx(number, within), got) => {
                got.as_f64().is_some_and(|got| (got - number).abs() <= *within)
            }
            (Self::Substring(part), Value::String(text)) => text.contains(part),
            (Self::Object(fields, others), Value::Object(got)) => {
                (*others != Others::Refused || got.len() == fields.len())
                    && fields.iter().all(|(name, field)| got.get(name).is_some_and(|got| field.matches(got)))
            }
            (Self::List(items), Value::Array(got)) => {
                items.len() == got.len() && items.iter().zip(got).all(|(item, got)| item.matches(got))
            }
            (Self::Items(items, open), Value::Array(got)) => {
                (*open || items.len() == got.len()) && assign(items, got).iter().all(Option::is_some)
            }
            _ => false,
        }
    }

    /// Returns the expected value to compare with `got` as text: what matches is taken from `got`, and a matcher that
    /// does not match is shown as it is written.
    #[must_use]
    pub(super) fn shown(&self, got: &Value) -> Value {
        if self.matches(got) {
            return got.clone();
        }
        match (self, got) {
            (Self::Object(fields, others), Value::Object(got)) => {
                let shown = fields.iter().map(|(name, field)| {
                    (name.clone(), got.get(name).map_or_else(|| field.written(), |got| field.shown(got)))
                });
                let mut shown: Map<String, Value> = shown.collect();
                if *others != Others::Refused {
                    for (name, value) in got {
                        shown.entry(name.clone()).or_insert_with(|| value.clone());
                    }
                }
                Value::Object(shown)
            }
            (Self::List(items), Value::Array(got)) => {
                let shown = items.iter().enumerate();
                shown
                    .map(|(i, item)| got.get(i).map_or_else(|| item.written(), |got| item.shown(got)))
                    .collect()
            }
            (Self::Items(items, open), Value::Array(got)) => {
                let assigned = assign(items, got);
                let place_of = |i: usize| assigned.iter().position(|place| *place == Some(i));
                let present = got.iter().enumerate().filter(|(i, _)| *open || place_of(*i).is_some());
                let missing = items.iter().zip(&assigned).filter(|(_, place)| place.is_none());
                present.map(|(_, got)| got.clone()).chain(missing.map(|(item, _)| item.written())).collect()
            }
            _ => self.written(),
        }
    }

    /// Returns the matcher as it is written in a test file.
    fn written(&self) -> Value {
        let named =
            |name: &str, argument: Value| Value::Object(Map::from_iter([(name.to_owned(), argument)]));
        let all = |items: &[Self]| items.iter().map(Self::written).collect::<Value>();
        match self {
            Self::Exactly(value) => value.clone(),
            Self::Any(kind) => named("$any", kind.map_or(Value::Bool(true), Value::from)),
            Self::Regex(regex) => named("$regex", regex.as_str().into()),
            Self::Approx(number, _) => named("$approx", (*number).into()),
            Self::Substring(text) => named("$contains", text.as_str().into()),
            Self::Object(fields, others) => {
                let fields = fields.iter().map(|(name, field)| (name.clone(), field.written()));
                let fields = Value::Object(fields.collect());
                if *others == Others::Accepted { named("$contains", fields) } else { fields }
            }
            Self::List(items) => all(items),
            Self::Items(items, open) => named(if *open { "$contains" } else { "$unordered" }, all(items)),
        }
    }
}

/// Returns for each item the place of a value that it matches, each value at most once, so that as many items as
/// possible have one.
fn assign(items: &[Matcher], got: &[Value]) -> Vec<Option<usize>> {
    let candidates: Vec<Vec<usize>> = items
        .iter()
        .map(|item| (0..got.len()).filter(|place| item.matches(&got[*place])).collect())
        .collect();
    let mut owner: Vec<Option<usize>> = vec![None; got.len()];
    for item in 0..items.len() {
        find_place(item, &candidates, &mut owner, &mut vec![false; got.len()]);
    }
    (0..items.len()).map(|item| owner.iter().position(|other| *other == Some(item))).collect()
}

/// Finds a place for an item, and moves others if that makes room (Kuhn's algorithm).
fn find_place(
    item: usize,
    candidates: &[Vec<usize>],
    owner: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for place in &candidates[item] {
        if std::mem::replace(&mut tried[*place], true) {
            continue;
        }
        if owner[*place].is_none_or(|other| find_place(other, candidates, owner, tried)) {
            owner[*place] = Some(item);
            return true;
        }
    }
    false
}

/// Returns whether two values are equal. `2` and `2.0` are.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
        }
        (a, b) => a == b,
    }
}

fn is_of_type(value: &Value, kind: &str) -> bool {
    match value {
        Value::Null => kind == "null",
        Value::Bool(_) => kind == "boolean",
        Value::Number(number) => kind == "number" || (kind == "integer" && !number.is_f64()),
        Value::String(_) => kind == "string",
        Value::Array(_) => kind == "array",
        Value::Object(_) => kind == "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn matchers_accept_what_they_describe() {
        let cases = [
            (json!({"a": 1}), json!({"a": 1.0}), true),
            (json!({"a": 1}), json!({"a": 1, "b": 2}), false),
            (json!({"$contains": {"a": 1}}), json!({"a": 1, "b": 2}), true),
            (json!({"$contains": {"a": {"b": 1}}}), json!({"a": {"b": 1, "c": 1}}), false),
            (json!({"$contains": [2]}), json!([1, 2]), true),
            (json!({"$contains": [2, 2]}), json!([1, 2]), false),
            (json!({"$contains": "ok"}), json!("a book"), true),
            (json!({"$unordered": [2, 1]}), json!([1, 2]), true),
            (json!({"$unordered": [2]}), json!([1, 2]), false),
            // Needs more than the first item that matches.
            (json!({"$unordered": [{"$any": true}, 1]}), json!([1, 2]), true),
            (json!({"$any": true}), json!(null), true),
            (json!({"$any": "integer"}), json!(1.5), false),
            (json!({"$any": "string"}), json!("x"), true),
            (json!({"$regex": "^b.k$"}), json!("bok"), true),
            (json!({"$regex": "^b"}), json!(1), false),
            (json!({"$approx": 1.0}), json!(1.0000001), true),
            (json!({"$approx": 1.0}), json!(1.1), false),
            (json!({"$approx": 1.0, "within": 0.2}), json!(1.1), true),
            (json!({"$exactly": {"$any": 1}}), json!({"$any": 1}), true),
            (json!([1, {"x": {"$any": true}}]), json!([1, {"x": []}]), true),
            (json!({"$base64": "AA=="}), json!({"$base64": "AA=="}), true),
        ];
        for (expected, got, verdict) in cases {
            let matcher = Matcher::parse(&expected).expect("a matcher");
            assert_eq!(matcher.matches(&got), verdict, "{expected} {got}");
        }
    }

    #[test]
    fn invalid_matchers_are_explained() {
        let cases = [
            (json!({"$many": 1}), "there is no matcher '$many'"),
            (json!({"$any": "text"}), "'$any' takes true, or string"),
            (json!({"$regex": "("}), "'$regex' takes a regular expression: error: unclosed group"),
            (json!({"$regex": "x", "flags": "i"}), "'$regex' does not take 'flags'"),
            (json!([{"a": {"$unordered": 1}}]), "'$unordered' takes a list"),
        ];
        for (expected, message) in cases {
            let error = Matcher::parse(&expected).expect_err("an error").to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn only_differences_are_shown() {
        let cases = [
            (json!({"a": {"$any": true}, "b": 2}), json!({"a": 1, "b": 1}), json!({"a": 1, "b": 2})),
            (json!({"$contains": {"b": 2}}), json!({"a": 1, "b": 1}), json!({"a": 1, "b": 2})),
            (json!({"$unordered": [3, 2]}), json!([1, 2]), json!([2, 3])),
            (json!([1, {"$regex": "x"}]), json!([1]), json!([1, {"$regex": "x"}])),
        ];
        for (expected, got, shown) in cases {
            assert_eq!(Matcher::parse(&expected).expect("a matcher").shown(&got), shown, "{expected}");
        }
    }
}
