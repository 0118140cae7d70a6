//! What to install, read from the settings: variables are expanded and the volume is opened.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::TempDir;

use super::{
    credentials::secrets::Secrets,
    error::InstallError,
    package_set::SetName,
    store::BucketLocation,
    tool::{install_spec::InstallSpec, python::Python},
    volume::PackagesVolume,
};
use crate::{
    install_contract as contract,
    settings::{BucketSettings, InstallSettings},
};

/// Everything that an installation needs, except the store.
pub(super) struct Request {
    /// Name of the set.
    pub set: SetName,
    /// Names of sets with the same packages, which are used if they exist.
    pub equal_sets: Vec<SetName>,
    /// Packages and indexes.
    pub spec: InstallSpec,
    /// Python interpreter of the image.
    pub python: PathBuf,
    /// The uv that the settings name, if they do.
    pub uv: Option<PathBuf>,
    /// Volume with the package sets.
    pub volume: PackagesVolume,
    /// Whether members share the volume.
    pub shared: bool,
    /// Directory that only this process reads and writes. It is deleted at the end.
    pub private: TempDir,
    /// Number of retries after the first attempt.
    pub retries: u64,
    /// Time after which a lease expires if it is not renewed.
    pub lease_duration: Duration,
    /// Name of the member.
    pub member: String,
}

impl Request {
    /// Creates a request from the settings.
    ///
    /// # Errors
    ///
    /// The volume is not writable, Python does not work, or a variable is not set.
    pub(super) async fn new(settings: InstallSettings) -> Result<Self, InstallError> {
        let python =
            Python::probe(&settings.python).await.map_err(|e| InstallError::unknown(e.to_string()))?;
        let volume = PackagesVolume::open(&settings.packages_dir)
            .map_err(|e| not_writable(&settings.packages_dir, &e))?;
        if !settings.shared {
            // No other installer uses the volume: everything in staging is left from a run that was killed.
            remove_folders(&volume.staging_dir(), "");
        }
        let scratch = settings.scratch_dir.clone().unwrap_or_else(std::env::temp_dir);
        let private = create_private_dir(&scratch).map_err(|e| not_writable(&scratch, &e))?;
        let named = |hash: &String| SetName { hash: hash.clone(), python: python.clone() };
        Ok(Self {
            equal_sets: settings.equal_hash.iter().filter(|hash| !hash.is_empty()).map(named).collect(),
            set: named(&settings.hash),
            spec: expand_spec(&settings)?,
            python: settings.python,
            uv: settings.uv,
            volume,
            shared: settings.shared,
            private,
            retries: settings.retries,
            lease_duration: Duration::from_secs(settings.lease_seconds),
            member: settings.member,
        })
    }
}

fn create_private_dir(scratch: &Path) -> io::Result<TempDir> {
    std::fs::create_dir_all(scratch)?;
    remove_folders(scratch, PRIVATE);
    tempfile::Builder::new().prefix(PRIVATE).tempdir_in(scratch)
}

/// Prefix of the names of private directories.
const PRIVATE: &str = "kaspr-install-";

/// Deletes directories with a prefix. Errors are ignored, because the directories only waste space.
fn remove_folders(parent: &Path, prefix: &str) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn not_writable(path: &Path, error: &io::Error) -> InstallError {
    InstallError::unknown(format!(
        "cannot write to {}: {error}: give the pod an fsGroup with write access (template.pod.securityContext)",
        path.display()
    ))
}

/// Expands variables from the environment of the container.
fn expand_spec(settings: &InstallSettings) -> Result<InstallSpec, InstallError> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let login = variable(contract::PYPI_USERNAME).or(variable(contract::PYPI_PASSWORD)).map(|_| {
        let part = |name: &str| variable(name).unwrap_or_default().trim().to_owned();
        (part(contract::PYPI_USERNAME), part(contract::PYPI_PASSWORD))
    });
    let mut secrets = Secrets::new(login);
    let mut expand = |text: &String| {
        secrets
            .expand(text, &|name| std::env::var(name).ok())
            .map_err(|e| InstallError::unknown(e.to_string()))
    };
    let packages = settings.packages.iter().map(&mut expand).collect::<Result<_, _>>()?;
    let index = settings.index_url.as_ref().filter(|url| !url.is_empty()).map(&mut expand).transpose()?;
    let extra = settings.extra_index_url.iter().filter(|url| !url.is_empty());
    let extra_indexes = extra.map(&mut expand).collect::<Result<_, _>>()?;
    let extra_indexes: Vec<String> = extra_indexes;
    secrets.limit_login(index.as_ref(), &settings.login_host);
    for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        secrets.add_address(&variable(proxy).unwrap_or_default());
    }
    let authorities = settings.index_ca_file.iter().cloned().collect();
    let trusted_hosts = settings.trusted_host.iter().filter(|host| !host.is_empty()).cloned().collect();
    Ok(InstallSpec { packages, index, extra_indexes, trusted_hosts, authorities, secrets })
}

/// Returns the bucket, and the prefix of the app's objects in it. Returns `None` if no bucket is configured.
pub(super) fn bucket_location(settings: &BucketSettings) -> Option<(BucketLocation, String)> {
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
        bucket_ca_file: _,
        max_archive_size: _,
    } = settings.clone();
    if let Some(bucket) = gcs_bucket {
        // The variable holds the name that the Python operator gives to an archive; the part before the last
        // '/' is the app's prefix.
        let key = gcs_object_key.unwrap_or_default();
        let prefix = key.rsplit_once('/').map_or("", |(prefix, _)| prefix).to_owned();
        return Some((BucketLocation::Gcs { bucket, key: gcs_key_file }, prefix));
    }
    if let Some(bucket) = s3_bucket {
        return Some((BucketLocation::S3 { bucket, endpoint: s3_endpoint }, s3_prefix.unwrap_or_default()));
    }
    let container = azure_container?;
    let location = BucketLocation::Azure { container, endpoint: azure_endpoint };
    Some((location, azure_prefix.unwrap_or_default()))
}
