//! Ensures that the package set is in the volume: finds it there, fetches it from the store, waits for
//! another member, or installs it.

use std::{path::Path, time::Duration};

use tokio::time::timeout;

use super::{
    deadline::Deadline,
    error::InstallError,
    lease::{WaitBackoff, renew_until_lost},
    log::log,
    package_set::{SetInfo, SetName},
    request::Request,
    store::{Fetched, LeaseOutcome, Store, StoreError},
    tool::{
        bytecode, dist_info, image_settings::ImageSettings, install_spec::InstallDirs, pip::InstallTool,
        requested, site_hook::add_site_hook as add_hook,
    },
    volume::Staging,
};
use crate::api::PackageSource;

/// Time limit for releasing a lease. A lease that is not released expires.
const RELEASE: Duration = Duration::from_secs(5);

/// Interval at which the heartbeat of a staging directory is updated.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// A set that is in the volume.
pub(super) struct EnsuredSet {
    /// Description of the set.
    pub info: SetInfo,
    /// Where the set came from.
    pub source: PackageSource,
}

/// What the report contains in addition to the set.
#[derive(Debug, Default)]
pub(super) struct InstallNotes {
    /// Number of retries after the first attempt.
    pub retries: u64,
    /// Problems that did not prevent the member from starting.
    pub warnings: Vec<String>,
}

impl InstallNotes {
    /// Logs and records a problem that does not prevent the member from starting.
    pub(super) fn warn(&mut self, warning: impl Into<String>) {
        let warning = warning.into();
        log(&format!("warning: {warning}"));
        self.warnings.push(warning);
    }

    /// Logs and records an error of the store.
    pub(super) fn warn_store_error(&mut self, what: &str, error: &StoreError) {
        self.warn(format!("{what}: {error}"));
    }
}

/// Ensures that the requested set is in the volume.
///
/// # Errors
///
/// The packages cannot be installed, the volume is not writable, or the deadline passed. Errors of the
/// store and of the lease are only recorded as warnings.
pub(super) async fn ensure_set<S: Store>(
    request: &Request,
    store: &S,
    deadline: &Deadline,
    notes: &mut InstallNotes,
) -> Result<EnsuredSet, InstallError> {
    // Waiting stops early enough to leave time for an installation.
    let reserved = deadline.remaining() / 2;
    let mut backoff = WaitBackoff::default();
    let mut logged_wait = false;
    // Installers add sets under the requested hash only, so these names are looked up once.
    if let Some(found) = find_or_fetch(request, store, deadline, notes).await? {
        return Ok(found);
    }
    for set in &request.equal_sets {
        if let Some(found) = find_or_fetch_set(set, request, store, deadline, notes).await? {
            log(&format!("found the same packages under the hash {}", set.hash));
            return Ok(found);
        }
    }
    loop {
        match deadline.enforce(store.acquire(&request.set, request.lease_duration)).await? {
            Ok(LeaseOutcome::Acquired(mut lease)) => {
                let result = install_with_lease(request, store, &mut lease, deadline, notes).await;
                // Also after the deadline or a signal, so that others need not wait for the lease to expire.
                release_lease(store, lease).await;
                return result;
            }
            Ok(LeaseOutcome::Busy) if deadline.remaining() > reserved => {
                if !logged_wait {
                    log("another member is installing these packages; waiting for it");
                    logged_wait = true;
                }
                deadline.sleep(backoff.next()).await?;
                if let Some(found) = find_or_fetch(request, store, deadline, notes).await? {
                    return Ok(found);
                }
            }
            Ok(LeaseOutcome::Busy) => {
                log("another member is still installing; installing concurrently");
                return install_and_publish(request, store, deadline, notes).await;
            }
            Err(error) => {
                let what = "could not acquire the install lease; members may install concurrently";
                notes.warn_store_error(what, &error);
                return install_and_publish(request, store, deadline, notes).await;
            }
        }
    }
}

async fn release_lease<S: Store>(store: &S, lease: S::Lease) {
    match timeout(RELEASE, store.release(lease)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => log(&format!("failed to release the install lease: {error}")),
        Err(_) => log("failed to release the install lease: the store does not respond"),
    }
}

/// Looks for the requested set in the volume, then in the store.
async fn find_or_fetch<S: Store>(
    request: &Request,
    store: &S,
    deadline: &Deadline,
    notes: &mut InstallNotes,
) -> Result<Option<EnsuredSet>, InstallError> {
    find_or_fetch_set(&request.set, request, store, deadline, notes).await
}

/// Looks for a set in the volume, then in the store.
async fn find_or_fetch_set<S: Store>(
    set: &SetName,
    request: &Request,
    store: &S,
    deadline: &Deadline,
    notes: &mut InstallNotes,
) -> Result<Option<EnsuredSet>, InstallError> {
    if let Some(info) = request.volume.find_set(set) {
        return Ok(Some(EnsuredSet { info, source: PackageSource::Cache }));
    }
    let staging = request.volume.create_staging().map_err(|e| InstallError::from_volume(&e))?;
    let fetched = deadline.enforce(store.fetch(set, &staging.set_dir())).await?;
    let info = match fetched {
        Ok(None) => return Ok(None),
        Ok(Some(Fetched::Current(info))) => info,
        Ok(Some(Fetched::Legacy)) => {
            let missing = requested::find_missing(&request.spec.packages, &staging.set_dir());
            if !missing.is_empty() {
                notes.warn(format!(
                    "the archive of the Python operator does not contain {}",
                    missing.join(", ")
                ));
                return Ok(None);
            }
            log("found an archive of the Python operator in the store; compiling it");
            compile(request, &staging, deadline, notes).await?;
            SetInfo {
                name: set.to_string(),
                installed: requested::list_packages(&request.spec.packages, &staging.set_dir()),
                installed_by: None,
            }
        }
        Err(error) => {
            notes.warn_store_error("could not fetch packages from the cache", &error);
            return Ok(None);
        }
    };
    request.volume.publish(&staging, &info).map_err(|e| InstallError::from_volume(&e))?;
    Ok(Some(EnsuredSet { info, source: PackageSource::Cache }))
}

/// Installs while renewing the lease. A lost lease does not stop the installation, because sets are
/// published atomically.
async fn install_with_lease<S: Store>(
    request: &Request,
    store: &S,
    lease: &mut S::Lease,
    deadline: &Deadline,
    notes: &mut InstallNotes,
) -> Result<EnsuredSet, InstallError> {
    // The previous holder may have published after the last lookup and before the lease was acquired.
    if let Some(found) = find_or_fetch(request, store, deadline, notes).await? {
        return Ok(found);
    }
    let work = install_and_publish(request, store, deadline, notes);
    let mut work = std::pin::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        error = renew_until_lost(store, lease, request.lease_duration) => {
            log(&format!("lost the install lease; continuing without it: {error}"));
        }
    }
    work.await
}

/// Installs the set, publishes it in the volume, and uploads it to the store.
async fn install_and_publish<S: Store>(
    request: &Request,
    store: &S,
    deadline: &Deadline,
    notes: &mut InstallNotes,
) -> Result<EnsuredSet, InstallError> {
    let staging = request.volume.create_staging().map_err(|e| InstallError::from_volume(&e))?;
    let heartbeat = async {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            // An error is harmless: the directory counts as abandoned only after many minutes.
            _ = staging.touch();
        }
    };
    let info = tokio::select! {
        info = install(request, &staging, deadline, notes) => info?,
        () = heartbeat => return Err(deadline.exceeded()),
    };
    request.volume.publish(&staging, &info).map_err(|e| InstallError::from_volume(&e))?;
    let published = request.volume.sets_dir().join(&info.name);
    match deadline.enforce(store.publish(&info, &published, request.private.path())).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            notes.warn_store_error("installed the packages, but could not store them in the cache", &error);
        }
        Err(_) => {
            notes.warn("installed the packages, but no time was left to store them in the cache");
        }
    }
    Ok(EnsuredSet { info, source: PackageSource::Index })
}

/// Installs from the package indexes, with retries as the policy configures them.
async fn install(
    request: &Request,
    staging: &Staging,
    deadline: &Deadline,
    notes: &mut InstallNotes,
) -> Result<SetInfo, InstallError> {
    let target = staging.set_dir();
    let private = request.private.path();
    // uv hard-links from its cache into the set if both are on one volume.
    let cache = if request.shared { private } else { staging.scratch_dir() };
    let dirs = InstallDirs { target: &target, private, cache };
    let image = deadline.enforce(ImageSettings::read(&request.python, private)).await?;
    let (tool, reason) = InstallTool::choose(request.uv.as_deref(), &image);
    let name = reason.as_deref().unwrap_or(tool.name());
    log(&format!("installing with {name}, for Python {}", request.set.python));
    let mut spec = request.spec.clone();
    image.addresses().for_each(|address| spec.secrets.add_address(&address));
    let mut pause = Duration::from_secs(1);
    loop {
        let attempt = tool.install(&request.python, &spec, &image, dirs, &|line: &str| log(line));
        let error = match deadline.enforce(attempt).await? {
            Ok(()) => break,
            Err(error) => error,
        };
        if !error.is_transient || notes.retries >= request.retries || deadline.remaining() < pause {
            return Err(error);
        }
        notes.retries += 1;
        log(&format!(
            "attempt {} of {} failed; retrying in {pause:?}: {}",
            notes.retries,
            request.retries + 1,
            error.message
        ));
        deadline.sleep(pause).await?;
        pause = (pause * 2).min(Duration::from_secs(30));
        staging.clear().map_err(|e| InstallError::from_volume(&e))?;
    }
    dist_info::remove_logins(&target).map_err(|e| InstallError::from_volume(&e))?;
    log("compiling");
    compile(request, staging, deadline, notes).await?;
    Ok(SetInfo {
        name: request.set.to_string(),
        installed: requested::list_packages(&request.spec.packages, &target),
        installed_by: Some(request.member.clone()),
    })
}

/// Lets the `.pth` files of a set take effect. An error does not prevent the start, because few packages need them.
pub(super) fn add_site_hook(folder: &Path, notes: &mut InstallNotes) {
    match add_hook(folder) {
        Ok(None) => {}
        Ok(Some(warning)) => notes.warn(warning),
        Err(error) => notes.warn(format!("could not let the .pth files of packages take effect: {error}")),
    }
}

/// Compiles a set to bytecode. A set that is not compiled works too, but imports are slower.
async fn compile(
    request: &Request,
    staging: &Staging,
    deadline: &Deadline,
    notes: &mut InstallNotes,
) -> Result<(), InstallError> {
    add_site_hook(&staging.set_dir(), notes);
    if !deadline.enforce(bytecode::compile(&request.python, &staging.set_dir())).await?? {
        notes.warn("the bytecode compiler was killed, so imports are slower: raise pythonPackages.resources");
    }
    Ok(())
}
