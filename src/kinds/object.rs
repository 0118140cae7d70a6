use std::{borrow::Cow, collections::BTreeMap};

use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::Time};
use kube::{Resource, core::ObjectMeta};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::api::{GROUP, VERSION};

/// A resource of any of the six kinds, as far as rules look at it: managed fields and status are
/// often most of one.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Object {
    /// Its metadata, without what only the API server needs.
    #[serde(default, deserialize_with = "lean")]
    pub metadata: ObjectMeta,
    /// Its spec, whatever that is.
    #[serde(default)]
    pub spec: Value,
}

/// What rules look at in metadata.
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

/// What a review can be about; the kind stands in the review.
impl Resource for Object {
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
