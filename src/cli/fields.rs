//! `fields`: prints the reference of all fields, from the schemas of the CRDs.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::Value;

use super::{
    error::Error,
    output::{markdown_cell, write_stdout},
};
use crate::{
    api::config_keys::{CONFIG_KEYS, ConfigKey, ConfigKind},
    crds,
};

const HEADER: &str = "\
<!-- Written by `make generate`: change crates/kaspr-api/src/api/. -->

# Fields

All fields of the six kinds, as `kubectl explain` shows them. `[]` denotes each item of a list, `.*` each
value of a map. A field in **bold** is required if its block is present. Defaults are set at
`kubectl apply`; if a field has no default, the description explains what an absent field means. Blocks
that Kubernetes defines have the same fields as in a Pod, and the table names their location there.

A component (any kind except KasprApp) belongs to the app that the label `kaspr.io/app` names.
[rules.md](rules.md) lists all other validation rules.
";

/// Blocks that Kubernetes defines: name of the field, at any depth under `spec`, and its location in a Pod.
const KUBERNETES_BLOCKS: [(&str, &str); 10] = [
    ("affinity", "pod.spec.affinity"),
    ("env", "pod.spec.containers.env"),
    ("hostAliases", "pod.spec.hostAliases"),
    ("imagePullSecrets", "pod.spec.imagePullSecrets"),
    ("resources", "pod.spec.containers.resources"),
    ("securityContext", "pod.spec.containers.securityContext"),
    ("tolerations", "pod.spec.tolerations"),
    ("topologySpreadConstraints", "pod.spec.topologySpreadConstraints"),
    ("volumeMounts", "pod.spec.containers.volumeMounts"),
    ("volumes", "pod.spec.volumes"),
];

/// Block whose security context is the one of a pod, not of a container.
const POD: &str = "spec.template.pod";

/// The only block with an open schema.
const CONFIG: &str = "spec.config";

/// Prints a table of fields for each kind.
pub(super) fn fields() -> Result<(), Error> {
    let kinds: String = crds::all().iter().map(kind_section).collect();
    write_stdout(&format!("{HEADER}{kinds}"))
}

fn kind_section(crd: &CustomResourceDefinition) -> String {
    let names = &crd.spec.names;
    let mut text = format!("\n## {}\n", names.kind);
    for version in &crd.spec.versions {
        let Some(root) = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref()) else {
            continue;
        };
        let about = root.description.as_deref().map(first_paragraph).unwrap_or_default();
        let short: Vec<String> = names.short_names.iter().flatten().map(|name| format!("`{name}`")).collect();
        text.push_str(&format!(
            "\n{about} For kubectl: `{}`, {}. Version `{}/{}`.\n\n| field | type | default | description |\n|---|---|---|---|\n",
            names.plural,
            short.join(", "),
            crd.spec.group,
            version.name,
        ));
        write_rows("", root, &mut text);
    }
    text
}

/// Appends the rows of all fields in a block.
fn write_rows(path: &str, block: &JSONSchemaProps, text: &mut String) {
    let required = block.required.as_deref().unwrap_or_default();
    for (name, field) in block.properties.iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        write_row(&path, field, required.contains(name), text);
    }
}

/// Appends the row of a field and the rows of all fields in it.
fn write_row(path: &str, field: &JSONSchemaProps, required: bool, text: &mut String) {
    let name = if required { format!("**`{path}`**") } else { format!("`{path}`") };
    let default = field.default.as_ref().map(|value| code(&value.0)).unwrap_or_default();
    let mut about = field.description.as_deref().map(first_paragraph).unwrap_or_default();
    let pod_field = pod_field(path);
    if let Some(pod_field) = &pod_field {
        about = format!("{about} See `kubectl explain {pod_field}`.");
    } else {
        let values: Vec<String> = field
            .enum_
            .iter()
            .flatten()
            .filter(|value| !value.0.is_null())
            .map(|value| code(&value.0))
            .collect();
        if !values.is_empty() {
            about = format!("{about} One of {}.", values.join(", "));
        }
    }
    text.push_str(&format!("| {name} | {} | {default} | {} |\n", type_of(field), markdown_cell(&about)));
    if pod_field.is_some() {
        return;
    }
    write_rows(path, field, text);
    if path == CONFIG {
        CONFIG_KEYS.iter().for_each(|key| text.push_str(&config_row(key)));
    }
    if let Some(item) = item_schema(field) {
        write_rows(&format!("{path}[]"), item, text);
    }
    if let Some(value) = value_schema(field) {
        write_rows(&format!("{path}.*"), value, text);
    }
}

/// Formats a value as in a manifest, as inline code.
fn code(value: &Value) -> String {
    match value.as_str() {
        Some(text) if !text.is_empty() => format!("`{text}`"),
        _ => format!("`{value}`"),
    }
}

fn config_row(key: &ConfigKey) -> String {
    let kind = match key.kind {
        ConfigKind::Boolean => "boolean",
        ConfigKind::Integer => "integer",
        ConfigKind::Float => "number",
        ConfigKind::Text => "string",
    };
    format!(
        "| `{CONFIG}.{}` | {kind} |  | Members receive this setting as `{}`. |\n",
        key.name,
        key.variable()
    )
}

fn type_of(field: &JSONSchemaProps) -> String {
    if field.x_kubernetes_int_or_string == Some(true) {
        return "integer or string".to_owned();
    }
    if let Some(item) = item_schema(field) {
        return format!("list of {}", type_of(item));
    }
    if let Some(value) = value_schema(field) {
        // Only the values of a `TextMap` have no type.
        let values = value.type_.is_some().then(|| type_of(value));
        return format!("map of {}", values.unwrap_or_else(|| "string, number or boolean".to_owned()));
    }
    field.type_.clone().unwrap_or_else(|| "anything".to_owned())
}

fn item_schema(field: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match field.items.as_ref()? {
        JSONSchemaPropsOrArray::Schema(item) => Some(item),
        JSONSchemaPropsOrArray::Schemas(items) => items.first(),
    }
}

fn value_schema(field: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match field.additional_properties.as_ref()? {
        JSONSchemaPropsOrBool::Schema(value) => Some(value),
        JSONSchemaPropsOrBool::Bool(_) => None,
    }
}

/// Returns the location in a Pod of a block that Kubernetes defines.
fn pod_field(path: &str) -> Option<String> {
    let (block, field) = path.rsplit_once('.')?;
    let (_, location) =
        KUBERNETES_BLOCKS.iter().find(|(name, _)| *name == field && block.starts_with("spec"))?;
    if block == POD && field == "securityContext" {
        return Some("pod.spec.securityContext".to_owned());
    }
    Some((*location).to_owned())
}

fn first_paragraph(text: &str) -> String {
    text.split("\n\n").next().unwrap_or_default().trim().to_owned()
}
