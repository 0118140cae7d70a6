use std::{borrow::Cow, collections::BTreeSet, fmt, sync::Arc};

use serde_json::{Value, json};

use super::rule::{Level, Rule};

/// A place in a resource, printed the way the API server prints it: `spec.pythonPackages.packages[1]`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Path(Option<Arc<RunnableComponent>>);

#[derive(Debug, Eq, PartialEq)]
struct RunnableComponent {
    parent: Path,
    segment: Segment,
}

/// One step of a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Segment {
    /// A field of an object.
    Field(Cow<'static, str>),
    /// An element of a list.
    Index(usize),
    /// An entry of a map.
    Key(String),
}

impl Path {
    /// The resource itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// A field of the object at this path.
    pub fn child(&self, name: impl Into<Cow<'static, str>>) -> Self {
        self.then(Segment::Field(name.into()))
    }

    /// An element of the list at this path.
    pub fn index(&self, index: usize) -> Self {
        self.then(Segment::Index(index))
    }

    /// An entry of the map at this path.
    pub fn key(&self, key: &str) -> Self {
        self.then(Segment::Key(key.to_owned()))
    }

    fn then(&self, segment: Segment) -> Self {
        Self(Some(Arc::new(RunnableComponent { parent: self.clone(), segment })))
    }

    /// The steps from the resource to the place.
    pub fn segments(&self) -> Vec<&Segment> {
        let mut segments = Vec::new();
        let mut path = self;
        while let Some(link) = &path.0 {
            segments.push(&link.segment);
            path = &link.parent;
        }
        segments.reverse();
        segments
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, segment) in self.segments().into_iter().enumerate() {
            match segment {
                Segment::Field(name) if i == 0 => f.write_str(&on_one_line(name))?,
                Segment::Field(name) => write!(f, ".{}", on_one_line(name))?,
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => write!(f, "[{}]", on_one_line(key))?,
            }
        }
        Ok(())
    }
}

/// A name without what would break the line or move a terminal's cursor.
fn on_one_line(name: &str) -> Cow<'_, str> {
    if !name.contains(char::is_control) {
        return name.into();
    }
    name.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.into() }).collect()
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
    /// The value names what is not there.
    NotFound {
        /// What the user wrote.
        value: String,
        /// Where it was looked for.
        detail: String,
    },
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

/// One mistake.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldError {
    /// Which rule says so.
    pub rule: &'static Rule,
    /// Where it is.
    pub path: Path,
    /// What it is.
    pub problem: Problem,
    /// Line and column in the text that stands there, from 1.
    pub within: Option<(usize, usize)>,
}

impl FieldError {
    /// The same for two mistakes with the same value at the same path. Their words may differ: they
    /// can name what stands elsewhere, such as the operations that a pipeline can choose from.
    fn identity(&self) -> String {
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

/// A mistake in a text of several lines.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// The line, cut where it is long.
    pub text: String,
    /// Line and column, from 1; none where the whole text is wrong.
    pub within: Option<(usize, usize)>,
    /// What is wrong.
    pub detail: String,
}

/// Something that is accepted and worth a look.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Warning {
    /// Which rule says so.
    pub rule: &'static Rule,
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
    pub fn required(&mut self, rule: &'static Rule, path: Path, why: &str) {
        self.add(rule, path, Problem::Required(why.to_owned()));
    }

    /// The value can't be what it is.
    pub fn invalid(
        &mut self,
        rule: &'static Rule,
        path: Path,
        value: impl Into<Value>,
        detail: impl Into<String>,
    ) {
        self.add(rule, path, Problem::Invalid { value: value.into(), detail: detail.into() });
    }

    /// The same, with line and column in the text that stands there, where the value has several.
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

    /// A line of the text that stands there can't be what it is.
    pub fn invalid_line(&mut self, rule: &'static Rule, path: Path, line: Line) {
        let Line { text, within, detail } = line;
        let detail = match within {
            Some((line, column)) => format!("line {line}, column {column}: {detail}"),
            None => detail,
        };
        self.invalid_within(rule, path, text, detail, within);
    }

    /// The value is not one of those supported.
    pub fn not_supported(&mut self, rule: &'static Rule, path: Path, value: &str, supported: &[&str]) {
        let supported: Vec<String> = supported.iter().map(|s| format!("\"{s}\"")).collect();
        let detail = format!("supported values: {}", supported.join(", "));
        self.add(rule, path, Problem::NotSupported { value: value.to_owned(), detail });
    }

    /// The value stands twice.
    pub fn duplicate(&mut self, rule: &'static Rule, path: Path, value: &str) {
        self.add(rule, path, Problem::Duplicate(value.to_owned()));
    }

    /// The field must not be there.
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

    /// The value names what is not there.
    pub fn not_found(&mut self, rule: &'static Rule, path: Path, value: &str, detail: impl Into<String>) {
        self.add(rule, path, Problem::NotFound { value: value.to_owned(), detail: detail.into() });
    }

    /// Turns the errors that `before` has too into warnings.
    pub fn ratchet(&mut self, before: &Self) {
        let known: BTreeSet<String> = before.errors.iter().map(FieldError::identity).collect();
        self.soften(|error| known.contains(&error.identity()));
    }

    /// Turns what may only be a matter of order into warnings.
    pub fn defer_missing_references(&mut self) {
        self.soften(|error| error.rule.level == Level::MissingReference);
    }

    fn soften(&mut self, is_soft: impl Fn(&FieldError) -> bool) {
        let (soft, hard) = std::mem::take(&mut self.errors).into_iter().partition(is_soft);
        self.errors = hard;
        self.warnings.extend(Vec::into_iter(soft).map(FieldError::into_warning));
    }
}

impl FieldError {
    fn into_warning(self) -> Warning {
        let Self { rule, path, problem, .. } = self;
        let longest = LONGEST_WARNING.saturating_sub(path.to_string().chars().count() + 2);
        Warning { rule, path, text: shortened(&problem.to_string(), longest) }
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
