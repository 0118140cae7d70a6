//! The install container, from its settings to its exit code.

use std::{
    path::PathBuf,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::{
    deadline::Deadline,
    ensure::{EnsuredSet, InstallNotes, add_site_hook, ensure_set},
    error::InstallError,
    gc::{self, RetentionPeriods},
    log::log,
    request::{self, Request},
    store::{self, Bucket, NoStore, SharedVolume, StoreError},
    termination,
    tool::requested,
    volume::{EMPTY, PackagesVolume},
};
use crate::{
    api::{InstallReport, PackageSource},
    settings::InstallSettings,
};

/// Installs the packages, links the member to them, and writes the termination message. Returns whether
/// the member may start. `stop` cancels the installation; a lease is then released.
pub async fn run(settings: InstallSettings, stop: CancellationToken) -> bool {
    let begun = Instant::now();
    let deadline = Deadline::after(settings.deadline_seconds(), stop);
    let mut notes = InstallNotes::default();
    let mut report = InstallReport { hash: settings.hash.clone(), ..InstallReport::default() };
    let (policy, log_path) = (settings.on_failure.clone(), settings.termination_log.clone());
    let (volume, member) = (settings.packages_dir.clone(), settings.member.clone());
    let may_start = match install(settings, &deadline, &mut notes, &mut report).await {
        Ok(set) => {
            log(&format!("ready, from {}: {}", source_label(set.source), set.info.installed.join(" ")));
            report.installed_by = set.info.installed_by;
            report.installed = set.info.installed;
            report.source = Some(set.source);
            true
        }
        Err(error) => {
            log(&format!("error ({}): {}", error.kind.label(), error.message));
            report.error_type = Some(error.kind);
            report.message = Some(error.message);
            report.source = Some(PackageSource::Nowhere);
            // A member without packages still mounts a directory.
            let linked = PackagesVolume::open(&volume).and_then(|volume| volume.link_member(&member, EMPTY));
            let may_start = policy != "block" && linked.is_ok();
            if may_start {
                notes.warn("the member starts without its packages, as installPolicy.onFailure allows");
            }
            may_start
        }
    };
    report.retries = notes.retries;
    report.warnings = notes.warnings;
    report.seconds = Some((begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0);
    if let Err(error) = termination::write(&log_path, &report) {
        log(&format!("failed to write the report to {}: {error}", log_path.display()));
    }
    may_start
}

fn source_label(source: PackageSource) -> &'static str {
    match source {
        PackageSource::Index => "the index",
        PackageSource::Cache => "the cache",
        PackageSource::Nowhere => "nowhere",
    }
}

async fn install(
    settings: InstallSettings,
    deadline: &Deadline,
    notes: &mut InstallNotes,
    report: &mut InstallReport,
) -> Result<EnsuredSet, InstallError> {
    let token = format!("{}-{:016x}", settings.member, fastrand::u64(..));
    let max_archive_size = settings.bucket.max_archive_size;
    let authorities: Vec<PathBuf> = settings.bucket.bucket_ca_file.iter().cloned().collect();
    // The bucket is opened while Python is probed: both take about as long.
    let opening = request::bucket_location(&settings.bucket).map(|(location, prefix)| {
        let token = token.clone();
        spawn_blocking(move || store::open(location, prefix, max_archive_size, token, &authorities))
    });
    let request = deadline.enforce(Request::new(settings)).await??;
    report.python = Some(request.set.python.to_string());
    let bucket = match opening {
        Some(opening) => match opening.await.unwrap_or(Err(StoreError::TaskFailed)) {
            Ok(bucket) => Some(bucket),
            Err(error) => {
                notes.warn_store_error("could not open the cache", &error);
                None
            }
        },
        None => None,
    };
    loop {
        let mut set = ensure_in_store(&request, bucket.as_ref(), &token, deadline, notes).await?;
        let linked = request.volume.link_member(&request.member, &set.info.name);
        if linked.map_err(|e| InstallError::from_volume(&e))? {
            // An earlier version may have installed the set.
            add_site_hook(&request.volume.sets_dir().join(&set.info.name), notes);
            set.info.installed = requested::requested_first(&request.spec.packages, set.info.installed);
            collect_garbage(&request, report);
            return Ok(set);
        }
        // Another installer deleted the set between the lookup and the link, so try again.
    }
}

async fn ensure_in_store(
    request: &Request,
    bucket: Option<&Bucket>,
    token: &str,
    deadline: &Deadline,
    notes: &mut InstallNotes,
) -> Result<EnsuredSet, InstallError> {
    match bucket {
        Some(bucket) => ensure_set(request, bucket, deadline, notes).await,
        None if request.shared => {
            let store = SharedVolume::new(request.volume.clone(), token.to_owned());
            ensure_set(request, &store, deadline, notes).await
        }
        None => ensure_set(request, &NoStore, deadline, notes).await,
    }
}

/// Time limit for the removal of old sets. Removal takes long on a network volume; the next installer
/// continues it.
const COLLECT: Duration = Duration::from_secs(10);

/// Removes old sets from a shared volume, and reports its usage.
fn collect_garbage(request: &Request, report: &mut InstallReport) {
    if !request.shared {
        return;
    }
    let (sender, result) = mpsc::channel();
    let volume = request.volume.clone();
    // Unlike a blocking task of the runtime, a plain thread does not delay the exit of the process.
    thread::spawn(move || sender.send(gc::collect_garbage(&volume, RetentionPeriods::default())));
    match result.recv_timeout(COLLECT) {
        Ok(Ok(removed)) => {
            removed.iter().for_each(|path| log(&format!("removed {path}, which no member uses")));
        }
        Ok(Err(error)) => log(&format!("failed to remove old packages: {error}")),
        Err(_) => log("old packages are not removed yet: removal takes too long"),
    }
    if let Some((total, used)) = request.volume.usage() {
        report.cache_total_bytes = i64::try_from(total).ok();
        report.cache_used_bytes = i64::try_from(used).ok();
    }
}
