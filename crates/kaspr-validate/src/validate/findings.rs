//! Errors and warnings of validation.

use std::{collections::BTreeSet, fmt};

use serde_json::{Value, json};

use super::{
    path::Path,
    rule::{Level, Rule},
};

/// Why a field is rejected.
///
/// Source: names are those of `metav1.CauseType`, messages those of apimachinery's `field.Error`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Problem {
    /// The field is missing or empty.
    Required(String),
    /// The value is not valid.
    Invalid {
        /// Value as the user wrote it; never a secret.
        value: Value,
        /// What is allowed.
        detail: String,
    },
    /// The value is not one of the supported values.
    NotSupported {
        /// Value as the user wrote it.
        value: String,
        /// Description of the supported values.
        detail: String,
    },
    /// The value occurs twice.
    Duplicate(String),
    /// The field is not allowed, or not in this combination.
    Forbidden(String),
    /// The value refers to something that does not exist.
    NotFound {
        /// Value as the user wrote it.
        value: String,
        /// Description of what exists.
        detail: String,
    },
}

impl Problem {
    /// Returns the cause type, as in `metav1.StatusCause.reason`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Required(_) => "FieldValueRequired",
            Self::Invalid { .. } => "FieldValueInvalid",
            Self::NotSupported { .. } => "FieldValueNotSupported",
            Self::Duplicate(_) => "FieldValueDuplicate",
            Self::Forbidden(_) => "FieldValueForbidden",
            Self::NotFound { .. } => "FieldValueNotFound",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required(why) => write!(f, "Required value: {why}"),
            Self::Invalid { value, detail } => write!(f, "Invalid value: {value}: {detail}"),
            Self::NotSupported { value, detail } => {
                write!(f, "Unsupported value: {}: {detail}", json!(value))
            }
            Self::Duplicate(value) => write!(f, "Duplicate value: {}", json!(value)),
            Self::Forbidden(why) => write!(f, "Forbidden: {why}"),
            Self::NotFound { value, detail } => write!(f, "Not found: {}: {detail}", json!(value)),
        }
    }
}

/// An error of one field.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldError {
    /// Rule that is violated.
    pub rule: &'static Rule,
    /// Path of the field.
    pub path: Path,
    /// What is wrong with the field.
    pub problem: Problem,
    /// Line and column in a text of several lines, from 1.
    pub within: Option<(usize, usize)>,
}

impl FieldError {
    /// Returns a text that is equal for two errors with the same value at the same path. Their messages may
    /// differ, because a message can depend on other fields, such as the operations that a pipeline can
    /// refer to.
    #[must_use]
    pub fn identity(&self) -> String {
        let reason = self.problem.reason();
        match &self.problem {
            Problem::Invalid { value, .. } => format!("{reason} {}: {value}", self.path),
            Problem::NotSupported { value, .. } | Problem::NotFound { value, .. } => {
                format!("{reason} {}: {value}", self.path)
            }
            _ => format!("{reason} {self}"),
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

/// An error in a text of several lines.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// Text of the line; a long line is truncated.
    pub text: String,
    /// Line and column, from 1; `None` if the error is about the whole text.
    pub within: Option<(usize, usize)>,
    /// What is wrong with the line.
    pub detail: String,
}

/// A warning about one field.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Warning {
    /// Rule that is violated.
    pub rule: &'static Rule,
    /// Path of the field.
    pub path: Path,
    /// Text of the warning.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.text)
    }
}

/// All errors and warnings of a resource.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Findings {
    /// Errors, for which the resource is rejected.
    pub errors: Vec<FieldError>,
    /// Warnings, with which the resource is accepted.
    pub warnings: Vec<Warning>,
}

impl Findings {
    /// Adds an error: the field must be set.
    pub fn required(&mut self, rule: &'static Rule, path: Path, why: &str) {
        self.add(rule, path, Problem::Required(why.to_owned()));
    }

    /// Adds an error: the value is not valid.
    pub fn invalid(
        &mut self,
        rule: &'static Rule,
        path: Path,
        value: impl Into<Value>,
        detail: impl Into<String>,
    ) {
        self.add(rule, path, Problem::Invalid { value: value.into(), detail: detail.into() });
    }

    /// Adds an error: the value is not valid, with line and column in a text of several lines.
    pub fn invalid_within(
        &mut self,
        rule: &'static Rule,
        path: Path,
        value: impl Into<Value>,
        detail: impl Into<String>,
        within: Option<(usize, usize)>,
    ) {
        let problem = Problem::Invalid { value: value.into(), detail: detail.into() };
        self.errors.push(FieldError { rule, path, problem, within });
    }

    /// Adds an error: a line of the text is not valid.
    pub fn invalid_line(&mut self, rule: &'static Rule, path: Path, line: Line) {
        let Line { text, within, detail } = line;
        let detail = match within {
            Some((line, column)) => format!("line {line}, column {column}: {detail}"),
            None => detail,
        };
        self.invalid_within(rule, path, text, detail, within);
    }

    /// Adds an error: the value is not one of the supported values.
    pub fn not_supported(&mut self, rule: &'static Rule, path: Path, value: &str, supported: &[&str]) {
        let supported: Vec<String> = supported.iter().map(|s| format!("\"{s}\"")).collect();
        let detail = format!("supported values: {}", supported.join(", "));
        self.add(rule, path, Problem::NotSupported { value: value.to_owned(), detail });
    }

    /// Adds an error: the value occurs twice.
    pub fn duplicate(&mut self, rule: &'static Rule, path: Path, value: &str) {
        self.add(rule, path, Problem::Duplicate(value.to_owned()));
    }

    /// Adds an error: the field is not allowed.
    pub fn forbidden(&mut self, rule: &'static Rule, path: Path, why: impl Into<String>) {
        self.add(rule, path, Problem::Forbidden(why.into()));
    }

    /// Adds an error.
    pub fn add(&mut self, rule: &'static Rule, path: Path, problem: Problem) {
        self.errors.push(FieldError { rule, path, problem, within: None });
    }

    /// Adds a warning.
    pub fn warn(&mut self, rule: &'static Rule, path: Path, text: impl Into<String>) {
        self.warnings.push(Warning { rule, path, text: text.into() });
    }

    /// Adds a warning, which is truncated if it is longer than the API server shows.
    pub fn warn_shortened(&mut self, rule: &'static Rule, path: Path, text: &str) {
        let longest = LONGEST_WARNING.saturating_sub(path.to_string().chars().count() + 2);
        self.warn(rule, path, shortened(text, longest));
    }

    /// Adds an error: the value refers to something that does not exist.
    pub fn not_found(&mut self, rule: &'static Rule, path: Path, value: &str, detail: impl Into<String>) {
        self.add(rule, path, Problem::NotFound { value: value.to_owned(), detail: detail.into() });
    }

    /// Turns errors that `before` contains too into warnings (validation ratcheting).
    pub fn ratchet(&mut self, before: &Self) {
        let known: BTreeSet<String> = before.errors.iter().map(FieldError::identity).collect();
        self.downgrade(|error| known.contains(&error.identity()));
    }

    /// Turns errors about missing resources into warnings, because the resources may be applied later.
    pub fn defer_missing_references(&mut self) {
        self.downgrade(|error| error.rule.level == Level::MissingReference);
    }

    fn downgrade(&mut self, is_warning: impl Fn(&FieldError) -> bool) {
        let (warnings, errors) = std::mem::take(&mut self.errors).into_iter().partition(is_warning);
        self.errors = errors;
        self.warnings.extend(Vec::into_iter(warnings).map(FieldError::into_warning));
    }
}

impl FieldError {
    fn into_warning(self) -> Warning {
        let Self { rule, path, problem, .. } = self;
        let longest = LONGEST_WARNING.saturating_sub(path.to_string().chars().count() + 2);
        Warning { rule, path, text: shortened(&problem.to_string(), longest) }
    }
}

/// Largest length of a warning in characters.
/// Source: the documentation of `AdmissionResponse.warnings`.
const LONGEST_WARNING: usize = 120;

/// Truncates a text, with '…' at the end, if it is longer than `longest` characters.
pub(super) fn shortened(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    text.chars().take(longest.saturating_sub(1)).chain(['…']).collect()
}
