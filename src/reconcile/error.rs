use thiserror::Error;

/// Why a reconcile failed and will be retried.
#[derive(Debug, Error)]
pub enum ReconcileError {
    /// The API server refused a request or could not be reached.
    #[error("{what}: {source}")]
    Api {
        /// What failed, such as `failed to apply Service clicks-app`.
        what: String,
        /// Why.
        source: kube::Error,
    },
    /// An object could not be built.
    #[error(transparent)]
    Build(#[from] crate::resources::BuildError),
    /// The resource was deleted; the cache has not seen it yet.
    #[error("the resource was deleted")]
    Deleted,
    /// Another operation must finish first.
    #[error("waiting for {0}")]
    Waiting(String),
    /// A resource could not be converted to or from JSON.
    #[error("failed to convert the resource: {0}")]
    Convert(#[from] serde_json::Error),
}

impl ReconcileError {
    /// Returns the value of the metric label `error_type`.
    pub(super) fn metric_label(&self) -> &'static str {
        match self {
            Self::Api { source: kube::Error::Api(status), .. } if status.is_conflict() => "Conflict",
            Self::Api { source: kube::Error::Api(status), .. } if status.is_forbidden() => "Forbidden",
            Self::Api { source: kube::Error::Api(status), .. } if status.code == 422 => "Invalid",
            Self::Api { source: kube::Error::Api(_), .. } => "ApiException",
            Self::Api { .. } => "Unreachable",
            Self::Build(_) => "Build",
            Self::Deleted => "Gone",
            Self::Waiting(_) => "Waiting",
            Self::Convert(_) => "Read",
        }
    }

    /// Returns a conversion for `map_err` that says what failed.
    pub(super) fn api(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        move |source| Self::Api { what, source }
    }
}
