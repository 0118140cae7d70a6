//! What is asked for, from the settings: variables filled in, places opened.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::TempDir;

use super::{
    credentials::Secrets,
    failure::Failure,
    folder::Folder,
    index::{Installer, Wanted},
    python::Python,
    set::SetName,
    store::Place,
};
use crate::settings::{BucketSettings, InstallSettings};

/// Everything that an install needs but the store.
pub struct Request {
    /// The set.
    pub set: SetName,
    /// What goes into it.
    pub wanted: Wanted,
    /// The interpreter.
    pub python: PathBuf,
    /// Who installs.
    pub installer: Installer,
    /// Why not the other one, if there is something to tell.
    pub why: Option<String>,
    /// The volume.
    pub folder: Folder,
    /// Whether it is shared.
    pub shared: bool,
    /// Where only this process writes; it goes with it.
    pub private: TempDir,
    /// Tries after the first one.
    pub retries: u64,
    /// How long a lease holds.
    pub holds: Duration,
    /// This member.
    pub member: String,
}

impl Request {
    /// Reads the settings.
    ///
    /// Errors: the volume can't be written to, Python does not work, or a variable is not set.
    pub async fn new(settings: InstallSettings) -> Result<Self, Failure> {
        let python = Python::find(&settings.python).await.map_err(|e| Failure::unknown(e.to_string()))?;
        let folder =
            Folder::open(&settings.packages_dir).map_err(|e| unwritable(&settings.packages_dir, &e))?;
        if !settings.shared {
            // Nobody else is at it: what is there, this container left when it was killed.
            remove(&folder.all_staging(), "");
        }
        let scratch = settings.scratch_dir.clone().unwrap_or_else(std::env::temp_dir);
        let private = private(&scratch).map_err(|e| unwritable(&scratch, &e))?;
        let (installer, why) = Installer::choose(settings.uv.clone());
        Ok(Self {
            set: SetName { hash: settings.hash.clone(), python },
            wanted: wanted(&settings)?,
            python: settings.python,
            installer,
            why,
            folder,
            shared: settings.shared,
            private,
            retries: settings.retries,
            holds: Duration::from_secs(settings.lease_seconds),
            member: settings.member,
        })
    }
}

fn private(scratch: &Path) -> io::Result<TempDir> {
    std::fs::create_dir_all(scratch)?;
    remove(scratch, PRIVATE);
    tempfile::Builder::new().prefix(PRIVATE).tempdir_in(scratch)
}

/// What the names of private folders start with.
const PRIVATE: &str = "kaspr-install-";

/// Removes folders that start so, as far as it may; they are only in the way.
fn remove(folder: &Path, prefix: &str) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::unknown(format!(
        "can't write to {}: {error}: give the pod an fsGroup that may (template.pod.securityContext)",
        path.display()
    ))
}

/// Fills in the variables of the container.
fn wanted(settings: &InstallSettings) -> Result<Wanted, Failure> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let login = variable("PYPI_USERNAME").or(variable("PYPI_PASSWORD")).map(|_| {
        let part = |name: &str| variable(name).unwrap_or_default().trim().to_owned();
        (part("PYPI_USERNAME"), part("PYPI_PASSWORD"))
    });
    let mut secrets = Secrets::new(login);
    let mut fill = |text: &String| {
        secrets.fill(text, &|name| std::env::var(name).ok()).map_err(|e| Failure::unknown(e.to_string()))
    };
    let packages = settings.packages.iter().map(&mut fill).collect::<Result<_, _>>()?;
    let index = settings.index_url.as_ref().filter(|url| !url.is_empty()).map(&mut fill).transpose()?;
    let extra = settings.extra_index_url.iter().filter(|url| !url.is_empty());
    let extra_indexes = extra.map(&mut fill).collect::<Result<_, _>>()?;
    let trusted_hosts = settings.trusted_host.iter().filter(|host| !host.is_empty()).cloned().collect();
    Ok(Wanted { packages, index, extra_indexes, trusted_hosts, secrets })
}

/// The bucket, and the app's place in it.
pub fn bucket(settings: &BucketSettings) -> Option<(Place, String)> {
    let BucketSettings {
        gcs_bucket,
        gcs_object_key,
        gcs_key_file,
        s3_bucket,
        s3_prefix,
        s3_endpoint,
        azure_container,
        azure_prefix,
        azure_endpoint,
        max_archive_size: _,
    } = settings.clone();
    if let Some(bucket) = gcs_bucket {
        let key = gcs_object_key.unwrap_or_default();
        let prefix = key.rsplit_once('/').map_or("", |(prefix, _)| prefix).to_owned();
        return Some((Place::Gcs { bucket, key: gcs_key_file }, prefix));
    }
    if let Some(bucket) = s3_bucket {
        return Some((Place::S3 { bucket, endpoint: s3_endpoint }, s3_prefix.unwrap_or_default()));
    }
    let container = azure_container?;
    Some((Place::Azure { container, endpoint: azure_endpoint }, azure_prefix.unwrap_or_default()))
}
