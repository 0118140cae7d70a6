//! What tests need of the Python Package Index, each in a folder of the user's cache.

use std::fs;
use std::path::PathBuf;
use std::process::{self, Command};

use crate::binaries::cache;
use crate::error::{Context, Error};

/// The folder that a package of that version is in; the first call installs it there, without what
/// it depends on.
///
/// # Errors
/// If there is no cache folder, or pip does not install it.
pub fn from_pip(name: &'static str, version: &str) -> Result<PathBuf, Error> {
    let folder = cache()?.join(format!("{name}-{version}"));
    if folder.is_dir() {
        return Ok(folder);
    }
    // Another process may be at it: whole folders take the name, and the first one stays.
    let beside = folder.with_extension(process::id().to_string());
    let pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target"];
    let mut install = Command::new("python3");
    install.args(pip).arg(&beside).arg(format!("{name}=={version}"));
    let output = install.output().context(|| "run python3")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Error::Build { binary: name, status: output.status, output: said });
    }
    if let Err(error) = fs::rename(&beside, &folder) {
        let _ = fs::remove_dir_all(&beside);
        if !folder.is_dir() {
            return Err(error).context(|| format!("make {}", folder.display()));
        }
    }
    Ok(folder)
}
