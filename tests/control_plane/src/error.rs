//! What can go wrong while the control plane is built, started or talked to.

use std::fmt::{self, Display};
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

/// Why the control plane could not be had.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file, folder or process could not be worked with.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried, as in "cannot ...".
        action: String,
        /// Why it failed.
        source: io::Error,
    },
    /// Neither `XDG_CACHE_HOME` nor `HOME` says where binaries can be kept.
    #[error(
        "there is no folder for binaries: set HOME or XDG_CACHE_HOME, or let KUBEBUILDER_ASSETS name a folder that has them"
    )]
    NoCacheFolder,
    /// A binary has to be built and there is no Go to build it with.
    #[error(
        "{binary} has to be built and `go` is not on the PATH: install Go {version} or newer, \
         or let KUBEBUILDER_ASSETS name a folder that has {binary}"
    )]
    GoMissing {
        /// The binary that is missing.
        binary: &'static str,
        /// The oldest Go that its module builds with.
        version: &'static str,
    },
    /// Go could not build a binary, or pip not install a package.
    #[error("{binary} could not be built ({status}):\n{output}")]
    Build {
        /// What was being built.
        binary: &'static str,
        /// How the tool ended.
        status: ExitStatus,
        /// All that it said.
        output: String,
    },
    /// A key or certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A server ended while it was waited for.
    #[error("{server} ended ({status}); the last lines of its log:\n{log}")]
    Died {
        /// The server's name.
        server: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// The end of its log.
        log: String,
    },
    /// A server runs and does not become ready.
    #[error("{server} was not ready after {waited:?}; the last lines of its log:\n{log}")]
    NotReady {
        /// The server's name.
        server: &'static str,
        /// How long it was waited for.
        waited: Duration,
        /// The end of its log.
        log: String,
    },
    /// The API server could not be talked to.
    #[error("{method} {path}: {source}")]
    Unreachable {
        /// The HTTP method.
        method: &'static str,
        /// The path asked for.
        path: String,
        /// What the HTTP client says.
        source: Box<ureq::Error>,
    },
    /// The API server refused a request.
    #[error("{method} {path}: the API server answers {status}: {message}")]
    Refused {
        /// The HTTP method.
        method: &'static str,
        /// The path asked for.
        path: String,
        /// The HTTP status code.
        status: u16,
        /// The server's reason.
        message: String,
    },
}

/// As it is displayed: what `unwrap` shows in a test is to be readable, logs above all.
impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Error {
    /// Whether another process had taken a port that a server was to listen on.
    pub(crate) fn is_port_taken(&self) -> bool {
        matches!(self, Self::Died { log, .. } if log.contains("address already in use"))
    }
}

/// Says what was tried when an I/O operation fails.
pub(crate) trait Context<T> {
    /// `action` completes the sentence "cannot ...".
    fn context<A: Display>(self, action: impl FnOnce() -> A) -> Result<T, Error>;
}

impl<T> Context<T> for io::Result<T> {
    fn context<A: Display>(self, action: impl FnOnce() -> A) -> Result<T, Error> {
        self.map_err(|source| Error::Io { action: action().to_string(), source })
    }
}
