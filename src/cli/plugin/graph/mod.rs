//! `graph`: draws the data flow of apps.

mod builder;
mod command;
mod dot;
mod mermaid;
mod model;
mod numbered;
mod svg;
mod tree;

pub use command::{GraphArgs, graph};
