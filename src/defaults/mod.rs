//! What an absent field means.
//!
//! Defaults work on the untyped spec: a round trip through the types would drop what they do not
//! know. They only add: never overwrite, never touch a list, and a block that the user left out
//! stays out, except `installPolicy` where packages are given. Applied twice they are the same.

mod app;
mod components;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// A kind whose absent fields have a meaning.
pub trait Defaults {
    /// Fills in what is absent from the spec.
    fn apply(spec: &mut Map<String, Value>);
}

/// Fills in what is absent from an object as the API server sends it.
pub fn apply_defaults<T: Defaults>(object: &mut Value) {
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        T::apply(spec);
    }
}

/// A copy of the resource with absent fields filled in.
///
/// Errors: the resource's own (de)serialisation, which for a resource that was read succeeds.
pub fn with_defaults<T: Defaults + Serialize + DeserializeOwned>(
    resource: &T,
) -> Result<T, serde_json::Error> {
    let mut object = serde_json::to_value(resource)?;
    apply_defaults::<T>(&mut object);
    serde_json::from_value(object)
}

/// A copy of the resource without the fields that only say what their absence would: the same
/// whether or not somebody filled them in.
///
/// Errors: as `of`.
pub fn without_defaults<T: Defaults + Serialize + DeserializeOwned>(
    resource: &T,
) -> Result<T, serde_json::Error> {
    let mut object = serde_json::to_value(resource)?;
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        undo::<T>(spec);
    }
    serde_json::from_value(object)
}

fn undo<T: Defaults>(spec: &mut Map<String, Value>) {
    T::apply(spec);
    let whole = spec.clone();
    // What is filled into blocks without fields is what may be a default at all.
    let mut blocks = blocks_of(&whole);
    T::apply(&mut blocks);
    for path in leaves(&blocks) {
        let mut without = whole.clone();
        let Some(value) = take(&mut without, &path) else { continue };
        T::apply(&mut without);
        if take(&mut without, &path) == Some(value) {
            take(spec, &path);
            // A block of which nothing is left may have been filled in too.
            let outer = (1..path.len()).rev().map(|length| &path[..length]);
            for block in outer {
                match take(spec, block) {
                    Some(Value::Object(rest)) if rest.is_empty() => {}
                    Some(rest) => {
                        put(spec, block, rest);
                        break;
                    }
                    None => break,
                }
            }
        }
    }
}

/// The blocks within blocks, without any other field.
fn blocks_of(block: &Map<String, Value>) -> Map<String, Value> {
    let inner = |(field, value): (&String, &Value)| {
        Some((field.clone(), Value::Object(blocks_of(value.as_object()?))))
    };
    block.iter().filter_map(inner).collect()
}

/// The ways to everything that is no block.
fn leaves(block: &Map<String, Value>) -> Vec<Vec<String>> {
    let ways = |(field, value): (&String, &Value)| match value {
        Value::Object(inner) => {
            leaves(inner).into_iter().map(|way| [vec![field.clone()], way].concat()).collect()
        }
        _ => vec![vec![field.clone()]],
    };
    block.iter().flat_map(ways).collect()
}

fn take(object: &mut Map<String, Value>, path: &[String]) -> Option<Value> {
    let (last, blocks) = path.split_last()?;
    let inner = blocks.iter().try_fold(object, |object, field| object.get_mut(field)?.as_object_mut());
    inner?.remove(last)
}

fn put(object: &mut Map<String, Value>, path: &[String], value: Value) {
    let Some((last, blocks)) = path.split_last() else { return };
    let inner = blocks.iter().try_fold(object, |object, field| object.get_mut(field)?.as_object_mut());
    if let Some(inner) = inner {
        inner.insert(last.clone(), value);
    }
}

/// Sets a field that is absent; null counts as absent.
fn set(object: &mut Map<String, Value>, field: &str, value: impl Into<Value>) {
    let slot = object.entry(field).or_insert(Value::Null);
    if slot.is_null() {
        *slot = value.into();
    }
}

/// The object in a field, if there is one.
fn block<'a>(object: &'a mut Map<String, Value>, field: &str) -> Option<&'a mut Map<String, Value>> {
    object.get_mut(field)?.as_object_mut()
}

#[cfg(test)]
mod tests;
