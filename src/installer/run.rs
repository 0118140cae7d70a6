//! The install container, from its settings to its exit code.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::{
    collect::{self, Ages},
    deadline::Deadline,
    failure::Failure,
    folder::{EMPTY, Folder},
    request::{self, Request},
    steps::{self, Found, Notes, say, volume},
    store::{self, Nowhere, Shared, StoreError},
    termination,
};
use crate::{
    api::{InstallReport, PackageSource},
    settings::InstallSettings,
};

/// Installs the packages, links the member to them, and leaves a report. Gives whether the member
/// may start. `stop` ends it early; what it holds is given back.
pub async fn run(settings: InstallSettings, stop: CancellationToken) -> bool {
    let begun = Instant::now();
    let deadline = Deadline::after(settings.timeout, stop);
    let mut notes = Notes::default();
    let mut report = InstallReport { hash: settings.hash.clone(), ..InstallReport::default() };
    let (policy, log) = (settings.on_failure.clone(), settings.termination_log.clone());
    let (volume, member) = (settings.packages_dir.clone(), settings.member.clone());
    let starts = match install(settings, &deadline, &mut notes, &mut report).await {
        Ok(found) => {
            say(&format!("ready, from {}: {}", source(found.source), found.info.installed.join(" ")));
            report.installed_by = found.info.installed_by;
            report.installed = found.info.installed;
            report.source = Some(found.source);
            true
        }
        Err(failure) => {
            say(&format!("error ({}): {}", failure.kind.label(), failure.message));
            report.error_type = Some(failure.kind);
            report.message = Some(failure.message);
            report.source = Some(PackageSource::Nowhere);
            // A member without packages still mounts a folder.
            let linked = Folder::open(&volume).and_then(|folder| folder.link(&member, EMPTY));
            let starts = policy != "block" && linked.is_ok();
            if starts {
                notes.warn("the member starts without its packages, as installPolicy.onFailure says");
            }
            starts
        }
    };
    report.retries = notes.retries;
    report.warnings = notes.warnings;
    report.seconds = Some((begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0);
    if let Err(error) = termination::write(&log, &report) {
        say(&format!("the report can't be written to {}: {error}", log.display()));
    }
    starts
}

fn source(source: PackageSource) -> &'static str {
    match source {
        PackageSource::Index => "the index",
        PackageSource::Cache => "the cache",
        PackageSource::Nowhere => "nowhere",
    }
}

async fn install(
    settings: InstallSettings,
    deadline: &Deadline,
    notes: &mut Notes,
    report: &mut InstallReport,
) -> Result<Found, Failure> {
    let token = format!("{}-{:016x}", settings.member, fastrand::u64(..));
    let max_archive_size = settings.bucket.max_archive_size;
    // Beside the question to Python: both take as long.
    let opening = request::bucket(&settings.bucket).map(|(place, prefix)| {
        let token = token.clone();
        spawn_blocking(move || store::open(place, prefix, max_archive_size, token))
    });
    let request = deadline.keep(Request::new(settings)).await??;
    report.python = Some(request.set.python.to_string());
    let bucket = match opening {
        Some(opening) => match opening.await.unwrap_or(Err(StoreError::Ended)) {
            Ok(bucket) => Some(bucket),
            Err(error) => {
                notes.trouble("the store can't be used", &error);
                None
            }
        },
        None => None,
    };
    loop {
        let found = match &bucket {
            Some(bucket) => steps::obtain(&request, bucket, deadline, notes).await?,
            None if request.shared => {
                let store = Shared::new(request.folder.clone(), token.clone());
                steps::obtain(&request, &store, deadline, notes).await?
            }
            None => steps::obtain(&request, &Nowhere, deadline, notes).await?,
        };
        if request.folder.link(&request.member, &found.info.name).map_err(|e| volume(&e))? {
            finish(&request, report);
            return Ok(found);
        }
        // It was collected between the look and the link: once more.
    }
}

/// How long a member waits for old sets to go. Removing takes its time on a network's volume; the next
/// installer goes on with it.
const COLLECT: Duration = Duration::from_secs(10);

/// What is left to do when the member could start.
fn finish(request: &Request, report: &mut InstallReport) {
    if !request.shared {
        return;
    }
    let (tell, told) = mpsc::channel();
    let folder = request.folder.clone();
    // A thread of its own ends with the process.
    thread::spawn(move || tell.send(collect::collect(&folder, Ages::default())));
    match told.recv_timeout(COLLECT) {
        Ok(Ok(gone)) => gone.iter().for_each(|gone| say(&format!("removed {gone}, which no member uses"))),
        Ok(Err(error)) => say(&format!("old packages were not removed: {error}")),
        Err(_) => say("old packages are not removed yet: it takes too long"),
    }
    if let Some((total, used)) = request.folder.usage() {
        report.cache_total_bytes = i64::try_from(total).ok();
        report.cache_used_bytes = i64::try_from(used).ok();
    }
}
