//! The controllers: they bring the objects of the cluster to the state that users ask for.
//!
//! A reconcile reads like a table of contents: fetch from the caches, default, validate, build,
//! apply, status. [`fetch`] decides nothing; [`plan`] is pure, and the command line prints its result;
//! [`apply`] is the only place that writes objects; [`status`] is pure.

mod agent_health;
mod app;
mod app_context;
mod app_report;
mod apply;
mod cache;
mod cause;
mod client;
mod component;
mod component_kind;
mod conditions;
mod context;
mod error;
mod events;
mod fetch;
mod field_takeover;
mod leader_election;
mod managed_fields;
mod members;
mod ownership;
mod packages;
mod plan;
mod pod_events;
mod problem;
mod quarantine;
mod resize;
mod rollout;
mod rollout_status;
mod run;
mod scope;
mod state;
mod status;
mod status_writer;
mod takeover;
mod watches;

pub use cache::index::ObjectKey;
pub use client::counting_client;
pub use error::ReconcileError;
pub use leader_election::LeaseConfig;
pub use plan::{ComponentSet, Plan, PlanError, plan_app};
pub use quarantine::HoldReason;
pub use rollout::{changes::TemplateChanges, revisions::template_of, state::RolloutState};
pub use run::Operator;
pub use scope::Scope;
