use serde::{Deserialize, Serialize};

/// The report of an install container: its termination message, as JSON.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstallReport {
    /// The hash of the package set.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hash: String,
    /// The Python that the set is for: `3.11 (x86_64, gnu)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Where the packages came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<PackageSource>,
    /// Duration of the container, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The member that installed the set that this container found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed_by: Option<String>,
    /// Why the install failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_type: Option<InstallErrorType>,
    /// The error message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Retries after the first attempt.
    pub retries: u64,
    /// Warnings for the user.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Size of the cache in bytes, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_total_bytes: Option<i64>,
    /// Used bytes of the cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_used_bytes: Option<i64>,
    /// Packages with their versions, the requested ones first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub installed: Vec<String>,
}

impl InstallReport {
    /// Parses a termination message. One that is not a report, such as the end of a log, becomes the
    /// message of an otherwise empty report.
    #[must_use]
    pub fn from_termination_message(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|_| Self {
            message: Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            ..Self::default()
        })
    }
}

/// Where a container's packages came from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageSource {
    /// Installed by this container.
    Index,
    /// A store, or the shared claim.
    Cache,
    /// Nowhere: the install failed, and the policy lets the member start without.
    Nowhere,
}

/// Why an install failed. Dashboards of the Python operator count by these values.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InstallErrorType {
    /// An index has no such package, or no such version for this Python.
    PackageNotFound,
    /// A file does not have the hash that the index states.
    HashMismatch,
    /// An index or a repository rejected the credentials, or requires some.
    Authentication,
    /// An index could not be reached or returned an error.
    Network,
    /// The install took longer than `installPolicy.timeout`.
    Timeout,
    /// Anything else.
    #[serde(other)]
    Unknown,
}

impl InstallErrorType {
    /// Returns the value of the metric label `error_type`: the Python operator calls a package that an index
    /// does not have invalid.
    #[must_use]
    pub fn metric_label(self) -> &'static str {
        match self {
            Self::PackageNotFound => "invalid_package",
            other => other.label(),
        }
    }

    /// Returns the word that the status shows.
    #[must_use]
    pub fn label(self) -> &'static str {
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
