//! A control plane that runs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;

use crate::api::Api;
use crate::audit;
use crate::authority::Authority;
use crate::builder::{self, Builder};
use crate::error::Error;
use crate::kubeconfig;
use crate::processes::Processes;
use crate::recipes::Site;
use crate::server::{self, Recipe};

/// A Kubernetes control plane of its own on this machine, with a fake node.
///
/// It ends when it is dropped, and also when this process ends without dropping it: it may be kept
/// in a static.
#[derive(Debug)]
pub struct ControlPlane {
    site: Site,
    url: String,
    kubectl: PathBuf,
    authority: Authority,
    api: Api,
    etcd: Recipe,
    api_server: Recipe,
    processes: Mutex<Processes>,
    users: AtomicUsize,
}

impl ControlPlane {
    /// Starts a whole control plane and waits until it is ready: etcd, API server, controller
    /// manager, scheduler, a node that kwok fakes and the default StorageClass `standard`.
    ///
    /// Binaries are taken from the folder that the variable `KUBEBUILDER_ASSETS` names, else from
    /// the user's cache, else built there, which takes minutes and Go.
    ///
    /// # Errors
    /// If a binary can't be found or built, or if a server ends or is not ready in time.
    pub fn start() -> Result<Self, Error> {
        Self::builder().start()
    }

    /// Lets parts of the control plane be left out.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(
        site: Site,
        kubectl: PathBuf,
        authority: Authority,
        api: Api,
        etcd: Recipe,
        api_server: Recipe,
        processes: Processes,
    ) -> Self {
        Self {
            url: site.url(),
            site,
            kubectl,
            authority,
            api,
            etcd,
            api_server,
            processes: Mutex::new(processes),
            users: AtomicUsize::new(0),
        }
    }

    /// A kubeconfig of a cluster admin (group `system:masters`).
    pub fn kubeconfig(&self) -> &Path {
        &self.site.kubeconfig
    }

    /// Writes a kubeconfig of `user`, a member of `groups` and of `system:authenticated`, who may
    /// do what RBAC grants. It goes with the control plane.
    ///
    /// A ServiceAccount is the user `system:serviceaccount:<namespace>:<name>`.
    ///
    /// # Errors
    /// If the user's certificate can't be made or the file can't be written.
    pub fn kubeconfig_for(&self, user: &str, groups: &[&str]) -> Result<PathBuf, Error> {
        let number = self.users.fetch_add(1, Ordering::Relaxed);
        let file = self.site.folder.join(format!("kubeconfig-{number}"));
        let credentials = self.authority.client(user, groups)?;
        kubeconfig::write(&file, &self.url, &self.authority.pem(), &credentials)?;
        Ok(file)
    }

    /// A kubectl command of the cluster admin that keeps its cache with the control plane.
    pub fn kubectl(&self) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.env("KUBECONFIG", self.kubeconfig()).env("HOME", &self.site.folder);
        command
    }

    /// Where kubectl is.
    pub fn kubectl_path(&self) -> &Path {
        &self.kubectl
    }

    /// The URL of the API server, without a slash at its end.
    pub fn server_url(&self) -> &str {
        &self.url
    }

    /// The folder with one `<server>.log` for each server. It goes with the control plane.
    pub fn log_dir(&self) -> PathBuf {
        server::log_dir(&self.site.folder)
    }

    /// Where the API server writes the requests of the user that it audits: one JSON object
    /// a line.
    pub fn audit_log(&self) -> PathBuf {
        self.log_dir().join(audit::LOG)
    }

    /// The Unix socket of the proxy to what is inside the cluster, for the test that plays it: see
    /// [`Builder::proxy_to_cluster`].
    pub fn cluster_socket(&self) -> PathBuf {
        self.site.cluster_socket()
    }

    /// What each container says, for the test that plays it, a line as `<time> stdout F <text>`: see
    /// [`Builder::kubelet`].
    pub fn pod_log(&self) -> PathBuf {
        self.site.pod_log()
    }

    /// The name and process id of each server that runs.
    pub fn pids(&self) -> Vec<(&'static str, u32)> {
        self.processes().pids()
    }

    /// Creates a namespace whose name is `prefix`, a dash and something unique.
    ///
    /// # Errors
    /// If the API server does not create it.
    pub fn new_namespace(&self, prefix: &str) -> Result<String, Error> {
        let namespace = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"generateName": format!("{prefix}-")},
        });
        let created = self.api.create("/api/v1/namespaces", &namespace)?;
        let name = created["metadata"]["name"].as_str().unwrap_or_default();
        Ok(name.to_owned())
    }

    /// Runs cert-manager's own controllers, for issuers of the kinds `selfSigned` and `ca`, and its
    /// injector of CAs. Its CRDs must be there; its webhook is not.
    ///
    /// # Errors
    /// If it can't be found, built or started.
    pub fn run_cert_manager(&self) -> Result<(), Error> {
        self.processes().start(&self.site.cert_manager()?)
    }

    /// Takes the API server away, as a crash would. Does nothing when it is away.
    pub fn stop_api_server(&self) {
        self.processes().stop(&self.api_server);
    }

    /// Brings the API server back on the same port, with all that was stored, and waits until it
    /// is ready. Does nothing when it is there.
    ///
    /// The other servers were there all the time; they find it again by themselves, which takes
    /// them longer the longer it was away.
    ///
    /// # Errors
    /// If the API server ends or is not ready in time.
    pub fn start_api_server(&self) -> Result<(), Error> {
        let mut processes = self.processes();
        if !processes.has(&self.api_server) {
            processes.start(&self.api_server)?;
        }
        let ready = processes.wait_until(&self.api_server, || builder::is_serving(&self.api));
        if ready.is_err() {
            // So that it can be tried again.
            processes.stop(&self.api_server);
        }
        ready
    }

    /// Takes etcd away, as a crash would: the API server answers, and can neither read nor write.
    /// Does nothing when it is away.
    pub fn stop_etcd(&self) {
        self.processes().stop(&self.etcd);
    }

    /// Brings etcd back on the same port, with all that was stored, and waits until the API server
    /// is ready again. Does nothing when it is there.
    ///
    /// # Errors
    /// If etcd ends, or if one of the two is not ready in time.
    pub fn start_etcd(&self) -> Result<(), Error> {
        let mut processes = self.processes();
        if !processes.has(&self.etcd) {
            processes.start(&self.etcd)?;
        }
        let open = processes.wait_until(&self.etcd, || builder::is_open(self.site.etcd_port));
        if open.is_err() {
            // So that it can be tried again.
            processes.stop(&self.etcd);
        }
        open?;
        processes.wait_until(&self.api_server, || builder::is_serving(&self.api))
    }

    fn processes(&self) -> MutexGuard<'_, Processes> {
        // A test that panicked meanwhile has not left the list of processes half changed.
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
