//! The CRDs, as the type model describes them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

use crate::api::{KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView};

/// All six CRDs, KasprApp first.
pub fn all() -> Vec<CustomResourceDefinition> {
    vec![
        KasprApp::crd(),
        KasprAgent::crd(),
        KasprTable::crd(),
        KasprTask::crd(),
        KasprWebView::crd(),
        KasprJoin::crd(),
    ]
}
