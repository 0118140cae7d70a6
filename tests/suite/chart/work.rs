//! An operator that the chart installed and that has used every feature once: with its own permissions, an audit
//! log of its requests, and a Prometheus that scrapes its metrics.

use std::{
    fs,
    process::{Child, Command, Stdio},
    sync::LazyLock,
};

use control_plane::{ControlPlane, Operator};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{
    NAME,
    cluster::{CONFIGURATIONS, Cluster, file, free_port},
    monitoring,
};
use crate::{
    harness::{condition, eventually_quiet, fetch, message, text},
    members::{Member, answer, listeners},
};

/// The operator as the API server knows it.
pub(super) const USER: &str = "system:serviceaccount:kaspr-operator:kaspr-operator";

/// Where the work is.
const SHOP: &str = "shop";

const KOPF: &str = "kopf.zalando.org/last-handled-configuration";

/// What ran, and still runs.
pub(super) struct Work {
    /// Where.
    pub cluster: Cluster,
    /// The URL of the Prometheus that scraped it.
    pub prometheus: String,
    _operator: Operator,
    _prometheus: Child,
}

/// Does the work, once for all tests.
pub(super) fn done() -> &'static Work {
    // A failure here fails all tests.
    static WORK: LazyLock<Work> = LazyLock::new(|| {
        let cluster = Cluster::start(ControlPlane::builder().audit(USER));
        cluster.install(&["settings.initialMaxReplicas=2", "leaderElection.leaseSeconds=6"]);
        let certificate = cluster.certify();
        fails_open(&cluster);
        let operator = cluster.run_polling_operator(&certificate);
        let port = free_port();
        let _prometheus = scrape(&cluster, port);
        Shop::open(&cluster).works();
        quota(&cluster);
        // The API server was there all the time.
        assert!(!operator.log().contains("lost the Lease"), "{}", operator.log());
        Work { cluster, prometheus: format!("http://127.0.0.1:{port}"), _operator: operator, _prometheus }
    });
    &WORK
}

/// Starts a Prometheus that ends when this process does, in whatever way.
fn scrape(cluster: &Cluster, port: u16) -> Child {
    let config = monitoring::write_config(cluster.folder(), cluster.ports.1);
    let keeper = r#""$@" > prometheus.log 2>&1 < /dev/null & pid=$!; read -r _; kill $pid; wait $pid"#;
    let mut command = Command::new("/bin/sh");
    command.args(["-c", keeper, "keeper"]).arg(control_plane::prometheus().expect("prometheus"));
    command.arg(format!("--config.file={}", config.display()));
    command.args(["--storage.tsdb.path=data", &format!("--web.listen-address=127.0.0.1:{port}")]);
    command.current_dir(cluster.folder()).stdin(Stdio::piped()).spawn().expect("a shell")
}

/// No webhook answers yet: with `Ignore`, the API server accepts a resource and counts it. A counter without
/// events has no series.
fn fails_open(cluster: &Cluster) {
    let set = |policy: &str| {
        let patch = json!([{ "op": "replace", "path": "/webhooks/0/failurePolicy", "value": policy }]);
        for kind in CONFIGURATIONS {
            cluster.kubectl(&["patch", kind, NAME, "--type=json", "-p", &patch.to_string()]);
        }
    };
    set("Ignore");
    let app = file("examples/minimal.yaml");
    eventually_quiet("a resource that no webhook validated", || {
        let output = cluster.try_kubectl(&["apply", "--dry-run=server", "-f", "-"], &app);
        if output.status.success() { Ok(()) } else { Err(text(&output.stderr)) }
    });
    set("Fail");
}

struct Shop<'a> {
    cluster: &'a Cluster,
    other: Member,
    leader: Member,
    _runtime: Runtime,
}

impl<'a> Shop<'a> {
    /// Makes an app with two members that answer, and one component of each kind.
    fn open(cluster: &'a Cluster) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let (first, second, port) = listeners();
        let topics = ["clicks", "clicks-app-counts-changelog", "clicks-app-names-changelog"];
        let leader = Member::serve(&runtime, first, answer(true, false, &topics));
        let other = Member::serve(&runtime, second, answer(false, false, &[]));
        cluster.kubectl(&["create", "namespace", SHOP]);
        let shop = Self { cluster, other, leader, _runtime: runtime };
        shop.apply(&include_str!("shop.yaml").replace("6065", &port.to_string()));
        shop
    }

    fn apply(&self, manifests: &str) {
        let output = self.cluster.try_kubectl(&["-n", SHOP, "apply", "-f", "-"], manifests);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    fn kubectl(&self, args: &[&str]) {
        self.cluster.kubectl(&[&["-n", SHOP], args].concat());
    }

    fn patch_app(&self, patch: &Value) {
        self.kubectl(&["patch", "kasprapp", "clicks", "--type=merge", "-p", &patch.to_string()]);
    }

    fn wait_for(&self, kind: &str, name: &str, holds: impl Fn(&Value) -> bool) -> Value {
        self.cluster.wait_for(kind, name, SHOP, |object| {
            self.address_pods();
            holds(object)
        })
    }

    /// Sets the addresses of the members on new pods: the node only simulates pods.
    fn address_pods(&self) {
        for (i, ip) in ["127.0.0.1", "127.0.0.2"].into_iter().enumerate() {
            let name = format!("clicks-app-{i}");
            let pod = self.cluster.get("pod", &name, SHOP);
            if pod["status"]["phase"] == "Running" && pod["status"]["podIP"] != ip {
                self.patch_pod(&pod, &json!({ "podIP": ip, "podIPs": [{ "ip": ip }] }));
            }
        }
    }

    /// The pod may be on its way out, and another one of its name there, which is left alone.
    fn patch_pod(&self, pod: &Value, status: &Value) {
        let (name, uid) = (pod["metadata"]["name"].as_str().unwrap_or_default(), &pod["metadata"]["uid"]);
        let status = json!({ "metadata": { "uid": uid }, "status": status }).to_string();
        let args = ["-n", SHOP, "patch", "pod", name, "--subresource=status", "--type=merge", "-p", &status];
        self.cluster.try_kubectl(&args, "");
    }

    /// Everything, in an order in which one thing does not end what another waits for.
    fn works(&self) {
        self.cluster.refused(&file("examples/refused/config-typo.yaml"));
        self.members();
        self.crashes();
        self.returns();
        self.takes_over();
        self.corrects();
        self.installs();
        self.hangs();
        self.shrinks();
        self.grows();
    }

    fn members(&self) {
        self.wait_for("statefulset", "clicks-app", Value::is_object);
        self.kubectl(&["scale", "statefulset", "clicks-app", "--replicas=2"]);
        self.settled();
        self.kubectl(&["annotate", "kasprapp", "clicks", "kaspr.io/rebalance=true"]);
        self.wait_for("kasprapp", "clicks", |app| annotation(app, "kaspr.io/rebalance").is_null());
        assert!(self.leader.rebalances() > 0);
        let set =
            self.wait_for("statefulset", "clicks-app", |set| set["status"]["updateRevision"].is_string());
        let revision = set["status"]["updateRevision"].as_str().expect("a revision");
        self.kubectl(&["annotate", "kasprapp", "clicks", &format!("kaspr.io/undo={revision}")]);
        self.wait_for("kasprapp", "clicks", |app| annotation(app, "kaspr.io/undo").is_null());
        // Ends the return too.
        self.kubectl(&["annotate", "kasprapp", "clicks", "kaspr.io/roll=true"]);
        self.wait_for("kasprapp", "clicks", |app| annotation(app, "kaspr.io/roll").is_null());
    }

    fn settled(&self) {
        self.wait_for("kasprapp", "clicks", |app| {
            app["status"]["members"].as_array().is_some_and(|members| members.len() == 2)
                && condition(app, "Progressing", "False", "ReconcileComplete")
                && app["status"]["rebalancingMembers"] == "0/2"
        });
    }

    /// The log of the members reports an agent that crashes, with data that the operator must not show.
    fn crashes(&self) {
        let log = self.cluster.plane.pod_log();
        let now = Timestamp::now();
        let lines = include_str!("crash.log").lines().map(|line| format!("{now} stdout F {line}\n"));
        fs::write(&log, lines.collect::<String>()).expect("written");
        let agent = self
            .wait_for("kaspragent", "counter", |agent| condition(agent, "Healthy", "False", "AgentCrashed"));
        let expected = "KeyError: … (operation 'a', line 1); each crash loses the message";
        assert!(message(&agent, "Healthy").ends_with(expected), "{agent}");
        assert!(condition(&agent, "Ready", "True", "Defined"), "{agent}");
        fs::write(&log, "").expect("written");
        let fields = "reason=AgentCrashed,involvedObject.kind=KasprAgent,involvedObject.name=counter";
        let query = ["-n", SHOP, "get", "events", "--field-selector", fields, "-o", "json"];
        eventually_quiet("an event of it", || {
            let said = self.cluster.kubectl(&query);
            if said.contains("KeyError: … (operation 'a', line 1)") { Ok(()) } else { Err(said) }
        });
        let metrics = fetch(&format!("http://127.0.0.1:{}/metrics", self.cluster.ports.1));
        let counted =
            "kasprop_agent_crashes_total{app_name=\"clicks\",component_name=\"counter\",namespace=\"shop\"}";
        assert!(metrics.contains(counted), "{metrics}");
        assert!(!self.cluster.kubectl(&query).contains("alice") && !agent.to_string().contains("alice"));
    }

    /// A change crashes the member that is changed first, and the pods return to the last revision that worked.
    fn returns(&self) {
        let state = "kaspr.io/rollout-state";
        self.wait_for("statefulset", "clicks-app", |set| {
            annotation(set, state)
                .as_str()
                .is_some_and(|text| text.contains("good") && !text.contains("since"))
        });
        let before = self.cluster.get("pod", "clicks-app-1", SHOP)["metadata"]["uid"].clone();
        self.patch_app(&json!({ "spec": { "config": { "schedulerDebugStatsEnabled": true } } }));
        let pod = self.wait_for("pod", "clicks-app-1", |pod| {
            pod["status"]["phase"] == "Running" && pod["metadata"]["uid"] != before
        });
        let crashed = json!([{
            "name": "kaspr", "image": "i", "imageID": "", "ready": false, "restartCount": 2,
            "state": { "waiting": { "reason": "CrashLoopBackOff" } },
            "lastState": { "terminated": { "exitCode": 1, "reason": "Error" } },
        }]);
        let not_ready = ["Ready", "ContainersReady"].map(|name| json!({ "type": name, "status": "False" }));
        self.patch_pod(&pod, &json!({ "conditions": not_ready, "containerStatuses": crashed }));
        self.wait_for("kasprapp", "clicks", |app| condition(app, "Progressing", "False", "RolledBack"));
        let fields = "reason=RolledBack,involvedObject.kind=KasprApp,involvedObject.name=clicks";
        let query = ["-n", SHOP, "get", "events", "--field-selector", fields, "-o", "json"];
        eventually_quiet("an event of it", || {
            let said = self.cluster.kubectl(&query);
            if said.contains("member 1: exit code 1 (2 restarts)") { Ok(()) } else { Err(said) }
        });
        let metrics = fetch(&format!("http://127.0.0.1:{}/metrics", self.cluster.ports.1));
        let counted = "kasprop_rollouts_total{app_name=\"clicks\",namespace=\"shop\",result=\"returned\"} 1";
        assert!(metrics.contains(counted), "{metrics}");
        self.patch_app(&json!({ "spec": { "config": { "schedulerDebugStatsEnabled": null } } }));
        self.settled();
    }

    /// The operator removes the annotation of the Python operator from each kind.
    fn takes_over(&self) {
        for (kind, name) in KINDS {
            self.kubectl(&["annotate", kind, name, &format!("{KOPF}={{}}")]);
            self.wait_for(kind, name, |resource| annotation(resource, KOPF).is_null());
        }
    }

    /// The operator restores objects that another client changed or deleted.
    fn corrects(&self) {
        let patch = r#"{"spec":{"maxReplicas":9}}"#;
        self.kubectl(&["patch", "hpa", "clicks-app-hpa", "--type=merge", "-p", patch]);
        self.wait_for("hpa", "clicks-app-hpa", |hpa| hpa["spec"]["maxReplicas"] == 2);
        for (kind, name) in [("serviceaccount", "clicks-app"), ("service", "clicks-app-api")] {
            self.kubectl(&["delete", kind, name]);
            self.wait_for(kind, name, Value::is_object);
        }
    }

    /// A pod reports that its packages could not be installed.
    fn installs(&self) {
        let said = json!({
            "errorType": "timeout", "message": "too slow", "retries": 2,
            "cacheTotalBytes": 1 << 30, "cacheUsedBytes": 1 << 20,
        });
        let ended = json!({
            "exitCode": 1, "reason": "Error", "message": said.to_string(),
            "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:01:00Z",
        });
        let status = json!([{
            "name": "install-packages", "image": "x", "imageID": "", "ready": false, "restartCount": 1,
            "state": { "terminated": ended },
        }]);
        eventually_quiet("a failed install", || {
            self.address_pods();
            let pod = self.cluster.get("pod", "clicks-app-0", SHOP);
            self.patch_pod(&pod, &json!({ "initContainerStatuses": status }));
            let metrics = fetch(&format!("http://127.0.0.1:{}/metrics", self.cluster.ports.1));
            if metrics.contains("kasprop_package_cache_usage_percent{") { Ok(()) } else { Err(metrics) }
        });
        let fields = "reason=InstallationFailed,involvedObject.kind=KasprApp,involvedObject.name=clicks";
        eventually_quiet("an event of it", || {
            let said = self.cluster.kubectl(&[
                "-n",
                SHOP,
                "get",
                "events",
                "--field-selector",
                fields,
                "-o",
                "json",
            ]);
            if said.contains("(timeout): too slow") { Ok(()) } else { Err(said) }
        });
    }

    fn grows(&self) {
        self.patch_app(&json!({ "spec": { "storage": { "size": "2Gi" } } }));
        self.wait_for("pvc", "clicks-app-pv-clicks-app-1", |claim| {
            claim["spec"]["resources"]["requests"]["storage"] == "2Gi"
        });
        self.settled();
    }

    fn hangs(&self) {
        let before = self.cluster.get("pod", "clicks-app-1", SHOP)["metadata"]["uid"].clone();
        self.other.answers(answer(false, true, &[]));
        self.kubectl(&["annotate", "kasprapp", "clicks", "kaspr.io/hung-rebalancing-threshold-seconds=1"]);
        self.wait_for("pod", "clicks-app-1", |pod| pod.is_object() && pod["metadata"]["uid"] != before);
        self.other.answers(answer(false, false, &[]));
        self.settled();
    }

    /// Objects that are no longer needed are deleted, and a stopped app starts.
    fn shrinks(&self) {
        self.kubectl(&["delete", "kasprjoin", "pairs"]);
        self.wait_for("configmap", "clicks-app-joins", Value::is_null);
        self.patch_app(&json!({ "spec": { "pythonPackages": { "cache": { "enabled": false } } } }));
        self.wait_for("pvc", "clicks-app-python-packages", |claim| {
            claim.is_null() || claim["metadata"]["deletionTimestamp"].is_string()
        });
        self.patch_app(&json!({ "spec": { "replicas": 0 } }));
        for (kind, name) in [("hpa", "clicks-app-hpa"), ("pdb", "clicks-app-pdb")] {
            self.wait_for(kind, name, Value::is_null);
        }
        self.wait_for("statefulset", "clicks-app", |set| set["spec"]["replicas"] == 0);
        self.patch_app(&json!({ "spec": { "replicas": 2 } }));
        self.wait_for("statefulset", "clicks-app", |set| set["spec"]["replicas"] == 2);
        self.settled();
    }
}

/// The resources of the shop.
const KINDS: [(&str, &str); 6] = [
    ("kasprapp", "clicks"),
    ("kaspragent", "counter"),
    ("kasprtable", "counts"),
    ("kasprtask", "sweep"),
    ("kasprwebview", "lookup"),
    ("kasprjoin", "pairs"),
];

fn annotation<'v>(resource: &'v Value, name: &str) -> &'v Value {
    &resource["metadata"]["annotations"][name]
}

/// A namespace whose quota has no room for an app: writes fail.
fn quota(cluster: &Cluster) {
    let small = "small";
    cluster.kubectl(&["create", "namespace", small]);
    cluster.kubectl(&["-n", small, "create", "quota", "none", "--hard=count/statefulsets.apps=0"]);
    cluster
        .wait_for("quota", "none", small, |quota| quota["status"]["hard"]["count/statefulsets.apps"] == "0");
    let app = file("examples/minimal.yaml");
    let output = cluster.try_kubectl(&["-n", small, "apply", "-f", "-"], &app);
    assert!(output.status.success(), "{}", text(&output.stderr));
    cluster.wait_for("kasprapp", "hello", small, |app| condition(app, "Progressing", "False", "Error"));
}
