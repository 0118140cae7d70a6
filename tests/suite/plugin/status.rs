//! `status`: apps with their members and components.

use std::{fs, net::TcpListener};

use axum::{Json, Router, extract::Request};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{APP, command, run, within};
use crate::harness::{Namespace, condition, eventually, plane};

#[test]
fn an_app_is_shown_as_a_tree() {
    let namespace = Namespace::new("status");
    let missing = APP.replace("name: clicks-counts, paramName", "name: other, paramName");
    namespace.apply(&missing);
    namespace.wait_for("kasprapp", "clicks", |app| {
        condition(app, "ComponentsReady", "False", "ComponentsWaiting")
            && condition(app, "Ready", "True", "Healthy")
    });
    namespace.wait_for("kaspragent", "clicks-counter", |agent| {
        condition(agent, "Ready", "False", "TableNotFound")
    });
    namespace.wait_for("kasprtable", "clicks-counts", |table| condition(table, "Ready", "True", "Defined"));
    let said = within(&namespace, &["status", "clicks"], "").ok();
    let name = &namespace.name;
    assert!(said.starts_with(&format!("KasprApp {name}/clicks  Ready  ")), "{said}");
    for words in [
        "├── conditions\n",
        "ComponentsReady False  ComponentsWaiting: KasprAgent clicks-counter: ",
        "clicks-app-0  Running",
        "KasprTable clicks-counts  Ready  4 partitions\n",
        "KasprAgent clicks-counter  TableNotFound: spec.processors.operations[0].tables[0].name",
        "  topic clicks\n",
        "version 0.11.19",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // The whole namespace has only this one.
    assert_eq!(within(&namespace, &["status"], "").ok(), said);
    let everywhere = run(command(&["status", "-A"], Some(plane().kubeconfig())), "").ok();
    assert!(everywhere.contains(&format!("KasprApp {name}/clicks  ")), "{everywhere}");
}

#[test]
fn reports_are_printed_as_json_and_yaml() {
    let namespace = Namespace::new("status");
    namespace.apply(APP);
    namespace.wait_for("kasprapp", "clicks", |app| condition(app, "Ready", "True", "Healthy"));
    eventually("the status", || {
        let said = within(&namespace, &["status", "clicks", "-o", "json"], "").ok();
        let app: Value = serde_json::from_str(&said).expect("JSON");
        let member = &app["members"][0];
        let fine = app["name"] == "clicks"
            && app["observed"] == true
            && member["pod"] == "clicks-app-0"
            && member["ready"] == true
            && app["components"][0]["about"] == "topic clicks"
            && app["components"].as_array().into_iter().flatten().all(|component| component["ready"] == true);
        if fine { Ok(()) } else { Err(said) }
    });
    let list = within(&namespace, &["status", "-o", "yaml"], "").ok();
    assert!(list.starts_with("- namespace:"), "{list}");
}

#[test]
fn members_without_a_response_are_reported() {
    let namespace = Namespace::new("status");
    namespace.apply(APP);
    // The pods may be replaced once, if the components are created after the first reconcile of the app.
    eventually("a member that does not answer", || {
        let ran = within(&namespace, &["status", "clicks", "--assignments"], "");
        assert_eq!(ran.code, 0);
        let noted = ran.noted.contains("clicks-app-0: failed to request the assignment of the member");
        if noted && ran.said.contains("no response") { Ok(()) } else { Err(format!("{ran:?}")) }
    });
}

const PACKAGES_ERROR: &str = "Pod clicks-app-0 (network): an index is unreachable:\n  first\nsecond";

const CRASHED: &str = "Crashed on 1 of 1 members: KeyError: …; each crash loses the message";

/// Responses of an API server with one app that has one reachable member.
fn answers(path: &str) -> Value {
    let list = |items: Value| json!({ "apiVersion": "v1", "kind": "List", "metadata": {}, "items": items });
    match path {
        "/apis/kaspr.io/v1alpha1/namespaces/default/kasprapps" => list(json!([{
            "apiVersion": "kaspr.io/v1alpha1", "kind": "KasprApp",
            "metadata": { "name": "clicks", "namespace": "default" },
            "spec": {
                "bootstrapServers": "k:1", "authentication": { "type": "plain" },
                "config": { "webPort": 7000, "webBasePath": "/base" },
            },
            "status": {
                "members": [{ "id": 0, "leader": true, "rebalancing": true }],
                "conditions": [
                    {
                        "type": "Ready", "status": "True", "reason": "Healthy", "message": "App is ready",
                        "lastTransitionTime": "2026-01-01T00:00:00Z",
                        "observedGeneration": 1,
                    },
                    {
                        "type": "PythonPackagesReady", "status": "False", "reason": "InstallationFailed",
                        "message": PACKAGES_ERROR, "lastTransitionTime": "2026-01-01T00:00:00Z",
                        "observedGeneration": 1,
                    },
                ],
                "pythonPackages": { "state": "Failed", "error": PACKAGES_ERROR, "warnings": ["one\ntwo"] },
            },
        }])),
        "/apis/kaspr.io/v1alpha1/namespaces/default/kaspragents" => list(json!([{
            "apiVersion": "kaspr.io/v1alpha1", "kind": "KasprAgent",
            "metadata": { "name": "counter", "namespace": "default", "labels": { "kaspr.io/app": "clicks" } },
            "spec": { "input": { "topic": { "name": "clicks" } } },
            "status": { "conditions": [
                {
                    "type": "Ready", "status": "True", "reason": "Defined", "message": "Defined in app 'clicks'",
                    "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1,
                },
                {
                    "type": "Healthy", "status": "False", "reason": "AgentCrashed", "message": CRASHED,
                    "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1,
                },
            ] },
        }])),
        "/api/v1/namespaces/default/pods" => list(json!([{
            "metadata": { "name": "clicks-app-0", "namespace": "default" },
            "status": {
                "phase": "Running",
                "containerStatuses": [{
                    "name": "kaspr", "image": "", "imageID": "", "ready": false, "restartCount": 3,
                    "state": { "waiting": { "reason": "CrashLoopBackOff" } },
                }],
            },
        }])),
        "/api/v1/namespaces/default/pods/clicks-app-0:7000/proxy/base/status/" => json!({
            "assignment": { "actives": { "a": [0, 1], "b": [3], "c": [] }, "standbys": { "d": [1] } },
        }),
        _ => list(json!([])),
    }
}

/// Runs a subcommand against an API server with [`answers`].
fn run_with_answers(args: &[&str]) -> String {
    let runtime = Runtime::new().expect("a runtime");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    listener.set_nonblocking(true).expect("a socket");
    let routes = Router::new().fallback(async |request: Request| Json(answers(request.uri().path())));
    runtime.spawn(async move {
        axum::serve(tokio::net::TcpListener::from_std(listener).expect("a listener"), routes).await
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("kubeconfig");
    let config = json!({
        "clusters": [{ "name": "c", "cluster": { "server": format!("http://{address}") } }],
        "users": [{ "name": "u", "user": {} }],
        "contexts": [{ "name": "x", "context": { "cluster": "c", "user": "u" } }],
        "current-context": "x",
    });
    fs::write(&file, config.to_string()).expect("a file");
    run(command(args, Some(&file)), "").ok()
}

#[test]
fn an_app_without_its_packages_is_shown_in_a_line_for_each_fact() {
    let said = run_with_answers(&["status", "clicks"]);
    assert!(said.starts_with("KasprApp default/clicks  Ready  packages not installed\n"), "{said}");
    let error = PACKAGES_ERROR.replace("\n  ", " ").replace('\n', " ");
    for line in
        [format!("Failed: {error}\n"), format!("InstallationFailed: {error}\n"), "one two\n".to_owned()]
    {
        assert!(said.contains(&line), "{line}: {said}");
    }
    let is_branch = |line: &str| line.starts_with(['├', '│', '└', ' ']) && line.contains("── ");
    assert!(said.lines().skip(1).all(is_branch), "{said}");
}

#[test]
fn an_agent_that_crashes_is_not_healthy() {
    let said = run_with_answers(&["status", "clicks"]);
    assert!(said.contains(&format!("KasprAgent counter  not healthy: {CRASHED}  topic clicks\n")), "{said}");
}

#[test]
fn assignments_are_requested_from_members() {
    let said = run_with_answers(&["status", "clicks", "--assignments"]);
    let member = "clicks-app-0  CrashLoopBackOff, 3 restarts, not ready, leader, rebalancing, \
                  3 partitions of 2 topics, 1 standby\n";
    assert!(said.contains(member), "{said}");
}

#[test]
fn missing_apps_are_reported() {
    let namespace = Namespace::new("status");
    let ran = within(&namespace, &["status"], "");
    assert_eq!((ran.code, ran.said.as_str()), (0, ""));
    assert!(ran.noted.contains(&format!("no KasprApp in namespace '{}'", namespace.name)), "{ran:?}");
    assert_eq!(within(&namespace, &["status", "-o", "json"], "").ok(), "[]\n");
    let ran = within(&namespace, &["status", "visits"], "");
    assert!(ran.code == 1 && ran.noted.contains("KasprApp 'visits' not found in namespace"), "{ran:?}");
    // Components of a missing app are shown below the name of the app.
    namespace.apply(APP.split("---").nth(1).expect("a table"));
    let said = within(&namespace, &["status"], "").ok();
    assert!(said.contains("clicks  not found") && said.contains("KasprTable clicks-counts"), "{said}");
}
