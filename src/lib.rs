//! The Kaspr operator: admission webhooks and controllers over one type model.
//!
//! Each module, what it does, and the modules that it may import. `tests/suite/module_boundaries` reads both
//! tables and fails on any other import, and on files that import each other in a circle.
//!
//! The modules form one tree. Those that everything uses (`kaspr-api`), the rules (`kaspr-validate`) and the
//! installer (`kaspr-installer`) are crates below `crates/`, so that a change elsewhere does not check them
//! again. A module has the same path, such as `crate::api`, in each crate.
//!
//! | module | may import | purpose |
//! |---|---|---|
//! | `api` | | The type model of the six kinds, default values, annotation keys. |
//! | `error_chain` | | One-line descriptions of errors. |
//! | `sync` | | Locks. |
//! | `install_contract` | | Environment variables between operator and installer. |
//! | `naming` | `api` | Names of objects, volumes, containers and labels. |
//! | `pod_layout` | `api`, `naming` | Volumes and mounts that the operator adds to pods. |
//! | `defaults` | `api` | What absent fields mean. Pure. |
//! | `validate` | `api`, `install_contract`, `naming`, `pod_layout` | What is refused and what is warned about. Pure. |
//! | `settings` | `api`, `install_contract`, `naming` | Every flag and environment variable. |
//! | `resources` | `api`, `install_contract`, `naming`, `pod_layout`, `settings`, `validate` | From a valid app to its objects. Pure. |
//! | `crds` | `api`, `resources` | The CustomResourceDefinitions. |
//! | `admission` | `api`, `crds`, `defaults`, `naming`, `validate` | From a review to its answer. Pure. |
//! | `telemetry` | `api`, `settings`, `sync` | Logs, metrics, and the server of the latter. |
//! | `certificates` | `error_chain`, `naming`, `settings`, `telemetry` | The webhooks' certificate, and its rotation. |
//! | `webhook` | `admission`, `api`, `certificates`, `crds`, `naming`, `telemetry`, `validate` | The HTTPS server, and its registration. |
//! | `reconcile` | `api`, `defaults`, `error_chain`, `install_contract`, `naming`, `resources`, `settings`, `sync`, `telemetry`, `validate` | The controllers. |
//! | `installer` | `api`, `error_chain`, `install_contract`, `naming`, `settings`, `sync` | Installs Python packages, in a member's pod. |
//! | `cli` | `admission`, `api`, `certificates`, `crds`, `defaults`, `error_chain`, `install_contract`, `installer`, `naming`, `reconcile`, `resources`, `settings`, `telemetry`, `validate`, `webhook` | The subcommands; wires everything together. |
//!
//! Crates, and items of crates, that only some modules may import:
//!
//! | crate | only in | because |
//! |---|---|---|
//! | `axum` | `telemetry`, `webhook` | HTTP servers are at the edge. |
//! | `kube::Client` | `certificates`, `cli`, `reconcile` | Everything else is pure or runs without a cluster. |
//! | `tokio` | `admission`, `certificates`, `cli`, `installer`, `reconcile`, `telemetry`, `webhook` | Rules and shapes are synchronous. |

pub mod admission;
pub mod certificates;
pub mod cli;
pub mod crds;
pub mod reconcile;
pub mod resources;
pub mod telemetry;
pub mod webhook;

pub use kaspr_api::{api, defaults, naming, pod_layout, settings};
use kaspr_api::{error_chain, install_contract, sync};
pub use kaspr_installer::installer;
pub use kaspr_validate::validate;
