//! Addresses of the servers in the chart, and the DNS domain of the cluster.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream},
    path::Path,
    process::Command,
};

use control_plane::Operator;
use serde_json::Value;

use super::{NAME, documents, object, succeeded, template};
use crate::harness::{BINARY, Namespace, plane};

/// Returns a port that was free in both families.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).or_else(|_| TcpListener::bind("0.0.0.0:0"));
    listener.and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// The operator listens for webhooks and metrics on IPv4 and IPv6 with the variables of the chart.
#[test]
fn both_servers_listen_on_all_families() {
    let (webhooks, metrics) = (free_port(), free_port());
    let values = [format!("webhooks.port={webhooks}"), format!("metrics.port={metrics}")];
    let rendered = documents(&template(&values.each_ref().map(String::as_str)));
    let env = &object(&rendered, "Deployment", NAME)["spec"]["template"]["spec"]["containers"][0]["env"];
    let of_chart = |name: &str| {
        let variable = env.as_array().into_iter().flatten().find(|variable| variable["name"] == name);
        (name.to_owned(), variable.and_then(|v| v["value"].as_str()).expect("a value").to_owned())
    };
    let namespace = Namespace::new("listen");
    let folder = tempfile::tempdir().expect("a folder");
    let certificates = folder.path().display().to_string();
    succeeded(Command::new(BINARY).args(["certs", "--out", &certificates]));
    let text = |name: &str, value: String| (name.to_owned(), value);
    let variables = [
        of_chart("WEBHOOK_ADDRESS"),
        of_chart("METRICS_PORT"),
        text("WATCH_NAMESPACE", namespace.name.clone()),
        text("POD_NAMESPACE", namespace.name.clone()),
        text("TLS_CERT_FILE", format!("{certificates}/tls.crt")),
        text("TLS_KEY_FILE", format!("{certificates}/tls.key")),
    ];
    let log = plane().log_dir().join("listen.log");
    let mut operator = Operator::start_with(Path::new(BINARY), plane().kubeconfig(), &log, &[], &variables)
        .expect("an operator");
    operator.wait_for(|line| line["message"] == "starting").expect("both listeners");
    for port in [webhooks, metrics] {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("IPv4");
        // A host without IPv6 has no such loopback address.
        let loopback = IpAddr::V6(Ipv6Addr::LOCALHOST);
        if TcpListener::bind((loopback, 0)).is_ok() {
            TcpStream::connect((loopback, port)).expect("IPv6");
        }
    }
    operator.stop().expect("the end of the operator");
}

/// Names of Services end in the DNS domain of the cluster: in the certificate, and in the addresses of members.
#[test]
fn the_cluster_domain_is_a_setting() {
    let names = |values: &[&str]| -> Value {
        let rendered = documents(&template(values));
        let certificates = rendered.iter().filter(|d| d["kind"] == "Certificate");
        let mut certificates = certificates.filter(|c| c["spec"]["dnsNames"].is_array());
        certificates.next().expect("a certificate")["spec"]["dnsNames"].clone()
    };
    assert_eq!(names(&[])[1], "kaspr-operator-webhook.kaspr-operator.svc.cluster.local");
    let other = names(&["settings.clusterDomain=k8s.example.org"]);
    assert_eq!(other[1], "kaspr-operator-webhook.kaspr-operator.svc.k8s.example.org");
    let render =
        |args: &[&str]| succeeded(Command::new(BINARY).args(["render", "examples/minimal.yaml"]).args(args));
    assert!(render(&[]).contains("$(POD_NAME).hello-app.default.svc.cluster.local"));
    let other = render(&["--cluster-domain", "k8s.example.org."]);
    assert!(other.contains("$(POD_NAME).hello-app.default.svc.k8s.example.org\n"), "{other}");
    let said =
        super::failed(Command::new(BINARY).args(["render", "x.yaml", "--cluster-domain", "Not/A Domain"]));
    assert!(said.contains("must be a DNS domain, such as 'cluster.local'"), "{said}");
}
