//! Bytecode, made once: members mount their packages read-only and would compile at every start.

use std::{num::NonZero, path::Path, process::Stdio, thread};

use super::{command, failure::Failure};

/// Each process is a Python of its own, and a node may have more cores than the container has memory for.
const PROCESSES: usize = 8;

/// Compiles a set with all cores. Files that are no Python of this version stay as they are. Gives
/// whether the compiler came to its end; who kills it is mostly the kernel, for want of memory.
///
/// Where it was compiled does not stand in it; Python fills in where it is when it imports it.
///
/// The bytecode is not checked against its source when it is imported: sets never change, and it
/// then stands any copy whatever it does to times.
pub async fn compile(python: &Path, folder: &Path) -> Result<bool, Failure> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    Ok(with(cores.min(PROCESSES), python, folder).await? || with(1, python, folder).await?)
}

async fn with(processes: usize, python: &Path, folder: &Path) -> Result<bool, Failure> {
    let mut compiler = command::plain(python);
    compiler
        .args(["-I", "-m", "compileall", "-q", "-q", "--invalidation-mode", "unchecked-hash", "-j"])
        .arg(processes.to_string())
        .arg("-s")
        .arg(folder)
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let ended = compiler.status().await;
    let ended = ended.map_err(|e| Failure::unknown(format!("the image's Python can't be started: {e}")))?;
    // Some packages hold templates that are no Python; the compiler's answer counts them.
    Ok(ended.code().is_some())
}
