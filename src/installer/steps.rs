//! The way to a set: found, fetched, waited for, or installed.

use std::{io, time::Duration};

use tokio::time::timeout;

use super::{
    compile,
    deadline::Deadline,
    failure::Failure,
    folder::Staging,
    index::Places,
    installed,
    lease::{self, Asked, Pauses},
    request::Request,
    set::SetInfo,
    store::{Fetched, Store, StoreError},
};
use crate::api::PackageSource;

/// How long giving a lease back may take. It ends by itself too.
const RELEASE: Duration = Duration::from_secs(5);

/// Says a line in the container's log.
pub fn say(line: &str) {
    eprintln!("{line}");
}

/// A set that is in the volume, and how it came there.
pub struct Found {
    /// What it knows of itself.
    pub info: SetInfo,
    /// Where it came from.
    pub source: PackageSource,
}

/// What the report tells beside the set.
#[derive(Debug, Default)]
pub struct Notes {
    /// Tries after the first one.
    pub retries: u64,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Notes {
    /// Tells of what keeps nobody from starting.
    pub fn warn(&mut self, warning: impl Into<String>) {
        let warning = warning.into();
        say(&format!("warning: {warning}"));
        self.warnings.push(warning);
    }

    /// Tells of a store's trouble.
    pub fn trouble(&mut self, what: &str, error: &StoreError) {
        self.warn(format!("{what}: {error}"));
    }
}

/// Gets a set into the volume.
pub async fn obtain<S: Store>(
    request: &Request,
    store: &S,
    deadline: &Deadline,
    notes: &mut Notes,
) -> Result<Found, Failure> {
    // Who waits leaves itself the time for an install of its own.
    let patience = deadline.left() / 2;
    let mut pauses = Pauses::default();
    let mut said = false;
    loop {
        if let Some(found) = look(request, store, deadline, notes).await? {
            return Ok(found);
        }
        let asked = deadline.keep(store.lease(&request.set, request.holds)).await?;
        match asked {
            Ok(Asked::Mine(mut held)) => {
                let done = with_lease(request, store, &mut held, deadline, notes).await;
                // Also after the deadline and when asked to stop, so that others need not wait for its end.
                match timeout(RELEASE, store.release(held)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => say(&format!("the lease was not given back: {error}")),
                    Err(_) => say("the lease was not given back: the store does not answer"),
                }
                return done;
            }
            Ok(Asked::Taken) if deadline.left() > patience => {
                if !said {
                    say("another member installs these packages; waiting for it");
                    said = true;
                }
                deadline.pause(pauses.next()).await?;
            }
            Ok(Asked::Taken) => {
                say("another member takes too long: installing beside it");
                return install_and_keep(request, store, deadline, notes).await;
            }
            Err(error) => {
                notes.trouble("no lease could be had, so members may install side by side", &error);
                return install_and_keep(request, store, deadline, notes).await;
            }
        }
    }
}

/// Looks for the set in the volume and in the store.
async fn look<S: Store>(
    request: &Request,
    store: &S,
    deadline: &Deadline,
    notes: &mut Notes,
) -> Result<Option<Found>, Failure> {
    if let Some(info) = request.folder.find(&request.set) {
        return Ok(Some(Found { info, source: PackageSource::Cache }));
    }
    let staging = request.folder.stage().map_err(|e| volume(&e))?;
    let fetched = deadline.keep(store.fetch(&request.set, &staging.set())).await?;
    let info = match fetched {
        Ok(None) => return Ok(None),
        Ok(Some(Fetched::Ours(info))) => info,
        Ok(Some(Fetched::Published)) => {
            say("the store has the published operator's archive; compiling it");
            compile(request, &staging, deadline, notes).await?;
            SetInfo {
                name: request.set.to_string(),
                installed: installed::packages(&staging.set()),
                installed_by: None,
            }
        }
        Err(error) => {
            notes.trouble("the store is of no help", &error);
            return Ok(None);
        }
    };
    request.folder.publish(&staging, &info).map_err(|e| volume(&e))?;
    Ok(Some(Found { info, source: PackageSource::Cache }))
}

/// Installs while renewing the lease. Losing it changes nothing in what is right.
async fn with_lease<S: Store>(
    request: &Request,
    store: &S,
    held: &mut S::Held,
    deadline: &Deadline,
    notes: &mut Notes,
) -> Result<Found, Failure> {
    // The one before may have published between the look and the lease.
    if let Some(found) = look(request, store, deadline, notes).await? {
        return Ok(found);
    }
    let work = install_and_keep(request, store, deadline, notes);
    let mut work = std::pin::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        error = lease::keep(store, held, request.holds) => say(&format!("going on without the lease: {error}")),
    }
    work.await
}

/// Installs, publishes in the volume, and keeps the set in the store.
async fn install_and_keep<S: Store>(
    request: &Request,
    store: &S,
    deadline: &Deadline,
    notes: &mut Notes,
) -> Result<Found, Failure> {
    let staging = request.folder.stage().map_err(|e| volume(&e))?;
    let alive = async {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            // Others only judge by it after many minutes.
            _ = staging.touch();
        }
    };
    let info = tokio::select! {
        info = install(request, &staging, deadline, notes) => info?,
        () = alive => return Err(deadline.over()),
    };
    request.folder.publish(&staging, &info).map_err(|e| volume(&e))?;
    let kept = request.folder.sets().join(&info.name);
    match deadline.keep(store.publish(&info, &kept, request.private.path())).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => notes.trouble("the packages are installed, but not kept in the store", &error),
        Err(_) => {
            notes.warn("the packages are installed, but there was no time left to keep them in the store");
        }
    }
    Ok(Found { info, source: PackageSource::Index })
}

/// Installs from the indexes, as often as the policy says.
async fn install(
    request: &Request,
    staging: &Staging,
    deadline: &Deadline,
    notes: &mut Notes,
) -> Result<SetInfo, Failure> {
    let target = staging.set();
    let private = request.private.path();
    // What uv downloads is linked into the set where both are on one volume.
    let cache = if request.shared { private } else { staging.scratch() };
    let places = Places { target: &target, private, cache };
    let name = request.why.as_deref().unwrap_or(request.installer.name());
    say(&format!("installing with {name}, for Python {}", request.set.python));
    let mut pause = Duration::from_secs(1);
    loop {
        let tried =
            request.installer.install(&request.python, &request.wanted, places, &|line: &str| say(line));
        let failure = match deadline.keep(tried).await? {
            Ok(()) => break,
            Err(failure) => failure,
        };
        if !failure.may_pass || notes.retries >= request.retries || deadline.left() < pause {
            return Err(failure);
        }
        notes.retries += 1;
        say(&format!(
            "try {} of {} failed, the next in {pause:?}: {}",
            notes.retries,
            request.retries + 1,
            failure.message
        ));
        deadline.pause(pause).await?;
        pause = (pause * 2).min(Duration::from_secs(30));
        staging.clear().map_err(|e| volume(&e))?;
    }
    installed::scrub(&target).map_err(|e| volume(&e))?;
    say("compiling");
    compile(request, staging, deadline, notes).await?;
    Ok(SetInfo {
        name: request.set.to_string(),
        installed: installed::packages(&target),
        installed_by: Some(request.member.clone()),
    })
}

/// Compiles a set. What is not compiled works too, only slower.
async fn compile(
    request: &Request,
    staging: &Staging,
    deadline: &Deadline,
    notes: &mut Notes,
) -> Result<(), Failure> {
    if !deadline.keep(compile::compile(&request.python, &staging.set())).await?? {
        notes.warn(
            "the compiler of bytecode was killed, so imports take longer: raise pythonPackages.resources",
        );
    }
    Ok(())
}

/// A failure of the volume.
pub fn volume(error: &io::Error) -> Failure {
    let advice = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the volume is full: raise cache.size",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "the volume can't be written to: give the pod an fsGroup that may (template.pod.securityContext)"
        }
        _ => "the volume with the packages fails",
    };
    Failure::unknown(format!("{advice}: {error}"))
}
