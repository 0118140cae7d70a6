//! What the API server is to write down of a user's requests.

use serde_json::{Value, json};

/// The file with the policy, in the plane's folder.
pub(crate) const POLICY: &str = "audit.json";

/// The file with the requests, among the logs.
pub(crate) const LOG: &str = "audit.log";

/// Size in MiB at which the log would be cut off and begun anew: a reader wants all of it.
const NEVER: u32 = 1_000_000;

/// Who, what and when of all requests of `user`, and nothing of others.
pub(crate) fn policy(user: &str) -> Value {
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata", "users": [user]}, {"level": "None"}],
    })
}

/// The audit policy of the API server.
pub(crate) fn flags() -> [String; 3] {
    [
        format!("--audit-policy-file={POLICY}"),
        format!("--audit-log-path=logs/{LOG}"),
        format!("--audit-log-maxsize={NEVER}"),
    ]
}
