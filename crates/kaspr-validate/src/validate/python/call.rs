//! The arguments with which the framework calls a function.

use std::fmt;

use crate::validate::shared;

/// Arguments of the framework's call of a function.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    /// Whether the call has a positional argument.
    pub value: bool,
    /// Names of keyword arguments.
    pub keywords: Vec<String>,
    /// Names of further keyword arguments. If the function does not accept them, that is only a warning.
    pub parameters: Vec<String>,
}

impl Call {
    /// Returns a call without arguments.
    pub(crate) fn empty() -> Self {
        Self::default()
    }

    /// Returns a call with one positional argument.
    pub(crate) fn value() -> Self {
        Self { value: true, ..Self::default() }
    }

    /// Returns the call without the arguments that cause only a warning.
    pub(crate) fn without_parameters(&self) -> Self {
        Self { parameters: Vec::new(), ..self.clone() }
    }

    /// Returns the names of all keyword arguments.
    pub(crate) fn keyword_names(&self) -> impl Iterator<Item = &str> {
        self.keywords.iter().chain(&self.parameters).map(String::as_str)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.keyword_names().collect();
        let keywords = match names.len() {
            1 => format!("the keyword '{}'", names[0]),
            _ => format!("the keywords {}", shared::quoted(names.iter().copied())),
        };
        match (self.value, names.is_empty()) {
            (true, true) => f.write_str("1 value"),
            (false, true) => f.write_str("nothing"),
            (true, false) => write!(f, "1 value and {keywords}"),
            (false, false) => write!(f, "{keywords} alone"),
        }
    }
}
