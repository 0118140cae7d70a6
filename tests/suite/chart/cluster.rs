//! A control plane for a release, and the parts of a cluster that are not there: cert-manager,
//! kubelet, and the network of Services.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use control_plane::{Builder, ControlPlane, Operator};
use k8s_openapi::ByteString;
use serde_json::{Value, json};

use super::{NAME, chart, helm, project, proxy, succeeded};
use crate::harness::{BINARY, DEADLINE, eventually_quiet, kubectl_of, text};

/// The CRDs of cert-manager and the Prometheus operator, as far as the chart uses them.
const STAND_INS: &str = include_str!("stand-ins.yaml");

/// A cluster that a release can be installed in.
pub(crate) struct Cluster {
    /// Its API server.
    pub plane: ControlPlane,
    /// The ports of the operator: webhooks and metrics.
    pub ports: (u16, u16),
    folder: PathBuf,
}

/// Returns a port that no process listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

impl Cluster {
    /// Starts one.
    pub(crate) fn start(builder: Builder) -> Self {
        let ports = (free_port(), free_port());
        let plane = builder.kubelet().start().expect("a control plane");
        proxy::serve(&plane.cluster_socket(), ports.0);
        // The folder is deleted together with the control plane.
        let folder = plane.log_dir().join("chart");
        fs::create_dir(&folder).expect("a folder");
        let cluster = Self { plane, ports, folder };
        cluster.apply(STAND_INS);
        cluster
    }

    /// The folder for what a test writes.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs kubectl, which must succeed. Returns its output.
    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        let output = self.try_kubectl(args, "");
        assert!(output.status.success(), "kubectl {}: {}", args.join(" "), text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs kubectl.
    pub(crate) fn try_kubectl(&self, args: &[&str], input: &str) -> Output {
        kubectl_of(&self.plane, args, input)
    }

    /// Applies manifests that must be accepted.
    pub(crate) fn apply(&self, manifests: &str) {
        let output = self.try_kubectl(&["apply", "--server-side", "-f", "-"], manifests);
        assert!(output.status.success(), "{}\n{manifests}", text(&output.stderr));
    }

    /// An object, or null.
    pub(crate) fn get(&self, kind: &str, name: &str, namespace: &str) -> Value {
        let output = self.try_kubectl(&["-n", namespace, "get", kind, name, "-o", "json"], "");
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// A helm command against the cluster, in the release's namespace.
    pub(crate) fn helm(&self, args: &[&str]) -> Command {
        let mut command = helm(self.folder());
        command.env("KUBECONFIG", self.plane.kubeconfig()).args(["--namespace", NAME]).args(args);
        command
    }

    /// Installs the chart in a folder, or upgrades to it, with the ports of this cluster.
    pub(crate) fn release(&self, chart: &Path, values: &[&str]) {
        let (webhooks, metrics) = self.ports;
        let timeout = format!("{}s", DEADLINE.as_secs());
        let mut command = self.helm(&["upgrade", "--install", "--create-namespace", NAME]);
        command.arg(chart).args(["--wait", "--timeout", &timeout]);
        let ports = [format!("webhooks.port={webhooks}"), format!("metrics.port={metrics}")];
        for value in ports.iter().map(String::as_str).chain(values.iter().copied()) {
            command.args(["--set", value]);
        }
        succeeded(&mut command);
    }

    /// The same with the chart itself.
    pub(crate) fn install(&self, values: &[&str]) {
        self.release(&chart(), values);
    }

    /// Acts as cert-manager: issues the requested certificate, and injects its CA according to the
    /// annotation. Returns the folder with the certificate.
    pub(crate) fn certify(&self) -> PathBuf {
        let certificate = self.get("certificate", &format!("{NAME}-webhook"), NAME);
        let names = certificate["spec"]["dnsNames"].as_array().expect("names");
        let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
        let folder = self.sign(&names);
        for kind in CONFIGURATIONS {
            let wanted = &self.get(kind, &self.configuration(), "")["metadata"]["annotations"];
            assert_eq!(wanted["cert-manager.io/inject-ca-from"], format!("{NAME}/{NAME}-webhook"));
        }
        self.trust(&folder);
        folder
    }

    /// Makes a certificate for names.
    pub(crate) fn sign(&self, names: &[&str]) -> PathBuf {
        let folder = self.folder().join("tls");
        let mut certs = Command::new(BINARY);
        certs.arg("certs").arg("--out").arg(&folder);
        succeeded(certs.args(names.iter().flat_map(|name| ["--host", name])));
        folder
    }

    /// Puts the CA of a folder into the webhook configurations, as a client other than Helm.
    pub(crate) fn trust(&self, folder: &Path) {
        // In JSON, bytes are base64.
        let authority = ByteString(fs::read(folder.join("ca.crt")).expect("a CA"));
        let patch = json!([{ "op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": authority }]);
        for kind in CONFIGURATIONS {
            let name = self.configuration();
            self.kubectl(&["patch", kind, &name, "--type=json", "-p", &patch.to_string()]);
        }
    }

    /// The name of both webhook configurations: there are no others.
    fn configuration(&self) -> String {
        let names = "jsonpath={.items[*].metadata.name}";
        self.kubectl(&["get", CONFIGURATIONS[0], "-o", names])
    }

    /// Returns the CAs in the webhook configurations.
    pub(crate) fn authorities(&self) -> Vec<Value> {
        let bundle =
            |kind: &&str| self.get(kind, NAME, "")["webhooks"][0]["clientConfig"]["caBundle"].clone();
        CONFIGURATIONS.iter().map(bundle).collect()
    }

    /// A kubeconfig with a token of a ServiceAccount of the release.
    pub(crate) fn kubeconfig_of(&self, account: &str) -> PathBuf {
        let token = self.kubectl(&["-n", NAME, "create", "token", account, "--duration=2h"]);
        let config = fs::read_to_string(self.plane.kubeconfig()).expect("a kubeconfig");
        let mut config: Value = serde_json::from_str(&config).expect("JSON");
        config["users"][0]["user"] = json!({ "token": token.trim() });
        let file = self.folder().join(format!("kubeconfig-{account}"));
        fs::write(&file, config.to_string()).expect("written");
        file
    }

    /// Does as kubelet: runs the operator of the release's Deployment, with its variables, its
    /// ServiceAccount and the files of its volume. Waits until it is ready. Members are not asked for their status: no
    /// network leads to the addresses of pods.
    pub(crate) fn run_operator(&self, certificate: &Path) -> Operator {
        self.run_with(certificate, &[("CLIENT_STATUS_CHECK_ENABLED".to_owned(), "false".to_owned())])
    }

    /// The same, and members are asked for their status.
    pub(crate) fn run_polling_operator(&self, certificate: &Path) -> Operator {
        self.run_with(certificate, &[])
    }

    fn run_with(&self, certificate: &Path, more: &[(String, String)]) -> Operator {
        let deployment = self.get("deployment", NAME, NAME);
        let pod = &deployment["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        assert_eq!(container["args"], json!(["run"]));
        let env = container["env"].as_array().expect("variables");
        let variables = env.iter().map(|variable| resolved(variable, certificate));
        let variables: Vec<_> = variables.chain(more.iter().cloned()).collect();
        let kubeconfig = self.kubeconfig_of(pod["serviceAccountName"].as_str().expect("an account"));
        let log = self.plane.log_dir().join("kaspr-operator.log");
        let mut operator =
            Operator::start_with(Path::new(BINARY), &kubeconfig, &log, &[], &variables).expect("an operator");
        operator.ready().expect("a ready operator");
        operator
    }

    /// Does as kubelet with the pod of a hook: runs its container with its ServiceAccount.
    pub(crate) fn run_hook(&self, pod: &Value) -> Output {
        let spec = &pod["spec"];
        let kubeconfig = self.kubeconfig_of(spec["serviceAccountName"].as_str().expect("an account"));
        let args = spec["containers"][0]["args"].as_array().expect("arguments");
        let mut command = Command::new(BINARY);
        command.env("KUBECONFIG", kubeconfig).args(args.iter().filter_map(Value::as_str));
        command.output().expect("the binary")
    }

    /// Applies a manifest that must be refused. Returns the output of kubectl.
    pub(crate) fn refused(&self, manifest: &str) -> String {
        let output = self.try_kubectl(&["apply", "-f", "-"], manifest);
        assert!(!output.status.success(), "accepted:\n{manifest}");
        text(&output.stderr)
    }

    /// Waits for an object that satisfies a condition.
    pub(crate) fn wait_for(
        &self,
        kind: &str,
        name: &str,
        namespace: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Value {
        let log = || fs::read_to_string(self.log()).unwrap_or_default();
        eventually_quiet(&format!("{kind} {name}"), || {
            let object = self.get(kind, name, namespace);
            if holds(&object) { Ok(object) } else { Err(format!("{object}\nthe operator's log:\n{}", log())) }
        })
    }

    /// What the operator logs to.
    fn log(&self) -> PathBuf {
        self.plane.log_dir().join("kaspr-operator.log")
    }
}

/// Both kinds of webhook configurations.
pub(crate) const CONFIGURATIONS: [&str; 2] =
    ["mutatingwebhookconfiguration", "validatingwebhookconfiguration"];

/// A variable as the container sees it.
fn resolved(variable: &Value, certificate: &Path) -> (String, String) {
    let name = variable["name"].as_str().expect("a name").to_owned();
    let value = match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
        Some("metadata.name") => "operator-0".to_owned(),
        Some("metadata.namespace") => NAME.to_owned(),
        Some(other) => panic!("{name} is read from {other}"),
        None => variable["value"].as_str().expect("a value").to_owned(),
    };
    (name, value.replace("/etc/kaspr-operator/tls", &certificate.display().to_string()))
}

/// An older chart: another version, and CRDs that lack a field.
pub(crate) fn older_chart(folder: &Path) -> PathBuf {
    let older = folder.join("older");
    copy(&chart(), &older);
    let edit = |file: &str, from: &str, to: &str| {
        let path = older.join(file);
        let text = fs::read_to_string(&path).expect("a file");
        assert!(text.contains(from), "{file}");
        fs::write(path, text.replacen(from, to, 1)).expect("written");
    };
    edit("Chart.yaml", "\nversion: ", "\nversion: 0.0.1-");
    let crd = "files/crds/kasprtasks.kaspr.io.yaml";
    edit(crd, "    shortNames:\n    - ktasks\n", "    shortNames:\n");
    older
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry").path();
        let target = to.join(entry.file_name().expect("a name"));
        if entry.is_dir() {
            copy(&entry, &target);
        } else {
            fs::copy(&entry, &target).expect("copied");
        }
    }
}

/// A file of the project.
pub(crate) fn file(path: &str) -> String {
    fs::read_to_string(project(path)).expect("a file")
}
