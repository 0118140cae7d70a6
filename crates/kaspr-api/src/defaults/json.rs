//! Access to fields of untyped specs.

use serde_json::{Map, Value};

/// Sets a field that is absent; null counts as absent.
pub(super) fn set_default(object: &mut Map<String, Value>, field: &str, value: impl Into<Value>) {
    let slot = object.entry(field).or_insert(Value::Null);
    if slot.is_null() {
        *slot = value.into();
    }
}

/// Returns the object in a field, if the field is an object.
pub(super) fn get_object<'a>(
    object: &'a mut Map<String, Value>,
    field: &str,
) -> Option<&'a mut Map<String, Value>> {
    object.get_mut(field)?.as_object_mut()
}

/// Removes the field at a path and returns its value.
pub(super) fn remove_at(object: &mut Map<String, Value>, path: &[String]) -> Option<Value> {
    let (last, blocks) = path.split_last()?;
    let inner = blocks.iter().try_fold(object, |object, field| get_object(object, field));
    inner?.remove(last)
}

/// Inserts a value at a path, if the blocks of the path exist.
pub(super) fn insert_at(object: &mut Map<String, Value>, path: &[String], value: Value) {
    let Some((last, blocks)) = path.split_last() else { return };
    let inner = blocks.iter().try_fold(object, |object, field| get_object(object, field));
    if let Some(inner) = inner {
        inner.insert(last.clone(), value);
    }
}
