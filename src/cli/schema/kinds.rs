//! Schemas of manifests.

use serde_json::{Map, Value, json};

use super::{convert::to_json_schema, metadata::metadata_schema};
use crate::{
    api::{
        GROUP, Kind, VERSION,
        config_keys::{CONFIG_KEYS, ConfigKey},
    },
    crds,
};

/// Version of JSON Schema that every editor and kubeconform support.
const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// Schema of the manifests of a kind.
pub(in crate::cli) struct KindSchema {
    /// The kind.
    pub kind: Kind,
    /// Version of the kind.
    pub version: String,
    /// The schema.
    pub schema: Value,
}

/// Returns the schemas of the six kinds.
#[must_use]
pub(in crate::cli) fn kind_schemas() -> Vec<KindSchema> {
    let schemas = crds::all().into_iter().flat_map(|crd| {
        let kind = Kind::from_name(&crd.spec.names.kind);
        let versions = crd.spec.versions.into_iter();
        versions.filter_map(move |version| {
            let open_api = json!(version.schema?.open_api_v3_schema?);
            let schema = schema_of(kind?, &version.name, &open_api);
            Some(KindSchema { kind: kind?, version: version.name, schema })
        })
    });
    schemas.collect()
}

fn schema_of(kind: Kind, version: &str, open_api: &Value) -> Value {
    let mut schema = to_json_schema(open_api);
    schema["$schema"] = DRAFT.into();
    schema["title"] = kind.name().into();
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let always = ["apiVersion", "kind", "metadata"].map(Value::from);
    schema["required"] = always.into_iter().chain(required).collect();
    let fields = &mut schema["properties"];
    fields["apiVersion"] =
        json!({ "description": "Group and version of the kind.", "const": format!("{GROUP}/{version}") });
    fields["kind"] = json!({ "description": "Kind of the resource.", "const": kind.name() });
    fields["metadata"] = metadata_schema(kind);
    // Only the operator writes the status, and what another operator wrote there has another schema.
    fields["status"] =
        json!({ "description": "State that the operator observes.", "type": ["object", "null"] });
    if kind == Kind::App {
        let settings: Map<String, Value> = CONFIG_KEYS.iter().map(setting).collect();
        fields["spec"]["properties"]["config"]["properties"] = settings.into();
    }
    schema
}

/// Returns name and schema of a setting of the framework. The rules for its value are those of `validate`.
fn setting(key: &ConfigKey) -> (String, Value) {
    let description = format!("Members receive this setting as `{}`.", key.variable());
    (key.name.to_owned(), json!({ "description": description }))
}

/// Returns the schema of manifests of any kind. Resources of other groups are valid, so that an editor can use the
/// schema for every file of a folder.
#[must_use]
pub(super) fn manifest_schema(kinds: &[KindSchema]) -> Value {
    let group = format!("{GROUP}/{VERSION}");
    let is_ours = json!({ "type": "object", "required": ["apiVersion"], "properties": { "apiVersion": { "const": group } } });
    let known: Vec<&str> = kinds.iter().map(|of| of.kind.name()).collect();
    let mut cases = vec![json!({
        "if": is_ours,
        "then": {
            "required": ["kind"],
            "properties": { "kind": { "description": "Kind of the resource.", "enum": known } },
        },
    })];
    let mut definitions = Map::new();
    for KindSchema { kind, schema, .. } in kinds {
        let name = kind.name();
        let mut schema = schema.clone();
        schema.as_object_mut().and_then(|keywords| keywords.remove("$schema"));
        definitions.insert(name.to_owned(), schema);
        cases.push(json!({
            "if": { "type": "object", "required": ["kind"], "properties": { "kind": { "const": name } } },
            "then": { "$ref": format!("#/definitions/{name}") },
        }));
    }
    json!({
        "$schema": DRAFT,
        "title": "Kaspr manifests",
        "type": ["object", "null"],
        "properties": {
            "apiVersion": { "type": "string" },
            "kind": { "type": "string" },
        },
        "allOf": cases,
        "definitions": definitions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_valid(manifest: &Value) -> bool {
        jsonschema::draft7::new(&manifest_schema(&kind_schemas())).expect("a schema").is_valid(manifest)
    }

    fn table() -> Value {
        json!({
            "apiVersion": "kaspr.io/v1alpha1",
            "kind": "KasprTable",
            "metadata": {"name": "counts", "labels": {"kaspr.io/app": "shop"}},
            "spec": {"name": "counts"},
        })
    }

    #[test]
    fn manifests_are_valid_by_their_kind() {
        assert!(is_valid(&table()));
        let changes: [fn(&mut Value); 6] = [
            |table| table["spec"]["partition"] = 3.into(),
            |table| table["specs"] = json!({}),
            |table| table["metadata"] = json!({}),
            |table| table["spec"]["partitions"] = "many".into(),
            |table| table["kind"] = "KasprTabel".into(),
            |table| table["apiVersion"] = "kaspr.io/v1".into(),
        ];
        for (i, change) in changes.into_iter().enumerate() {
            let mut changed = table();
            change(&mut changed);
            assert!(!is_valid(&changed), "{i}: {changed}");
        }
    }

    #[test]
    fn other_resources_and_the_status_are_open() {
        assert!(is_valid(&json!({"apiVersion": "v1", "kind": "Secret", "data": {}})));
        assert!(is_valid(&Value::Null));
        let mut observed = table();
        observed["status"] = json!({"anything": 1});
        observed["metadata"]["uid"] = "x".into();
        assert!(is_valid(&observed));
    }
}
