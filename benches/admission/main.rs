//! Compares admission with a minimal webhook on Go's controller-runtime, with the same bodies over TLS on the same
//! machine in one run. The benchmark asserts only that every review is allowed: measurements vary between machines.

mod bodies;
mod cpu;
#[path = "../../tests/support/https.rs"]
mod https;
mod load;
mod peer;
#[path = "../support/mod.rs"]
mod support;
mod table;

use std::{io, time::Duration};

use control_plane::ControlPlane;
use https::Protocol;
use hyper::body::Bytes;
use k8s_openapi::{ByteString, api::admissionregistration::v1::ValidatingWebhookConfiguration};
use kube::{Api, Client};
use load::{Case, Outcome, Pace, Target};
use peer::Peer;
use support::process::resident;

/// How often each server has its turn in a case. They alternate, so that both get their share of what
/// else the machine does.
const ROUNDS: usize = 2;

fn main() -> io::Result<()> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| io::Error::other("a TLS provider"))?;
    let peer = Peer::start()?;
    let plane = ControlPlane::builder().without_controller_manager().without_scheduler().start();
    let plane = plane.map_err(io::Error::other)?;
    let (operator, url) = support::start(&plane)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let authority = runtime.block_on(async { authority(&support::client(&plane).await?).await })?;

    let ours = Target { url, authority, pid: operator.pid() };
    let servers = [&ours, peer.target()];
    let idle = [resident(ours.pid)?, resident(peer.target().pid)?];
    let cases = cases()?;
    for server in servers {
        for case in &cases {
            runtime.block_on(load::check(server, case));
        }
    }

    println!(
        "\nadmission over TLS with kept connections: compared with a minimal controller-runtime webhook"
    );
    println!("(which has no manager and no caches, and does not read the Python); a ratio is ours / peer's");
    println!("\nas fast as {} connections get answers", load::CONNECTIONS);
    println!("expected: twice the peer's reviews a second or more, at a p99 that is no higher");
    compare(&cases, servers, Pace::Fastest)?;
    println!("\nat 1,000 reviews a second (expected: our p99 of an app under 1 ms)");
    compare(&cases, servers, Pace::Steady)?;

    println!("\nresident memory, MiB (expected: a third of the peer's)");
    table::memory("idle", idle);
    table::memory("after the reviews", [resident(ours.pid)?, resident(peer.target().pid)?]);
    println!();
    Ok(())
}

/// What is sent: each body to `/validate`, and the one that has defaults to fill in to `/default`.
fn cases() -> io::Result<Vec<Case>> {
    let small = bodies::review(&bodies::small());
    let recorded = bodies::review(&support::recorded()?);
    let agent = bodies::review(&bodies::agent());
    let mut cases = Vec::new();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut add =
            |path, what, body: &Bytes| cases.push(Case { protocol, path, what, body: body.clone() });
        add("/validate", "small app", &small);
        add("/validate", "recorded app", &recorded);
        add("/default", "recorded app", &recorded);
        add("/validate", "agent, 32 KiB code", &agent);
    }
    Ok(cases)
}

/// Prints a row for each case, the servers taking turns.
fn compare(cases: &[Case], servers: [&Target; 2], pace: Pace) -> io::Result<()> {
    table::head();
    for case in cases {
        let mut outcomes = [Outcome::default(), Outcome::default()];
        for _ in 0..ROUNDS {
            for (outcome, server) in outcomes.iter_mut().zip(servers) {
                outcome.add(load::run(server, case, pace, Duration::from_secs(2))?);
            }
        }
        table::row(case, outcomes);
    }
    Ok(())
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
