//! `status`: shows apps with their members and components.

mod assignments;
mod command;
mod member_report;
mod report;
mod tree;

pub(super) use command::{StatusArgs, status};
