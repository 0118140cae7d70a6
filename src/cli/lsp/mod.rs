//! `lsp`: a language server, which shows the findings of `validate` while the user types, and completes names.

mod command;
mod completion;
mod cursor;
mod diagnostics;
mod fields;
mod line;
mod names;
mod positions;
mod protocol;
mod workspace;

pub(super) use command::lsp;
