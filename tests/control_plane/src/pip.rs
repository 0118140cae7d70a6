//! What tests need of the Python Package Index, each in a folder of the user's cache.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::binaries::{cache, lock};
use crate::error::{Context, Error};

/// The folder that a package of that version is in; the first call installs it there, without what
/// it depends on.
///
/// # Errors
/// If there is no cache folder, or pip does not install it.
pub fn from_pip(name: &'static str, version: &str) -> Result<PathBuf, Error> {
    install(name, version, "packages", &["--no-deps"])
}

/// The same with what the package depends on, so that the package can be run as a module.
///
/// # Errors
/// If there is no cache folder, or pip does not install it.
pub fn from_pip_with_dependencies(name: &'static str, version: &str) -> Result<PathBuf, Error> {
    install(name, version, "packages-with-dependencies", &[])
}

fn install(name: &'static str, version: &str, place: &str, options: &[&str]) -> Result<PathBuf, Error> {
    let cache = cache()?.join(format!("{name}-{version}"));
    let folder = cache.join(place);
    let _lock = lock(&cache)?;
    if folder.is_dir() {
        return Ok(folder);
    }
    // Whatever happens, nothing half made is left: installed aside, and put in place as a whole.
    let aside = tempfile::tempdir_in(&cache).context(|| format!("create a folder in {}", cache.display()))?;
    let pip = ["-m", "pip", "install", "--quiet", "--no-compile", "--target"];
    let mut install = Command::new("python3");
    install.args(pip).arg(aside.path()).args(options).arg(format!("{name}=={version}"));
    let output = install.output().context(|| "run python3")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Error::Build { binary: name, status: output.status, output: said });
    }
    fs::rename(aside.keep(), &folder).context(|| format!("put {name} in place"))?;
    Ok(folder)
}
