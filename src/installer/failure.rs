//! Why an install failed, in words that say what to do.

use crate::api::InstallErrorType;

/// Why packages could not be installed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The published operator's word for it.
    pub kind: InstallErrorType,
    /// What to do, then what the tool said. Holds no secret.
    pub message: String,
    /// Whether another try may end otherwise.
    pub may_pass: bool,
}

impl Failure {
    /// A failure that is not an index's.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self { kind: InstallErrorType::Unknown, message: message.into(), may_pass: false }
    }

    /// The time for all is over.
    pub fn timeout(seconds: u64) -> Self {
        Self {
            kind: InstallErrorType::Timeout,
            message: format!(
                "not done within {seconds} s: raise installPolicy.timeout or see what the index is slow with"
            ),
            may_pass: false,
        }
    }

    /// Reads what pip or uv said last. `output` holds no secret any more.
    pub fn of_output(output: &str) -> Self {
        let lower = output.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let sign = SIGNS.iter().find(|(_, signs, _)| says(signs));
        let (kind, advice) = sign
            .map_or((InstallErrorType::Unknown, "see what it said"), |(kind, _, advice)| (*kind, *advice));
        let may_pass = kind == InstallErrorType::Network || sign.is_none();
        Self { kind, message: format!("{advice}: {}", last_words(output)), may_pass }
    }
}

/// What the tools say, first match first: a name that an index refuses to tell about looks like one
/// that it does not have.
const SIGNS: [(InstallErrorType, &[&str], &str); 10] = [
    (
        InstallErrorType::Unknown,
        &["no space left on device", "disk quota exceeded"],
        "the volume is full: raise cache.size, or the limits of the node's ephemeral storage",
    ),
    (
        InstallErrorType::HashMismatch,
        &["hash mismatch", "do not match the hashes", "hashes mismatch"],
        "a file is not the one that its index promised: have the index's copy replaced, or mend the hash",
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
        "an index or repository refused the credentials: check the Secret of credentials.secretRef and what its user may read",
    ),
    (
        InstallErrorType::Unknown,
        &["conflicting dependencies", "resolutionimpossible"],
        "the packages' versions contradict each other: loosen one of them",
    ),
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
            // A package may be called timeout.
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
            "certificate verify failed",
            "invalid peer certificate",
        ],
        UNREACHED,
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
        "an index has no such package or version for this Python: check names, versions and indexUrl",
    ),
    (
        InstallErrorType::Unknown,
        &["subprocess-exited-with-error", "failed to build", "build backend"],
        "a package could not be built from its source: ask for a version that has wheels, or use an image that can build it",
    ),
    (
        InstallErrorType::Unknown,
        &["unsatisfiable", "no solution found"],
        "the packages' versions contradict each other: loosen one of them",
    ),
    (
        InstallErrorType::Unknown,
        &["git executable not found", "cannot find command 'git'", "git operation failed"],
        "the app's image has no git, or git failed: use an image with git, or a wheel",
    ),
    // Said before the reason, so only where no reason is known.
    (InstallErrorType::Network, &["failed to fetch", "failed to download"], UNREACHED),
];

const UNREACHED: &str = "an index could not be reached: check its address, the network policies and, for a certificate of your own, trustedHosts";

/// How much of what a tool said goes into a message.
const WORDS: usize = 1200;

/// The end of the output that is no progress.
fn last_words(output: &str) -> String {
    let lines: Vec<&str> = output
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("[notice]"))
        .collect();
    let errors = lines.iter().position(|line| {
        let line = line.trim_start();
        line.starts_with("error") || line.starts_with("ERROR") || line.starts_with('×')
    });
    let words = lines[errors.unwrap_or(lines.len().saturating_sub(6))..].join("\n");
    let cut = words.char_indices().rev().nth(WORDS).map_or(0, |(at, _)| at);
    words[cut..].to_owned()
}

#[cfg(test)]
mod tests {
    use InstallErrorType::{Network, PackageNotFound, Unknown};

    use super::*;

    #[test]
    fn the_reason_counts_and_not_what_was_under_way() {
        for (said, kind, may_pass) in [
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
        ] {
            let failure = Failure::of_output(said);
            assert_eq!((failure.kind, failure.may_pass), (kind, may_pass), "{said}");
        }
    }
}
