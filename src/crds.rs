//! The CRDs, as the type model describes them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResourceExt, ResourceExt};
use semver::Version;
use serde_json::json;

use crate::{
    api::{
        KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView,
        annotations::{OPERATOR_VERSION, RESOURCE_HASH},
    },
    resources::hash,
};

/// All six CRDs, KasprApp first.
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
    .map(|mut crd| {
        let hash = hash::of_json(&json!(crd));
        let annotations = crd.annotations_mut();
        annotations.insert(OPERATOR_VERSION.to_owned(), version().to_string());
        annotations.insert(RESOURCE_HASH.to_owned(), hash);
        crd
    })
    .collect()
}

/// The version of this operator.
pub fn version() -> Version {
    // Cargo takes nothing else for a version.
    Version::parse(env!("CARGO_PKG_VERSION")).unwrap_or(Version::new(0, 0, 0))
}
