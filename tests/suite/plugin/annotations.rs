//! `pause`, `resume`, `rebalance` and `roll`: requests by annotations of the app.

use serde_json::{Value, json};

use super::{APP, settled, within};
use crate::harness::{Namespace, condition};

/// `kubectl rollout restart` restarts members in order, for example after a password is rotated: the operator keeps
/// its annotation.
#[test]
fn a_restart_of_the_user_is_kept() {
    let namespace = Namespace::new("restart");
    namespace.apply(APP);
    settled(&namespace, APP);
    namespace.wait_for("statefulset", "clicks-app", |set| set["status"]["readyReplicas"] == 1);
    namespace.run(&["rollout", "restart", "statefulset/clicks-app"]);
    namespace.run(&["rollout", "status", "statefulset/clicks-app", "--timeout=2m"]);
    let restarted = |set: &Value| {
        set["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"].clone()
    };
    let at = restarted(&namespace.get("statefulset", "clicks-app"));
    assert!(at.is_string());
    // After the next reconciliation too.
    namespace.apply(&APP.replace("replicas: 2", "replicas: 3"));
    namespace.wait_for("hpa", "clicks-app-hpa", |autoscaler| autoscaler["spec"]["maxReplicas"] == 3);
    assert_eq!(restarted(&namespace.get("statefulset", "clicks-app")), at);
    assert!(namespace.run(&["get", "pod", "clicks-app-0", "-o", "yaml"]).contains("restartedAt"));
}

#[test]
fn a_paused_app_does_not_change_until_it_is_resumed() {
    let namespace = Namespace::new("pause");
    namespace.apply(APP);
    settled(&namespace, APP);
    let said = within(&namespace, &["resume", "clicks"], "").ok();
    assert!(said.contains("was not paused"), "{said}");
    let said = within(&namespace, &["pause", "clicks"], "").ok();
    assert!(
        said.contains("is paused: the operator updates only its status") && said.contains("`resume clicks`"),
        "{said}"
    );
    assert!(within(&namespace, &["pause", "clicks"], "").ok().contains("was already paused"));
    namespace.wait_for("kasprapp", "clicks", |app| condition(app, "Progressing", "False", "Paused"));
    namespace.run(&["scale", "kasprapp", "clicks", "--replicas=3"]);
    let said = within(&namespace, &["status", "clicks"], "").ok();
    assert!(said.lines().next().is_some_and(|line| line.ends_with("paused")), "{said}");
    assert!(said.contains("reconciliation is paused until `resume`"), "{said}");
    for request in ["roll", "rebalance"] {
        let ran = within(&namespace, &[request, "clicks"], "");
        assert!(ran.code == 1 && ran.noted.contains("is paused; run `resume clicks` first"), "{ran:?}");
    }
    assert_eq!(namespace.get("hpa", "clicks-app-hpa")["spec"]["maxReplicas"], 2);
    assert!(within(&namespace, &["resume", "clicks"], "").ok().contains("is resumed"));
    namespace.wait_for("hpa", "clicks-app-hpa", |hpa| hpa["spec"]["maxReplicas"] == 3);
}

#[test]
fn requests_are_handled_and_waited_for() {
    let namespace = Namespace::new("request");
    namespace.apply(APP);
    settled(&namespace, APP);
    namespace.wait_for("kasprapp", "clicks", |app| condition(app, "Ready", "True", "Healthy"));
    let said = within(&namespace, &["roll", "clicks", "--wait", "--timeout", "2m"], "").ok();
    assert!(said.contains("all pods have the current pod template of the operator"), "{said}");
    let said = within(&namespace, &["rebalance", "clicks"], "").ok();
    assert!(said.contains("will request a rebalance from the leader"), "{said}");
    // The pods of this cluster answer no requests.
    for _ in 0..2 {
        let ran = within(&namespace, &["rebalance", "clicks", "--wait", "--timeout", "2m"], "");
        let words =
            "failed to rebalance: Failed to request a rebalance (manual): no member answers as the leader";
        assert!(ran.code == 1 && ran.noted.contains(words), "{ran:?}");
    }
    assert!(namespace.get("kasprapp", "clicks")["metadata"]["annotations"]["kaspr.io/rebalance"].is_null());
}

/// Runs a request for the app and returns the result in a format.
fn result_of(namespace: &Namespace, request: &[&str], format: &str) -> Value {
    let said = within(namespace, &[request, &["clicks", "-o", format]].concat(), "").ok();
    match format {
        "json" => serde_json::from_str(&said).expect("JSON"),
        _ => serde_saphyr::from_str(&said).expect("YAML"),
    }
}

#[test]
fn results_are_printed_as_json_and_yaml() {
    let namespace = Namespace::new("request");
    namespace.apply(APP);
    settled(&namespace, APP);
    let name = &namespace.name;
    for format in ["json", "yaml"] {
        for (request, changed, done, words) in [
            (&["pause"][..], true, true, " is paused: the operator updates only its status"),
            (&["pause"], false, true, " was already paused: the operator updates only its status"),
            (&["resume"], true, true, " is resumed: the operator"),
            (&["resume"], false, true, " was not paused"),
            (&["roll", "--wait", "--timeout", "2m"], true, true, ": all pods have the current pod template"),
        ] {
            let result = result_of(&namespace, request, format);
            let message = result["message"].as_str().unwrap_or_default();
            assert!(message.starts_with(&format!("KasprApp {name}/clicks{words}")), "{result}");
            let expected = json!({
                "namespace": name, "app": "clicks", "action": request[0],
                "changed": changed, "done": done, "message": message,
            });
            assert_eq!(result, expected);
        }
    }
    let result = result_of(&namespace, &["rebalance"], "json");
    assert!(result["changed"] == true && result["done"] == false, "{result}");
    // A failure has no result, only an exit code.
    let ran = within(&namespace, &["roll", "visits", "-o", "json"], "");
    assert_eq!((ran.code, ran.said.as_str()), (1, ""), "{ran:?}");
}

/// Pods keep the template of an older operator version until a roll is requested.
#[test]
fn a_newer_template_waits_for_a_roll() {
    let namespace = Namespace::new("roll");
    namespace.apply(APP);
    settled(&namespace, APP);
    namespace.run(&["annotate", "--overwrite", "statefulset", "clicks-app", "kaspr.io/template-hash=older"]);
    namespace.wait_for("kasprapp", "clicks", |app| {
        app["status"]["conditions"].to_string().contains("kaspr.io/roll")
    });
    let waits = "a newer pod template is pending";
    assert!(within(&namespace, &["status", "clicks"], "").ok().contains(waits));
    let ran = within(&namespace, &["diff", "-"], &APP.replace("replicas: 2", "replicas: 3"));
    let last = ran.said.lines().last().unwrap_or_default();
    assert!(last.contains("no pod restarts") && last.contains(waits), "{ran:?}");
    within(&namespace, &["roll", "clicks", "--wait"], "").ok();
    namespace.wait_for("kasprapp", "clicks", |app| {
        !app["status"]["conditions"].to_string().contains("kaspr.io/roll")
    });
    assert!(!within(&namespace, &["status", "clicks"], "").ok().contains(waits));
}

#[test]
fn a_missing_app_is_named() {
    let namespace = Namespace::new("request");
    namespace.apply(APP);
    for request in ["pause", "resume", "roll", "rebalance"] {
        let ran = within(&namespace, &[request, "visits"], "");
        let words =
            format!("KasprApp 'visits' not found in namespace '{}'; existing apps: clicks", namespace.name);
        assert!(ran.code == 1 && ran.noted.contains(&words), "{ran:?}");
    }
    let ran = within(&namespace, &["roll", "clicks", "--timeout", "soon"], "");
    assert!(ran.code == 2 && ran.noted.contains("such as 90s"), "{ran:?}");
}
