//! The command line of each server, and the files that it names.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::audit;
use crate::authority::{self, Authority, Pair};
use crate::binaries;
use crate::builder::Options;
use crate::error::{Context, Error};
use crate::fake_members;
use crate::pins::Binary;
use crate::server::Recipe;

/// Requests per second and at once that servers allow themselves: tests are not to be slowed.
const QPS: u32 = 500;
const BURST: u32 = 1000;

const POD_LOG: &str = "pod.log";

/// What the servers of one control plane share.
#[derive(Debug)]
pub(crate) struct Site {
    /// All files are kept here.
    pub folder: PathBuf,
    /// Where etcd listens.
    pub etcd_port: u16,
    /// Where the API server listens.
    pub api_port: u16,
    /// Where kwok listens as a kubelet, if it is to.
    pub kubelet_port: u16,
    /// Credentials of a cluster admin.
    pub kubeconfig: PathBuf,
}

impl Site {
    /// The URL of the API server.
    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.api_port)
    }

    /// Where the API server looks for the proxy to what is inside the cluster.
    pub(crate) fn cluster_socket(&self) -> PathBuf {
        self.folder.join("cluster.sock")
    }

    /// What kwok shows as the log of each container, in the format of container runtimes.
    pub(crate) fn pod_log(&self) -> PathBuf {
        self.folder.join(POD_LOG)
    }

    /// What the API server keeps objects in.
    pub(crate) fn etcd(&self) -> Result<Recipe, Error> {
        let url = format!("http://127.0.0.1:{}", self.etcd_port);
        // Never dialled: there are no peers. It only has to be the same in both places.
        let peer = "http://127.0.0.1:1";
        recipe(
            Binary::Etcd,
            &[
                "--unsafe-no-fsync",
                "--data-dir=etcd",
                &format!("--listen-client-urls={url}"),
                &format!("--advertise-client-urls={url}"),
                "--listen-peer-urls=http://127.0.0.1:0",
                &format!("--initial-advertise-peer-urls={peer}"),
                &format!("--initial-cluster=default={peer}"),
            ],
        )
    }

    /// Also writes the keys and certificates that the server starts with, and what it is to do beyond
    /// the usual.
    pub(crate) fn api_server(&self, authority: &Authority, options: Options) -> Result<Recipe, Error> {
        self.write_file("ca.crt", &authority.pem())?;
        self.write_pair("server", &authority.server()?)?;
        self.write_pair("tokens", &authority::token_keys()?)?;
        let mut server = recipe(
            Binary::ApiServer,
            &[
                &format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port),
                &format!("--secure-port={}", self.api_port),
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                "--service-cluster-ip-range=10.96.0.0/16",
                "--tls-cert-file=server.crt",
                "--tls-private-key-file=server.key",
                "--client-ca-file=ca.crt",
                "--authorization-mode=RBAC",
                "--allow-privileged=true",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-account-key-file=tokens.crt",
                "--service-account-signing-key-file=tokens.key",
                // Pods are not to wait for the tokens of their ServiceAccounts.
                "--disable-admission-plugins=ServiceAccount",
                // Tests share the server and are not to be queued behind each other.
                "--enable-priority-and-fairness=false",
                "--max-requests-inflight=3000",
                "--max-mutating-requests-inflight=1000",
                "--profiling=false",
            ],
        )?;
        let Options { audited, proxy, .. } = options;
        if let Some(user) = audited {
            self.write_file(audit::POLICY, &audit::policy(user).to_string())?;
            server.args.extend(audit::flags().map(OsString::from));
        }
        if proxy {
            self.write_file("egress.json", &egress(&self.cluster_socket()).to_string())?;
            server.args.push("--egress-selector-config-file=egress.json".into());
        }
        Ok(server)
    }

    /// Does what follows from what is created.
    pub(crate) fn controller_manager(&self) -> Result<Recipe, Error> {
        recipe(
            Binary::ControllerManager,
            &[
                &self.kubeconfig_flag(),
                "--secure-port=0",
                "--leader-elect=false",
                // What an autoscaler says of itself is waited for.
                "--horizontal-pod-autoscaler-sync-period=1s",
                "--service-account-private-key-file=tokens.key",
                "--root-ca-file=ca.crt",
                &format!("--kube-api-qps={QPS}"),
                &format!("--kube-api-burst={BURST}"),
                "--profiling=false",
            ],
        )
    }

    /// Also writes the file that holds most of its settings.
    pub(crate) fn scheduler(&self) -> Result<Recipe, Error> {
        // JSON is YAML.
        let config = json!({
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "clientConnection": {"kubeconfig": self.kubeconfig, "qps": QPS, "burst": BURST},
            "leaderElection": {"leaderElect": false},
            // A pod that waits for its claim is to be looked at again soon.
            "podInitialBackoffSeconds": 1,
            "podMaxBackoffSeconds": 1,
        });
        self.write_file("scheduler.yaml", &config.to_string())?;
        recipe(Binary::Scheduler, &["--config=scheduler.yaml", "--secure-port=0"])
    }

    /// Also writes what kwok is to do, and whether it also shows logs as a kubelet does, or has pods that Services reach.
    pub(crate) fn kwok(&self, kubelet: bool, serves_cluster: bool) -> Result<Recipe, Error> {
        let mut config = include_str!("kwok.yaml").to_owned();
        let port = self.kubelet_port;
        let (kubeconfig, address) = (self.kubeconfig_flag(), format!("--server-address=127.0.0.1:{port}"));
        let node_port = format!("--node-port={port}");
        // Endpoints of Services may not be loopback addresses; members do not answer then.
        let cidr = format!("--cidr={}", if serves_cluster { "10.244.0.0/16" } else { fake_members::CIDR });
        let mut args = vec![
            kubeconfig.as_str(),
            "--config=kwok.yaml",
            "--manage-all-nodes=true",
            "--node-lease-duration-seconds=40",
            "--node-ip=10.0.0.1",
            &cidr,
        ];
        if kubelet {
            self.write_file(POD_LOG, "")?;
            // JSON is YAML.
            config += &format!("---\n{}\n", logs(&self.pod_log()));
            args.extend([address.as_str(), &node_port]);
        }
        self.write_file("kwok.yaml", &config)?;
        recipe(Binary::Kwok, &args)
    }

    /// Issues certificates, and injects their CAs into webhook configurations.
    pub(crate) fn cert_manager(&self) -> Result<Recipe, Error> {
        recipe(Binary::CertManager, &[&self.kubeconfig_flag()])
    }

    fn kubeconfig_flag(&self) -> String {
        format!("--kubeconfig={}", self.kubeconfig.display())
    }

    fn write_pair(&self, name: &str, pair: &Pair) -> Result<(), Error> {
        self.write_file(&format!("{name}.crt"), &pair.public)?;
        self.write_file(&format!("{name}.key"), &pair.private)
    }

    fn write_file(&self, name: &str, text: &str) -> Result<(), Error> {
        fs::write(self.folder.join(name), text).context(|| format!("write {name}"))
    }
}

/// Says that the API server reaches what is inside the cluster through a proxy.
fn egress(proxy: &Path) -> Value {
    json!({
        "apiVersion": "apiserver.k8s.io/v1beta1",
        "kind": "EgressSelectorConfiguration",
        "egressSelections": [{"name": "cluster", "connection": {
            "proxyProtocol": "HTTPConnect",
            "transport": {"uds": {"udsName": proxy}},
        }}],
    })
}

/// Says that a file is the log of each container, now and before its last restart.
fn logs(file: &Path) -> Value {
    json!({
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "ClusterLogs",
        "metadata": {"name": "logs"},
        "spec": {"logs": [{"logsFile": file, "previousLogsFile": file}]},
    })
}

fn recipe(binary: Binary, args: &[&str]) -> Result<Recipe, Error> {
    Ok(Recipe {
        name: binary.name(),
        program: binaries::provide(binary)?,
        args: args.iter().map(OsString::from).collect(),
    })
}
