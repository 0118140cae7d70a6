//! Values of YAML documents as kubectl reads them, from the events of a YAML parser.

use std::{collections::HashMap, ops::Range};

use k8s_openapi::ByteString;
use serde_json::{Map, Value, map::Entry};
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::scalar::Scalar;

/// Maximum number of values that aliases may add to a document, so that a small file cannot use all memory.
const MAX_ALIASED_VALUES: usize = 1_000_000;

/// Namespace of the tags `!!int`, `!!str` and so on.
const TAG_NAMESPACE: &str = "tag:yaml.org,2002:";

/// Why a document cannot be read, and its byte range.
pub(in crate::cli) type Unreadable = (String, Range<usize>);

/// Parses the first value of a text. As for kubectl, the text ends at a line `...`.
///
/// # Errors
///
/// The text is not valid YAML, or JSON cannot represent its value.
pub(in crate::cli) fn parse(text: &str) -> Result<Value, Unreadable> {
    let mut composer =
        Composer { parser: Parser::new_from_str(text), anchors: HashMap::new(), aliased: 0, end: text.len() };
    loop {
        match composer.next()? {
            (Event::StreamStart | Event::DocumentStart(..), _) => {}
            (Event::StreamEnd | Event::DocumentEnd, _) => return Ok(Value::Null),
            first => return composer.value(first),
        }
    }
}

/// Returns the key that a scalar becomes, and the text itself if it cannot be a key.
#[must_use]
pub(super) fn key_text(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> String {
    resolve(text, style, tag).and_then(|scalar| scalar.into_key(text)).unwrap_or_else(|_| text.to_owned())
}

/// Returns the type of a scalar with its style and tag.
fn resolve(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Scalar, String> {
    let is_plain = style == ScalarStyle::Plain;
    let Some(tag) = tag else {
        return Ok(if is_plain { Scalar::resolve(text) } else { Scalar::Text });
    };
    let name = tag.suffix_in_namespace(TAG_NAMESPACE);
    let scalar = match name.as_deref() {
        Some("null" | "bool" | "int" | "float") => Scalar::resolve(text),
        _ => return Ok(Scalar::Text),
    };
    match (name.as_deref(), scalar) {
        (Some("float"), Scalar::Integer(value)) => Ok(Scalar::Float(value as f64)),
        (Some("null"), scalar @ Scalar::Null)
        | (Some("bool"), scalar @ Scalar::Bool(_))
        | (Some("int"), scalar @ (Scalar::Integer(_) | Scalar::Unsigned(_)))
        | (Some("float"), scalar @ Scalar::Float(_)) => Ok(scalar),
        _ => Err(format!("{text} is not a value of the type {}", tag.original())),
    }
}

fn is_binary(tag: Option<&Tag>) -> bool {
    tag.and_then(|tag| tag.suffix_in_namespace(TAG_NAMESPACE)).is_some_and(|name| name == "binary")
}

fn is_merge(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> bool {
    let merges = |tag: &Tag| tag.suffix_in_namespace(TAG_NAMESPACE).is_some_and(|name| name == "merge");
    text == "<<" && tag.map_or(style == ScalarStyle::Plain, merges)
}

/// An event with its byte range.
type Located<'a> = (Event<'a>, Range<usize>);

struct Composer<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// Values that aliases refer to.
    anchors: HashMap<usize, Value>,
    /// Number of values that aliases have added.
    aliased: usize,
    /// Length of the text.
    end: usize,
}

impl<'a> Composer<'a> {
    fn next(&mut self) -> Result<Located<'a>, Unreadable> {
        loop {
            match self.parser.next_event() {
                Some(Ok((Event::Comment(..) | Event::Anchor(..), _))) => {}
                Some(Ok((event, span))) => return Ok((event, byte_range(span))),
                Some(Err(error)) => return Err(describe(&error)),
                None => return Ok((Event::StreamEnd, self.end..self.end)),
            }
        }
    }

    /// Returns the value that starts with an event. The parser limits the depth of a value.
    fn value(&mut self, (event, bytes): Located<'a>) -> Result<Value, Unreadable> {
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.as_deref();
                let value = if is_binary(tag) { decode(&text) } else { to_json(&text, style, tag) };
                (value.map_err(|why| (why, bytes))?, anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.items()?, anchor),
            Event::MappingStart(_, anchor, _) => (self.entries()?, anchor),
            Event::Alias(anchor) => (self.alias(anchor, bytes)?, 0),
            _ => return Err(("the value is incomplete".to_owned(), bytes)),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn items(&mut self) -> Result<Value, Unreadable> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::Array(items)),
                item => items.push(self.value(item)?),
            }
        }
    }

    fn entries(&mut self) -> Result<Value, Unreadable> {
        let mut fields = Map::new();
        // Keys from other maps, which explicit keys may replace.
        let mut merged = Vec::new();
        loop {
            let (text, style, tag, bytes) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Value::Object(fields)),
                (Event::Scalar(text, style, anchor, tag), bytes) => {
                    if anchor != 0 {
                        self.anchors.insert(anchor, Value::from(text.as_ref()));
                    }
                    (text, style, tag, bytes)
                }
                (Event::Alias(anchor), bytes) => match self.alias(anchor, bytes.clone())? {
                    Value::String(key) => (key.into(), ScalarStyle::SingleQuoted, None, bytes),
                    other => (other.to_string().into(), ScalarStyle::Plain, None, bytes),
                },
                (_, bytes) => return Err(("a key must not be a map or a list".to_owned(), bytes)),
            };
            let tag = tag.as_deref();
            if is_merge(&text, style, tag) {
                for (key, value) in self.merged_fields()? {
                    merged.push(key.clone());
                    fields.insert(key, value);
                }
                continue;
            }
            let key = resolve(&text, style, tag).and_then(|scalar| scalar.into_key(&text));
            let key = key.map_err(|why| (why, bytes.clone()))?;
            let first = self.next()?;
            let value = self.value(first)?;
            match fields.entry(key) {
                Entry::Vacant(entry) => _ = entry.insert(value),
                Entry::Occupied(mut entry) if merged.contains(entry.key()) => _ = entry.insert(value),
                Entry::Occupied(entry) => return Err((format!("duplicate key: {}", entry.key()), bytes)),
            }
        }
    }

    /// Returns the fields that a merge key adds: those of a map, or of a list of maps, the first of which wins.
    fn merged_fields(&mut self) -> Result<Map<String, Value>, Unreadable> {
        let first = self.next()?;
        let bytes = first.1.clone();
        let no_map = || ("the value of '<<' must be a map or a list of maps".to_owned(), bytes.clone());
        match self.value(first)? {
            Value::Object(fields) => Ok(fields),
            Value::Array(maps) => {
                let mut all = Map::new();
                for map in maps.into_iter().rev() {
                    let Value::Object(fields) = map else { return Err(no_map()) };
                    all.extend(fields);
                }
                Ok(all)
            }
            _ => Err(no_map()),
        }
    }

    fn alias(&mut self, anchor: usize, bytes: Range<usize>) -> Result<Value, Unreadable> {
        let Some(value) = self.anchors.get(&anchor) else {
            return Err(("an alias must not refer to a value that contains it".to_owned(), bytes));
        };
        self.aliased += count(value);
        if self.aliased > MAX_ALIASED_VALUES {
            return Err((format!("aliases must not add more than {MAX_ALIASED_VALUES} values"), bytes));
        }
        Ok(value.clone())
    }
}

fn to_json(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    resolve(text, style, tag)?.into_json(text)
}

/// Decodes a value of the type `!!binary`.
fn decode(text: &str) -> Result<Value, String> {
    let joined: String = text.split_whitespace().collect();
    let bytes: ByteString =
        serde_json::from_value(joined.into()).map_err(|_| "a !!binary value must be base64".to_owned())?;
    Ok(String::from_utf8_lossy(&bytes.0).into())
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum::<usize>(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// Returns the byte range of an event.
#[must_use]
pub(super) fn byte_range(span: Span) -> Range<usize> {
    span.start.byte_offset().unwrap_or(0)..span.end.byte_offset().unwrap_or(0)
}

fn describe(error: &ScanError) -> Unreadable {
    let at = error.marker().byte_offset().unwrap_or(0);
    (error.info().to_string(), at..at)
}
