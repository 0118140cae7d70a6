//! Embedded Python in every place that it has: no panic, no end to the stack, no long wait.

#![no_main]

use kaspr_operator::{
    validate::{entrypoint_of, entrypoint_to_render},
    admission::{Phase, answer},
};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|python: &str| {
    if let Some(name) = entrypoint_of(python) {
        assert!(python.contains(&name) || !python.is_ascii(), "{name} is not in the code");
    }
    _ = entrypoint_to_render(Some(python), python);
    let operation = json!({ "name": "a", "map": { "python": python }, "tables": [{ "name": "t", "paramName": "t" }] });
    let body = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "1", "name": "a", "namespace": "n", "operation": "CREATE", "userInfo": {}, "dryRun": false,
            "kind": { "group": "kaspr.io", "version": "v1alpha1", "kind": "KasprAgent" },
            "resource": { "group": "kaspr.io", "version": "v1alpha1", "resource": "kaspragents" },
            "object": {
                "metadata": { "name": "a", "labels": { "kaspr.io/app": "a" } },
                "spec": {
                    "input": { "topic": { "name": "t" } },
                    "processors": { "pipeline": ["a"], "operations": [operation], "init": { "python": python } },
                    "output": { "topics": [{ "name": "o", "keySelector": { "python": python } }] },
                },
            },
        },
    });
    let review = answer(Phase::Validate, body.to_string().as_bytes(), None).expect("an answer");
    let response = review.response.expect("a response");
    assert_eq!(response.allowed, response.result.message.is_empty());
});
