//! What tests need of the npm registry, each in a folder of the user's cache.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::binaries::{cache, lock};
use crate::error::{Context, Error};

/// The folder `node_modules` with a package of that version and what it depends on; the first call installs
/// it. `None` if there is no npm: unlike Rust, Go and Python, the project does not require it.
///
/// # Errors
/// If there is no cache folder, or npm does not install it.
pub fn from_npm(name: &'static str, version: &str) -> Result<Option<PathBuf>, Error> {
    if !has_npm() {
        return Ok(None);
    }
    let cache = cache()?.join(format!("{name}-{version}"));
    let folder = cache.join("packages");
    let _lock = lock(&cache)?;
    if !folder.is_dir() {
        // Whatever happens, nothing half made is left: installed aside, and put in place as a whole.
        let aside =
            tempfile::tempdir_in(&cache).context(|| format!("create a folder in {}", cache.display()))?;
        let npm =
            ["install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"];
        let mut install = Command::new("npm");
        install.args(npm).arg("--prefix").arg(aside.path()).arg(format!("{name}@{version}"));
        let output = install.output().context(|| "run npm")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Error::Build { binary: name, status: output.status, output: said });
        }
        fs::rename(aside.keep(), &folder).context(|| format!("put {name} in place"))?;
    }
    Ok(Some(folder.join("node_modules")))
}

fn has_npm() -> bool {
    let runs = |program: &str| {
        let mut version = Command::new(program);
        version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    };
    runs("node") && runs("npm")
}
