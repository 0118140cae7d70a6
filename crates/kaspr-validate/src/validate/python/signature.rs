//! The signature of a function, as far as the code shows it.

use std::fmt;

use ruff_python_ast::{Expr, ParameterWithDefault, Parameters, Stmt, StmtClassDef};

use super::{
    call::Call,
    names::{Binding, find_bindings},
};
use crate::validate::findings::shortened;

/// Number of characters of a signature that a message shows.
const LONGEST_SIGNATURE: usize = 80;

/// The arguments that a function accepts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Signature {
    /// Number of positional-only arguments.
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
    /// Returns the signature of a binding. Returns `None` if it is unknown, because a decorator, a base class
    /// or a metaclass may change it.
    pub(super) fn from_binding(binding: &Binding<'_>) -> Option<Self> {
        match binding {
            Binding::Function(def) if def.decorator_list.is_empty() => Some(Self::read(&def.parameters)),
            Binding::Lambda(lambda) => Some(lambda.parameters.as_deref().map(Self::read).unwrap_or_default()),
            Binding::Class(def) if def.decorator_list.is_empty() => Self::from_class(def),
            _ => None,
        }
    }

    /// Returns the signature of a class: that of its only `__init__`.
    fn from_class(def: &StmtClassDef) -> Option<Self> {
        let is_object = |expr: &Expr| matches!(expr, Expr::Name(name) if name.id == "object");
        let has_no_bases = def
            .arguments
            .as_ref()
            .is_none_or(|arguments| arguments.keywords.is_empty() && arguments.args.iter().all(is_object));
        let bindings = find_bindings(&def.body);
        let mut constructors = bindings.iter().filter(|(name, _)| matches!(*name, "__init__" | "__new__"));
        let (Some(("__init__", Binding::Function(init))), None) = (constructors.next(), constructors.next())
        else {
            return (has_no_bases && constructors_are_absent(&bindings)).then(Self::default);
        };
        // A conditional `__init__` may not exist.
        let is_unconditional = def
            .body
            .iter()
            .any(|stmt| matches!(stmt, Stmt::FunctionDef(each) if std::ptr::eq::<_>(each, *init)));
        if !has_no_bases || !is_unconditional || !init.decorator_list.is_empty() {
            return None;
        }
        Self::read(&init.parameters).bound_to_self()
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

    /// Returns the signature of a method without its first argument.
    fn bound_to_self(mut self) -> Option<Self> {
        if self.positional.is_empty() {
            return self.rest.is_some().then_some(self);
        }
        self.positional.remove(0);
        self.positional_only = self.positional_only.saturating_sub(1);
        Some(self)
    }

    /// Whether Python can call the function with these arguments.
    pub(super) fn accepts(&self, call: &Call) -> bool {
        let values = usize::from(call.value);
        let named = |i: usize| {
            i >= self.positional_only && call.keyword_names().any(|name| name == self.positional[i].name)
        };
        let fits_values = self.rest.is_some() || values <= self.positional.len();
        let fits_names = call.keyword_names().all(|name| {
            let position =
                self.positional.iter().skip(self.positional_only).position(|each| each.name == name);
            match position {
                Some(i) => i + self.positional_only >= values,
                None => self.keywords.is_some() || self.keyword_only.iter().any(|each| each.name == name),
            }
        });
        let filled = (values..self.positional.len()).all(|i| self.positional[i].has_default || named(i));
        let keywords_filled = self
            .keyword_only
            .iter()
            .all(|each| each.has_default || call.keyword_names().any(|name| name == each.name));
        fits_values && fits_names && filled && keywords_filled
    }
}

/// Whether a class body binds no name that may change how the class is called.
fn constructors_are_absent(bindings: &[(&str, Binding<'_>)]) -> bool {
    !bindings.iter().any(|(name, _)| matches!(*name, "__init__" | "__new__" | "__call__"))
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let display = |each: &Argument| format!("{}{}", each.name, if each.has_default { "=…" } else { "" });
        let mut parts: Vec<String> = self.positional.iter().map(display).collect();
        if self.positional_only > 0 {
            parts.insert(self.positional_only, "/".to_owned());
        }
        match &self.rest {
            Some(rest) => parts.push(format!("*{rest}")),
            None if !self.keyword_only.is_empty() => parts.push("*".to_owned()),
            None => {}
        }
        parts.extend(self.keyword_only.iter().map(display));
        parts.extend(self.keywords.iter().map(|keywords| format!("**{keywords}")));
        write!(f, "({})", shortened(&parts.join(", "), LONGEST_SIGNATURE))
    }
}
