use k8s_openapi::{
    api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec},
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};
use kube::ResourceExt;

use super::{labels, metadata, spec_view::replicas};
use crate::{
    api::{KasprApp, defaults},
    naming,
};

/// Returns the budget that lets nodes be drained one member at a time. A single member has none: it
/// could never be moved.
pub(super) fn disruption_budget(app: &KasprApp) -> Option<PodDisruptionBudget> {
    let template = app.spec.template.as_ref().and_then(|template| template.pod_disruption_budget.clone());
    let template = template.unwrap_or_default();
    if replicas(app) < 2 || template.enabled == Some(false) {
        return None;
    }
    let theirs = template.metadata.unwrap_or_default();
    let name = app.name_any();
    let inherited = labels::merged(Some(app.labels()), labels::app(&name));
    let own = labels::merged(theirs.labels.as_ref(), inherited);
    let mut metadata = metadata::owned(app, naming::disruption_budget(&name), own);
    metadata.annotations = theirs.annotations;
    let max_unavailable = template.max_unavailable.unwrap_or(defaults::MAX_UNAVAILABLE);
    Some(PodDisruptionBudget {
        metadata,
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(max_unavailable)),
            selector: Some(LabelSelector {
                match_labels: Some(labels::selector(&name)),
                ..LabelSelector::default()
            }),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    })
}
