//! `diff`: the predicted changes, compared with the changes that the operator makes.

use serde_json::Value;

use super::{APP, Ran, command, run, settled, within};
use crate::harness::{Namespace, plane};

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.said).unwrap_or_else(|_| panic!("{ran:?}"))
}

/// Returns the impact of a change of the files on the pods.
fn impact(namespace: &Namespace, files: &str) -> String {
    let ran = within(namespace, &["diff", "-"], files);
    assert_eq!(ran.code, 1, "{ran:?}");
    ran.said.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn a_new_app_is_created_and_then_there_is_no_difference() {
    let namespace = Namespace::new("diff");
    let ran = within(&namespace, &["diff", "-"], APP);
    assert_eq!(ran.code, 1, "{ran:?}");
    for words in ["+++ wanted/", "StatefulSet/clicks-app\n", "clicks-counter-agent", "the app is new"] {
        assert!(ran.said.contains(words), "{words}: {}", ran.said);
    }
    assert!(!ran.said.contains('\u{1b}'), "colours in a pipe");
    // Repeatable: UIDs that the server invents in dry runs are not shown, and nothing was written.
    assert_eq!(within(&namespace, &["diff", "-"], APP).said, ran.said);
    assert!(
        namespace
            .list("kasprapp,kaspragent,statefulset,configmap")
            .iter()
            .all(|object| { object["metadata"]["name"] == "kube-root-ca.crt" })
    );
    namespace.apply(APP);
    settled(&namespace, APP);
    assert_eq!(within(&namespace, &["diff", "-"], APP).ok(), "");
}

#[test]
fn restarts_are_predicted() {
    let namespace = Namespace::new("diff");
    namespace.apply(APP);
    settled(&namespace, APP);
    namespace.wait_for("statefulset", "clicks-app", |set| set["status"]["readyReplicas"] == 1);
    let before = namespace.get("statefulset", "clicks-app");

    let scaled = APP.replace("replicas: 2", "replicas: 3");
    let said = impact(&namespace, &scaled);
    assert!(said.ends_with("clicks: no pod restarts; scales from at most 2 to at most 3 members"), "{said}");
    let stopped = APP.replace("replicas: 2", "replicas: 0");
    let said = impact(&namespace, &stopped);
    assert!(said.contains("no pod restarts; the app stops"), "{said}");
    let coded = APP.replace("return v", "return [v]");
    let said = impact(&namespace, &coded);
    assert!(said.ends_with("clicks: restarts clicks-app-0: agents changed"), "{said}");
    let older = APP.replace("replicas: 2", "replicas: 2\n  version: 0.11.18");
    let said = impact(&namespace, &older);
    assert!(
        said.contains("restarts clicks-app-0: image kasprio/kaspr:0.11.19 to kasprio/kaspr:0.11.18"),
        "{said}"
    );

    let after = namespace.get("statefulset", "clicks-app");
    assert_eq!(after["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
    // Exactly the predicted change happens: the pods get the new template.
    let predicted = json(&within(&namespace, &["diff", "-", "-o", "json"], &coded));
    let hash = predicted["changes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|change| change["kind"] == "StatefulSet")
        .flat_map(|change| change["fields"].as_array().into_iter().flatten())
        .find(|field| field["path"] == "spec.template.spec.containers[kaspr].env[AGENTS_HASH].value")
        .map(|field| field["after"].clone());
    assert_eq!(predicted["apps"][0]["restarts"][0], "clicks-app-0");
    namespace.apply(&coded);
    settled(&namespace, &coded);
    let set = namespace.get("statefulset", "clicks-app");
    let env = set["spec"]["template"]["spec"]["containers"][0]["env"].as_array().cloned().unwrap_or_default();
    let is = env.iter().find(|variable| variable["name"] == "AGENTS_HASH").map(|v| v["value"].clone());
    assert!(hash.is_some() && is == hash, "{is:?} {hash:?}");
}

/// As with `kubectl apply`: fields that the file no longer has are removed, fields of other clients stay.
#[test]
fn a_file_changes_only_its_own_fields() {
    let namespace = Namespace::new("diff");
    let app = APP.replace("  replicas: 2\n", "");
    let with_port = app.replace("topicPartitions: 4", "topicPartitions: 4, webPort: 7000");
    namespace.apply(&with_port);
    namespace.run(&["scale", "kasprapp", "clicks", "--replicas=3"]);
    settled(&namespace, &with_port);
    assert_eq!(namespace.get("hpa", "clicks-app-hpa")["spec"]["maxReplicas"], 3);
    let ran = within(&namespace, &["diff", "-"], &app);
    assert!(
        ran.code == 1 && ran.said.contains("-  K_WEB_PORT: \"7000\"\n+  K_WEB_PORT: \"6065\"\n"),
        "{ran:?}"
    );
    assert!(!ran.said.contains("maxReplicas"), "{ran:?}");
}

#[test]
fn growing_claims_are_reported() {
    let namespace = Namespace::new("diff");
    let app = APP.replace("config:", "storage: {type: persistent-claim, size: 1Gi}\n  config:");
    namespace.apply(&app);
    settled(&namespace, &app);
    let said = impact(&namespace, &app.replace("1Gi", "2Gi"));
    assert!(said.contains("no pod restarts; claims grow"), "{said}");
}

#[test]
fn a_component_without_its_app_and_a_paused_app() {
    let namespace = Namespace::new("diff");
    let table = APP.split("---").nth(1).expect("a table");
    let ran = within(&namespace, &["diff", "-"], table);
    assert!(ran.code == 1 && ran.said.contains("ConfigMap/clicks-counts-table"), "{ran:?}");
    namespace.apply(APP);
    settled(&namespace, APP);
    within(&namespace, &["pause", "clicks"], "").ok();
    let ran = within(&namespace, &["diff", "-"], &APP.replace("replicas: 2", "replicas: 3"));
    assert!(ran.code == 0 && ran.noted.contains("is paused"), "{ran:?}");
}

#[test]
fn rejected_files_are_an_error() {
    let namespace = Namespace::new("diff");
    let ran = within(&namespace, &["diff", "-"], &APP.replace("topicPartitions", "topicPartition"));
    assert_eq!((ran.code, ran.said.as_str()), (2, ""));
    assert!(
        ran.noted.contains("failed to apply KasprApp") && ran.noted.contains("topicPartitions"),
        "{ran:?}"
    );
    assert_eq!(ran.noted.lines().count(), 1);
    let elsewhere = APP.replace("metadata: {name: clicks}", "metadata: {name: clicks, namespace: nowhere}");
    let ran = within(&namespace, &["diff", "-"], &elsewhere);
    assert!(ran.code == 2 && ran.noted.contains("namespaces \"nowhere\" not found"), "{ran:?}");
    assert_eq!(within(&namespace, &["diff", "-"], "kind: [kaspr.io\n").code, 2);
}

#[test]
fn colors_are_for_terminals() {
    let namespace = Namespace::new("diff");
    let coloured = |variable: &str| {
        let mut diff = command(&["diff", "-", "-n", &namespace.name], Some(plane().kubeconfig()));
        diff.env("CLICOLOR_FORCE", "1").env(variable, "1");
        run(diff, APP).said
    };
    assert!(coloured("CLICOLOR_FORCE").contains("\u{1b}[32m+"));
    assert!(!coloured("NO_COLOR").contains('\u{1b}'));
}
