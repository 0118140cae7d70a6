//! The chart grants the operator exactly the permissions that it uses.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use super::{NAME, work};

/// A right: the API group, the resource, the verb.
pub(super) type Right = (String, String, String);

/// Rights that no request shows, with the reason for them.
const UNSEEN: &[(&str, &str, &[&str], &str)] = &[
    (
        "kaspr.io",
        "/finalizers",
        &["update"],
        "the admission plugin OwnerReferencesPermissionEnforcement asks for it",
    ),
    (
        "",
        "serviceaccounts services configmaps persistentvolumeclaims",
        &["create"],
        "a server-side apply that creates is a patch that may create",
    ),
    ("autoscaling", "horizontalpodautoscalers", &["create"], "as above"),
    ("policy", "poddisruptionbudgets", &["create"], "as above"),
    ("events.k8s.io", "events", &["patch"], "only an event that repeats itself is patched"),
    ("events.k8s.io", "events", &["list"], "only if the StatefulSet controller cannot create a pod"),
];

fn has_reason((group, resource, verb): &Right) -> bool {
    UNSEEN.iter().any(|(of, resources, verbs, _)| {
        let named = resources.split(' ').any(|name| name == resource)
            || (resources.starts_with('/') && resource.ends_with(resources));
        of == group && named && verbs.contains(&verb.as_str())
    })
}

/// The requests of the operator, and those that it had no right to.
pub(super) fn requests(log: &str) -> (BTreeSet<Right>, Vec<&str>) {
    let (mut used, mut refused) = (BTreeSet::new(), Vec::new());
    for line in log.lines() {
        let request: Value = serde_json::from_str(line).expect("JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if request["annotations"]["authorization.k8s.io/decision"] == "forbid" {
            refused.push(line);
        }
        let object = &request["objectRef"];
        if object.is_null() {
            continue;
        }
        let mut resource = text(&object["resource"]);
        if let Some(subresource) = object["subresource"].as_str() {
            resource = format!("{resource}/{subresource}");
        }
        used.insert((text(&object["apiGroup"]), resource, text(&request["verb"])));
    }
    (used, refused)
}

fn rights(roles: &[Value]) -> BTreeSet<Right> {
    let words = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(|word| Some(word.as_str()?.to_owned())).collect()
    };
    let mut rights = BTreeSet::new();
    for rule in roles.iter().flat_map(|role| role["rules"].as_array().into_iter().flatten()) {
        for group in words(&rule["apiGroups"]) {
            for resource in words(&rule["resources"]) {
                for verb in words(&rule["verbs"]) {
                    rights.insert((group.clone(), resource.clone(), verb));
                }
            }
        }
    }
    rights
}

#[test]
fn every_right_is_used_and_every_request_allowed() {
    let cluster = &work::done().cluster;
    let log = fs::read_to_string(cluster.plane.audit_log()).expect("a log");
    let (used, refused) = requests(&log);
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    let roles = [cluster.get("clusterrole", NAME, ""), cluster.get("role", &format!("{NAME}-own"), NAME)];
    let allowed = rights(&roles);
    let idle: Vec<&Right> = allowed.difference(&used).filter(|right| !has_reason(right)).collect();
    assert!(idle.is_empty(), "given and never used: {idle:?}");
    let beyond: Vec<&Right> = used.difference(&allowed).collect();
    assert!(beyond.is_empty(), "used and not in the chart: {beyond:?}");
    let words = format!("{allowed:?}");
    for never in ["\"secrets\"", "\"pods/exec\"", "\"*\"", "\"escalate\"", "\"impersonate\""] {
        assert!(!words.contains(never), "{never}");
    }
}
