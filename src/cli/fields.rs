//! The reference of all fields, as the CRDs' schemas have them.

use std::io::{self, Write};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::Value;

use super::{Error, cell};
use crate::{
    api::config_keys::{CONFIG_KEYS, ConfigKey, ConfigKind},
    crds,
};

const HEAD: &str = "\
<!-- Written by `make generate`: change src/api/. -->

# Fields

Every field of the six kinds, as `kubectl explain` shows them. `[]` is each entry of a list, `.*` each
value of a map. A field in **bold** must be given where its block is. A default is filled in at
`kubectl apply`; where there is none, an absent field means what its description says. Blocks of
Kubernetes' own are as in a Pod, and the table names where.

A component (all kinds but KasprApp) belongs to the app that its label `kaspr.io/app` names.
[rules.md](rules.md) says what else is refused.
";

/// Blocks that Kubernetes describes: the field, wherever it is under `spec`, and where to read on.
const KUBERNETES: [(&str, &str); 10] = [
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

/// A block whose security context is that of a whole pod.
const POD: &str = "spec.template.pod";

/// The one block whose schema is open.
const CONFIG: &str = "spec.config";

/// Prints a table for each kind.
pub fn fields() -> Result<(), Error> {
    let kinds: String = crds::all().iter().map(kind).collect();
    io::stdout().write_all(format!("{HEAD}{kinds}").as_bytes()).map_err(Error::Output)
}

fn kind(crd: &CustomResourceDefinition) -> String {
    let names = &crd.spec.names;
    let mut text = format!("\n## {}\n", names.kind);
    for version in &crd.spec.versions {
        let Some(root) = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref()) else {
            continue;
        };
        let about = root.description.as_deref().map(first_paragraph).unwrap_or_default();
        let short: Vec<String> = names.short_names.iter().flatten().map(|name| format!("`{name}`")).collect();
        text.push_str(&format!(
            "\n{about} For kubectl: `{}`, {}. Version `{}/{}`.\n\n| field | type | default | what it is |\n|---|---|---|---|\n",
            names.plural,
            short.join(", "),
            crd.spec.group,
            version.name,
        ));
        below("", root, &mut text);
    }
    text
}

/// The rows of the fields in a block.
fn below(path: &str, block: &JSONSchemaProps, text: &mut String) {
    let required = block.required.as_deref().unwrap_or_default();
    for (name, field) in block.properties.iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        row(&path, field, required.contains(name), text);
    }
}

fn row(path: &str, field: &JSONSchemaProps, required: bool, text: &mut String) {
    let name = if required { format!("**`{path}`**") } else { format!("`{path}`") };
    let default = field.default.as_ref().map(|value| plain(&value.0)).unwrap_or_default();
    let mut about = field.description.as_deref().map(first_paragraph).unwrap_or_default();
    let kubernetes = kubernetes(path);
    if let Some(there) = &kubernetes {
        about = format!("{about} As in `kubectl explain {there}`.");
    } else {
        let values: Vec<String> = field
            .enum_
            .iter()
            .flatten()
            .filter(|value| !value.0.is_null())
            .map(|value| plain(&value.0))
            .collect();
        if !values.is_empty() {
            about = format!("{about} One of {}.", values.join(", "));
        }
    }
    text.push_str(&format!("| {name} | {} | {default} | {} |\n", type_of(field), cell(&about)));
    if kubernetes.is_some() {
        return;
    }
    below(path, field, text);
    if path == CONFIG {
        CONFIG_KEYS.iter().for_each(|key| text.push_str(&setting(key)));
    }
    if let Some(entry) = entry(field) {
        below(&format!("{path}[]"), entry, text);
    }
    if let Some(value) = value(field) {
        below(&format!("{path}.*"), value, text);
    }
}

/// A value as it stands in a manifest.
fn plain(value: &Value) -> String {
    match value.as_str() {
        Some(text) if !text.is_empty() => format!("`{text}`"),
        _ => format!("`{value}`"),
    }
}

fn setting(key: &ConfigKey) -> String {
    let kind = match key.kind {
        ConfigKind::Boolean => "boolean",
        ConfigKind::Integer => "integer",
        ConfigKind::Float => "number",
        ConfigKind::Text => "string",
    };
    format!("| `{CONFIG}.{}` | {kind} |  | Members read it as `{}`. |\n", key.name, key.variable())
}

fn type_of(field: &JSONSchemaProps) -> String {
    if field.x_kubernetes_int_or_string == Some(true) {
        return "integer or string".to_owned();
    }
    if let Some(entry) = entry(field) {
        return format!("list of {}", type_of(entry));
    }
    if let Some(value) = value(field) {
        return format!("map of {}", type_of(value));
    }
    field.type_.clone().unwrap_or_else(|| "anything".to_owned())
}

fn entry(field: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match field.items.as_ref()? {
        JSONSchemaPropsOrArray::Schema(entry) => Some(entry),
        JSONSchemaPropsOrArray::Schemas(entries) => entries.first(),
    }
}

fn value(field: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match field.additional_properties.as_ref()? {
        JSONSchemaPropsOrBool::Schema(value) => Some(value),
        JSONSchemaPropsOrBool::Bool(_) => None,
    }
}

/// Where Kubernetes describes a block, if it is one of its own.
fn kubernetes(path: &str) -> Option<String> {
    let (block, field) = path.rsplit_once('.')?;
    let (_, there) = KUBERNETES.iter().find(|(name, _)| *name == field && block.starts_with("spec"))?;
    if block == POD && field == "securityContext" {
        return Some("pod.spec.securityContext".to_owned());
    }
    Some((*there).to_owned())
}

fn first_paragraph(text: &str) -> String {
    text.split("\n\n").next().unwrap_or_default().trim().to_owned()
}
