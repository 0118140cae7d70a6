//! Members that answer over HTTP: what the status says of them, and what is done about it.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, routing};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    harness::{Namespace, condition, eventually, metrics, text},
    plugin::within,
};

/// A member's web server: what it answers, and how often it was asked for a rebalance.
#[derive(Clone)]
pub(crate) struct Member(Arc<Mutex<(Value, usize)>>);

/// How long a rebalance of these members takes.
const REBALANCE: Duration = Duration::from_secs(3);

impl Member {
    /// Serves on the address.
    pub(crate) fn serve(runtime: &Runtime, listener: TcpListener, answer: Value) -> Self {
        let member = Self(Arc::new(Mutex::new((answer, 0))));
        let routes = Router::new()
            .route("/shop/status/", routing::get(Self::status))
            .route("/shop/signal/rebalance", routing::post(Self::rebalance))
            .with_state(member.clone());
        listener.set_nonblocking(true).expect("a socket");
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, routes).await
        });
        member
    }

    fn with<T>(&self, look: impl FnOnce(&mut (Value, usize)) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn status(State(member): State<Self>) -> Json<Value> {
        Json(member.with(|(answer, ..)| answer.clone()))
    }

    /// The framework's handler returns nothing, which its server takes for an error.
    async fn rebalance(State(member): State<Self>) -> StatusCode {
        member.with(|(answer, asked)| {
            *asked += 1;
            answer["rebalancing"] = json!(true);
        });
        tokio::spawn(async move {
            tokio::time::sleep(REBALANCE).await;
            member.with(|(answer, _)| answer["rebalancing"] = json!(false));
        });
        StatusCode::INTERNAL_SERVER_ERROR
    }

    pub(crate) fn answers(&self, answer: Value) {
        self.with(|member| member.0 = answer);
    }

    pub(crate) fn rebalances(&self) -> usize {
        self.with(|member| member.1)
    }
}

/// An app with two members on addresses of this machine.
struct Cluster {
    namespace: Namespace,
    leader: Member,
    other: Member,
    _runtime: Runtime,
}

pub(crate) fn answer(leader: bool, rebalancing: bool, topics: &[&str]) -> Value {
    let actives: Value = topics.iter().map(|topic| ((*topic).to_owned(), json!([0, 1]))).collect();
    json!({
        "leader": leader, "rebalancing": rebalancing, "recovering": false,
        "assignment": { "actives": actives, "standbys": {} }, "table_metadata": {},
    })
}

/// A number that is new each time.
fn nonce() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What the app's two members hold when all is well.
const TOPICS: [&str; 2] = ["clicks", "clicks-app-counts-changelog"];

/// Two addresses with a port that both have free.
pub(crate) fn listeners() -> (TcpListener, TcpListener, u16) {
    eventually("a free port", || {
        let first = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        let port = first.local_addr().map_err(|error| error.to_string())?.port();
        let second = TcpListener::bind(SocketAddr::from(([127, 0, 0, 2], port)));
        Ok((first, second.map_err(|error| error.to_string())?, port))
    })
}

impl Cluster {
    fn new(prefix: &str, annotations: &str) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let (first, second, port) = listeners();
        let leader = Member::serve(&runtime, first, answer(true, false, &TOPICS));
        let other = Member::serve(&runtime, second, answer(false, false, &[]));
        let namespace = Namespace::new(prefix);
        // The components come first: one that is added to running members asks for a rebalance.
        namespace.apply(&format!(
            "
apiVersion: kaspr.io/v1alpha1
kind: KasprTable
metadata: {{name: counts, labels: {{kaspr.io/app: clicks}}}}
spec: {{name: counts, partitions: 2}}
---
apiVersion: kaspr.io/v1alpha1
kind: KasprAgent
metadata: {{name: counter, labels: {{kaspr.io/app: clicks}}}}
spec:
  input: {{topic: {{name: clicks}}}}
  processors: {{pipeline: [a], operations: [{{name: a, map: {{python: 'def f(v): return v'}}}}]}}
---
apiVersion: kaspr.io/v1alpha1
kind: KasprApp
metadata: {{name: clicks, annotations: {{{annotations}}}}}
spec:
  replicas: 2
  bootstrapServers: kafka:9092
  authentication: {{type: scram-sha-512, username: u, passwordSecret: {{secretName: s, passwordKey: p}}}}
  storage: {{type: ephemeral}}
  config: {{webPort: {port}, webBasePath: /shop, topicPartitions: 2}}
"
        ));
        namespace.wait_for("statefulset", "clicks-app", |set| !set.is_null());
        namespace.run(&["scale", "statefulset", "clicks-app", "--replicas=2"]);
        Self { namespace, leader, other, _runtime: runtime }
    }

    /// Sets the addresses of new pods to those of the members: the node only simulates pods.
    fn address_pods(&self) {
        for (i, ip) in ["127.0.0.1", "127.0.0.2"].into_iter().enumerate() {
            let name = format!("clicks-app-{i}");
            let pod = self.namespace.get("pod", &name);
            if pod["status"]["phase"] == "Running" && pod["status"]["podIP"] != ip {
                let status = json!({ "podIP": ip, "podIPs": [{ "ip": ip }] });
                // The pod may be on its way out, and another one of its name there, which is left alone.
                let patch =
                    json!({ "metadata": { "uid": pod["metadata"]["uid"] }, "status": status }).to_string();
                let args = ["patch", "pod", &name, "--subresource=status", "--type=merge", "-p", &patch];
                self.namespace.kubectl(&args, "");
            }
        }
    }

    /// Waits for an app that satisfies a condition.
    fn wait_for(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        eventually(what, || {
            self.address_pods();
            let app = self.namespace.get("kasprapp", "clicks");
            if holds(&app) { Ok(app) } else { Err(app.to_string()) }
        })
    }

    /// Changes the app, so that the operator polls the members now: no watch reports their state.
    fn touch(&self) {
        self.namespace.run(&["label", "kasprapp", "clicks", "--overwrite", &format!("touched={}", nonce())]);
    }

    fn settled(&self) -> Value {
        self.wait_for("two members", |app| {
            app["status"]["members"].as_array().is_some_and(|members| members.len() == 2)
                && condition(app, "Progressing", "False", "ReconcileComplete")
                && condition(app, "Ready", "True", "Healthy")
                && app["status"]["rebalanceRequired"] == false
        })
    }

    fn has_event(&self, reason: &str) -> bool {
        let events = self.namespace.list("events");
        events.iter().any(|event| event["reason"] == reason)
    }
}

#[test]
fn members_are_shown_and_rebalance_on_request() {
    let cluster = Cluster::new("members", "kaspr.io/auto-rebalance: 'false'");
    let app = cluster.settled();
    assert_eq!(app["status"]["availableMembers"], "2/2");
    assert_eq!(app["status"]["rebalancingMembers"], "0/2");
    let pod = cluster.namespace.get("pod", "clicks-app-0");
    let member = &app["status"]["members"][0];
    assert_eq!(member["id"], 0);
    assert_eq!(member["leader"], true);
    assert_eq!(member["podUID"], pod["metadata"]["uid"]);
    assert_eq!(member["podCreationTime"], pod["metadata"]["creationTimestamp"]);
    let since = app["status"]["members"][1]["lastTransitionTime"].clone();

    cluster.other.answers(answer(false, true, &[]));
    cluster.touch();
    let app = cluster.wait_for("a rebalance", |app| app["status"]["rebalancingMembers"] == "1/2");
    assert_eq!(app["status"]["members"][0]["lastTransitionTime"], member["lastTransitionTime"]);
    assert_ne!(app["status"]["members"][1]["lastTransitionTime"], since);
    cluster.other.answers(answer(false, false, &[]));
    cluster.settled();

    let said = within(&cluster.namespace, &["rebalance", "clicks", "--wait", "--timeout", "2m"], "").ok();
    assert!(said.contains("the rebalance began and ended"), "{said}");
    assert!(
        cluster.namespace.get("kasprapp", "clicks")["metadata"]["annotations"]["kaspr.io/rebalance"]
            .is_null()
    );
    assert_eq!(cluster.leader.rebalances(), 1);
    assert_eq!(cluster.other.rebalances(), 0);
    assert!(cluster.has_event("Rebalance"));
    a_manifest_requests_one_rebalance_for_each_value(&cluster);
}

fn a_manifest_requests_one_rebalance_for_each_value(cluster: &Cluster) {
    let sync = |value: &str| {
        let manifest = json!({
            "apiVersion": "kaspr.io/v1alpha1",
            "kind": "KasprApp",
            "metadata": {
                "name": "clicks",
                "annotations": {"kaspr.io/rebalance": value, "kaspr.io/auto-rebalance": "false"},
            },
            "spec": cluster.namespace.get("kasprapp", "clicks")["spec"],
        });
        let args = ["apply", "--server-side", "--force-conflicts", "--field-manager=gitops", "-f", "-"];
        let output = cluster.namespace.kubectl(&args, &manifest.to_string());
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    let requested = |count: usize, value: &str| {
        sync(value);
        cluster.wait_for("a request", |app| {
            cluster.leader.rebalances() == count && app["status"]["lastRebalanceRequest"] == value
        });
        cluster.settled();
    };
    requested(2, "first");
    sync("first");
    // A request by the command line between two syncs is one of its own.
    within(&cluster.namespace, &["rebalance", "clicks", "--wait", "--timeout", "2m"], "").ok();
    sync("first");
    requested(4, "second");
}

#[test]
fn a_topic_that_no_member_is_assigned_is_named_and_a_rebalance_requested() {
    let cluster = Cluster::new("unassigned", "");
    cluster.settled();
    let before = cluster.leader.rebalances();
    cluster.leader.answers(answer(true, false, &["clicks-app-counts-changelog"]));
    cluster.touch();
    let app = cluster.wait_for("the topic", |app| app["status"]["unassignedTopics"] == json!(["clicks"]));
    // The status is written concurrently with the rebalance that it reports.
    cluster.wait_for("a rebalance", |_| cluster.leader.rebalances() == before + 1);
    assert!(condition(&app, "Ready", "False", "NotReady"), "{app}");
    assert!(app["status"]["conditions"].to_string().contains("clicks"), "{app}");
    cluster.leader.answers(answer(true, false, &TOPICS));
    let app = cluster.settled();
    assert_eq!(app["status"]["unassignedTopics"], Value::Null);
    assert_eq!(cluster.leader.rebalances(), before + 1);
}

#[test]
fn other_topics_ask_for_a_rebalance_after_the_rollout() {
    let cluster = Cluster::new("subscribe", "");
    cluster.settled();
    let before = cluster.leader.rebalances();
    let with_another = ["clicks", "clicks-app-counts-changelog", "clicks-app-names-changelog"];
    cluster.leader.answers(answer(true, false, &with_another));
    cluster.namespace.apply(
        "
apiVersion: kaspr.io/v1alpha1
kind: KasprTable
metadata: {name: names, labels: {kaspr.io/app: clicks}}
spec: {name: names, partitions: 2}
",
    );
    cluster.wait_for("the rollout", |app| {
        app["status"]["linkedResources"]["tables"].as_array().is_some_and(|tables| tables.len() == 2)
    });
    cluster.settled();
    assert_eq!(cluster.leader.rebalances(), before + 1);
}

#[test]
fn a_member_that_hangs_is_ended_once() {
    let cluster = Cluster::new("hung", "kaspr.io/hung-rebalancing-threshold-seconds: '1'");
    cluster.settled();
    let uid = |name: &str| cluster.namespace.get("pod", name)["metadata"]["uid"].clone();
    let (healthy, hanging) = (uid("clicks-app-0"), uid("clicks-app-1"));
    cluster.other.answers(answer(false, true, &[]));
    cluster.touch();
    cluster.wait_for("a hung member", |app| condition(app, "Ready", "False", "HungMembers"));
    eventually("another pod", || {
        let now = uid("clicks-app-1");
        if now.is_null() || now == hanging { Err(now.to_string()) } else { Ok(()) }
    });
    cluster.other.answers(answer(false, false, &[]));
    cluster.settled();
    assert_eq!(uid("clicks-app-0"), healthy);
    assert!(cluster.has_event("HungMemberTerminated"));
}

/// How many looks in a row saw the second member hang, as the operator's metrics say.
fn strikes(namespace: &str) -> u32 {
    let whose = [format!("namespace=\"{namespace}\""), "member_id=\"1\"".to_owned()];
    let text = metrics();
    let line = text.lines().find(|line| {
        line.starts_with("kasprop_hung_member_consecutive_detections{")
            && whose.iter().all(|label| line.contains(label.as_str()))
    });
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
}

#[test]
fn a_member_that_hangs_and_is_left_alone_is_counted() {
    let annotations = "kaspr.io/hung-member-detection-enabled: 'false', \
                       kaspr.io/hung-rebalancing-threshold-seconds: '1'";
    let cluster = Cluster::new("alone", annotations);
    cluster.settled();
    let uid = || cluster.namespace.get("pod", "clicks-app-1")["metadata"]["uid"].clone();
    let hanging = uid();
    cluster.other.answers(answer(false, true, &[]));
    cluster.touch();
    // At the third look it would have been ended.
    let app = cluster.wait_for("a fifth look", |_| strikes(&cluster.namespace.name) >= 5);
    assert!(condition(&app, "Ready", "True", "Healthy"), "{app}");
    assert_eq!(uid(), hanging);
    assert!(!cluster.has_event("HungMemberTerminated"));
    cluster.other.answers(answer(false, false, &[]));
    cluster.wait_for("the end of it", |_| strikes(&cluster.namespace.name) == 0);
}
