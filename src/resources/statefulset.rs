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

use super::{AppComponents, claim, labels, metadata, pod, spec_view::replicas};
use crate::{api::KasprApp, naming, settings::BuildSettings};

/// Returns the StatefulSet of the members. Pods start in parallel: members must find each other to
/// become ready.
pub(super) fn statefulset(
    app: &KasprApp,
    components: &AppComponents,
    config_map: &ConfigMap,
    settings: &BuildSettings,
) -> StatefulSet {
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
            template: pod::template(app, components, config_map, settings),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("RollingUpdate".to_owned()),
                ..StatefulSetUpdateStrategy::default()
            }),
            volume_claim_templates: claim::tables(app).map(|claim| vec![claim]),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}
