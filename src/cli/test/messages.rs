//! Messages that a test expects.

use serde_json::Value;

use super::{
    matcher::{InvalidMatcher, Matcher, Others},
    outcome::Sent,
};

/// Fields of an expected message.
const FIELDS: [&str; 4] = ["key", "value", "headers", "partition"];

/// Reads the expected messages of a topic: a list, or a matcher for lists. Of a message, only the fields that are given
/// are compared.
///
/// # Errors
///
/// A matcher is not written correctly, or a message has another field.
pub(super) fn message_matchers(expected: &Value) -> Result<Matcher, InvalidMatcher> {
    match Matcher::parse(expected)? {
        Matcher::List(messages) => Ok(Matcher::List(open_messages(messages)?)),
        Matcher::Items(messages, others) => Ok(Matcher::Items(open_messages(messages)?, others)),
        any @ Matcher::Any(_) => Ok(any),
        _ => Err(InvalidMatcher::Argument {
            matcher: "topics",
            takes: "a list of messages for each topic, or a matcher for lists",
        }),
    }
}

/// Makes messages ones that may have other fields.
fn open_messages(messages: Vec<Matcher>) -> Result<Vec<Matcher>, InvalidMatcher> {
    let open = |message| match message {
        Matcher::Object(fields, _) => {
            match fields.iter().find(|(name, _)| !FIELDS.contains(&name.as_str())) {
                Some((key, _)) => {
                    Err(InvalidMatcher::Key { matcher: "a message".to_owned(), key: key.clone() })
                }
                None => Ok(Matcher::Object(fields, Others::Implied)),
            }
        }
        any @ Matcher::Any(_) => Ok(any),
        _ => {
            Err(InvalidMatcher::Argument { matcher: "a message", takes: "key, value, headers and partition" })
        }
    };
    messages.into_iter().map(open).collect()
}

/// Returns a message as it is written in a test file.
#[must_use]
pub(super) fn record(sent: &Sent) -> Value {
    let given = [
        ("key", &sent.key, !sent.key.is_null()),
        ("value", &sent.value, true),
        ("headers", &sent.headers, sent.headers.as_object().is_some_and(|headers| !headers.is_empty())),
        ("partition", &sent.partition, !sent.partition.is_null()),
    ];
    let given = given.into_iter().filter(|(_, _, is_given)| *is_given);
    Value::Object(given.map(|(name, value, _)| (name.to_owned(), value.clone())).collect())
}
