use serde::{Deserialize, Serialize};

/// What an install container leaves in its termination message, as JSON.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstallReport {
    /// The hash of what was to be installed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hash: String,
    /// The Python that it was installed for: `3.11 (x86_64, gnu)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Where the packages came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<PackageSource>,
    /// Seconds that this container took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The member that installed what this container found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed_by: Option<String>,
    /// What went wrong, in one word of the published operator's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_type: Option<InstallErrorType>,
    /// What went wrong, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Tries after the first one.
    pub retries: u64,
    /// What the user should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Size of the cache in bytes, if it can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_total_bytes: Option<i64>,
    /// Used bytes of the cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_used_bytes: Option<i64>,
    /// Packages with their versions, those that were asked for first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub installed: Vec<String>,
}

/// Where a container's packages came from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageSource {
    /// Installed by this container.
    Index,
    /// A store, or the shared claim.
    Cache,
    /// Nowhere: the install failed, and the policy lets the member start.
    Nowhere,
}

/// The published operator's words for what went wrong. Dashboards count by them.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InstallErrorType {
    /// An index has no such package, or no such version for this Python.
    PackageNotFound,
    /// A file is not the one that the index promised.
    HashMismatch,
    /// An index or a repository refused the credentials, or asked for some.
    Authentication,
    /// An index could not be reached, or failed.
    Network,
    /// It took longer than `installPolicy.timeout`.
    Timeout,
    /// Anything else.
    #[serde(other)]
    Unknown,
}

impl InstallErrorType {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::PackageNotFound => "package_not_found",
            Self::HashMismatch => "hash_mismatch",
            Self::Authentication => "authentication",
            Self::Network => "network",
            Self::Timeout => "timeout",
            Self::Unknown => "unknown",
        }
    }
}
