//! The measured claims: each figure beside what is expected of it. Nothing is asserted: machines
//! are noisy, and a reader judges.

#[path = "../tests/support/https.rs"]
mod https;

use std::{
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use control_plane::{ControlPlane, Operator};
use futures::{StreamExt, future::join_all, pin_mut};
use https::{Connection, Protocol};
use hyper::body::Bytes;
use k8s_openapi::{
    ByteString,
    api::{admissionregistration::v1::ValidatingWebhookConfiguration, apps::v1::StatefulSet},
};
use kaspr_operator::api::KasprApp;
use kube::{
    Api, Client, Config, ResourceExt,
    api::PostParams,
    config::{KubeConfigOptions, Kubeconfig},
    runtime::{WatchStreamExt, wait::await_condition, watcher},
};
use serde_json::{Value, json};

/// Connections that send as fast as they get answers.
const CONNECTIONS: usize = 16;

/// How long one figure is measured.
const LENGTH: Duration = Duration::from_secs(5);

/// Apps that are made one after the other.
const APPS: usize = 50;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| io::Error::other("a TLS provider"))?;
    let plane = ControlPlane::start().map_err(io::Error::other)?;
    let log = plane.log_dir().join("kaspr-operator.log");
    let binary = Path::new(env!("CARGO_BIN_EXE_kaspr-operator"));
    let mut operator = Operator::start(binary, plane.kubeconfig(), &log, &["--local"])?;
    let url = operator.ready()?;
    println!("\nresident memory, idle: {:.1} MiB", resident(operator.pid())?);

    let client = client(plane.kubeconfig()).await?;
    let authority = authority(&client).await?;
    let app = recorded()?;
    admission(&url, &authority, &app).await;
    println!("resident memory, after the reviews: {:.1} MiB", resident(operator.pid())?);
    until_statefulset(&plane, client, app).await?;
    println!("resident memory, with {APPS} apps: {:.1} MiB\n", resident(operator.pid())?);
    Ok(())
}

/// The KasprApp of tests/recorded/full.
fn recorded() -> io::Result<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/full/manifest.yaml");
    let text = fs::read_to_string(path)?;
    let documents =
        text.split("\n---\n").filter_map(|document| serde_saphyr::from_str::<Value>(document).ok());
    documents
        .into_iter()
        .find(|object| object["kind"] == "KasprApp")
        .ok_or_else(|| io::Error::other("no KasprApp"))
}

/// Reviews a second and their times, for both protocols and both webhooks.
async fn admission(url: &str, authority: &str, app: &Value) {
    let body = Bytes::from(review(app).to_string());
    println!("\nadmission of recorded/full's KasprApp over TLS, a review of {} bytes", body.len());
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for path in ["/default", "/validate"] {
            let connections =
                join_all((0..CONNECTIONS).map(|_| Connection::open(url, authority, protocol))).await;
            let begun = Instant::now();
            let times = join_all(connections.into_iter().map(|c| as_fast_as_possible(c, path, body.clone())))
                .await
                .concat();
            let rate = times.len() as f64 / begun.elapsed().as_secs_f64();
            println!(
                "  {protocol:?} {path:9} {CONNECTIONS} connections: {rate:6.0} reviews/s, {}",
                shown(times)
            );
        }
        let connections =
            join_all((0..CONNECTIONS).map(|_| Connection::open(url, authority, protocol))).await;
        let times = join_all(connections.into_iter().enumerate().map(|(i, c)| paced(c, i, body.clone())))
            .await
            .concat();
        println!("  {protocol:?} /validate at 1,000 reviews/s: {} (expected: p99 under 1 ms)", shown(times));
    }
}

async fn as_fast_as_possible(mut connection: Connection, path: &str, body: Bytes) -> Vec<Duration> {
    let end = Instant::now() + LENGTH;
    let mut times = Vec::new();
    while Instant::now() < end {
        times.push(one(&mut connection, path, &body).await);
    }
    times
}

/// The connection's share of 1,000 reviews a second; a late one is sent at once.
async fn paced(mut connection: Connection, index: usize, body: Bytes) -> Vec<Duration> {
    let step = Duration::from_secs(1) * CONNECTIONS as u32 / 1_000;
    let mut clock = tokio::time::interval_at(
        tokio::time::Instant::now() + step * index as u32 / CONNECTIONS as u32,
        step,
    );
    let mut times = Vec::new();
    for _ in 0..LENGTH.as_millis() / step.as_millis() {
        clock.tick().await;
        times.push(one(&mut connection, "/validate", &body).await);
    }
    times
}

async fn one(connection: &mut Connection, path: &str, body: &Bytes) -> Duration {
    let begun = Instant::now();
    let (status, answer) = connection.send(path, Some(body.clone())).await.expect("an answer");
    let took = begun.elapsed();
    assert!(status.is_success() && answer.windows(14).any(|part| part == b"\"allowed\":true"), "not allowed");
    took
}

/// From a create request to the StatefulSet, one app after the other.
async fn until_statefulset(plane: &ControlPlane, client: Client, app: Value) -> io::Result<()> {
    let namespace = plane.new_namespace("measure").map_err(io::Error::other)?;
    let apps: Api<KasprApp> = Api::namespaced(client.clone(), &namespace);
    let sets: Api<StatefulSet> = Api::namespaced(client, &namespace);
    let made = watcher(sets, watcher::Config::default()).applied_objects();
    pin_mut!(made);
    let mut times = Vec::new();
    for i in 0..APPS {
        let mut app: KasprApp = serde_json::from_value(app.clone())?;
        app.metadata.name = Some(format!("app-{i}"));
        let wanted = format!("app-{i}-app");
        let begun = Instant::now();
        let params = PostParams::default();
        let create = apps.create(&params, &app);
        let seen = async {
            while let Some(set) = made.next().await {
                if set.is_ok_and(|set| set.name_any() == wanted) {
                    return begun.elapsed();
                }
            }
            Duration::MAX
        };
        let (created, took) = futures::join!(create, seen);
        created.map_err(io::Error::other)?;
        times.push(took);
        // What an app sets off, from its autoscaler to its pod, is not the next one's business.
        let name = format!("app-{i}");
        let settled =
            await_condition(apps.clone(), &name, |app: Option<&KasprApp>| app.is_some_and(has_status));
        settled.await.map_err(io::Error::other)?;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    println!(
        "\nfrom the create request of an app to its StatefulSet: {} (expected: under 100 ms)",
        shown(times)
    );
    Ok(())
}

fn has_status(app: &KasprApp) -> bool {
    app.status.as_ref().is_some_and(|status| status.conditions.is_some())
}

fn shown(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    format!("p50 {:.2} ms, p99 {:.2} ms, worst {:.2} ms", at(0.5), at(0.99), at(1.0))
}

fn review(object: &Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": { "group": "kaspr.io", "version": "v1alpha1", "kind": "KasprApp" },
            "resource": { "group": "kaspr.io", "version": "v1alpha1", "resource": "kasprapps" },
            "name": "orders", "namespace": "default", "operation": "CREATE", "userInfo": {}, "dryRun": false,
            "object": object,
        },
    })
}

async fn client(kubeconfig: &Path) -> io::Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).map_err(io::Error::other)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.map_err(io::Error::other)?).map_err(io::Error::other)
}

/// The CA that the operator registered.
async fn authority(client: &Client) -> io::Result<String> {
    let api: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    let registered = api.get("kaspr-operator").await.map_err(io::Error::other)?;
    let bundle =
        registered.webhooks.into_iter().flatten().next().and_then(|webhook| webhook.client_config.ca_bundle);
    let ByteString(bytes) = bundle.ok_or_else(|| io::Error::other("no CA is registered"))?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// Resident memory of a process, in MiB.
fn resident(pid: u32) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    let kib: f64 = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or_default();
    Ok(kib / 1024.0)
}
