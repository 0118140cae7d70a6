//! Documents of an input, as kubectl reads them: JSON values one after the other, or YAML between lines `---`.

use std::ops::Range;

use indicatif::ProgressBar;
use serde::de::IgnoredAny;
use serde_json::{Deserializer, Value};

use super::{
    compose::{self, Unreadable},
    input::Input,
    locate::line_and_column,
    scalar::whole_number,
};
use crate::api::GROUP;

/// A document that may be a manifest.
pub(super) struct Document {
    /// Index of the input.
    pub input: usize,
    /// Byte range in the input.
    pub bytes: Range<usize>,
    /// Value of the document, or the error and its byte range in the input.
    pub value: Result<Value, Unreadable>,
}

/// A document that is not parsed yet.
struct Chunk {
    bytes: Range<usize>,
    syntax: Syntax,
}

enum Syntax {
    Json,
    Yaml,
    /// Not a document, with the reason.
    Invalid(String),
}

/// Parses the documents that may contain a resource of kaspr.io, or a Secret or ConfigMap.
#[must_use]
pub(super) fn parse_documents(inputs: &[Input], progress: &ProgressBar) -> Vec<Document> {
    let mut documents = Vec::new();
    for (input, text) in
        inputs.iter().enumerate().filter_map(|(i, input)| Some((i, input.content.as_ref().ok()?)))
    {
        let has_group = text.contains(GROUP);
        for Chunk { bytes, syntax } in split(text) {
            progress.inc(1);
            let chunk = &text[bytes.clone()];
            let value = match syntax {
                Syntax::Invalid(why) if has_group => {
                    documents.push(Document { input, bytes: bytes.clone(), value: Err((why, bytes)) });
                    continue;
                }
                _ if !is_relevant(chunk) => continue,
                Syntax::Invalid(_) => continue,
                Syntax::Json => parse_json(chunk),
                Syntax::Yaml => compose::parse(chunk),
            };
            // An unreadable document without the group is not validated.
            if value.is_ok() || chunk.contains(GROUP) {
                let value =
                    value.map_err(|(why, place)| (why, bytes.start + place.start..bytes.start + place.end));
                documents.push(Document { input, bytes, value });
            }
        }
    }
    documents
}

/// Returns whether a text may contain a resource of kaspr.io, or an object that an app refers to.
fn is_relevant(text: &str) -> bool {
    [GROUP, "Secret", "ConfigMap"].iter().any(|name| text.contains(name))
}

/// Returns the documents of a text. Text after a first JSON value may be YAML; after a second, it must be JSON.
fn split(text: &str) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut yaml = 0;
    if text.trim_start().starts_with('{') {
        let mut values = Deserializer::from_str(text).into_iter::<IgnoredAny>();
        while let Some(value) = values.next() {
            let end = values.byte_offset();
            match value {
                Ok(_) => {
                    let start = yaml + (text[yaml..].len() - text[yaml..].trim_start().len());
                    chunks.push(Chunk { bytes: start..end, syntax: Syntax::Json });
                    yaml = end;
                }
                Err(error) if chunks.len() > 1 => {
                    let bytes = line_and_column(text, error.line(), error.column());
                    let why = "only JSON may follow JSON documents without separators '---'".to_owned();
                    chunks.push(Chunk { bytes, syntax: Syntax::Invalid(why) });
                    return chunks;
                }
                Err(_) => break,
            }
        }
    }
    split_yaml(text, yaml, &mut chunks);
    chunks
}

/// Adds the documents after a byte, which lines that start with `---` separate.
fn split_yaml(text: &str, first: usize, chunks: &mut Vec<Chunk>) {
    let (mut start, mut at) = (first, first);
    let mut add = |bytes: Range<usize>| {
        if !text[bytes.clone()].trim().is_empty() {
            chunks.push(Chunk { bytes, syntax: Syntax::Yaml });
        }
    };
    for line in text[first..].split_inclusive('\n') {
        let end = at + line.len();
        if let Some(rest) = line.strip_prefix("---") {
            add(start..at);
            start = end;
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                let why = "only a comment may follow the separator '---' on its line".to_owned();
                let bytes = at..at + line.trim_end().len();
                chunks.push(Chunk { bytes, syntax: Syntax::Invalid(why) });
                return;
            }
        }
        at = end;
    }
    add(start..text.len());
}

fn parse_json(text: &str) -> Result<Value, Unreadable> {
    let mut value: Value = serde_json::from_str(text)
        .map_err(|error| (error.to_string(), line_and_column(text, error.line(), error.column())))?;
    make_whole(&mut value);
    Ok(value)
}

/// Makes numbers such as `3.0` integers, as they are for the API server.
fn make_whole(value: &mut Value) {
    match value {
        Value::Number(number) => *number = whole_number(number),
        Value::Array(items) => items.iter_mut().for_each(make_whole),
        Value::Object(fields) => fields.values_mut().for_each(make_whole),
        _ => {}
    }
}
