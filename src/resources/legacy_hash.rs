//! The `kaspr.io/resource-hash` of the Python operator.
//!
//! It hashes its client library's view of an object: snake-case keys, every field of the model, null where
//! it is not set, and neither owner references nor labels inherited from the resource. A claim template is
//! immutable, so its hash must be identical; the others are kept so that a takeover changes no object.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{ConfigMap, Service, ServiceAccount},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use serde_json::{Value, json};

use super::{hash, metadata};
use crate::{
    api::{Kind, annotations::RESOURCE_HASH},
    naming::OWN_PREFIXES,
};

/// Returns metadata in the client library's view.
fn meta(name: Option<&str>, namespace: Option<&str>, labels: Value, annotations: Value) -> Value {
    json!({
        "annotations": annotations, "creation_timestamp": null, "deletion_grace_period_seconds": null,
        "deletion_timestamp": null, "finalizers": null, "generate_name": null, "generation": null,
        "labels": labels, "managed_fields": null, "name": name, "namespace": namespace,
        "owner_references": null, "resource_version": null, "self_link": null, "uid": null,
    })
}

fn stamp(metadata: &mut ObjectMeta, value: &Value) {
    metadata::annotate(metadata, RESOURCE_HASH, hash::of_json(value));
}

/// Stamps a ConfigMap: that of a component with API version and kind, that of an app without.
pub(super) fn stamp_config_map(map: &mut ConfigMap, kind: Kind) {
    let typed = kind != Kind::App;
    let meta = meta(
        map.metadata.name.as_deref(),
        map.metadata.namespace.as_deref(),
        json!(own_labels(&map.metadata)),
        json!({}),
    );
    let value = json!({
        "api_version": typed.then_some("v1"), "binary_data": null, "data": map.data, "immutable": null,
        "kind": typed.then_some("ConfigMap"), "metadata": meta,
    });
    stamp(&mut map.metadata, &value);
}

/// Stamps a ServiceAccount.
pub(super) fn stamp_service_account(account: &mut ServiceAccount, template: &BTreeMap<String, String>) {
    let mut labels = own_labels(&account.metadata);
    labels.extend(template.clone());
    let meta = meta(account.metadata.name.as_deref(), None, json!(labels), annotations(&account.metadata));
    let value = json!({
        "api_version": "v1", "automount_service_account_token": null, "image_pull_secrets": null,
        "kind": "ServiceAccount", "metadata": meta, "secrets": null,
    });
    stamp(&mut account.metadata, &value);
}

/// Stamps the Service in front of an app's members.
pub(super) fn stamp_service(service: &mut Service, template: &BTreeMap<String, String>) {
    let mut labels = template.clone();
    labels.extend(own_labels(&service.metadata));
    let meta = meta(service.metadata.name.as_deref(), None, json!(labels), annotations(&service.metadata));
    let spec = service.spec.as_ref();
    let ports: Vec<Value> = spec
        .and_then(|spec| spec.ports.as_ref())
        .into_iter()
        .flatten()
        .map(|port| {
            json!({
                "app_protocol": null, "name": port.name, "node_port": null, "port": port.port,
                "protocol": port.protocol, "target_port": port.target_port,
            })
        })
        .collect();
    let value = json!({
        "api_version": "v1", "kind": "Service", "metadata": meta, "status": null,
        "spec": {
            "allocate_load_balancer_node_ports": null, "cluster_ip": null, "cluster_ips": null,
            "external_ips": null, "external_name": null, "external_traffic_policy": null,
            "health_check_node_port": null, "internal_traffic_policy": null, "ip_families": null,
            "ip_family_policy": null, "load_balancer_class": null, "load_balancer_ip": null,
            "load_balancer_source_ranges": null, "ports": ports, "publish_not_ready_addresses": null,
            "selector": spec.and_then(|spec| spec.selector.as_ref()), "session_affinity": null,
            "session_affinity_config": null, "traffic_distribution": null,
            "type": spec.and_then(|spec| spec.type_.as_ref()),
        },
    });
    stamp(&mut service.metadata, &value);
}

/// Returns the hash of a claim template.
pub(super) fn claim_template(name: &str, size: Option<&str>, class: Option<&str>) -> String {
    let meta = meta(Some(name), None, Value::Null, json!({}));
    hash::of_json(&json!({ "metadata": meta, "spec": claim_spec("ReadWriteOnce", size, class) }))
}

/// Returns the hash of the packages claim.
pub(super) fn packages_claim(metadata: &ObjectMeta, size: &str, class: Option<&str>) -> String {
    let meta =
        meta(metadata.name.as_deref(), metadata.namespace.as_deref(), json!(own_labels(metadata)), json!({}));
    hash::of_json(&json!({
        "api_version": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "status": null,
        "spec": claim_spec("ReadWriteMany", Some(size), class),
    }))
}

fn claim_spec(mode: &str, size: Option<&str>, class: Option<&str>) -> Value {
    json!({
        "access_modes": [mode], "data_source": null, "data_source_ref": null,
        "resources": { "claims": null, "limits": null, "requests": { "storage": size } },
        "selector": null, "storage_class_name": class, "volume_attributes_class_name": null,
        "volume_mode": null, "volume_name": null,
    })
}

/// Returns the hash of an autoscaler; `period` and `pods` are those of its scale-up.
pub(super) fn autoscaler(name: &str, target: &str, max: i32, period: i32, pods: i32) -> String {
    let policy = |kind: &str, value: i32, period: i32| json!({ "period_seconds": period, "type": kind, "value": value });
    let rules = |policies: Value| json!({ "policies": policies, "select_policy": "Max", "stabilization_window_seconds": 0 });
    let up = rules(json!([policy("Percent", 100, period), policy("Pods", pods, period)]));
    let down = rules(json!([policy("Percent", 100, 1)]));
    let target_memory =
        json!({ "average_utilization": null, "average_value": "1Mi", "type": "AverageValue", "value": null });
    let metric = json!({
        "container_resource": null, "external": null, "object": null, "pods": null,
        "resource": { "name": "memory", "target": target_memory }, "type": "Resource",
    });
    let mut behavior = json!({ "scale_down": down, "scale_up": up });
    for direction in ["scale_down", "scale_up"] {
        behavior[direction]["tolerance"] = Value::Null;
    }
    hash::of_json(&json!({
        "api_version": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "status": null,
        "metadata": meta(Some(name), None, json!({}), json!({})),
        "spec": {
            "behavior": behavior, "max_replicas": max, "metrics": [metric], "min_replicas": 1,
            "scale_target_ref": { "api_version": "apps/v1", "kind": "StatefulSet", "name": target },
        },
    }))
}

/// Returns the labels that the operator sets itself.
fn own_labels(metadata: &ObjectMeta) -> BTreeMap<String, String> {
    let ours = |key: &str| OWN_PREFIXES.iter().any(|prefix| key.starts_with(prefix));
    metadata
        .labels
        .iter()
        .flatten()
        .filter(|(key, _)| ours(key))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

fn annotations(metadata: &ObjectMeta) -> Value {
    json!(metadata.annotations.clone().unwrap_or_default())
}
