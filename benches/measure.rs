//! Measures performance claims in addition to those of `admission`, and prints each figure with its expected value.
//! Nothing is asserted: measurements vary between machines.

mod support;

use std::{
    io,
    time::{Duration, Instant},
};

use control_plane::ControlPlane;
use futures::{StreamExt, pin_mut};
use k8s_openapi::api::apps::v1::StatefulSet;
use kaspr_operator::api::KasprApp;
use kube::{
    Api, Client, ResourceExt,
    api::PostParams,
    runtime::{WatchStreamExt, wait::await_condition, watcher},
};
use serde_json::Value;
use support::{process::resident, times::Times};

/// Apps that are made one after the other.
const APPS: usize = 50;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| io::Error::other("a TLS provider"))?;
    let plane = ControlPlane::start().map_err(io::Error::other)?;
    let (operator, _) = support::start(&plane)?;
    println!("\nresident memory, idle: {:.1} MiB", resident(operator.pid())?);
    let client = support::client(&plane).await?;
    until_statefulset(&plane, client, support::recorded()?).await?;
    println!("resident memory, with {APPS} apps: {:.1} MiB\n", resident(operator.pid())?);
    Ok(())
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
        Times::new(times)
    );
    Ok(())
}

fn has_status(app: &KasprApp) -> bool {
    app.status.as_ref().is_some_and(|status| status.conditions.is_some())
}
