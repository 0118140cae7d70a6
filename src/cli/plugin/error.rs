//! Errors of the plugin's subcommands, each in one line that says what to do.

use thiserror::Error;

use crate::{api::Kind, error_chain::describe};

/// Error of a subcommand of the plugin.
#[derive(Debug, Error)]
pub enum CliError {
    /// The layout of a graph fails.
    #[error("failed to draw the graph as SVG: use `-o dot`, and draw the output with Graphviz")]
    GraphLayout,
    /// No cluster is configured.
    #[error(
        "no cluster is configured: set KUBECONFIG to a file that names one, or use --kubeconfig or --context: {0}"
    )]
    Kubeconfig(String),
    /// The API server does not answer.
    #[error(
        "failed to {what}: the API server {url} does not answer; check that it is running and that KUBECONFIG selects the right cluster ({why})"
    )]
    Unreachable {
        /// Operation that failed.
        what: String,
        /// URL of the API server.
        url: String,
        /// Error of the connection.
        why: String,
    },
    /// The API server does not accept the credentials.
    #[error("failed to {what}: the API server does not accept the credentials; log in again ({why})")]
    Unauthorized {
        /// Operation that failed.
        what: String,
        /// Message of the API server.
        why: String,
    },
    /// The user lacks a permission.
    #[error("failed to {what}: not allowed; ask for a role that grants it ({why})")]
    Forbidden {
        /// Operation that failed.
        what: String,
        /// Message of the API server, which names verb and resource.
        why: String,
    },
    /// The CRDs are not installed.
    #[error(
        "failed to {what}: the cluster does not have the kinds of kaspr.io; install the CRDs: kaspr-operator crds | kubectl apply -f -"
    )]
    CrdsMissing {
        /// Operation that failed.
        what: String,
    },
    /// The API server, a webhook or the operator rejects a request.
    #[error("failed to {what}: {why}")]
    Refused {
        /// Operation that failed.
        what: String,
        /// Reason for the rejection.
        why: String,
    },
    /// The app does not exist.
    #[error("{kind} '{name}' not found in namespace '{namespace}'; {hint}", kind = Kind::App)]
    AppNotFound {
        /// Name of the app.
        name: String,
        /// Namespace of the request.
        namespace: String,
        /// Existing apps with a similar place or name.
        hint: String,
    },
    /// An argument is a path, and the file does not exist.
    #[error("file '{0}' not found; to select an app of the cluster, use its name, without a slash and .yaml")]
    FileNotFound(String),
    /// A condition is not satisfied in time.
    #[error(
        "timed out after {seconds}s waiting for {what}; check that the operator is running, and run `status {app}`"
    )]
    Timeout {
        /// Condition that is not satisfied.
        what: String,
        /// Timeout in seconds.
        seconds: u64,
        /// Name of the app.
        app: String,
    },
}

impl CliError {
    /// Converts the error of a request to the API server at `url`.
    #[must_use]
    pub fn from_request(what: impl Into<String>, url: &str, error: &kube::Error) -> Self {
        let what = what.into();
        let status = match error {
            kube::Error::Api(status) => status,
            kube::Error::Auth(_) => return Self::Unauthorized { what, why: describe(error) },
            kube::Error::SerdeError(_) => return Self::Refused { what, why: describe(error) },
            _ => return Self::Unreachable { what, url: url.to_owned(), why: describe(error) },
        };
        let why = status.message.replace('\n', " ");
        // Messages of the API server about an unknown kind: the first for lists, the second otherwise.
        let unknown_kind = ["page not found", "could not find the requested resource"]
            .iter()
            .any(|text| status.message.contains(text));
        match status.code {
            401 => Self::Unauthorized { what, why },
            403 if is_rbac_message(&why) => Self::Forbidden { what, why },
            404 if unknown_kind => Self::CrdsMissing { what },
            _ => Self::Refused { what, why },
        }
    }
}

/// Returns whether a message with code 403 is about a missing permission. Webhooks deny requests with the
/// same code.
fn is_rbac_message(message: &str) -> bool {
    !message.contains("admission webhook") && message.contains("cannot")
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn message_for(code: u16, message: &str) -> String {
        let status = Status::failure(message, "").with_code(code);
        let error = kube::Error::Api(Box::new(status));
        CliError::from_request("read apps", "https://here", &error).to_string()
    }

    #[test]
    fn each_response_is_explained() {
        assert!(message_for(401, "Unauthorized").contains("log in again"));
        assert!(
            message_for(403, "kasprapps is forbidden: User \"x\" cannot list").contains("ask for a role")
        );
        assert!(!message_for(403, "admission webhook \"x\" denied the request: no").contains("role"));
        assert!(
            message_for(404, "the server could not find the requested resource").contains("install the CRDs")
        );
        assert_eq!(message_for(409, "is\nbusy"), "failed to read apps: is busy");
    }
}
