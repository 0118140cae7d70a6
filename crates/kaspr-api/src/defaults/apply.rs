//! Adding default values.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// A kind whose absent fields have default values.
pub trait Defaults {
    /// Adds default values for absent fields of the spec.
    fn apply(spec: &mut Map<String, Value>);
}

/// Adds default values for absent fields of an object as the API server sends it.
pub fn apply_defaults<T: Defaults>(object: &mut Value) {
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        T::apply(spec);
    }
}

/// Returns a copy of the resource with default values for absent fields.
///
/// # Errors
///
/// The resource cannot be serialized or deserialized, which does not happen for a resource that was read from
/// the API server.
pub fn with_defaults<T: Defaults + Serialize + DeserializeOwned>(
    resource: &T,
) -> Result<T, serde_json::Error> {
    let mut object = serde_json::to_value(resource)?;
    apply_defaults::<T>(&mut object);
    serde_json::from_value(object)
}
