//! One measurement: a number of apps on a separate control plane.

use std::{
    env, io,
    path::Path,
    time::{Duration, Instant},
};

use control_plane::{ControlPlane, Operator};
use kube::Client;

use crate::{
    baseline, change, children,
    meter::{Meter, Spent},
    quiet,
    site::{self, AUDITED},
    times::Times,
    unit::Unit,
};

/// Duration of the measurement of an idle operator.
pub(crate) const IDLE: Duration = Duration::from_secs(30);

/// Results for a number of apps.
pub(crate) struct Figures {
    /// Number of apps.
    pub apps: usize,
    /// Time from the first create request to the last response.
    pub created: Duration,
    /// Time from the first create request until all objects are complete.
    pub complete: Duration,
    /// The same time for the baseline.
    pub baseline: Duration,
    /// Time from the first create request to the last change, unless changes continue.
    pub settled: Option<Duration>,
    /// Cost until then.
    pub worked: Spent,
    /// Cost during [`IDLE`].
    pub idle: Spent,
    /// Memory before the first app, with all apps, and the peak, in MiB.
    pub empty: f64,
    pub resident: f64,
    pub peak: f64,
    /// Times from a change of an app to its StatefulSet.
    pub changes: Times,
    /// Cost of the changes.
    pub changing: Spent,
    /// Time from the start of another operator until it is ready.
    pub ready: Duration,
    /// Cost of that operator until all changes stopped, and its memory then, in MiB.
    pub restart: Spent,
    pub restarted: f64,
}

/// Measures the operator with a number of apps, and then the baseline.
pub(crate) async fn measure(apps: usize) -> io::Result<Figures> {
    let plane = site::start(apps)?;
    let operator = start(&plane)?;
    let client = site::client(plane.kubeconfig()).await?;
    let mut meter = Meter::new(operator.pid(), plane.audit_log());
    meter.spent()?;
    let empty = meter.resident()?;

    let begun = Instant::now();
    let create = async {
        site::each((0..apps).map(Unit), |unit| site::create(&client, unit)).await.map(|_| begun.elapsed())
    };
    let (created, complete) = futures::join!(create, children::until_complete(&client, apps, begun));
    let (created, complete) = (created?, complete?);
    progress(apps, "all objects are complete, waiting until changes stop");
    let settled = quiet::until_quiet(&client).await?.map(|last| last.duration_since(begun));
    let worked = meter.until_silent().await?;

    tokio::time::sleep(IDLE).await;
    let idle = meter.spent()?;
    let (resident, peak) = (meter.resident()?, meter.peak()?);

    progress(apps, "changing one after the other");
    let changes = Times::new(change::times(&client, apps).await?);
    let changing = meter.spent()?;

    progress(apps, "starting the operator again");
    operator.stop()?;
    let (operator, ready, restart) = restart(&plane, &client, &mut meter).await?;
    let restarted = meter.resident()?;

    let objects = baseline::read(&client).await?;
    drop(operator);
    drop(plane);
    progress(apps, "measuring the baseline");
    let baseline_time = baseline::measure(&site::start(apps)?, apps, &objects).await?;
    Ok(Figures {
        apps,
        created,
        complete,
        baseline: baseline_time,
        settled,
        worked,
        idle,
        empty,
        resident,
        peak,
        changes,
        changing,
        ready,
        restart,
        restarted,
    })
}

/// Starts another operator after all changes have stopped. Returns the operator, the time until it is ready, and
/// its cost until all changes have stopped again.
async fn restart(
    plane: &ControlPlane,
    client: &Client,
    meter: &mut Meter,
) -> io::Result<(Operator, Duration, Spent)> {
    quiet::until_quiet(client).await?;
    meter.forget()?;
    let begun = Instant::now();
    let operator = start(plane)?;
    let ready = begun.elapsed();
    meter.follow(operator.pid());
    quiet::until_quiet(client).await?;
    let spent = meter.until_silent().await?;
    Ok((operator, ready, spent))
}

/// Starts the operator as the user whose requests are counted, and waits until it is ready.
fn start(plane: &ControlPlane) -> io::Result<Operator> {
    let binary = env::var("OPERATOR").unwrap_or_else(|_| env!("CARGO_BIN_EXE_kaspr-operator").to_owned());
    let user = plane.kubeconfig_for(AUDITED, &["system:masters"]).map_err(io::Error::other)?;
    let log = plane.log_dir().join("kaspr-operator.log");
    let mut operator = Operator::start(Path::new(&binary), &user, &log, &["--local"])?;
    operator.ready()?;
    Ok(operator)
}

/// Prints the progress to standard error, because a run takes many minutes.
fn progress(apps: usize, what: &str) {
    eprintln!("{apps} apps: {what}");
}
