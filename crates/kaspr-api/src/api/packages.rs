use k8s_openapi::api::core::v1::ResourceRequirements;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    buckets::{AzureCache, BucketConfig, GcsCache, S3Cache},
    ca_secret::CaSecret,
    cel,
};

/// Packages that are installed before a member starts.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PythonPackages {
    /// Requirements as pip accepts them, one each: `pandas>=2`, `redis[hiredis]`,
    /// `git+https://host/repo@v1`.
    #[x_kube(validation = cel::not_empty("must name at least one package"))]
    pub packages: Vec<String>,
    /// Package index in place of PyPI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^https?://.+"))]
    pub index_url: Option<String>,
    /// Additional package indexes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_index_urls: Option<Vec<String>>,
    /// Hosts whose certificates are not verified: `host` or `host:port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_hosts: Option<Vec<String>>,
    /// Certificate authorities of the indexes, repositories and proxies, in addition to those of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret: Option<CaSecret>,
    /// User name and password for the indexes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<PackageCredentials>,
    /// Where installed packages are cached between restarts. Default: not cached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<PackageCache>,
    /// Timeout and retries of the installation, and what happens if it fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install_policy: Option<InstallPolicy>,
    /// CPU and memory requests and limits of the install container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
}

/// User name and password for the package indexes.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageCredentials {
    /// Secret with user name and password.
    pub secret_ref: PackageSecretRef,
    /// Hosts of `extraIndexUrls` that receive user name and password too, such as `packages.example.com`. Default: the
    /// host of `indexUrl`; without `indexUrl`, all hosts of `extraIndexUrls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<String>>,
}

/// A Secret with a user name and a password.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageSecretRef {
    /// Name of the Secret.
    #[x_kube(validation = cel::not_empty("must name a Secret in the app's namespace"))]
    pub name: String,
    /// Key of the Secret with the user name. Default: {INDEX_USERNAME_KEY}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(default = "super::schema::index_username_key")]
    pub username_key: Option<String>,
    /// Key of the Secret with the password. Default: {INDEX_PASSWORD_KEY}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(default = "super::schema::index_password_key")]
    pub password_key: Option<String>,
}

/// Where installed packages are cached between restarts.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = cel::needs_when("type", "gcs", "gcs", "must be given when type is 'gcs'"),
    validation = cel::needs_when("type", "s3", "s3", "must be given when type is 's3'"),
    validation = cel::needs_when("type", "azure", "azure", "must be given when type is 'azure'")
)]
pub struct PackageCache {
    /// Kind of cache. Default: {CACHE_TYPE}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(default = "super::schema::cache_type")]
    pub r#type: Option<CacheType>,
    /// Cache packages in a claim that all members share; only for type pvc. Default: {CACHE_ENABLED}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(default = "super::schema::disabled")]
    pub enabled: Option<bool>,
    /// Storage class of the claim; it must support ReadWriteMany.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// Size of the claim. It can grow but not shrink. Default: {CACHE_SIZE}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// Access mode of the claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(default = "super::schema::access_mode")]
    pub access_mode: Option<PackageAccessMode>,
    /// Delete the claim together with the app. Default: {CACHE_DELETE_CLAIM}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_claim: Option<bool>,
    /// The bucket; required when type is gcs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gcs: Option<GcsCache>,
    /// The bucket; required when type is s3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Cache>,
    /// The container; required when type is azure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure: Option<AzureCache>,
}

impl PackageCache {
    /// Returns the bucket that is in use, if packages are cached in one.
    #[must_use]
    pub fn bucket(&self) -> Option<BucketConfig<'_>> {
        match self.r#type? {
            CacheType::Pvc => None,
            CacheType::Gcs => self.gcs.as_ref().map(GcsCache::bucket),
            CacheType::S3 => self.s3.as_ref().map(S3Cache::bucket),
            CacheType::Azure => self.azure.as_ref().map(AzureCache::bucket),
        }
    }
}

/// Kind of package cache.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheType {
    /// A claim that all members share.
    Pvc,
    /// A Google Cloud Storage bucket.
    Gcs,
    /// A bucket of S3 or of an S3-compatible store.
    S3,
    /// A container of Azure Blob Storage.
    Azure,
}

/// Access mode of the packages claim: all members mount it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum PackageAccessMode {
    /// Mounted by many nodes.
    ReadWriteMany,
}

/// Timeout and retries of the installation.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstallPolicy {
    /// Retries after the first attempt. Default: {INSTALL_RETRIES}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub retries: Option<i32>,
    /// Seconds. All attempts together take at most this time multiplied by `retries`. Default: {INSTALL_TIMEOUT}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 60))]
    pub timeout: Option<i32>,
    /// What happens when no attempt succeeds. Default: {INSTALL_ON_FAILURE}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
}

/// What happens when the install fails.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// The member does not start.
    Block,
    /// The member starts without the packages.
    Allow,
    /// The same as allow.
    Warn,
}

impl OnFailure {
    /// Returns the value in manifests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Allow => "allow",
            Self::Warn => "warn",
        }
    }
}
