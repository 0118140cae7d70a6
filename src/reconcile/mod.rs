//! The controllers: what the API server holds is made to follow what users asked for.
//!
//! A reconcile reads like a table of contents: fetch from the caches, default, validate, build,
//! apply, status. `fetch` decides nothing; `plan` only thinks, and the command line shows what comes
//! of it; `apply` is the only place that writes objects; `status` is pure.

mod app;
mod apply;
mod backoff;
mod caches;
mod checked;
mod client;
mod compact;
mod component;
mod conditions;
mod context;
mod lease;
mod links;
mod members;
mod packages;
mod plan;
mod pods;
mod published;
mod quarantine;
mod queue;
mod refusal;
mod report;
mod run;
mod status;
mod storage;
mod surroundings;
mod told;
mod watch;

pub use app::PAUSE;
pub use client::counted;
pub use lease::Lease;
pub use links::Key;
pub use members::REBALANCE;
pub use plan::{Components, Plan, PlanError, of as plan};
pub use quarantine::Waiting;
pub use run::{Operator, Scope};
pub use watch::describe;

use thiserror::Error;

/// Why a reconcile has to be tried again.
#[derive(Debug, Error)]
pub enum Error {
    /// The API server refused or could not be reached.
    #[error("{what}: {source}")]
    Api {
        /// What was tried.
        what: String,
        /// What came of it.
        source: kube::Error,
    },
    /// An object can't be made.
    #[error(transparent)]
    Build(#[from] crate::build::BuildError),
    /// The resource is gone; the cache does not know yet.
    #[error("the resource is gone")]
    Gone,
    /// Something has to end first.
    #[error("waiting for {0}")]
    Waiting(String),
    /// A resource can't be read back.
    #[error("the resource can't be read: {0}")]
    Read(#[from] serde_json::Error),
}

impl Error {
    /// In one word, for metrics.
    fn kind(&self) -> &'static str {
        match self {
            Self::Api { source: kube::Error::Api(status), .. } if status.is_conflict() => "Conflict",
            Self::Api { source: kube::Error::Api(status), .. } if status.is_forbidden() => "Forbidden",
            Self::Api { source: kube::Error::Api(status), .. } if status.code == 422 => "Invalid",
            Self::Api { source: kube::Error::Api(_), .. } => "ApiException",
            Self::Api { .. } => "Unreachable",
            Self::Build(_) => "Build",
            Self::Gone => "Gone",
            Self::Waiting(_) => "Waiting",
            Self::Read(_) => "Read",
        }
    }

    fn api(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        move |source| Self::Api { what, source }
    }
}
