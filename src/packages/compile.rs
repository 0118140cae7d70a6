//! Bytecode, made once: members mount their packages read-only and would compile at every start.

use std::{path::Path, process::Stdio};

use super::{command, failure::Failure};

/// Compiles a set with all cores. Files that are no Python of this version stay as they are.
///
/// Where it was compiled does not stand in it; Python fills in where it is when it imports it.
///
/// The bytecode is not checked against its source when it is imported: sets never change, and it
/// then stands any copy whatever it does to times.
pub async fn compile(python: &Path, folder: &Path) -> Result<(), Failure> {
    let mut compiler = command::plain(python);
    compiler
        .args(["-I", "-m", "compileall", "-q", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"])
        .arg("-s")
        .arg(folder)
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let ran = compiler.status().await;
    // Some packages hold templates that are no Python; the compiler's answer counts them.
    ran.map(|_| ()).map_err(|e| Failure::unknown(format!("the image's Python can't be started: {e}")))
}
