//! The CRDs, as the type model describes them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, JSON};
use kube::{CustomResourceExt, ResourceExt};
use semver::Version;
use serde_json::{Value, json};

use crate::{
    api::{
        KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView,
        annotations::{OPERATOR_VERSION, RESOURCE_HASH},
        defaults,
    },
    resources::hash,
};

/// Returns all six CRDs, KasprApp first.
#[must_use]
pub fn all() -> Vec<CustomResourceDefinition> {
    [
        KasprApp::crd(),
        KasprAgent::crd(),
        KasprTable::crd(),
        KasprTask::crd(),
        KasprWebView::crd(),
        KasprJoin::crd(),
    ]
    .into_iter()
    .map(|crd| {
        let mut crd = with_unobserved_status(with_default_values(crd));
        let hash = hash::of_json(&json!(crd));
        let annotations = crd.annotations_mut();
        annotations.insert(OPERATOR_VERSION.to_owned(), version().to_string());
        annotations.insert(RESOURCE_HASH.to_owned(), hash);
        crd
    })
    .collect()
}

/// Replaces `{NAME}` in descriptions with the default value of that name.
fn with_default_values(crd: CustomResourceDefinition) -> CustomResourceDefinition {
    fn replace(value: &mut Value, values: &[(String, String)]) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text) if name == "description" && text.contains('{') => {
                            for (placeholder, value) in values {
                                *text = text.replace(placeholder, value);
                            }
                        }
                        other => replace(other, values),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| replace(item, values)),
            _ => {}
        }
    }
    let values: Vec<(String, String)> =
        defaults::values().into_iter().map(|(name, value)| (format!("{{{name}}}"), value)).collect();
    let mut value = json!(crd);
    replace(&mut value, &values);
    // The value is the CRD with other descriptions.
    serde_json::from_value(value).unwrap_or(crd)
}

/// Sets the status of a resource that the operator has not read. For kstatus, a resource without a status is current;
/// with a generation that it never has, it is in progress.
fn with_unobserved_status(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let schemas = crd.spec.versions.iter_mut().filter_map(|version| version.schema.as_mut());
    for schema in schemas.filter_map(|schema| schema.open_api_v3_schema.as_mut()) {
        let status = schema.properties.as_mut().and_then(|properties| properties.get_mut("status"));
        if let Some(status) = status {
            status.default = Some(JSON(json!({ "observedGeneration": -1 })));
        }
    }
    crd
}

/// Returns the version of this operator.
#[must_use]
pub fn version() -> Version {
    // Cargo takes nothing else for a version.
    Version::parse(env!("CARGO_PKG_VERSION")).unwrap_or(Version::new(0, 0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_contain_default_values_and_no_placeholders() {
        let crds = json!(all()).to_string();
        assert!(crds.contains("Retries after the first attempt. Default: 3."));
        let placeholder =
            defaults::values().into_iter().find(|(name, _)| crds.contains(&format!("{{{name}}}")));
        assert_eq!(placeholder, None);
        // A misspelled name would stay.
        let left = crds.match_indices("Default: {").next().or(crds.match_indices("Default: `{").next());
        assert_eq!(left, None);
    }
}
