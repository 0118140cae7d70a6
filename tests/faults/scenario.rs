//! What users do, step by step.

use serde_json::{Value, json};

use crate::cluster::Cluster;

const APP: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprApp
metadata: {name: clicks}
spec:
  replicas: 2
  bootstrapServers: kafka:9092
  authentication: {type: scram-sha-512, username: u, passwordSecret: {secretName: s, passwordKey: p}}
  storage: {type: persistent-claim, size: 1Gi, deleteClaim: true}
";

const AGENT: &str = "
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
}

/// A name, what there is before, and what happens then.
pub(crate) struct Scenario {
    pub name: &'static str,
    pub before: Vec<Act>,
    pub steps: Vec<Act>,
}

impl Scenario {
    /// Whether the app comes or goes.
    pub(crate) fn is_of_life(&self) -> bool {
        self.before.is_empty() || self.steps.iter().any(|step| matches!(step, Act::Delete(_)))
    }
}

impl Act {
    /// Does it. It can be done again when it failed halfway.
    pub(crate) async fn run(&self, cluster: &Cluster, namespace: &str) -> kube::Result<()> {
        match self {
            Self::Apply(manifests) => cluster.apply(namespace, manifests).await,
            Self::Patch(kind, name, patch) => cluster.patch(namespace, kind, name, patch).await,
            Self::Delete(objects) => {
                for (kind, name) in *objects {
                    cluster.delete(namespace, kind, name).await?;
                }
                Ok(())
            }
        }
    }
}

/// An app with an agent and a table.
pub(crate) fn manifests() -> Vec<Value> {
    parsed(&[AGENT, TABLE, APP])
}

fn parsed(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| serde_saphyr::from_str(text).expect("a manifest")).collect()
}

/// All scenarios.
pub(crate) fn all() -> Vec<Scenario> {
    let create = || Act::Apply(manifests());
    let app = |patch: Value| Act::Patch("KasprApp", "clicks", json!({ "spec": patch }));
    let python = "def triple(value): return value * 3";
    let operations = json!([{"name": "double", "map": {"python": python}}]);
    let redefined = json!({"spec": {"processors": {"operations": operations}}});
    vec![
        Scenario {
            name: "create",
            before: vec![],
            // The components come first: an operator that saw the app first could rightly make its pod
            // twice.
            steps: [&[AGENT, TABLE][..], &[APP]].map(|texts| Act::Apply(parsed(texts))).into(),
        },
        Scenario {
            name: "change",
            before: vec![create()],
            steps: vec![app(json!({"resources": {"requests": {"cpu": "0.25"}}}))],
        },
        Scenario {
            name: "redefine",
            before: vec![create()],
            steps: vec![Act::Patch("KasprAgent", "reader", redefined)],
        },
        Scenario {
            name: "scale",
            before: vec![create()],
            steps: [3, 0, 2].map(|replicas| app(json!({"replicas": replicas}))).into(),
        },
        Scenario {
            name: "grow",
            before: vec![create(), Act::Patch("StatefulSet", "clicks-app", json!({"spec": {"replicas": 2}}))],
            steps: vec![app(json!({"storage": {"size": "2Gi"}}))],
        },
        Scenario {
            name: "delete",
            before: vec![create()],
            steps: vec![Act::Delete(&[
                ("KasprApp", "clicks"),
                ("KasprAgent", "reader"),
                ("KasprTable", "counts"),
            ])],
        },
    ]
}
