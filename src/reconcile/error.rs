use kube::core::Status;
use thiserror::Error;

/// Why a reconcile failed and will be retried.
#[derive(Debug, Error)]
pub enum ReconcileError {
    /// The API server refused a request or could not be reached.
    #[error("{what}")]
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
    /// An object of the same name exists, and the operator did not make it.
    #[error(
        "{what} exists and {why}: the operator changes only objects that it made. Rename the resource, or rename or \
         delete the object"
    )]
    Foreign {
        /// The object, such as `ConfigMap mine-agent`.
        what: String,
        /// Whose it is, such as `is controlled by Deployment web`.
        why: String,
    },
    /// Objects were refused; the status reports them, and the others were applied.
    #[error("the API server refused an object")]
    Refused {
        /// The value of the metric label `error_type`.
        error_type: &'static str,
    },
    /// Another operation must finish first.
    #[error("waiting for {0}")]
    Waiting(String),
    /// A resource could not be converted to or from JSON.
    #[error("failed to convert the resource: {0}")]
    Convert(#[from] serde_json::Error),
}

impl ReconcileError {
    /// Returns the value of the metric label `error_type` of a reconcile: for each answer of the API server that of the
    /// Python operator, by which dashboards select.
    pub(super) fn metric_label(&self) -> &'static str {
        match self {
            Self::Api { source: kube::Error::Api(_), .. } => "ApiException",
            _ => self.object_label(),
        }
    }

    /// Returns the value of the metric label `error_type` of an object, which the Python operator does not have.
    pub(super) fn object_label(&self) -> &'static str {
        match self {
            Self::Api { source: kube::Error::Api(status), .. } if status.is_conflict() => "Conflict",
            Self::Api { source: kube::Error::Api(status), .. } if status.is_forbidden() => "Forbidden",
            Self::Api { source: kube::Error::Api(status), .. } if status.code == 422 => "Invalid",
            Self::Api { source: kube::Error::Api(_), .. } => "ApiException",
            Self::Api { .. } => "Unreachable",
            Self::Foreign { .. } => "Foreign",
            Self::Refused { error_type } => error_type,
            Self::Build(_) => "Build",
            Self::Deleted => "Gone",
            Self::Waiting(_) => "Waiting",
            Self::Convert(_) => "Read",
        }
    }

    /// Returns whether the API server refused the object itself: repeating the request changes nothing before a
    /// person changes the object, a policy or a quota.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::Foreign { .. } => true,
            // 500 is what it answers when addresses of Services are exhausted or a webhook of others fails.
            Self::Api { source: kube::Error::Api(status), .. } => {
                matches!(status.code, 400 | 403 | 413 | 422 | 500) && !is_namespace_deleted(status)
            }
            _ => false,
        }
    }

    /// Returns whether the namespace is being deleted, or the resource is gone: nothing is left to do.
    pub(super) fn is_gone(&self) -> bool {
        match self {
            Self::Deleted => true,
            Self::Api { source: kube::Error::Api(status), .. } => is_namespace_deleted(status),
            _ => false,
        }
    }

    /// Returns whether another client changed the object meanwhile. The next attempt reads it again.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Self::Api { source: kube::Error::Api(status), .. } if status.is_conflict())
    }

    /// Returns a conversion for `map_err` that says what failed.
    pub(super) fn api(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        move |source| Self::Api { what, source }
    }
}

/// Returns whether an error is about a namespace that is being deleted, or was. The API server then refuses every
/// new object.
pub(super) fn is_namespace_deleted(status: &Status) -> bool {
    let details = status.details.as_ref();
    let terminating = details
        .is_some_and(|details| details.causes.iter().any(|cause| cause.reason == "NamespaceTerminating"));
    terminating || (status.is_not_found() && details.is_some_and(|details| details.kind == "namespaces"))
}
