//! `graph`: draws the data flow of apps.

mod builder;
mod command;
mod dot;
mod mermaid;
mod model;
mod numbered;
mod svg;
mod tree;

pub(super) use command::{GraphArgs, graph};
