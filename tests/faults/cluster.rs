//! One control plane, and one operator at a time that reaches it through the proxy.

use std::{
    env, io,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use control_plane::{ControlPlane, Operator};
use kube::{
    Api, Client, Config,
    api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::{
    plan::{Fault, LOST, Plan},
    proxy,
};

/// How much of the operator's log goes with a failure.
const LOG_LINES: usize = 12;

/// The name of both configurations of webhooks.
const WEBHOOKS: &str = "kaspr-operator";

/// Where a configuration says how the API server reaches a webhook.
const URL: &str = ".webhooks[0].clientConfig.url";

/// What a campaign runs on.
pub(crate) struct Cluster {
    plane: ControlPlane,
    /// Reaches the API server without the proxy.
    pub client: Client,
    /// What goes wrong between operator and API server.
    pub plan: Arc<Plan>,
    /// How the operator finds the proxy.
    kubeconfig: PathBuf,
    operator: Mutex<Option<Operator>>,
    started: AtomicUsize,
    /// Held by the one who kills and restarts.
    hands: Mutex<()>,
}

impl Cluster {
    /// Starts everything and waits until it is ready.
    pub(crate) async fn start() -> io::Result<Self> {
        let plane = block_in_place(ControlPlane::start).map_err(io::Error::other)?;
        let plan = Arc::new(Plan::new());
        let client = client(&plane).await?;
        let proxy = proxy::serve(client.clone(), plan.clone()).await?;
        let kubeconfig = plane.log_dir().join("kubeconfig-of-proxy");
        std::fs::write(&kubeconfig, pointing_to(&format!("http://{proxy}")))?;
        let (operator, started) = (Mutex::default(), AtomicUsize::default());
        let hands = Mutex::default();
        let cluster = Self { plane, client, plan, kubeconfig, operator, started, hands };
        cluster.start_operator()?;
        Ok(cluster)
    }

    /// Starts an operator and waits until it is ready.
    pub(crate) fn start_operator(&self) -> io::Result<()> {
        block_in_place(|| {
            let number = self.started.fetch_add(1, Ordering::Relaxed);
            let log = self.plane.log_dir().join(format!("kaspr-operator-{number}.log"));
            let mut operator = Operator::start(&binary()?, &self.kubeconfig, &log, &["--local"])?;
            operator.ready()?;
            *self.operator() = Some(operator);
            Ok(())
        })
    }

    /// Kills the operator as a node that dies would.
    pub(crate) fn kill_operator(&self) -> io::Result<()> {
        block_in_place(|| {
            let Some(operator) = self.operator().take() else { return Ok(()) };
            Command::new("kill").args(["-KILL", &operator.pid().to_string()]).status().map(drop)
            // Dropping it waits until it has ended.
        })
    }

    /// Does what the plan can't do by itself.
    pub(crate) fn attend(&self, namespace: &str) -> io::Result<()> {
        let Some(fault) = self.plan.to_attend(namespace) else { return Ok(()) };
        let _hands = block_in_place(|| self.hands.lock().unwrap_or_else(PoisonError::into_inner));
        match fault {
            Fault::Webhooks => block_in_place(|| self.without_webhooks_for(LOST))?,
            Fault::ApiServer => block_in_place(|| {
                self.plane.stop_api_server();
                self.plane.start_api_server().map_err(io::Error::other)
            })?,
            Fault::Etcd => block_in_place(|| {
                self.plane.stop_etcd();
                self.plane.start_etcd().map_err(io::Error::other)
            })?,
            _ => {
                self.kill_operator()?;
                self.plan.thaw();
                let started = self.start_operator();
                self.plan.restarted();
                started?;
            }
        }
        self.plan.attended(namespace);
        Ok(())
    }

    /// Lets the API server look for the webhooks where nothing listens.
    fn without_webhooks_for(&self, time: Duration) -> io::Result<()> {
        let kinds = ["mutatingwebhookconfiguration", "validatingwebhookconfiguration"];
        let urls = kinds.map(|kind| self.kubectl(&["get", kind, WEBHOOKS, &format!("-ojsonpath={{{URL}}}")]));
        let point = |kind: &str, url: &str| {
            let patch = json!([{"op": "replace", "path": "/webhooks/0/clientConfig/url", "value": url}]);
            self.kubectl(&["patch", kind, WEBHOOKS, "--type=json", "-p", &patch.to_string()]).map(drop)
        };
        for kind in kinds {
            point(kind, "https://127.0.0.1:9/")?;
        }
        self.plan.set_without_webhooks(true);
        std::thread::sleep(time);
        self.plan.set_without_webhooks(false);
        for (kind, url) in kinds.into_iter().zip(urls) {
            point(kind, &url?)?;
        }
        Ok(())
    }

    fn kubectl(&self, args: &[&str]) -> io::Result<String> {
        let output = self.plane.kubectl().args(args).output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Makes a namespace.
    pub(crate) fn namespace(&self, prefix: &str) -> io::Result<String> {
        block_in_place(|| self.plane.new_namespace(prefix)).map_err(io::Error::other)
    }

    /// Applies manifests one after the other as a user does: what is no longer in one goes.
    pub(crate) async fn apply(&self, namespace: &str, manifests: &[Value]) -> kube::Result<()> {
        let params = PatchParams::apply("user").force();
        for manifest in manifests {
            let kind = manifest["kind"].as_str().unwrap_or_default();
            let name = manifest["metadata"]["name"].as_str().unwrap_or_default();
            self.api(namespace, kind).patch(name, &params, &Patch::Apply(manifest)).await?;
        }
        Ok(())
    }

    /// Changes an object with a merge patch.
    pub(crate) async fn patch(
        &self,
        namespace: &str,
        kind: &str,
        name: &str,
        patch: &Value,
    ) -> kube::Result<()> {
        let params = PatchParams { field_manager: Some("user".to_owned()), ..PatchParams::default() };
        self.api(namespace, kind).patch(name, &params, &Patch::Merge(patch)).await.map(drop)
    }

    /// Deletes an object; one that is gone is as good.
    pub(crate) async fn delete(&self, namespace: &str, kind: &str, name: &str) -> kube::Result<()> {
        match self.api(namespace, kind).delete(name, &DeleteParams::background()).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            other => other.map(drop),
        }
    }

    /// Deletes a namespace: first what would be recreated during the deletion. Does not wait for the end.
    pub(crate) async fn clean_up(&self, namespace: &str) {
        for kind in ["KasprApp", "KasprAgent", "KasprTable"] {
            let everything = ListParams::default();
            _ = self.api(namespace, kind).delete_collection(&DeleteParams::background(), &everything).await;
        }
        let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(self.client.clone());
        _ = namespaces.delete(namespace, &DeleteParams::background()).await;
    }

    /// Takes the webhooks away, so that anything can be written that the CRDs allow. They come back
    /// with the next operator.
    pub(crate) async fn without_webhooks(&self) -> kube::Result<()> {
        for kind in ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"] {
            let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource(kind));
            api.delete(WEBHOOKS, &DeleteParams::default()).await?;
        }
        Ok(())
    }

    /// The end of what the operator's log says of a namespace, shortened.
    pub(crate) fn log(&self, namespace: &str) -> String {
        let lines = self.operator().as_ref().map(Operator::lines).unwrap_or_default();
        let about = lines.iter().filter(|line| line.to_string().contains(namespace));
        let words = |line: &Value| {
            let fields = ["timestamp", "level", "kind", "message", "object", "error"];
            fields.map(|field| line[field].as_str().unwrap_or_default()).join(" ")
        };
        let about: Vec<String> = about.map(words).collect();
        about[about.len().saturating_sub(LOG_LINES)..].join("\n")
    }

    /// The logs of operators that panicked.
    pub(crate) fn panics(&self) -> Vec<String> {
        let logs = (0..self.started.load(Ordering::Relaxed))
            .map(|number| self.plane.log_dir().join(format!("kaspr-operator-{number}.log")));
        logs.filter_map(|log| std::fs::read_to_string(log).ok())
            .filter(|log| log.contains("panicked"))
            .collect()
    }

    /// The API of a kind.
    pub(crate) fn api(&self, namespace: &str, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &resource(kind))
    }

    fn operator(&self) -> MutexGuard<'_, Option<Operator>> {
        self.operator.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the API server knows a kind.
fn resource(kind: &str) -> ApiResource {
    let (group, version) = match kind {
        "StatefulSet" | "ControllerRevision" => ("apps", "v1"),
        "PodDisruptionBudget" => ("policy", "v1"),
        "HorizontalPodAutoscaler" => ("autoscaling", "v2"),
        "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => {
            ("admissionregistration.k8s.io", "v1")
        }
        kind if kind.starts_with("Kaspr") => ("kaspr.io", "v1alpha1"),
        _ => ("", "v1"),
    };
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

async fn client(plane: &ControlPlane) -> io::Result<Client> {
    let kubeconfig = Kubeconfig::read_from(plane.kubeconfig()).map_err(io::Error::other)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let mut config = config.map_err(io::Error::other)?;
    // What the API server says is what the operator is to hear.
    config.default_retry = false;
    Client::try_from(config).map_err(io::Error::other)
}

fn pointing_to(url: &str) -> String {
    let name = "proxy";
    // JSON is YAML.
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url}}],
        "users": [{"name": name, "user": {}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    })
    .to_string()
}

/// The operator's binary, which cargo puts next to the folder with this one.
fn binary() -> io::Result<PathBuf> {
    let this = env::current_exe()?;
    let profile = this.ancestors().nth(2).unwrap_or(Path::new("."));
    Ok(profile.join("kaspr-operator"))
}
