//! What users do, step by step.

use kube::api::{DynamicObject, ListParams};
use serde_json::{Value, json};

use crate::cluster::Cluster;

/// Where the operator keeps what it knows of the revisions.
pub(crate) const ROLLOUT_STATE: &str = "kaspr.io/rollout-state";

const APP: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprApp
metadata: {name: clicks}
spec:
  replicas: 2
  rollout: {observeSeconds: 0}
  bootstrapServers: kafka:9092
  authentication: {type: scram-sha-512, username: u, passwordSecret: {secretName: s, passwordKey: p}}
  storage: {type: persistent-claim, size: 1Gi, deleteClaim: true}
";

/// An agent of the app.
pub(crate) const AGENT: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprAgent
metadata: {name: reader, labels: {kaspr.io/app: clicks}}
spec:
  input: {topic: {name: clicks}}
  processors:
    pipeline: [double]
    operations:
      - name: double
        map: {python: 'def double(value): return value * 2'}
";

const TABLE: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprTable
metadata: {name: counts, labels: {kaspr.io/app: clicks}}
spec: {name: counts, partitions: 6}
";

/// What a user does at once.
#[derive(Clone)]
pub(crate) enum Act {
    /// Applies manifests.
    Apply(Vec<Value>),
    /// Changes an object: kind, name and merge patch.
    Patch(&'static str, &'static str, Value),
    /// Deletes objects: kinds and names.
    Delete(&'static [(&'static str, &'static str)]),
    /// Several things one after the other.
    All(Vec<Act>),
    /// Requests the return to the oldest revision.
    Undo,
    /// Waits until the pods begin to change.
    UntilRolling,
    /// Waits until the pods return to the last revision that worked.
    UntilReturning,
}

/// A name, what there is before, and what happens then.
pub(crate) struct Scenario {
    pub name: &'static str,
    pub before: Vec<Act>,
    pub steps: Vec<Act>,
    /// The number of members, if it is about changes of the pods: no member may be lost by them.
    pub members: Option<u64>,
}

impl Scenario {
    /// Whether the app comes or goes.
    pub(crate) fn is_of_life(&self) -> bool {
        self.before.is_empty() || self.steps.iter().any(|step| matches!(step, Act::Delete(_)))
    }
}

impl Act {
    /// Does it, or fails. It can be done again when it failed halfway.
    pub(crate) async fn run(&self, cluster: &Cluster, namespace: &str) -> Result<(), String> {
        let words = |error: kube::Error| error.to_string();
        match self {
            Self::Apply(manifests) => cluster.apply(namespace, manifests).await.map_err(words),
            Self::Patch(kind, name, patch) => {
                cluster.patch(namespace, kind, name, patch).await.map_err(words)
            }
            Self::Delete(objects) => {
                for (kind, name) in *objects {
                    cluster.delete(namespace, kind, name).await.map_err(words)?;
                }
                Ok(())
            }
            Self::All(_) => Err("only its parts can be done".to_owned()),
            Self::Undo => undo(cluster, namespace).await.map_err(words),
            Self::UntilRolling => until_rolling(cluster, namespace).await,
            Self::UntilReturning => until_returning(cluster, namespace).await,
        }
    }

    /// What is done one after the other, each until it succeeds.
    pub(crate) fn parts(&self) -> &[Self] {
        match self {
            Self::All(acts) => acts,
            one => std::slice::from_ref(one),
        }
    }
}

/// Requests the return to the oldest revision.
async fn undo(cluster: &Cluster, namespace: &str) -> kube::Result<()> {
    let revisions = revisions(cluster, namespace).await?;
    let oldest = revisions.iter().min_by_key(|revision| revision.data["revision"].as_i64());
    let oldest = oldest.and_then(|revision| revision.metadata.name.clone());
    let patch = json!({"metadata": {"annotations": {"kaspr.io/undo": oldest}}});
    cluster.patch(namespace, "KasprApp", "clicks", &patch).await
}

/// Fails unless there is a revision in addition to the first one. It stays when the change has ended.
async fn until_rolling(cluster: &Cluster, namespace: &str) -> Result<(), String> {
    let count = revisions(cluster, namespace).await.map_err(|error| error.to_string())?.len();
    if count > 1 { Ok(()) } else { Err("the pods do not change".to_owned()) }
}

/// Fails unless a change is withheld.
async fn until_returning(cluster: &Cluster, namespace: &str) -> Result<(), String> {
    let set = cluster.api(namespace, "StatefulSet").get("clicks-app").await;
    let state = rollout_state(&json!(set.map_err(|error| error.to_string())?));
    if state["held"].is_object() { Ok(()) } else { Err(format!("the rollout is at {state}")) }
}

async fn revisions(cluster: &Cluster, namespace: &str) -> kube::Result<Vec<DynamicObject>> {
    Ok(cluster.api(namespace, "ControllerRevision").list(&ListParams::default()).await?.items)
}

/// What a StatefulSet says of its revisions.
pub(crate) fn rollout_state(set: &Value) -> Value {
    let text = set["metadata"]["annotations"][ROLLOUT_STATE].as_str().unwrap_or_default();
    serde_json::from_str(text).unwrap_or_default()
}

/// An app with an agent and a table.
pub(crate) fn manifests() -> Vec<Value> {
    parsed(&[AGENT, TABLE, APP])
}

/// Manifests from texts.
pub(crate) fn parsed(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| serde_saphyr::from_str(text).expect("a manifest")).collect()
}

/// All scenarios.
pub(crate) fn all() -> Vec<Scenario> {
    let create = || Act::Apply(manifests());
    let app = |patch: Value| Act::Patch("KasprApp", "clicks", json!({ "spec": patch }));
    let python = "def triple(value): return value * 3";
    let operations = json!([{"name": "double", "map": {"python": python}}]);
    let redefined = json!({"spec": {"processors": {"operations": operations}}});
    let scenario = |name, before: Vec<Act>, steps: Vec<Act>| Scenario { name, before, steps, members: None };
    vec![
        scenario(
            "create",
            vec![],
            // The components come first: an operator that saw the app first could rightly make its pod
            // twice.
            [&[AGENT, TABLE][..], &[APP]].map(|texts| Act::Apply(parsed(texts))).into(),
        ),
        scenario("change", vec![create()], vec![app(json!({"resources": {"requests": {"cpu": "0.25"}}}))]),
        scenario("redefine", vec![create()], vec![Act::Patch("KasprAgent", "reader", redefined)]),
        scenario(
            "scale",
            vec![create()],
            [3, 0, 2].map(|replicas| app(json!({"replicas": replicas}))).into(),
        ),
        scenario(
            "grow",
            vec![create(), Act::Patch("StatefulSet", "clicks-app", json!({"spec": {"replicas": 2}}))],
            vec![app(json!({"storage": {"size": "2Gi"}}))],
        ),
        scenario(
            "delete",
            vec![create()],
            vec![Act::Delete(&[("KasprApp", "clicks"), ("KasprAgent", "reader"), ("KasprTable", "counts")])],
        ),
    ]
}
