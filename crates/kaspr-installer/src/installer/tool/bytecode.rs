//! Compiles packages to bytecode once. Members mount their packages read-only, so they would compile
//! them at every start.

use std::{num::NonZero, path::Path, process::Stdio, thread};

use super::subprocess;
use crate::installer::error::InstallError;

/// Largest number of compiler processes. Each is a Python process, and a node may have more cores than
/// the container has memory for.
const PROCESSES: usize = 8;

/// Compiles a set with all cores. Files that are not valid for this version of Python are skipped.
/// Returns whether the compiler ran to completion; usually it is the kernel that kills it, because
/// memory runs out.
///
/// The bytecode does not contain the path at which it was compiled; Python fills in the actual path at
/// import. Python does not check the bytecode against its source: sets never change, and so a copy that
/// changes file times remains valid.
pub(crate) async fn compile(python: &Path, folder: &Path) -> Result<bool, InstallError> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    Ok(run_compileall(cores.min(PROCESSES), python, folder).await?
        || run_compileall(1, python, folder).await?)
}

async fn run_compileall(processes: usize, python: &Path, folder: &Path) -> Result<bool, InstallError> {
    let mut compiler = subprocess::isolated(python);
    compiler
        .args(["-I", "-m", "compileall", "-q", "-q", "--invalidation-mode", "unchecked-hash", "-j"])
        .arg(processes.to_string())
        .arg("-s")
        .arg(folder)
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let status = compiler.status().await;
    let status =
        status.map_err(|e| InstallError::unknown(format!("failed to start the image's Python: {e}")))?;
    // The exit code is not checked: it is not 0 if a package contains templates that are not valid Python.
    Ok(status.code().is_some())
}
