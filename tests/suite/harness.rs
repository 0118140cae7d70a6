//! One control plane and one operator for all tests; each test takes a namespace of its own.

use std::{
    env,
    io::Write,
    path::Path,
    process::{Output, Stdio},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};

use control_plane::{ControlPlane, Operator};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;

/// How long a condition may take to come true on a loaded machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// The operator's binary.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_kaspr-operator");

/// A namespace on the shared control plane, with the shared operator running.
pub(crate) struct Namespace {
    /// Its name.
    pub name: String,
    plane: &'static ControlPlane,
}

/// What all tests share.
struct Shared {
    plane: ControlPlane,
    operator: Mutex<Operator>,
    webhooks: String,
    /// The URL of the metrics.
    metrics: String,
}

fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let plane = ControlPlane::start().expect("a control plane");
        let log = plane.log_dir().join("kaspr-operator.log");
        let mut operator =
            Operator::start(Path::new(BINARY), plane.kubeconfig(), &log, &["--local"]).expect("an operator");
        let webhooks = operator.ready().expect("a ready operator");
        let line = operator.wait_for(|line| line["message"] == "starting").expect("a first line");
        let metrics = line["metrics"].as_str().expect("an address").to_owned();
        Shared { plane, operator: Mutex::new(operator), webhooks, metrics }
    })
}

/// The shared control plane, with the shared operator running.
pub(crate) fn plane() -> &'static ControlPlane {
    &shared().plane
}

/// The shared operator.
pub(crate) fn operator() -> MutexGuard<'static, Operator> {
    shared().operator.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The URL of the shared operator's webhooks.
pub(crate) fn webhooks() -> &'static str {
    &shared().webhooks
}

/// The shared operator's metrics.
pub(crate) fn metrics() -> String {
    fetch(&shared().metrics)
}

/// What is answered at a URL.
pub(crate) fn fetch(url: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let url = url.parse().expect("an address");
    runtime.block_on(async {
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        let response = client.get(url).await.expect("an answer");
        text(&response.into_body().collect().await.expect("a body").to_bytes())
    })
}

impl Namespace {
    /// Makes a namespace.
    pub(crate) fn new(prefix: &str) -> Self {
        let plane = plane();
        Self { name: plane.new_namespace(prefix).expect("a namespace"), plane }
    }

    /// Makes a namespace of that name: for the one test that needs it.
    pub(crate) fn named(name: &str) -> Self {
        let plane = plane();
        let made = kubectl_of(plane, &["create", "namespace", name], "");
        assert!(made.status.success(), "{}", text(&made.stderr));
        Self { name: name.to_owned(), plane }
    }

    /// The namespace for which the webhooks are not called, so that invalid resources reach the operator.
    pub(crate) fn without_webhooks() -> Self {
        Self { name: "kube-system".to_owned(), plane: plane() }
    }

    /// Runs kubectl in the namespace with a text as its input.
    pub(crate) fn kubectl(&self, args: &[&str], input: &str) -> Output {
        kubectl_of(self.plane, &[&["-n", &self.name], args].concat(), input)
    }

    /// Applies manifests that must be accepted. Returns the warnings.
    pub(crate) fn apply(&self, manifests: &str) -> String {
        let output = self.kubectl(&["apply", "-f", "-"], manifests);
        assert!(output.status.success(), "{}\n{manifests}", text(&output.stderr));
        text(&output.stderr)
    }

    /// Applies manifests that must be refused. Returns kubectl's message.
    pub(crate) fn refused(&self, manifests: &str) -> String {
        let output = self.kubectl(&["apply", "-f", "-"], manifests);
        assert!(!output.status.success(), "accepted:\n{manifests}");
        text(&output.stderr)
    }

    /// Runs kubectl and expects it to succeed. Returns its output.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        let output = self.kubectl(args, "");
        assert!(output.status.success(), "kubectl {}: {}", args.join(" "), text(&output.stderr));
        text(&output.stdout)
    }

    /// An object, or null.
    pub(crate) fn get(&self, kind: &str, name: &str) -> Value {
        let output = self.kubectl(&["get", kind, name, "-o", "json"], "");
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// All objects of the kinds.
    pub(crate) fn list(&self, kinds: &str) -> Vec<Value> {
        let mut list: Value = serde_json::from_str(&self.run(&["get", kinds, "-o", "json"])).expect("JSON");
        list["items"].as_array_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Waits for an object that satisfies a condition.
    pub(crate) fn wait_for(&self, kind: &str, name: &str, holds: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("{kind} {name}"), || {
            let object = self.get(kind, name);
            if holds(&object) { Ok(object) } else { Err(object.to_string()) }
        })
    }
}

/// Tries until it succeeds; fails with the last error and the shared operator's log after the
/// deadline.
pub(crate) fn eventually<T>(what: &str, attempt: impl FnMut() -> Result<T, String>) -> T {
    retry(attempt).unwrap_or_else(|error| {
        panic!("{what} did not come true: {error}\nthe operator's log:\n{}", operator().log())
    })
}

/// The same for a test that has an operator of its own.
pub(crate) fn eventually_quiet<T>(what: &str, attempt: impl FnMut() -> Result<T, String>) -> T {
    retry(attempt).unwrap_or_else(|error| panic!("{what} did not come true: {error}"))
}

fn retry<T>(mut attempt: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let begun = Instant::now();
    loop {
        match attempt() {
            Err(_) if begun.elapsed() < DEADLINE => thread::sleep(Duration::from_millis(50)),
            result => return result,
        }
    }
}

/// Runs kubectl against a control plane.
pub(crate) fn kubectl_of(plane: &ControlPlane, args: &[&str], input: &str) -> Output {
    let mut child = plane
        .kubectl()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubectl");
    child.stdin.take().expect("an input").write_all(input.as_bytes()).expect("written");
    child.wait_with_output().expect("output")
}

/// Bytes as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether a condition of a resource has this status and reason.
pub(crate) fn condition(object: &Value, kind: &str, status: &str, reason: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|c| c["type"] == kind && c["status"] == status && c["reason"] == reason)
}

/// Returns the message of a condition.
pub(crate) fn message(object: &Value, r#type: &str) -> String {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let found = conditions.iter().find(|condition| condition["type"] == r#type);
    found.and_then(|condition| condition["message"].as_str()).unwrap_or_default().to_owned()
}
