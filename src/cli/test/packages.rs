//! `--packages`: the Python packages of an app, installed once into a folder of the user's cache.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{app::App, error::TestError};
use crate::resources::hash;

/// Name of the member that the installer links to the packages.
const MEMBER: &str = "test";

/// Installs the packages of an app with the installer of the members, unless they are installed. Returns the
/// directory to import from; `None` if the app has no packages.
///
/// # Errors
///
/// The packages cannot be installed. The installer prints why.
pub(super) fn install(app: &App, python: &Path) -> Result<Option<PathBuf>, TestError> {
    let Some(packages) = app.packages.as_ref().filter(|packages| !packages.packages.is_empty()) else {
        return Ok(None);
    };
    let failed = |why: String| TestError::Packages { why };
    let hash = hash::of_packages(packages).into_iter().next().unwrap_or_default();
    let folder = cache_folder().ok_or_else(|| failed("set HOME or XDG_CACHE_HOME".to_owned()))?.join(&hash);
    let report = tempfile::NamedTempFile::new().map_err(TestError::Folder)?;
    let program = env::current_exe().map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(program);
    command.arg("install-packages").arg("--hash").arg(&hash).arg("--packages-dir").arg(&folder);
    command.arg("--member").arg(MEMBER).arg("--python").arg(python);
    command.arg("--termination-log").arg(report.path());
    // The installer looks for uv next to this program, where only images have it.
    if Command::new("uv").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
    {
        command.arg("--uv").arg("uv");
    }
    command.args(packages.index_url.iter().flat_map(|url| ["--index-url", url.as_str()]));
    let indexes = packages.extra_index_urls.iter().flatten();
    command.args(indexes.flat_map(|url| ["--extra-index-url", url.as_str()]));
    let hosts = packages.trusted_hosts.iter().flatten();
    command.args(hosts.flat_map(|host| ["--trusted-host", host.as_str()]));
    command.arg("--").args(&packages.packages).stdin(Stdio::null()).stdout(Stdio::null());
    let status = command.status().map_err(|error| failed(error.to_string()))?;
    if status.success() {
        Ok(Some(folder.join("members").join(MEMBER)))
    } else {
        Err(failed(status.to_string()))
    }
}

/// Returns the folder of the user's cache for package sets.
fn cache_folder() -> Option<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))?;
    Some(cache.join("kaspr-operator").join("packages"))
}
