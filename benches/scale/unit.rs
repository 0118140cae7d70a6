//! The unit of measurement: an app with one agent and one table.

use serde_json::{Value, json};

/// Apps that share a namespace.
const TOGETHER: usize = 100;

/// Code of the agents.
const PYTHON: &str = r#"def count(value, counts):
    page = value["page"]
    counts[page] = counts.get(page, 0) + 1
    return {"page": page, "n": counts[page]}
"#;

/// An app with its agent and its table, by number.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Unit(pub usize);

/// Returns the namespaces of a number of units.
pub(crate) fn namespaces(units: usize) -> impl Iterator<Item = String> {
    (0..units).step_by(TOGETHER).map(|first| Unit(first).namespace())
}

impl Unit {
    /// Parses the number of a unit from a name such as `app-7` or `app-7-app`.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        name.split('-').find_map(|word| word.parse().ok()).map(Self)
    }

    /// Returns the namespace of the unit.
    pub(crate) fn namespace(self) -> String {
        format!("scale-{}", self.0 / TOGETHER)
    }

    /// Returns the name of the app.
    pub(crate) fn app(self) -> String {
        format!("app-{}", self.0)
    }

    /// Returns the name of the app's StatefulSet.
    pub(crate) fn statefulset(self) -> String {
        format!("app-{}-app", self.0)
    }

    /// Returns the names of the ConfigMaps with the definitions of the components.
    pub(crate) fn definitions(self) -> [String; 2] {
        [format!("agent-{}-agent", self.0), format!("table-{}-table", self.0)]
    }

    /// Returns the resources of a user, like tests/golden/minimal, with the storage of examples/minimal.yaml,
    /// because a volume for each app would be work for other controllers.
    pub(crate) fn resources(self) -> [Value; 3] {
        let Self(number) = self;
        let app = self.app();
        let of = |kind: &str, name: &str, spec: Value| {
            json!({
                "apiVersion": "kaspr.io/v1alpha1",
                "kind": kind,
                "metadata": {
                    "name": name,
                    "namespace": self.namespace(),
                    "labels": if kind == "KasprApp" { json!({}) } else { json!({"kaspr.io/app": app}) },
                },
                "spec": spec,
            })
        };
        let table = format!("table-{number}");
        [
            of(
                "KasprApp",
                &app,
                json!({
                    "bootstrapServers": "kafka-0:9092,kafka-1:9092",
                    "authentication": {
                        "type": "scram-sha-512",
                        "username": app,
                        "passwordSecret": {"secretName": "kafka-user", "passwordKey": "password"},
                    },
                    "storage": {"type": "ephemeral"},
                }),
            ),
            of(
                "KasprAgent",
                &format!("agent-{number}"),
                json!({
                    "description": "counts clicks",
                    "input": {"topic": {"name": "clicks", "keySerializer": "raw", "valueSerializer": "json"}},
                    "output": {"topics": [{"name": format!("click-counts-{number}")}]},
                    "processors": {
                        "pipeline": ["count"],
                        "operations": [{
                            "name": "count",
                            "tables": [{"name": table, "paramName": "counts"}],
                            "map": {"entrypoint": "count", "python": PYTHON},
                        }],
                    },
                }),
            ),
            of(
                "KasprTable",
                &table,
                json!({
                    "name": table,
                    "description": "clicks per page",
                    "partitions": 6,
                    "keySerializer": "raw",
                    "valueSerializer": "json",
                }),
            ),
        ]
    }
}
