//! Finds binaries, and has those built that are nowhere.

use std::env;
use std::fs::{self, File};
use std::path::{self, Path, PathBuf};

use crate::error::{Context, Error};
use crate::go;
use crate::pins::Binary;

/// Where tools keep the binaries of a control plane, by convention.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// The path of `binary`: in the folder that `KUBEBUILDER_ASSETS` names, else in the user's cache,
/// else built there.
pub(crate) fn provide(binary: Binary) -> Result<PathBuf, Error> {
    match in_folder(folder_in(ASSETS).as_deref(), binary) {
        Some(path) => Ok(path),
        None => in_cache(&cache_folder(binary)?, binary),
    }
}

fn in_folder(folder: Option<&Path>, binary: Binary) -> Option<PathBuf> {
    Some(folder?.join(binary.name())).filter(|path| path.is_file())
}

fn in_cache(cache: &Path, binary: Binary) -> Result<PathBuf, Error> {
    if let Some(path) = in_folder(Some(cache), binary) {
        return Ok(path);
    }
    let _lock = lock(cache)?;
    let path = cache.join(binary.name());
    if !path.is_file() {
        go::build(binary, cache)?;
    }
    Ok(path)
}

/// Locks a folder of the cache: another test, or its process, may be making the very same. The lock
/// ends with what is given, and with this process however that ends.
pub(crate) fn lock(folder: &Path) -> Result<File, Error> {
    fs::create_dir_all(folder).context(|| format!("create {}", folder.display()))?;
    let file = folder.join("lock");
    let lock = File::create(&file).context(|| format!("create {}", file.display()))?;
    lock.lock().context(|| format!("lock {}", folder.display()))?;
    Ok(lock)
}

fn cache_folder(binary: Binary) -> Result<PathBuf, Error> {
    Ok(cache()?.join("control-plane").join(binary.cache_folder()))
}

/// Where the user keeps what this project had to fetch or build.
pub(crate) fn cache() -> Result<PathBuf, Error> {
    let caches = folder_in("XDG_CACHE_HOME").or_else(|| Some(folder_in("HOME")?.join(".cache")));
    Ok(caches.ok_or(Error::NoCacheFolder)?.join("kaspr-operator"))
}

/// The folder that an environment variable names, absolute: servers run in folders of their own.
fn folder_in(variable: &str) -> Option<PathBuf> {
    path::absolute(env::var_os(variable)?).ok()
}
