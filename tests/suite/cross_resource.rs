//! Rules across the resources of one app, at `kubectl apply`.

use serde_json::json;

use crate::harness::{Namespace, eventually, text};

const APP: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprApp
metadata: {name: shop}
spec:
  bootstrapServers: kafka:9092
  authentication: {type: scram-sha-512, username: u, passwordSecret: {secretName: s, passwordKey: p}}
  storage: {type: ephemeral}
";

fn table(name: &str, more: &str) -> String {
    format!(
        "apiVersion: kaspr.io/v1alpha1\nkind: KasprTable\nmetadata: {{name: {name}, labels: {{kaspr.io/app: shop}}}}\nspec: {{name: {name}{more}}}\n"
    )
}

fn webview(resource: &str) -> String {
    format!(
        "apiVersion: kaspr.io/v1alpha1\nkind: KasprWebView\nmetadata: {{name: {resource}, labels: {{kaspr.io/app: shop}}}}\nspec: {{name: {resource}, request: {{method: GET, path: /page}}}}\n"
    )
}

fn agent(more: &str) -> String {
    format!(
        "apiVersion: kaspr.io/v1alpha1\nkind: KasprAgent\nmetadata: {{name: counter, labels: {{kaspr.io/app: shop}}}}\nspec:\n  input: {{topic: {{name: clicks{more}}}}}\n  processors:\n    pipeline: [count]\n    operations:\n    - {{name: count, tables: [{{name: totals, paramName: totals}}], map: {{python: 'def count(value, totals): return value'}}}}\n"
    )
}

/// Returns the warnings of an apply with dry run, which reports the same as an apply.
fn warnings(namespace: &Namespace, manifest: &str) -> Vec<String> {
    let output = namespace.kubectl(&["apply", "--dry-run=server", "-f", "-"], manifest);
    let stderr = text(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    stderr.lines().filter_map(|line| line.strip_prefix("Warning: ")).map(str::to_owned).collect()
}

#[test]
fn a_missing_resource_is_a_warning_until_it_exists() {
    let namespace = Namespace::new("missing");
    assert_eq!(
        warnings(&namespace, &agent("")),
        [
            "metadata.labels[kaspr.io/app]: Not found: \"shop\": there is no KasprApp of this name in the namespace"
        ]
    );
    namespace.apply(APP);
    const TABLE: &str = "spec.processors.operations[0].tables[0].name: Not found: \"totals\"";
    eventually("a warning about the missing table", || {
        let found = warnings(&namespace, &agent(""));
        let only = found.len() == 1 && found[0].starts_with(TABLE);
        if only { Ok(()) } else { Err(format!("{found:?}")) }
    });
    namespace.apply(&table("totals", ""));
    eventually("no warning", || {
        let found = warnings(&namespace, &agent(""));
        if found.is_empty() { Ok(()) } else { Err(format!("{found:?}")) }
    });
}

#[test]
fn a_change_that_breaks_a_running_app_is_rejected() {
    let namespace = Namespace::new("clash");
    namespace.apply(APP);
    namespace.apply(&table("totals", ", partitions: 4"));
    namespace.apply(&webview("page"));
    eventually("a second webview with the same path is rejected", || {
        let output = namespace.kubectl(&["apply", "--dry-run=server", "-f", "-"], &webview("other"));
        let stderr = text(&output.stderr);
        let expected = "The KasprWebView \"other\" is invalid: spec.request.path: Invalid value: \"/page\": KasprWebView 'page' of the app answers the same method and path";
        if stderr.trim() == expected { Ok(()) } else { Err(stderr) }
    });
    assert_eq!(
        namespace.refused(&agent(", partitions: 8")).trim(),
        "The KasprAgent \"counter\" is invalid: spec.input.topic.partitions: Invalid value: 8: must be 4, the partitions of table 'totals' that it uses"
    );
    namespace.apply(&agent(", partitions: 4"));
    // A webview that is being deleted does not conflict with others.
    namespace.run(&["delete", "kasprwebview", "page"]);
    eventually("the path is free", || {
        let output = namespace.kubectl(&["apply", "--dry-run=server", "-f", "-"], &webview("other"));
        if output.status.success() { Ok(()) } else { Err(text(&output.stderr)) }
    });
}

#[test]
fn a_name_that_another_object_holds_is_a_warning() {
    let namespace = Namespace::new("taken");
    namespace.apply(APP);
    let app = namespace.get("kasprapp", "shop");
    // A cluster deletes objects whose owner does not exist.
    let owner = json!({
        "apiVersion": "kaspr.io/v1alpha1", "kind": "KasprApp", "name": "shop", "uid": app["metadata"]["uid"],
        "controller": true,
    });
    let labels = json!({ "app.kubernetes.io/managed-by": "kaspr-operator" });
    let metadata = json!({ "name": "totals-table", "labels": labels, "ownerReferences": [owner] });
    namespace.apply(&json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata }).to_string());
    eventually("a warning about the name", || {
        let found = warnings(&namespace, &table("totals", ""));
        let expected = "metadata.name: ConfigMap totals-table is controlled by KasprApp shop: the component is withheld until it has another name";
        if found == [expected] { Ok(()) } else { Err(format!("{found:?}")) }
    });
    assert_eq!(warnings(&namespace, &table("others", "")), [""; 0]);
}
