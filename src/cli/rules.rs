//! The reference of all rules.

use std::io::{self, Write};

use super::Error;
use crate::validate::rule::{self, Level, Rule};

const HEAD: &str = "\
<!-- Written by `make generate`: change crates/kaspr-validate/src/validate/rule.rs. -->

# Rules

The admission webhooks check these rules at `kubectl apply`, the controllers check resources that were
not validated at admission, and `kaspr-operator validate` checks files. Every finding of `validate`
contains the id of its rule.

An **error** rejects the resource. An **order** rule is a warning while resources arrive one after the
other, and an error if `validate` checks a complete set. A **warning** does not reject the resource.

| id | level | problem | reason | remedy |
|---|---|---|---|---|
";

/// Prints the table of all rules.
///
/// # Errors
///
/// Standard output cannot be written.
pub(super) fn rules() -> Result<(), Error> {
    let rows: String = rule::all().map(table_row).collect();
    io::stdout().write_all(format!("{HEAD}{rows}").as_bytes()).map_err(Error::Output)
}

fn table_row(rule: &Rule) -> String {
    let Rule { id, level, summary, reason, remedy } = rule;
    let level = match level {
        Level::Error => "error",
        Level::MissingReference => "order",
        Level::Warning => "warning",
    };
    format!("| `{id}` | {level} | {summary} | {reason} | {remedy} |\n")
}
