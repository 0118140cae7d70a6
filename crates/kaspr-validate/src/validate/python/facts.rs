//! Facts about what code does when it runs, from one walk through its syntax tree.

use std::collections::{HashMap, HashSet};

use super::lint::Lint;
use crate::validate::findings::Line;

/// Facts about a block of code.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// Parts that run separately: the top level first, then each function and class that the top level defines.
    pub units: Vec<Unit>,
    /// Places of the functions and classes in `units`, by name.
    pub places: HashMap<Box<str>, Vec<usize>>,
    /// Names of all attributes that the code reads. A method runs only if code names it.
    pub attributes: HashSet<Box<str>>,
    /// Findings that depend on the code alone.
    pub lints: Vec<Lint>,
    /// Modules that the code imports.
    pub imports: Vec<Import>,
    /// Names that the code imports or assigns at its top level, with their offsets in bytes.
    pub variables: Vec<(Box<str>, usize)>,
    /// Whether the code changes `context`.
    pub changes_context: bool,
    /// Names that functions declare `global`, with their offsets in bytes.
    pub globals: Vec<(Box<str>, usize)>,
    /// Names in annotations that the top level evaluates on the Python of the framework's images, with their offsets in
    /// bytes.
    pub annotations: Vec<(Box<str>, usize)>,
    /// Lines with syntax that the Python of the framework's images does not have.
    pub newer_syntax: Vec<Line>,
}

impl Facts {
    /// Returns the functions and classes of a name that the top level defines, in the order of the code.
    pub(super) fn units_of(&self, name: &str) -> impl Iterator<Item = &Unit> {
        self.places.get(name).into_iter().flatten().map(|place| &self.units[*place])
    }
}

/// A part of a block: its top level, or a function or class that the top level defines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unit {
    /// What a call of the function gives.
    pub result: CallResult,
    /// Names that the unit reads from outside of its own scopes.
    pub reads: Vec<Read>,
}

/// What a call of a function gives before anything is awaited.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum CallResult {
    /// The returned value, or nothing is known.
    #[default]
    Value,
    /// The returned value, of which every `return` shows that it is not callable.
    NotCallable,
    /// A coroutine: the function is `async def`.
    Coroutine,
    /// A generator, or an asynchronous generator.
    Generator,
}

/// A name that code reads from the scope of the block, of `init`, or from the builtins.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    /// The name.
    pub name: Box<str>,
    /// Offset in bytes.
    pub at: usize,
    /// Whether the code around it catches a `NameError`.
    pub guarded: bool,
    /// Methods that must run for the name to be read: each must be named somewhere.
    pub methods: Vec<Box<str>>,
    /// The key of a subscript, such as `event` in `context['event']`.
    pub key: Option<Box<str>>,
    /// The nearest name of the scopes around it, for the message.
    pub nearest: Option<Box<str>>,
}

/// An imported module.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    /// The part of its name before the first dot.
    pub module: Box<str>,
    /// Offset in bytes.
    pub at: usize,
}
