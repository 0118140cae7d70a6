//! Whether a function can be called the way that the framework calls it.

use std::fmt;

use ruff_python_ast::{Expr, ParameterWithDefault, Parameters, Stmt};

use super::{names::What, shared, shortened};

/// How many characters of a signature a message shows.
const LONGEST_SIGNATURE: usize = 80;

/// How the framework calls a block's function.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Whether there is a first argument without a name.
    pub value: bool,
    /// Arguments by name.
    pub keywords: Vec<String>,
    /// More arguments by name, whose lack is worth a warning only.
    pub parameters: Vec<String>,
}

impl Call {
    /// With nothing.
    pub fn empty() -> Self {
        Self::default()
    }

    /// With one value.
    pub fn value() -> Self {
        Self { value: true, ..Self::default() }
    }

    /// The same without what is worth a warning only.
    pub fn strictly(&self) -> Self {
        Self { parameters: Vec::new(), ..self.clone() }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.keywords.iter().chain(&self.parameters).map(String::as_str)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names().collect();
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

/// The arguments that a function takes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Signature {
    /// How many of the positional arguments have no name for callers.
    positional_only: usize,
    positional: Vec<Argument>,
    keyword_only: Vec<Argument>,
    /// `*args`.
    rest: Option<String>,
    /// `**kwargs`.
    keywords: Option<String>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Argument {
    name: String,
    has_default: bool,
}

impl Signature {
    /// What is known of a binding's arguments: nothing where a decorator, a base class or a
    /// metaclass may change them.
    pub fn of(what: &What<'_>) -> Option<Self> {
        match what {
            What::Function(def) if def.decorator_list.is_empty() => Some(Self::read(&def.parameters)),
            What::Lambda(lambda) => Some(lambda.parameters.as_deref().map(Self::read).unwrap_or_default()),
            What::Class(def) if def.decorator_list.is_empty() => {
                let is_object = |expr: &Expr| matches!(expr, Expr::Name(name) if name.id == "object");
                let plain = def.arguments.as_ref().is_none_or(|arguments| {
                    arguments.keywords.is_empty() && arguments.args.iter().all(is_object)
                });
                let bound = super::names::bound(&def.body);
                let mut makers = bound.iter().filter(|(name, _)| matches!(*name, "__init__" | "__new__"));
                match (plain, makers.next(), makers.next()) {
                    (true, Some(("__init__", What::Function(init))), None) => {
                        let own = def.body.iter().any(
                            |stmt| matches!(stmt, Stmt::FunctionDef(each) if std::ptr::eq::<_>(each, *init)),
                        );
                        (own && init.decorator_list.is_empty())
                            .then(|| Self::read(&init.parameters).bound_to_self())?
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn read(parameters: &Parameters) -> Self {
        let arguments = |list: &[ParameterWithDefault]| -> Vec<Argument> {
            list.iter()
                .map(|each| Argument {
                    name: each.parameter.name.to_string(),
                    has_default: each.default.is_some(),
                })
                .collect()
        };
        Self {
            positional_only: parameters.posonlyargs.len(),
            positional: [arguments(&parameters.posonlyargs), arguments(&parameters.args)].concat(),
            keyword_only: arguments(&parameters.kwonlyargs),
            rest: parameters.vararg.as_ref().map(|each| each.name.to_string()),
            keywords: parameters.kwarg.as_ref().map(|each| each.name.to_string()),
        }
    }

    /// What is left when a method has got its object.
    fn bound_to_self(mut self) -> Option<Self> {
        if self.positional.is_empty() {
            return self.rest.is_some().then_some(self);
        }
        self.positional.remove(0);
        self.positional_only = self.positional_only.saturating_sub(1);
        Some(self)
    }

    /// Whether Python would make the call.
    pub fn takes(&self, call: &Call) -> bool {
        let values = usize::from(call.value);
        let named =
            |i: usize| i >= self.positional_only && call.names().any(|name| name == self.positional[i].name);
        let fits_values = self.rest.is_some() || values <= self.positional.len();
        let fits_names = call.names().all(|name| {
            let place = self.positional.iter().skip(self.positional_only).position(|each| each.name == name);
            match place {
                Some(i) => i + self.positional_only >= values,
                None => self.keywords.is_some() || self.keyword_only.iter().any(|each| each.name == name),
            }
        });
        let filled = (values..self.positional.len()).all(|i| self.positional[i].has_default || named(i));
        let keywords_filled = self
            .keyword_only
            .iter()
            .all(|each| each.has_default || call.names().any(|name| name == each.name));
        fits_values && fits_names && filled && keywords_filled
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = |each: &Argument| format!("{}{}", each.name, if each.has_default { "=…" } else { "" });
        let mut parts: Vec<String> = self.positional.iter().map(written).collect();
        if self.positional_only > 0 {
            parts.insert(self.positional_only, "/".to_owned());
        }
        match &self.rest {
            Some(rest) => parts.push(format!("*{rest}")),
            None if !self.keyword_only.is_empty() => parts.push("*".to_owned()),
            None => {}
        }
        parts.extend(self.keyword_only.iter().map(written));
        parts.extend(self.keywords.iter().map(|keywords| format!("**{keywords}")));
        write!(f, "({})", shortened(&parts.join(", "), LONGEST_SIGNATURE))
    }
}
