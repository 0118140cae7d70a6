use k8s_openapi::{
    api::{
        apps::v1::{
            StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec,
            StatefulSetUpdateStrategy,
        },
        core::v1::ConfigMap,
    },
    apimachinery::pkg::apis::meta::v1::LabelSelector,
};
use kube::ResourceExt;

use super::{BuildInputs, claim, labels, metadata, pod, spec_view::replicas};
use crate::naming;

/// Returns the StatefulSet of the members. Pods start in parallel: members must find each other to
/// become ready.
pub(super) fn statefulset(inputs: BuildInputs<'_>, config_map: &ConfigMap) -> StatefulSet {
    let app = &**inputs.app;
    let claims = inputs.claim_templates();
    let name = app.name_any();
    let owned = labels::merged(Some(app.labels()), labels::app(&name));
    let delete = claim::persistent(app).is_some_and(|storage| storage.delete_claim == Some(true));
    StatefulSet {
        metadata: metadata::owned(app, naming::app(&name), owned),
        spec: Some(StatefulSetSpec {
            persistent_volume_claim_retention_policy: Some(StatefulSetPersistentVolumeClaimRetentionPolicy {
                when_deleted: Some(if delete { "Delete" } else { "Retain" }.to_owned()),
                when_scaled: Some("Retain".to_owned()),
            }),
            pod_management_policy: Some("Parallel".to_owned()),
            // While there is an autoscaler, it owns the replicas.
            replicas: (replicas(app) == 0).then_some(0),
            selector: LabelSelector {
                match_labels: Some(labels::selector(&name)),
                ..LabelSelector::default()
            },
            service_name: Some(naming::app(&name)),
            template: pod::template(inputs, config_map),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("RollingUpdate".to_owned()),
                ..StatefulSetUpdateStrategy::default()
            }),
            volume_claim_templates: (!claims.is_empty()).then_some(claims),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}
