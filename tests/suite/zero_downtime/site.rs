//! Replicas of the operator behind a Service, with a CA of their own whose life is short.

use std::{
    io,
    net::{Ipv4Addr, TcpStream},
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use control_plane::{ControlPlane, Operator};
use k8s_openapi::ByteString;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Value, json};
use x509_parser::parse_x509_certificate;

use crate::{
    chart::proxy,
    harness::{BINARY, eventually_quiet, fetch, kubectl_of, text},
    probe::{free_port, is_ready, look},
};

/// The operator's namespace.
pub(super) const NAMESPACE: &str = "kaspr-operator";
/// Its Secret.
pub(super) const SECRET: &str = "certificate";

const SERVICE: &str = "kaspr-operator-webhook";

/// The pause between two looks at a backend: in a cluster it takes as long until no node sends new
/// connections to a pod that is not ready any more.
const PAUSE: Duration = Duration::from_secs(1);

/// Drain period of a replica, in seconds.
const DRAIN: u64 = 5;

/// A replica.
pub(super) struct Replica {
    /// Its name in the Lease.
    pub name: String,
    /// Its process.
    pub operator: Operator,
    /// The port of its webhooks.
    pub port: u16,
    /// The port of its metrics.
    metrics: u16,
}

impl Replica {
    /// How many reviews it has answered.
    fn reviews(&self) -> u64 {
        let metrics = fetch(&format!("http://127.0.0.1:{}/metrics", self.metrics));
        let reviews = metrics.lines().filter(|line| line.starts_with("kasprop_admission_reviews_total{"));
        reviews.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }
}

/// A backend's port, and whether it is ready.
type Backends = Arc<Mutex<Vec<(u16, bool)>>>;

/// A control plane with replicas of the operator.
pub(super) struct Site {
    /// The control plane.
    pub plane: ControlPlane,
    backends: Backends,
    replicas: Mutex<Vec<Replica>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Site {
    /// A control plane with the CRDs, the Service and the registration.
    pub(super) fn start() -> Self {
        let plane = ControlPlane::builder().without_controller_manager().without_scheduler().without_kwok();
        let plane = plane.proxy_to_cluster().start().expect("a control plane");
        let backends = Backends::default();
        balance(&plane.cluster_socket(), &backends);
        let site = Self { plane, backends, replicas: Mutex::default() };
        site.kubectl(&["create", "namespace", NAMESPACE]);
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": SERVICE, "namespace": NAMESPACE },
            "spec": { "ports": [{ "port": 443 }] },
        });
        site.apply(&service.to_string());
        for command in ["crds", "webhook-config"] {
            let made = Command::new(BINARY).arg(command).output().expect("the binary");
            site.apply(&text(&made.stdout));
        }
        site.kubectl(&["wait", "crd", "--all", "--for=condition=Established", "--timeout=60s"]);
        site
    }

    fn apply(&self, manifests: &str) {
        let output = kubectl_of(&self.plane, &["apply", "--server-side", "-f", "-"], manifests);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    /// Runs kubectl, which must succeed.
    pub(super) fn kubectl(&self, args: &[&str]) -> String {
        let output = kubectl_of(&self.plane, args, "");
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Starts a replica, and waits until the Service has it.
    pub(super) fn replica(&self, name: &str) -> Replica {
        self.replica_that_drains(name, DRAIN)
    }

    /// Starts a replica with a drain period, and waits until the Service has it.
    pub(super) fn replica_that_drains(&self, name: &str, seconds: u64) -> Replica {
        let (port, metrics_port) = (free_port(), free_port());
        let log = self.plane.log_dir().join(format!("{name}.log"));
        let address = format!("--webhook-address=127.0.0.1:{port}");
        let metrics = format!("--metrics-port={metrics_port}");
        let (secret, service) =
            (format!("--certificate-secret={SECRET}"), format!("--webhook-service={SERVICE}"));
        let namespace = format!("--lease-namespace={NAMESPACE}");
        let identity = format!("--lease-identity={name}");
        let drain = format!("--drain-seconds={seconds}");
        let args = [
            &address,
            &metrics,
            &secret,
            &service,
            &namespace,
            &identity,
            "--lease-seconds=6",
            &drain,
            "--certificate-check-seconds=1",
            "--certificate-seconds=24",
            "--authority-seconds=60",
        ];
        let operator =
            Operator::start(Path::new(BINARY), self.plane.kubeconfig(), &log, &args).expect("an operator");
        locked(&self.backends).push((port, false));
        eventually_quiet("a ready backend", || {
            let ready = locked(&self.backends).contains(&(port, true));
            if ready { Ok(()) } else { Err(operator.log()) }
        });
        Replica { name: name.to_owned(), operator, port, metrics: metrics_port }
    }

    /// Waits until the Service has a replica no longer.
    pub(super) fn unready(&self, replica: &Replica) {
        eventually_quiet("a backend that is gone", || {
            let ready = locked(&self.backends).contains(&(replica.port, true));
            if ready { Err(replica.name.clone()) } else { Ok(()) }
        });
    }

    /// Stops a replica like the kubelet.
    pub(super) fn stop(&self, replica: Replica) {
        let Replica { operator, port, .. } = replica;
        assert!(operator.stop().expect("an exit").success());
        locked(&self.backends).retain(|backend| backend.0 != port);
    }

    /// Adds a replica, which runs until it is removed.
    pub(super) fn add_replica(&self, replica: Replica) {
        locked(&self.replicas).push(replica);
    }

    /// Removes a replica and returns it.
    pub(super) fn remove_replica(&self, name: &str) -> Option<Replica> {
        let mut replicas = locked(&self.replicas);
        let i = replicas.iter().position(|replica| replica.name == name)?;
        Some(replicas.remove(i))
    }

    /// Removes all replicas and returns them.
    pub(super) fn remove_all_replicas(&self) -> Vec<Replica> {
        std::mem::take(&mut *locked(&self.replicas))
    }

    /// Removes and returns the replica that receives the most reviews during an operation.
    pub(super) fn busiest(&self, happens: impl FnOnce()) -> Replica {
        let mut replicas = locked(&self.replicas);
        let before: Vec<u64> = replicas.iter().map(Replica::reviews).collect();
        happens();
        let busiest =
            (0..replicas.len()).max_by_key(|i| replicas[*i].reviews() - before[*i]).expect("a replica");
        replicas.remove(busiest)
    }

    /// Waits until the API server asks the replicas and trusts them.
    pub(super) fn admits(&self) {
        let app = include_str!("../../../examples/minimal.yaml");
        eventually_quiet("admission", || {
            let output = kubectl_of(&self.plane, &["create", "--dry-run=server", "-f", "-"], app);
            if output.status.success() { Ok(()) } else { Err(text(&output.stderr)) }
        });
    }

    /// The data of the Secret, or null.
    pub(super) fn secret(&self) -> Value {
        let args = ["-n", NAMESPACE, "get", "secret", SECRET, "-o", "json"];
        let output = kubectl_of(&self.plane, &args, "");
        serde_json::from_slice(&output.stdout).map_or(Value::Null, |secret: Value| secret["data"].clone())
    }

    /// Waits until every replica shows the certificate of the Secret.
    pub(super) fn all_show_the_secret(&self) {
        eventually_quiet("the same certificate everywhere", || {
            let held =
                certificates(&self.secret()["tls.crt"]).into_iter().next().ok_or("the Secret is missing")?;
            let ports: Vec<u16> = locked(&self.backends).iter().map(|backend| backend.0).collect();
            for port in ports {
                let shown = look(port, "/healthz").map_err(|error| error.to_string())?.certificate;
                if shown != held {
                    return Err(format!("{port} shows another one"));
                }
            }
            Ok(())
        });
    }

    /// Whether that CA, DER, signed the certificate of the Secret.
    pub(super) fn signed_by(&self, authority: &[u8]) -> bool {
        let held = certificates(&self.secret()["tls.crt"]);
        let (_, authority) = parse_x509_certificate(authority).expect("a CA");
        let (_, held) = parse_x509_certificate(&held[0]).expect("a certificate");
        held.verify_signature(Some(authority.public_key())).is_ok()
    }

    /// Returns the holder of the Lease; empty if no replica holds it.
    pub(super) fn holder(&self) -> String {
        let path = "jsonpath={.spec.holderIdentity}";
        text(
            &kubectl_of(&self.plane, &["-n", NAMESPACE, "get", "lease", "kaspr-operator", "-o", path], "")
                .stdout,
        )
    }
}

/// The CAs of a Secret's data, DER.
pub(super) fn authorities(secret: &Value) -> Vec<Vec<u8>> {
    certificates(&secret["ca.crt"])
}

fn certificates(value: &Value) -> Vec<Vec<u8>> {
    let ByteString(pem) = serde_json::from_value(value.clone()).unwrap_or_default();
    CertificateDer::pem_slice_iter(&pem).map(|found| found.expect("PEM").to_vec()).collect()
}

/// Acts as a Service: probes the readiness of the backends, and distributes new connections to the ready backends.
fn balance(socket: &Path, backends: &Backends) {
    let (asked, chosen) = (backends.clone(), backends.clone());
    thread::spawn(move || {
        loop {
            let ports: Vec<u16> = locked(&asked).iter().map(|backend| backend.0).collect();
            for port in ports {
                let ready = is_ready(port);
                locked(&asked).iter_mut().filter(|backend| backend.0 == port).for_each(|b| b.1 = ready);
            }
            thread::sleep(PAUSE);
        }
    });
    let turn = AtomicUsize::new(0);
    proxy::serve_with(socket, move |_| {
        let ready: Vec<u16> = locked(&chosen).iter().filter(|backend| backend.1).map(|b| b.0).collect();
        if ready.is_empty() {
            return Err(io::Error::other("no backend is ready"));
        }
        TcpStream::connect((Ipv4Addr::LOCALHOST, ready[turn.fetch_add(1, Relaxed) % ready.len()]))
    });
}
