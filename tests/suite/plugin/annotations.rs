//! `pause`, `resume`, `rebalance` and `roll`.

use serde_json::{Value, json};

use super::{APP, settled, within};
use crate::harness::{Namespace, condition};

#[test]
fn a_paused_app_is_left_alone_until_it_goes_on() {
    let namespace = Namespace::new("pause");
    namespace.apply(APP);
    settled(&namespace, APP);
    let said = within(&namespace, &["resume", "clicks"], "").ok();
    assert!(said.contains("was not paused"), "{said}");
    let said = within(&namespace, &["pause", "clicks"], "").ok();
    assert!(said.contains("is paused: nothing is written") && said.contains("`resume clicks`"), "{said}");
    assert!(within(&namespace, &["pause", "clicks"], "").ok().contains("was paused already"));
    namespace.wait_for("kasprapp", "clicks", |app| condition(app, "Progressing", "False", "Paused"));
    namespace.run(&["scale", "kasprapp", "clicks", "--replicas=3"]);
    let said = within(&namespace, &["status", "clicks"], "").ok();
    assert!(said.lines().next().is_some_and(|line| line.ends_with("paused")), "{said}");
    assert!(said.contains("nothing is written until `resume`"), "{said}");
    for wish in ["roll", "rebalance"] {
        let ran = within(&namespace, &[wish, "clicks"], "");
        assert!(ran.code == 1 && ran.noted.contains("is paused; first `resume clicks`"), "{ran:?}");
    }
    assert_eq!(namespace.get("hpa", "clicks-app-hpa")["spec"]["maxReplicas"], 2);
    assert!(within(&namespace, &["resume", "clicks"], "").ok().contains("goes on"));
    namespace.wait_for("hpa", "clicks-app-hpa", |hpa| hpa["spec"]["maxReplicas"] == 3);
}

#[test]
fn wishes_are_heard_and_waited_for() {
    let namespace = Namespace::new("wish");
    namespace.apply(APP);
    settled(&namespace, APP);
    namespace.wait_for("kasprapp", "clicks", |app| condition(app, "Ready", "True", "Healthy"));
    let said = within(&namespace, &["roll", "clicks", "--wait", "--timeout", "2m"], "").ok();
    assert!(said.contains("every pod has the template of this operator"), "{said}");
    let said = within(&namespace, &["rebalance", "clicks"], "").ok();
    assert!(said.contains("will be asked for a rebalance"), "{said}");
    // The pods here answer nothing.
    for _ in 0..2 {
        let ran = within(&namespace, &["rebalance", "clicks", "--wait", "--timeout", "2m"], "");
        let words = "can't rebalance: Can't ask for a rebalance (manual): no member answers that it leads";
        assert!(ran.code == 1 && ran.noted.contains(words), "{ran:?}");
    }
    assert!(namespace.get("kasprapp", "clicks")["metadata"]["annotations"]["kaspr.io/rebalance"].is_null());
}

/// What a wish for the app tells programs.
fn told(namespace: &Namespace, wish: &[&str], form: &str) -> Value {
    let said = within(namespace, &[wish, &["clicks", "-o", form]].concat(), "").ok();
    match form {
        "json" => serde_json::from_str(&said).expect("JSON"),
        _ => serde_saphyr::from_str(&said).expect("YAML"),
    }
}

#[test]
fn programs_get_what_came_of_a_wish() {
    let namespace = Namespace::new("wish");
    namespace.apply(APP);
    settled(&namespace, APP);
    let name = &namespace.name;
    for form in ["json", "yaml"] {
        for (wish, changed, done, words) in [
            (&["pause"][..], true, true, " is paused: nothing is written"),
            (&["pause"], false, true, " was paused already: nothing is written"),
            (&["resume"], true, true, " goes on: the operator"),
            (&["resume"], false, true, " was not paused"),
            (&["roll", "--wait", "--timeout", "2m"], true, true, ": every pod has the template"),
        ] {
            let outcome = told(&namespace, wish, form);
            let message = outcome["message"].as_str().unwrap_or_default();
            assert!(message.starts_with(&format!("KasprApp {name}/clicks{words}")), "{outcome}");
            let expected = json!({
                "namespace": name, "app": "clicks", "action": wish[0],
                "changed": changed, "done": done, "message": message,
            });
            assert_eq!(outcome, expected);
        }
    }
    let outcome = told(&namespace, &["rebalance"], "json");
    assert!(outcome["changed"] == true && outcome["done"] == false, "{outcome}");
    // What fails has nothing for programs but its exit code.
    let ran = within(&namespace, &["roll", "visits", "-o", "json"], "");
    assert_eq!((ran.code, ran.said.as_str()), (1, ""), "{ran:?}");
}

/// What the program before this one built stays until somebody asks for it to go.
#[test]
fn a_newer_template_waits_for_a_roll() {
    let namespace = Namespace::new("roll");
    namespace.apply(APP);
    settled(&namespace, APP);
    namespace.run(&["annotate", "--overwrite", "statefulset", "clicks-app", "kaspr.io/template-hash=older"]);
    namespace.wait_for("kasprapp", "clicks", |app| {
        app["status"]["conditions"].to_string().contains("kaspr.io/roll")
    });
    let waits = "a newer pod template waits";
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
fn an_app_that_is_not_there_is_named() {
    let namespace = Namespace::new("wish");
    namespace.apply(APP);
    for wish in ["pause", "resume", "roll", "rebalance"] {
        let ran = within(&namespace, &[wish, "visits"], "");
        let words =
            format!("there is no KasprApp 'visits' in namespace '{}'; it has: clicks", namespace.name);
        assert!(ran.code == 1 && ran.noted.contains(&words), "{ran:?}");
    }
    let ran = within(&namespace, &["roll", "clicks", "--timeout", "soon"], "");
    assert!(ran.code == 2 && ran.noted.contains("such as 90s"), "{ran:?}");
}
