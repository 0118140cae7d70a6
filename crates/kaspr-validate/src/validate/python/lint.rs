//! Findings of linters: code that runs, but does not do what its author means.

use crate::validate::rule::{self, Rule};

/// A finding in code.
#[derive(Clone, Debug)]
pub(crate) struct Lint {
    /// Which check found it.
    pub check: LintCheck,
    /// Offset in bytes.
    pub at: usize,
    /// What is wrong, for a warning that begins with the line.
    pub text: String,
}

/// A check of code that causes warnings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LintCheck {
    /// A coroutine that is never awaited.
    NotAwaited,
    /// A call that blocks the event loop.
    Blocking,
    /// `is` with a literal.
    IsLiteral,
    /// A format string whose arguments do not fit.
    Format,
    /// A mutable default value.
    MutableDefault,
    /// An `except` that also catches the cancellation of the member's tasks.
    Cancellation,
    /// An f-string without placeholders, or placeholders without an f-string.
    FString,
    /// State that an operation loses.
    State,
}

impl LintCheck {
    /// Returns the rule that the check belongs to.
    pub(crate) fn rule(self) -> &'static Rule {
        match self {
            Self::NotAwaited => rule::PYTHON_NOT_AWAITED,
            Self::Blocking => rule::PYTHON_BLOCKING,
            Self::IsLiteral => rule::PYTHON_IS_LITERAL,
            Self::Format => rule::PYTHON_FORMAT,
            Self::MutableDefault => rule::PYTHON_MUTABLE_DEFAULT,
            Self::Cancellation => rule::PYTHON_CANCELLATION,
            Self::FString => rule::PYTHON_F_STRING,
            Self::State => rule::PYTHON_STATE,
        }
    }

    /// Returns the codes of Python's linters for the same finding, which a `noqa` comment may name.
    fn codes(self) -> &'static [&'static str] {
        match self {
            Self::NotAwaited => &["RUF006", "W0133"],
            Self::Blocking => &["ASYNC210", "ASYNC220", "ASYNC221", "ASYNC251"],
            Self::IsLiteral => &["F632"],
            Self::Format => &["F507", "F524"],
            Self::MutableDefault => &["B006"],
            Self::Cancellation => &["E722", "BLE001", "ASYNC103"],
            Self::FString => &["F541", "RUF027"],
            Self::State => &["PLW0602", "PLW0603"],
        }
    }

    /// Returns whether a line has a comment `noqa` for the check, or for all.
    pub(crate) fn is_suppressed(self, line: &str) -> bool {
        noqa(line).is_some_and(|codes| {
            codes.is_empty() || self.codes().iter().any(|code| codes.contains(&(*code).to_owned()))
        })
    }
}

/// Returns whether a comment `noqa` says that a name exists although nothing defines it.
pub(crate) fn is_name_accepted(line: &str) -> bool {
    noqa(line).is_some_and(|codes| codes.iter().any(|code| code == "F821"))
}

/// Returns the codes of the comment `noqa` of a line; none stands for all.
fn noqa(line: &str) -> Option<Vec<String>> {
    let (_, comment) = line.split_once('#')?;
    let comment = comment.trim().to_ascii_uppercase();
    let rest = comment.strip_prefix("NOQA")?.trim_start();
    let codes = rest.strip_prefix(':').unwrap_or_default();
    Some(codes.split([',', ' ']).map(str::trim).filter(|code| !code.is_empty()).map(str::to_owned).collect())
}
