//! A component that would take its app down is not given to the members; it goes in when it can.

use serde_json::Value;

use crate::harness::{Namespace, condition};

const APP: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprApp
metadata: {name: clicks}
spec:
  bootstrapServers: kafka:9092
  authentication: {type: scram-sha-512, username: u, passwordSecret: {secretName: s, passwordKey: p}}
  storage: {type: ephemeral}
  config: {topicPartitions: 2}
";

const TABLE: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprTable
metadata: {name: counts, labels: {kaspr.io/app: clicks}}
spec: {name: counts, partitions: 2}
";

const JOIN: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprJoin
metadata: {name: pairs, labels: {kaspr.io/app: clicks}}
spec: {leftTable: counts, rightTable: counts, extractor: {python: 'def key(v): return v'}}
";

/// Uses a table.
fn agent(name: &str, input: &str) -> String {
    format!(
        "
apiVersion: kaspr.io/v1alpha1
kind: KasprAgent
metadata: {{name: {name}, labels: {{kaspr.io/app: clicks}}}}
spec:
  input: {input}
  processors:
    pipeline: [a]
    operations: [{{name: a, tables: [{{name: counts, paramName: counts}}], map: {{python: 'def f(v, counts): return v'}}}}]
"
    )
}

fn without_table(agent: String) -> String {
    agent.replace("tables: [{name: counts, paramName: counts}], ", "").replace("(v, counts)", "(v)")
}

fn mounts(set: &Value, file: &str) -> bool {
    set["spec"]["template"].to_string().contains(&format!("/definitions/{file}\""))
}

fn waits(object: &Value, reason: &str) -> bool {
    condition(object, "Ready", "False", reason)
}

#[test]
fn the_order_of_a_folder_does_not_matter() {
    let namespace = Namespace::new("order");
    let reads_topic = agent("counter", "{topic: {name: clicks}}");
    let reads_join = without_table(agent("paired", "{channel: {name: pairs-channel}}"));
    namespace.apply(&format!("{reads_join}---{reads_topic}---{JOIN}---{APP}"));
    namespace.wait_for("kaspragent", "counter", |agent| waits(agent, "TableNotFound"));
    let paired = namespace.wait_for("kaspragent", "paired", |agent| waits(agent, "Waiting"));
    assert!(paired["status"]["conditions"].to_string().contains("spec.input.channel.name"), "{paired}");
    let join = namespace.wait_for("kasprjoin", "pairs", |join| waits(join, "TableNotFound"));
    assert_eq!(join["status"]["leftTable"]["status"], "LeftTableNotFound");
    let app = namespace.wait_for("kasprapp", "clicks", |app| {
        condition(app, "ComponentsReady", "False", "ComponentsWaiting")
            && condition(app, "Ready", "True", "Healthy")
    });
    for name in ["KasprAgent counter", "KasprAgent paired", "KasprJoin pairs"] {
        assert!(app["status"]["conditions"].to_string().contains(name), "{app}");
    }
    let set = namespace.get("statefulset", "clicks-app");
    assert!(!mounts(&set, "counter-agent.yaml") && !mounts(&set, "paired-agent.yaml"), "{set}");

    namespace.apply(TABLE);
    namespace.wait_for("kasprapp", "clicks", |app| condition(app, "ComponentsReady", "True", "AllDefined"));
    let set = namespace.get("statefulset", "clicks-app");
    for file in ["counter-agent.yaml", "paired-agent.yaml", "clicks-app-joins.yml"] {
        assert!(mounts(&set, file), "{file}: {set}");
    }
    for (kind, name) in [("kaspragent", "counter"), ("kaspragent", "paired"), ("kasprjoin", "pairs")] {
        namespace.wait_for(kind, name, |component| condition(component, "Ready", "True", "Defined"));
    }
}

#[test]
fn what_is_taken_away_takes_only_its_users_along() {
    let namespace = Namespace::new("taken");
    let reads = agent("counter", "{topic: {name: clicks}}");
    let alone =
        agent("alone", "{topic: {name: other}}").replace("tables: [{name: counts, paramName: counts}], ", "");
    let alone = alone.replace("(v, counts)", "(v)");
    namespace.apply(&format!("{APP}---{TABLE}---{reads}---{alone}"));
    namespace.wait_for("statefulset", "clicks-app", |set| {
        mounts(set, "counter-agent.yaml") && mounts(set, "alone-agent.yaml")
    });
    namespace.wait_for("kaspragent", "counter", |agent| condition(agent, "Ready", "True", "Defined"));
    namespace.run(&["delete", "kasprtable", "counts"]);
    namespace.wait_for("kaspragent", "counter", |agent| waits(agent, "TableNotFound"));
    let set = namespace.wait_for("statefulset", "clicks-app", |set| !mounts(set, "counter-agent.yaml"));
    assert!(mounts(&set, "alone-agent.yaml"), "{set}");
}

#[test]
fn an_older_definition_goes_on_while_the_newer_one_waits() {
    let namespace = Namespace::new("older");
    let good = agent("counter", "{topic: {name: clicks}}");
    namespace.apply(&format!("{APP}---{TABLE}---{good}"));
    namespace.wait_for("kaspragent", "counter", |agent| condition(agent, "Ready", "True", "Defined"));
    namespace.wait_for("statefulset", "clicks-app", |set| mounts(set, "counter-agent.yaml"));
    let text = |config_map: &Value| config_map["data"].to_string();
    let before = namespace.get("configmap", "counter-agent");
    namespace.apply(&good.replace("name: counts, paramName", "name: missing, paramName"));
    namespace.wait_for("kaspragent", "counter", |agent| waits(agent, "TableNotFound"));
    namespace.wait_for("kasprapp", "clicks", |app| {
        condition(app, "ComponentsReady", "False", "ComponentsWaiting")
    });
    assert_eq!(text(&namespace.get("configmap", "counter-agent")), text(&before));
    assert!(mounts(&namespace.get("statefulset", "clicks-app"), "counter-agent.yaml"));
}
