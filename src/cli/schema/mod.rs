//! `schema`: JSON Schemas of the six kinds and of test files, for editors and other programs that check files.

mod command;
mod convert;
mod kinds;
mod metadata;

pub(super) use command::{SchemaArgs, schema};
pub(super) use kinds::{KindSchema, kind_schemas};
