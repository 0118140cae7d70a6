use kube::core::DynamicObject;
use serde_json::Value;

/// The pods of an app, as its StatefulSet reports them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct RolloutStatus {
    /// Current replicas; the autoscaler raises them step by step.
    pub replicas: i64,
    /// Pods that are available.
    pub available: i64,
    /// Whether pods of an older template remain, or the StatefulSet controller has not observed the
    /// newest generation.
    pub rolling: bool,
}

impl RolloutStatus {
    /// Reads a StatefulSet; one that does not exist counts as rolling.
    pub(super) fn from_stateful_set(set: Option<&DynamicObject>) -> Self {
        let Some(set) = set else { return Self { rolling: true, ..Self::default() } };
        let number = |path: &str| set.data.pointer(path).and_then(Value::as_i64).unwrap_or_default();
        let text = |path: &str| set.data.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let replicas = set.data.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
        let observed = number("/status/observedGeneration") >= set.metadata.generation.unwrap_or_default();
        let updated = text("/status/currentRevision") == text("/status/updateRevision");
        Self { replicas, available: number("/status/availableReplicas"), rolling: !observed || !updated }
    }

    /// Returns whether all current replicas are available with the newest template.
    pub(super) fn is_complete(self) -> bool {
        !self.rolling && self.available >= self.replicas
    }
}
