use std::{borrow::Cow, collections::BTreeMap};

use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::Time};
use kube::{Resource, core::ObjectMeta};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::api::{GROUP, VERSION};

/// A resource of any of the six kinds, reduced to what rules look at: managed fields and status are often
/// most of an object.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct AdmittedObject {
    /// The metadata, without what only the API server needs.
    #[serde(default, deserialize_with = "lean")]
    pub metadata: ObjectMeta,
    /// The spec, of any shape.
    #[serde(default)]
    pub spec: Value,
}

/// The metadata that rules look at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lean {
    name: Option<String>,
    generate_name: Option<String>,
    namespace: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    deletion_timestamp: Option<Time>,
}

fn lean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let Lean { name, generate_name, namespace, labels, annotations, deletion_timestamp } =
        Lean::deserialize(deserializer)?;
    Ok(ObjectMeta {
        name,
        generate_name,
        namespace,
        labels,
        annotations,
        deletion_timestamp,
        ..ObjectMeta::default()
    })
}

/// Reviews need a resource type. The kind is in the review.
impl Resource for AdmittedObject {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        VERSION.into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
