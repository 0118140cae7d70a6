//! What went wrong, in one line that says what to do.

use thiserror::Error;

use crate::error_chain::describe;

/// Why a subcommand for people failed.
#[derive(Debug, Error)]
pub enum CliError {
    /// A picture of it fails.
    #[error("this graph can't be drawn as a picture: write it with `-o dot`, and draw that with Graphviz")]
    Undrawn,
    /// No cluster.
    #[error(
        "no cluster is configured: set KUBECONFIG to a file that names one, or give --kubeconfig or --context: {0}"
    )]
    Kubeconfig(String),
    /// The API server does not answer.
    #[error(
        "can't {what}: the API server {url} does not answer; is it up, and is KUBECONFIG the right one? ({why})"
    )]
    Unreachable {
        /// What was tried.
        what: String,
        /// The API server.
        url: String,
        /// What the network says.
        why: String,
    },
    /// Credentials that are not accepted.
    #[error("can't {what}: the API server does not accept the credentials; log in again ({why})")]
    Unauthorized {
        /// What was tried.
        what: String,
        /// Its words.
        why: String,
    },
    /// A permission that is missing.
    #[error("can't {what}: not allowed; ask for a role that grants it ({why})")]
    Forbidden {
        /// What was tried.
        what: String,
        /// The API server's words, which name verb and resource.
        why: String,
    },
    /// The kinds are not known.
    #[error(
        "can't {what}: the cluster does not know the kinds of kaspr.io; install the CRDs: kaspr-operator crds | kubectl apply -f -"
    )]
    NoKinds {
        /// What was tried.
        what: String,
    },
    /// The API server or a webhook refuses.
    #[error("can't {what}: {why}")]
    Refused {
        /// What was tried.
        what: String,
        /// Its words.
        why: String,
    },
    /// The app is not there.
    #[error("there is no KasprApp '{name}' in namespace '{namespace}'; {known}")]
    NoApp {
        /// The app that was asked for.
        name: String,
        /// Where.
        namespace: String,
        /// What there is.
        known: String,
    },
    /// An argument that is neither a file nor could be an app.
    #[error("there is no file '{0}'; an app of the cluster is named without a slash and without .yaml")]
    NoFile(String),
    /// Something did not come true in time.
    #[error("{0}")]
    Late(String),
}

impl CliError {
    /// What a failed request means to who made it.
    pub fn of(what: impl Into<String>, url: &str, error: &kube::Error) -> Self {
        let what = what.into();
        let status = match error {
            kube::Error::Api(status) => status,
            kube::Error::Auth(_) => return Self::Unauthorized { what, why: describe(error) },
            kube::Error::SerdeError(_) => return Self::Refused { what, why: describe(error) },
            _ => return Self::Unreachable { what, url: url.to_owned(), why: describe(error) },
        };
        let why = status.message.replace('\n', " ");
        // What the API server says of a kind that it does not serve, to lists and to everything else.
        let unknown_kind = ["page not found", "could not find the requested resource"]
            .iter()
            .any(|words| status.message.contains(words));
        match status.code {
            401 => Self::Unauthorized { what, why },
            403 if is_rbac(&why) => Self::Forbidden { what, why },
            404 if unknown_kind => Self::NoKinds { what },
            _ => Self::Refused { what, why },
        }
    }
}

/// A webhook refuses with the same code as a missing permission.
fn is_rbac(message: &str) -> bool {
    !message.contains("admission webhook") && message.contains("cannot")
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn said(code: u16, message: &str) -> String {
        let status = Status::failure(message, "").with_code(code);
        CliError::of("read apps", "https://here", &kube::Error::Api(Box::new(status))).to_string()
    }

    #[test]
    fn each_answer_says_what_to_do() {
        assert!(said(401, "Unauthorized").contains("log in again"));
        assert!(said(403, "kasprapps is forbidden: User \"x\" cannot list").contains("ask for a role"));
        assert!(!said(403, "admission webhook \"x\" denied the request: no").contains("role"));
        assert!(said(404, "the server could not find the requested resource").contains("install the CRDs"));
        assert_eq!(said(409, "is\nbusy"), "can't read apps: is busy");
    }
}
