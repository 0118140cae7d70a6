//! Errors of an installation, with messages that say what to do.

use std::io;

use crate::api::InstallErrorType;

/// Why packages could not be installed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct InstallError {
    /// Type of the error, as the status and the metrics show it.
    pub kind: InstallErrorType,
    /// What to do, then the output of the tool. Contains no secret.
    pub message: String,
    /// Whether a retry may succeed.
    pub is_transient: bool,
}

impl InstallError {
    /// Creates an error that has no type of its own.
    pub(super) fn unknown(message: impl Into<String>) -> Self {
        Self { kind: InstallErrorType::Unknown, message: message.into(), is_transient: false }
    }

    /// Creates the error of a deadline of `seconds` that passed.
    pub(super) fn timeout(seconds: u64) -> Self {
        Self {
            kind: InstallErrorType::Timeout,
            message: format!(
                "not complete within {seconds} s: raise installPolicy.timeout, or check why the index is slow"
            ),
            is_transient: false,
        }
    }

    /// Creates an error of the volume.
    pub(super) fn from_volume(error: &io::Error) -> Self {
        let advice = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "the volume is full: raise cache.size"
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "the volume is not writable: give the pod an fsGroup with write access (template.pod.securityContext)"
            }
            _ => "the packages volume failed",
        };
        Self::unknown(format!("{advice}: {error}"))
    }

    /// Classifies the output of pip or uv. `output` must not contain secrets.
    pub(super) fn from_output(output: &str) -> Self {
        let lower = output.to_lowercase();
        let contains = |patterns: &[&str]| patterns.iter().any(|pattern| lower.contains(pattern));
        let known = PATTERNS.iter().find(|(_, patterns, _)| contains(patterns));
        let (kind, advice) =
            known.map_or((InstallErrorType::Unknown, "see the output"), |(kind, _, advice)| (*kind, *advice));
        let is_transient = (kind == InstallErrorType::Network && advice != UNTRUSTED) || known.is_none();
        Self { kind, message: format!("{advice}: {}", error_excerpt(output)), is_transient }
    }
}

/// Patterns in the output of the tools, with the type of the error and the advice; the first match wins.
/// The order matters: an index that refuses access to a package may report it like one that does not
/// exist.
const PATTERNS: [(InstallErrorType, &[&str], &str); 11] = [
    (
        InstallErrorType::Unknown,
        &["no space left on device", "disk quota exceeded"],
        "the volume is full: raise cache.size, or the limits of the node's ephemeral storage",
    ),
    (
        InstallErrorType::HashMismatch,
        &["hash mismatch", "do not match the hashes", "hashes mismatch"],
        "a file does not match the hash in its index: replace the copy in the index, or fix the hash",
    ),
    (
        InstallErrorType::Authentication,
        &[
            "401 unauthorized",
            "403 forbidden",
            "401 client error",
            "403 client error",
            "401 error",
            "http error 401",
            "http error 403",
            "authentication failed",
            "authentication required",
            "could not read username",
            "permission denied (publickey",
        ],
        "an index or repository refused the credentials: check the Secret of credentials.secretRef and the permissions of its user",
    ),
    (
        InstallErrorType::Unknown,
        &["conflicting dependencies", "resolutionimpossible"],
        "the versions of the packages conflict: relax one of them",
    ),
    (InstallErrorType::Network, &["certificate verify failed", "invalid peer certificate"], UNTRUSTED),
    (
        InstallErrorType::Network,
        &[
            "connection refused",
            "connection reset",
            "connection aborted",
            "connection closed",
            "connection broken",
            "error sending request",
            "error decoding response body",
            "incompleteread",
            "incomplete message",
            "timed out",
            // The word alone does not suffice: it may be part of the name of a package.
            "timeouterror",
            "timeout error",
            "connect timeout",
            "read timeout",
            "dns error",
            "name resolution",
            "name or service not known",
            "could not resolve host",
            "network is unreachable",
            "500 internal server error",
            "502 bad gateway",
            "503 service unavailable",
            "500 server error",
            "502 server error",
            "503 server error",
            "504 server error",
            "too many 5",
            "max retries exceeded",
        ],
        UNREACHABLE,
    ),
    (
        InstallErrorType::PackageNotFound,
        &[
            "was not found in the package registry",
            "no matching distribution found",
            "could not find a version that satisfies",
            "there is no version of",
            "there are no versions of",
            "no versions of",
            "has no wheels with a matching",
            "404 not found",
            "404 client error",
            "repository not found",
        ],
        "an index does not have the package or version for this Python: check names, versions and indexUrl",
    ),
    (
        InstallErrorType::Unknown,
        &["subprocess-exited-with-error", "failed to build", "build backend"],
        "a package could not be built from source: request a version that has wheels, or use an image that can build it",
    ),
    (
        InstallErrorType::Unknown,
        &["unsatisfiable", "no solution found"],
        "the versions of the packages conflict: relax one of them",
    ),
    (
        InstallErrorType::Unknown,
        &["git executable not found", "cannot find command 'git'", "git operation failed"],
        "the app's image has no git, or git failed: use an image with git, or a wheel",
    ),
    // Generic prefix that precedes the actual cause; matched last.
    (InstallErrorType::Network, &["failed to fetch", "failed to download"], UNREACHABLE),
];

const UNREACHABLE: &str = "an index is unreachable: check its address, the network policies and the proxy";

const UNTRUSTED: &str = "the certificate of an index or proxy is not trusted: name its certificate authority in pythonPackages.caSecret, or add it to the certificate store of the image or to the file that SSL_CERT_FILE names; trustedHosts accepts any certificate of a host";

/// Largest length of the output of a tool in a message, in characters.
const LONGEST_EXCERPT: usize = 1200;

/// Parts of lines that are of no use in a message: news of pip, and an option of uv that the spec does not have.
const HIDDEN: [&str; 2] = ["[notice]", "--system-certs"];

/// Returns the end of the output without progress messages, from the first error on.
fn error_excerpt(output: &str) -> String {
    let lines: Vec<&str> = output
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.trim().is_empty() && !HIDDEN.iter().any(|part| line.contains(part)))
        .collect();
    let errors = lines.iter().position(|line| {
        let line = line.trim_start();
        line.starts_with("error") || line.starts_with("ERROR") || line.starts_with('×')
    });
    let text = lines[errors.unwrap_or(lines.len().saturating_sub(6))..].join("\n");
    let cut = text.char_indices().rev().nth(LONGEST_EXCERPT).map_or(0, |(at, _)| at);
    text[cut..].to_owned()
}

#[cfg(test)]
mod tests {
    use InstallErrorType::{Network, PackageNotFound, Unknown};

    use super::*;

    #[test]
    fn the_cause_is_classified_and_not_the_progress() {
        for (output, kind, is_transient) in [
            (
                "Collecting async-timeout\nERROR: No matching distribution found for nope",
                PackageNotFound,
                false,
            ),
            (
                "error: Failed to download `a`\n  Caused by: HTTP status client error (404 Not Found)",
                PackageNotFound,
                false,
            ),
            ("Downloading timeout-decorator\nerror: Failed to build `b`", Unknown, false),
            ("error: Failed to fetch: `http://h/a/`\n  Caused by: operation timed out", Network, true),
            ("urllib3.exceptions.ReadTimeoutError: Read timed out.", Network, true),
            ("error: Failed to download `a`", Network, true),
            (
                "error: Failed to fetch: `https://h/a/`\n  cause: error sending request\n  cause: invalid peer certificate: UnknownIssuer",
                Network,
                false,
            ),
        ] {
            let error = InstallError::from_output(output);
            assert_eq!((error.kind, error.is_transient), (kind, is_transient), "{output}");
        }
    }
}
