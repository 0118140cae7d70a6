//! Requests that an API server does not send: they get an error response, without a panic or a memory leak.

use std::fs;

use hyper::{StatusCode, body::Bytes};
use serde_json::{Value, json};

use crate::{
    harness::{operator, plane, text, webhooks},
    https::{Connection, Protocol},
};

/// Returns the CA of the shared operator's certificate, from its webhook configuration.
pub(crate) fn authority() -> String {
    let path = "jsonpath={.webhooks[0].clientConfig.caBundle}";
    let get = ["get", "validatingwebhookconfiguration", "kaspr-operator", "-o", path];
    let output = plane().kubectl().args(get).output().expect("kubectl");
    let encoded = text(&output.stdout);
    let bytes: k8s_openapi::ByteString = serde_json::from_value(Value::String(encoded)).expect("base64");
    text(&bytes.0)
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

async fn connect(protocol: Protocol) -> Connection {
    Connection::open(webhooks(), &authority(), protocol).await
}

fn review(kind: &str, object: Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": { "group": "kaspr.io", "version": "v1alpha1", "kind": kind },
            "resource": { "group": "kaspr.io", "version": "v1alpha1", "resource": "x" },
            "name": "x", "namespace": "default", "operation": "CREATE", "userInfo": {}, "dryRun": false,
            "object": object,
        },
    })
}

fn nested(depth: usize) -> String {
    format!("{}{}", "{\"a\":".repeat(depth), "1") + &"}".repeat(depth)
}

/// Returns request bodies with the expected status and message.
fn bodies() -> Vec<(&'static str, String, StatusCode, &'static str)> {
    let whole = review("KasprApp", json!({})).to_string();
    let mut beta = review("KasprApp", json!({}));
    beta["apiVersion"] = json!("admission.k8s.io/v1beta1");
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "x" } });
    let silent = json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview" });
    let bad = StatusCode::BAD_REQUEST;
    vec![
        ("empty", String::new(), bad, "the body must be an AdmissionReview in JSON"),
        ("not JSON", "hello".to_owned(), bad, "the body must be an AdmissionReview in JSON"),
        ("cut off", whole[..whole.len() / 2].to_owned(), bad, "the body must be an AdmissionReview in JSON"),
        ("a list", "[]".to_owned(), bad, "the body must be an AdmissionReview in JSON"),
        ("nested", nested(10_000), bad, "the body must be an AdmissionReview in JSON"),
        (
            "nested inside",
            whole.replace("\"object\":{}", &format!("\"object\":{{\"spec\":{}}}", nested(10_000))),
            bad,
            "recursion limit exceeded",
        ),
        ("a pod", pod.to_string(), bad, "not Pod of v1"),
        ("another version", beta.to_string(), bad, "not AdmissionReview of admission.k8s.io/v1beta1"),
        ("no request", silent.to_string(), bad, "the AdmissionReview must contain a request"),
        ("too large", " ".repeat(9 << 20), StatusCode::PAYLOAD_TOO_LARGE, "length limit exceeded"),
    ]
}

#[test]
fn invalid_bodies_get_a_status_and_a_message() {
    run(async {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            for path in ["/default", "/validate"] {
                for (what, body, status, message) in bodies() {
                    let answer = connect(protocol).await.send(path, Some(Bytes::from(body))).await;
                    // Over HTTP/1.1 a server may close a connection whose body it does not read.
                    let Ok((got, body)) = answer else {
                        assert_eq!(what, "too large");
                        continue;
                    };
                    let body = text(&body);
                    assert_eq!(got, status, "{what}: {body}");
                    assert!(body.contains(message), "{what}: {body}");
                }
            }
        }
    });
}

#[test]
fn an_unknown_kind_is_denied_with_the_uid() {
    run(async {
        let body = review(
            "KasprPod",
            json!({ "apiVersion": "kaspr.io/v1alpha1", "kind": "KasprPod", "metadata": {} }),
        );
        let mut connection = connect(Protocol::Http2).await;
        let (status, answer) =
            connection.send("/validate", Some(Bytes::from(body.to_string()))).await.expect("an answer");
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        assert_eq!(status, StatusCode::OK);
        assert_eq!(answer["response"]["allowed"], false);
        assert_eq!(answer["response"]["uid"], body["request"]["uid"]);
        assert_eq!(answer["response"]["status"]["code"], 400);
        let message = answer["response"]["status"]["message"].as_str().unwrap_or_default();
        assert!(
            message.starts_with("this webhook does not handle kind 'KasprPod' of group 'kaspr.io'"),
            "{message}"
        );
    });
}

#[test]
fn health_and_methods() {
    run(async {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let mut connection = connect(protocol).await;
            for (path, body, status) in [
                ("/healthz", None, StatusCode::OK),
                ("/readyz", None, StatusCode::OK),
                ("/validate", None, StatusCode::METHOD_NOT_ALLOWED),
                ("/nowhere", None, StatusCode::NOT_FOUND),
                ("/healthz", Some(Bytes::new()), StatusCode::METHOD_NOT_ALLOWED),
            ] {
                let (got, _) = connection.send(path, body).await.expect("an answer");
                assert_eq!(got, status, "{path}");
            }
        }
    });
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

#[test]
fn invalid_bodies_do_not_leak_memory() {
    let _ = webhooks();
    let pid = operator().pid();
    run(async {
        let large = Bytes::from(format!("[{}]", "{},".repeat(1 << 20)));
        let mut connection = connect(Protocol::Http2).await;
        let mut send = async |times: usize| {
            for _ in 0..times {
                let (status, _) = connection.send("/validate", Some(large.clone())).await.expect("an answer");
                assert_eq!(status, StatusCode::BAD_REQUEST);
            }
        };
        send(20).await;
        let before = resident_kib(pid);
        send(200).await;
        let after = resident_kib(pid);
        // The bodies are 600 MiB together. Other tests create and delete apps at the same time.
        assert!(after < before + 100 * 1024, "{before} KiB grew to {after} KiB");
    });
}
