//! `install-packages` and `copy-installer`: the two init containers that install Python packages.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Error, output::create_dir};
use crate::{installer, settings::InstallSettings};

/// Arguments of `copy-installer`.
#[derive(Args, Clone, Debug)]
pub(super) struct CopyInstallerArgs {
    /// The folder that is shared with the install container
    #[arg(value_name = "DIRECTORY")]
    to: PathBuf,
}

/// Exit code of a process that SIGTERM terminated.
const TERMINATED: u8 = 143;

/// Installs packages. SIGTERM cancels the installation and terminates the child processes.
///
/// # Errors
///
/// The signal handler cannot be installed.
pub(super) async fn install(settings: InstallSettings) -> Result<ExitCode, Error> {
    // The first process of a container ignores the signal unless it has a handler.
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Output)?;
    let stop = CancellationToken::new();
    let cancel = stop.clone();
    tokio::spawn(async move {
        terminate.recv().await;
        cancel.cancel();
    });
    let may_start = installer::run(settings, stop.clone()).await;
    Ok(match (stop.is_cancelled(), may_start) {
        (true, _) => ExitCode::from(TERMINATED),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::FAILURE,
    })
}

/// Copies this program, and uv from the same directory, to a volume, so that the app's image can run them.
///
/// # Errors
///
/// A file cannot be read or written.
pub(super) fn copy_installer(args: CopyInstallerArgs) -> Result<(), Error> {
    let program = std::env::current_exe().map_err(|source| Error::File {
        what: "find",
        path: "/proc/self/exe".into(),
        source,
    })?;
    create_dir(&args.to)?;
    copy(&program, &args.to.join("kaspr-operator"))?;
    let uv = program.with_file_name("uv");
    if uv.is_file() {
        copy(&uv, &args.to.join("uv"))?;
    }
    Ok(())
}

/// Copies a program with a rename, because a container that restarts must not overwrite a program that is
/// running.
fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let failed = |what| move |source| Error::File { what, path: to.to_owned(), source };
    let fresh = to.with_extension("new");
    fs::copy(from, &fresh).map_err(failed("write"))?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755)).map_err(failed("write"))?;
    fs::rename(&fresh, to).map_err(failed("write"))
}
