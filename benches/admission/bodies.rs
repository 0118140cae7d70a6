//! The reviews that are sent.

use hyper::body::Bytes;
use serde_json::{Value, json};

/// Length of the agent's code, in bytes.
const CODE: usize = 32 << 10;

/// A KasprApp with what is required and no more.
pub(crate) fn small() -> Value {
    json!({
        "apiVersion": "kaspr.io/v1alpha1",
        "kind": "KasprApp",
        "metadata": { "name": "orders", "namespace": "default" },
        "spec": {
            "bootstrapServers": "kafka:9092",
            "authentication": {
                "type": "scram-sha-512",
                "username": "orders",
                "passwordSecret": { "secretName": "kafka-user", "passwordKey": "password" },
            },
        },
    })
}

/// A KasprAgent with a lot of code.
pub(crate) fn agent() -> Value {
    json!({
        "apiVersion": "kaspr.io/v1alpha1",
        "kind": "KasprAgent",
        "metadata": { "name": "enrich", "namespace": "default", "labels": { "kaspr.io/app": "orders" } },
        "spec": {
            "input": { "topic": { "name": "orders" } },
            "output": { "topics": [{ "name": "enriched" }] },
            "processors": {
                "pipeline": ["enrich"],
                "operations": [{ "name": "enrich", "map": { "entrypoint": "step_0", "python": code() } }],
            },
        },
    })
}

/// Functions as people write them, `step_0` and on, until there is enough.
fn code() -> String {
    let mut code = String::from("import json\nfrom datetime import datetime, timezone\n");
    for i in 0.. {
        let function = format!(
            r#"

def step_{i}(value):
    """Adds the total of group {i}."""
    lines = [line for line in value.get("lines", []) if line["group"] == {i}]
    total = sum(line["price"] * line["quantity"] for line in lines)
    if total > {i}00 and value.get("state") not in ("void", "stale"):
        value["total_{i}"] = round(total * 1.{i}, 2)
    else:
        value.setdefault("notes", []).append(f"group {i}: {{json.dumps(lines)}}")
    value["seen"] = datetime.now(timezone.utc).isoformat()
    return value
"#
        );
        if code.len() + function.len() > CODE {
            break;
        }
        code.push_str(&function);
    }
    // To the byte, for those who compare.
    let rest = CODE - code.len();
    code + &"#".repeat(rest)
}

/// The review of an object's creation, as the API server sends it.
pub(crate) fn review(object: &Value) -> Bytes {
    let kind = object["kind"].as_str().expect("a kind");
    let review = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": { "group": "kaspr.io", "version": "v1alpha1", "kind": kind },
            "resource": {
                "group": "kaspr.io",
                "version": "v1alpha1",
                "resource": format!("{}s", kind.to_lowercase()),
            },
            "name": object["metadata"]["name"],
            "namespace": "default",
            "operation": "CREATE",
            "userInfo": { "username": "admin", "groups": ["system:authenticated"] },
            "dryRun": false,
            "object": object,
        },
    });
    Bytes::from(review.to_string())
}
