use std::{collections::BTreeSet, fmt};

use serde_json::Value;

/// A place in a resource, printed the way the API server prints it: `spec.pythonPackages.packages[1]`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Path(String);

impl Path {
    /// The resource itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// A field of the object at this path.
    pub fn child(&self, name: &str) -> Self {
        if self.0.is_empty() { Self(name.to_owned()) } else { Self(format!("{}.{name}", self.0)) }
    }

    /// An element of the list at this path.
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// An entry of the map at this path.
    pub fn key(&self, key: &str) -> Self {
        Self(format!("{}[{key}]", self.0))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a field is refused; the names are those of `metav1.CauseType`, the words those of
/// `field.Error`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Problem {
    /// The field is absent or empty.
    Required(String),
    /// The value can't be what it is.
    Invalid {
        /// What the user wrote; never a secret.
        value: Value,
        /// What is allowed.
        detail: String,
    },
    /// The value is not one of a few.
    NotSupported {
        /// What the user wrote.
        value: String,
        /// What is allowed, in words.
        detail: String,
    },
    /// The value stands twice.
    Duplicate(String),
    /// The field must not be there, or not in this combination.
    Forbidden(String),
}

impl Problem {
    /// The cause type, as `metav1.StatusCause.reason` names it.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Required(_) => "FieldValueRequired",
            Self::Invalid { .. } => "FieldValueInvalid",
            Self::NotSupported { .. } => "FieldValueNotSupported",
            Self::Duplicate(_) => "FieldValueDuplicate",
            Self::Forbidden(_) => "FieldValueForbidden",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required(why) => write!(f, "Required value: {why}"),
            Self::Invalid { value, detail } => write!(f, "Invalid value: {value}: {detail}"),
            Self::NotSupported { value, detail } => write!(f, "Unsupported value: \"{value}\": {detail}"),
            Self::Duplicate(value) => write!(f, "Duplicate value: \"{value}\""),
            Self::Forbidden(why) => write!(f, "Forbidden: {why}"),
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldError {
    /// Where it is.
    pub path: Path,
    /// What it is.
    pub problem: Problem,
}

impl FieldError {
    /// The same for two mistakes with the same value at the same path. Their words may differ: they
    /// can name what stands elsewhere, such as the operations that a pipeline can choose from.
    fn identity(&self) -> String {
        let reason = self.problem.reason();
        match &self.problem {
            Problem::Invalid { value, .. } => format!("{reason} {}: {value}", self.path),
            Problem::NotSupported { value, .. } => format!("{reason} {}: {value}", self.path),
            _ => format!("{reason} {self}"),
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

/// Something that is accepted and worth a look.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Warning {
    /// Where it is.
    pub path: Path,
    /// What it is.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.text)
    }
}

/// Everything that the rules say of a resource.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Findings {
    /// What refuses it.
    pub errors: Vec<FieldError>,
    /// What its author should know.
    pub warnings: Vec<Warning>,
}

impl Findings {
    /// The field must be given.
    pub fn required(&mut self, path: Path, why: &str) {
        self.add(path, Problem::Required(why.to_owned()));
    }

    /// The value can't be what it is.
    pub fn invalid(&mut self, path: Path, value: impl Into<Value>, detail: impl Into<String>) {
        self.add(path, Problem::Invalid { value: value.into(), detail: detail.into() });
    }

    /// The value is not one of those supported.
    pub fn not_supported(&mut self, path: Path, value: &str, supported: &[&str]) {
        let supported: Vec<String> = supported.iter().map(|s| format!("\"{s}\"")).collect();
        let detail = format!("supported values: {}", supported.join(", "));
        self.add(path, Problem::NotSupported { value: value.to_owned(), detail });
    }

    /// The value stands twice.
    pub fn duplicate(&mut self, path: Path, value: &str) {
        self.add(path, Problem::Duplicate(value.to_owned()));
    }

    /// The field must not be there.
    pub fn forbidden(&mut self, path: Path, why: impl Into<String>) {
        self.add(path, Problem::Forbidden(why.into()));
    }

    /// Adds an error.
    pub fn add(&mut self, path: Path, problem: Problem) {
        self.errors.push(FieldError { path, problem });
    }

    /// Adds a warning.
    pub fn warn(&mut self, path: Path, text: impl Into<String>) {
        self.warnings.push(Warning { path, text: text.into() });
    }

    /// Turns the errors that `before` has too into warnings.
    pub fn forgive(&mut self, before: &Self) {
        let known: BTreeSet<String> = before.errors.iter().map(FieldError::identity).collect();
        let (old, new): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.errors).into_iter().partition(|error| known.contains(&error.identity()));
        self.errors = new;
        for FieldError { path, problem } in old {
            let text =
                shortened(&problem.to_string(), LONGEST_WARNING.saturating_sub(path.0.chars().count() + 2));
            self.warn(path, text);
        }
    }
}

/// What Kubernetes asks of a warning.
const LONGEST_WARNING: usize = 120;

/// Text that ends in '…' where it is longer.
pub(super) fn shortened(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    text.chars().take(longest.saturating_sub(1)).chain(['…']).collect()
}
