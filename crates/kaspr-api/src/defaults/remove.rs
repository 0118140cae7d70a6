//! Removing default values.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    apply::Defaults,
    json::{insert_at, remove_at},
};

/// Returns a copy of the resource without fields that have their default values. The result is the same
/// whether or not defaults were applied to the resource before.
///
/// For example, `retries` defaults to 3 and `timeout` to 600, so the spec
///
/// ```yaml
/// replicas: 1          # the default
/// pythonPackages:
///   packages: [pandas]
///   installPolicy:
///     retries: 3       # the default
///     timeout: 60
/// ```
///
/// becomes
///
/// ```yaml
/// pythonPackages:
///   packages: [pandas]
///   installPolicy:
///     timeout: 60
/// ```
///
/// # Errors
///
/// The resource cannot be serialized or deserialized, which does not happen for a resource that was read from
/// the API server.
pub fn without_defaults<T: Defaults + Serialize + DeserializeOwned>(
    resource: &T,
) -> Result<T, serde_json::Error> {
    let mut object = serde_json::to_value(resource)?;
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        remove_defaults::<T>(spec);
    }
    serde_json::from_value(object)
}

/// Removes fields that have their default values.
///
/// There is no second list of defaults: a field has its default value if applying the defaults adds the same
/// value again after the field was removed.
pub(super) fn remove_defaults<T: Defaults>(spec: &mut Map<String, Value>) {
    T::apply(spec);
    let complete = spec.clone();
    // Only fields that are added to blocks without fields can have default values.
    let mut blocks = nested_blocks(&complete);
    T::apply(&mut blocks);
    for path in leaf_paths(&blocks) {
        let mut without = complete.clone();
        let Some(value) = remove_at(&mut without, &path) else { continue };
        T::apply(&mut without);
        if remove_at(&mut without, &path) == Some(value) {
            remove_at(spec, &path);
            remove_empty_parents(spec, &path);
        }
    }
}

/// Removes the blocks of a path that are empty, because a default may have added them too.
fn remove_empty_parents(spec: &mut Map<String, Value>, path: &[String]) {
    let parents = (1..path.len()).rev().map(|length| &path[..length]);
    for parent in parents {
        match remove_at(spec, parent) {
            Some(Value::Object(rest)) if rest.is_empty() => {}
            Some(rest) => {
                insert_at(spec, parent, rest);
                break;
            }
            None => break,
        }
    }
}

/// Returns the blocks of a block, recursively, without any other field.
fn nested_blocks(block: &Map<String, Value>) -> Map<String, Value> {
    let inner = |(field, value): (&String, &Value)| {
        Some((field.clone(), Value::Object(nested_blocks(value.as_object()?))))
    };
    block.iter().filter_map(inner).collect()
}

/// Returns the paths of all fields that are not blocks.
fn leaf_paths(block: &Map<String, Value>) -> Vec<Vec<String>> {
    let paths = |(field, value): (&String, &Value)| match value {
        Value::Object(inner) => {
            leaf_paths(inner).into_iter().map(|path| [vec![field.clone()], path].concat()).collect()
        }
        _ => vec![vec![field.clone()]],
    };
    block.iter().flat_map(paths).collect()
}
