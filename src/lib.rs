//! The Kaspr operator: admission webhooks and controllers over one type model.
//!
//! The rooms, and who may enter which:
//!
//! - [`api`] is the type model. It imports nothing of ours.
//! - [`defaults`] and [`validate`] import `api`: pure functions.
//! - [`build`] imports those and [`settings`]: from a valid app to its objects, pure.
//! - [`kinds`] is what admission does with each kind, by its name; pure.
//! - [`webhook`] answers admission reviews. It never meets [`reconcile`].
//! - [`reconcile`] holds the controllers. It never meets `webhook`.
//! - [`packages`] runs in a member's pod and installs its Python packages. It imports `api` and
//!   `settings`, and meets no cluster.
//! - [`telemetry`] holds logs and metrics, and serves the latter.
//! - [`cli`] holds the subcommands and wires the two together.
//!
//! A Kubernetes client appears in `reconcile` and `cli` only, the HTTP
//! server in `webhook` and `telemetry` only.
//! `tests/suite/rooms.rs` holds all this.

pub mod admission;
pub mod api;
pub mod certificates;
pub mod cli;
pub mod crds;
pub mod defaults;
mod error_chain;
mod install_contract;
pub mod installer;
pub mod naming;
pub mod pod_layout;
pub mod reconcile;
pub mod resources;
pub mod settings;
mod sync;
pub mod telemetry;
pub mod validate;
pub mod webhook;
