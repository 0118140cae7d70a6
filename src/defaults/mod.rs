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
    fn fill(spec: &mut Map<String, Value>);
}

/// Fills in what is absent from an object as the API server sends it.
pub fn fill<T: Defaults>(object: &mut Value) {
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        T::fill(spec);
    }
}

/// A copy of the resource with absent fields filled in.
///
/// Errors: the resource's own (de)serialisation, which for a resource that was read succeeds.
pub fn of<T: Defaults + Serialize + DeserializeOwned>(resource: &T) -> Result<T, serde_json::Error> {
    let mut object = serde_json::to_value(resource)?;
    fill::<T>(&mut object);
    serde_json::from_value(object)
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
