use std::collections::BTreeMap;

use k8s_openapi::{
    api::autoscaling::v2::{
        CrossVersionObjectReference, HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscaler,
        HorizontalPodAutoscalerBehavior, HorizontalPodAutoscalerSpec, MetricSpec, MetricTarget,
        ResourceMetricSource,
    },
    apimachinery::pkg::api::resource::Quantity,
};
use kube::ResourceExt;

use super::{labels, legacy_hash, metadata, spec_view::replicas};
use crate::{
    api::{KasprApp, annotations::RESOURCE_HASH},
    naming,
    settings::BuildSettings,
};

/// Returns the autoscaler that paces the start of an app: members that all join a consumer group at once
/// make it rebalance over and over. No member needs as little as 1Mi of memory, so the autoscaler always
/// adds members, as fast as its policies allow.
pub(super) fn autoscaler(app: &KasprApp, settings: &BuildSettings) -> HorizontalPodAutoscaler {
    let name = app.name_any();
    let target = naming::app(&name);
    let (period, pods) = (settings.scale_up_period_seconds, settings.scale_up_pods_per_step);
    let max = replicas(app);
    let owned = labels::merged(Some(app.labels()), labels::app(&name));
    let mut autoscaler = HorizontalPodAutoscaler {
        metadata: metadata::owned(app, naming::autoscaler(&name), owned),
        spec: HorizontalPodAutoscalerSpec {
            behavior: Some(HorizontalPodAutoscalerBehavior {
                scale_down: Some(rules(vec![policy("Percent", 100, 1)])),
                scale_up: Some(rules(vec![policy("Percent", 100, period), policy("Pods", pods, period)])),
            }),
            max_replicas: max,
            metrics: Some(vec![memory()]),
            min_replicas: Some(1),
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some("apps/v1".to_owned()),
                kind: "StatefulSet".to_owned(),
                name: target.clone(),
            },
        },
        ..HorizontalPodAutoscaler::default()
    };
    let hash = legacy_hash::autoscaler(&naming::autoscaler(&name), &target, max, period, pods);
    autoscaler.metadata.annotations = Some(BTreeMap::from([(RESOURCE_HASH.to_owned(), hash)]));
    autoscaler
}

fn policy(kind: &str, value: i32, period_seconds: i32) -> HPAScalingPolicy {
    HPAScalingPolicy { period_seconds, type_: kind.to_owned(), value }
}

fn rules(policies: Vec<HPAScalingPolicy>) -> HPAScalingRules {
    HPAScalingRules {
        policies: Some(policies),
        select_policy: Some("Max".to_owned()),
        stabilization_window_seconds: Some(0),
        ..HPAScalingRules::default()
    }
}

fn memory() -> MetricSpec {
    MetricSpec {
        type_: "Resource".to_owned(),
        resource: Some(ResourceMetricSource {
            name: "memory".to_owned(),
            target: MetricTarget {
                average_value: Some(Quantity("1Mi".to_owned())),
                type_: "AverageValue".to_owned(),
                ..MetricTarget::default()
            },
        }),
        ..MetricSpec::default()
    }
}
