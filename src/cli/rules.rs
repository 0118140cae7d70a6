//! The reference of all rules.

use std::io::{self, Write};

use super::Error;
use crate::validate::rule::{self, Level, Rule};

const HEAD: &str = "\
<!-- Written by `make generate`: change src/validate/rule.rs. -->

# Rules

What is refused and what is warned about, by the webhooks at `kubectl apply`, by the controllers for
what got past them, and by `kaspr-operator validate`. The id stands in every finding of `validate`.

An **error** refuses the resource. An **order** rule warns while resources arrive one after the other
and is an error where the whole set is in hand, in `validate`. A **warning** refuses nothing.

| id | level | says | why | mend |
|---|---|---|---|---|
";

/// Prints the table of all rules.
pub fn rules() -> Result<(), Error> {
    let rows: String = rule::ALL.iter().map(|rule| row(rule)).collect();
    io::stdout().write_all(format!("{HEAD}{rows}").as_bytes()).map_err(Error::Output)
}

fn row(rule: &Rule) -> String {
    let Rule { id, level, says, why, mend } = rule;
    let level = match level {
        Level::Error => "error",
        Level::MissingReference => "order",
        Level::Warning => "warning",
    };
    format!("| `{id}` | {level} | {says} | {why} | {mend} |\n")
}
