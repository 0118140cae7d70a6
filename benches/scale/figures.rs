//! One measurement: so many apps on a control plane of their own.

use std::{
    env, io,
    path::Path,
    time::{Duration, Instant},
};

use control_plane::{ControlPlane, Operator};

use crate::{
    baseline, change, children,
    meter::{Meter, Spent},
    quiet,
    site::{self, AUDITED},
    times::Times,
    unit::Unit,
};

/// How long the operator is looked at when there is nothing to do.
pub const IDLE: Duration = Duration::from_secs(30);

/// What was measured of so many apps.
pub struct Figures {
    /// Their number.
    pub apps: usize,
    /// From the first create to the answer to the last.
    pub created: Duration,
    /// From the first create until all objects are right.
    pub right: Duration,
    /// The same without an operator.
    pub floor: Duration,
    /// From the first create to the last change of anything, unless it goes on.
    pub settled: Option<Duration>,
    /// Spent until then.
    pub worked: Spent,
    /// Spent over [`IDLE`].
    pub idle: Spent,
    /// MiB before the first app, with all of them, and at the most.
    pub empty: f64,
    pub resident: f64,
    pub peak: f64,
    /// From a change of an app to its StatefulSet.
    pub changes: Times,
    /// Spent on the changes.
    pub changing: Spent,
    /// From the start of another operator until it is ready.
    pub ready: Duration,
    /// What that one spent until nothing changed any more, and its MiB then.
    pub restart: Spent,
    pub restarted: f64,
}

/// Measures the operator with so many apps, and then the floor.
pub async fn measure(apps: usize) -> io::Result<Figures> {
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
    let (created, right) = futures::join!(create, children::until_right(&client, apps, begun));
    let (created, right) = (created?, right?);
    progress(apps, "all objects are right, waiting until nothing changes any more");
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
    quiet::until_quiet(&client).await?;
    meter.forget()?;
    let begun = Instant::now();
    let operator = start(&plane)?;
    let ready = begun.elapsed();
    meter.follow(operator.pid());
    quiet::until_quiet(&client).await?;
    let restart = meter.until_silent().await?;
    let restarted = meter.resident()?;

    let objects = baseline::read(&client).await?;
    drop(operator);
    drop(plane);
    progress(apps, "the floor");
    let floor = baseline::measure(&site::start(apps)?, apps, &objects).await?;
    Ok(Figures {
        apps,
        created,
        right,
        floor,
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

/// Starts the operator as the user whose requests are counted, and waits until it is ready.
fn start(plane: &ControlPlane) -> io::Result<Operator> {
    let binary = env::var("OPERATOR").unwrap_or_else(|_| env!("CARGO_BIN_EXE_kaspr-operator").to_owned());
    let user = plane.kubeconfig_for(AUDITED, &["system:masters"]).map_err(io::Error::other)?;
    let log = plane.log_dir().join("kaspr-operator.log");
    let mut operator = Operator::start(Path::new(&binary), &user, &log, &["--local"])?;
    operator.ready()?;
    Ok(operator)
}

/// Says on standard error what a run of many minutes is at.
fn progress(apps: usize, what: &str) {
    eprintln!("{apps} apps: {what}");
}
