//! A block of code, and the names that it binds at its top level.

use std::{collections::HashSet, panic, thread};

use ruff_python_ast::{ModModule, PythonVersion, token::TokenKind};
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use ruff_text_size::Ranged;

use super::{
    indent,
    names::{self, Binding},
    nesting::{self, NestingDepth},
    position::{describe_line, empty_range, line_at, truncated},
    scopes::SyntaxProblem,
    signature::Signature,
    syntax,
};
use crate::validate::findings::Line;

/// Largest size of a block in bytes. Larger code is not parsed.
const LARGEST: usize = 256 * 1024;
/// Number of errors of one block that are reported.
const MOST_PROBLEMS: usize = 10;
/// Stack size in bytes for code at CPython's nesting limits.
const DEEP_STACK: usize = 64 << 20;

/// Returns the name of the only function, class or lambda that the code defines. Returns `None` if it
/// defines none or several, or cannot be parsed.
#[must_use]
pub fn entrypoint_of(python: &str) -> Option<String> {
    Some(Block::read(python).ok()?.only_callable()?.to_owned())
}

/// Returns the entrypoint that a definition needs although its author did not set one: the framework would
/// call the first callable in scope, which may be one of `init` or an imported class instead of the only
/// function of the block. Returns `None` if the framework finds the right one, or if static analysis
/// cannot decide.
#[must_use]
pub fn entrypoint_to_render(init: Option<&str>, python: &str) -> Option<String> {
    let block = Block::read(python).ok()?;
    let only = block.only_callable()?;
    let init = match init.map(Block::read) {
        Some(Ok(init)) => init,
        Some(Err(_)) => Block::unknown(),
        None => Block::default(),
    };
    let mut names = init.names.iter().chain(&block.names);
    let first = names.find(|bound| bound.kind.may_be_callable()).map(|bound| bound.name.as_str());
    let is_first = first == Some(only) && !init.dynamic && !block.dynamic;
    (!is_first).then(|| only.to_owned())
}

/// The names that a block of code binds at its top level.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    /// Bindings, in the order of the code.
    pub names: Vec<BoundName>,
    /// Whether there may be other names, for example from `exec`.
    pub dynamic: bool,
}

/// A binding of a name.
#[derive(Clone, Debug)]
pub(super) struct BoundName {
    /// Name.
    pub name: String,
    /// What is bound.
    pub kind: BindingKind,
    /// Arguments of a function, if they are known.
    pub signature: Option<Signature>,
    /// Line that binds a function.
    pub line: String,
    /// Offset of the function's name, in bytes.
    pub at: usize,
}

/// What a name is bound to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BindingKind {
    /// A function, class or lambda of the block.
    Callable,
    /// A value that is not callable.
    Constant,
    /// An imported module.
    Module,
    /// Anything else.
    Unknown,
}

impl BindingKind {
    /// Whether the framework may be able to call the value.
    pub(super) fn may_be_callable(self) -> bool {
        matches!(self, Self::Callable | Self::Unknown)
    }
}

impl Block {
    /// Returns a block of which nothing is known.
    pub(super) fn unknown() -> Self {
        Self { dynamic: true, ..Self::default() }
    }

    /// Parses and checks code.
    ///
    /// # Errors
    ///
    /// Returns the lines that CPython would not compile.
    pub(super) fn read(source: &str) -> Result<Self, Vec<Line>> {
        let reject = |detail: String| {
            let text = truncated(source.lines().next().unwrap_or_default());
            Err(vec![Line { text, within: None, detail }])
        };
        if source.len() > LARGEST {
            return reject(format!("must not be larger than {} KiB", LARGEST / 1024));
        }
        match nesting::measure(source) {
            Ok(NestingDepth::Shallow) => Self::parse(source),
            Ok(NestingDepth::Deep) => thread::scope(|scope| {
                let thread = thread::Builder::new().stack_size(DEEP_STACK);
                match thread.spawn_scoped(scope, || Self::parse(source)) {
                    Ok(thread) => thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic)),
                    Err(_) => reject("is nested too deeply to be read".to_owned()),
                }
            }),
            Err(why) => reject(why.to_owned()),
        }
    }

    fn parse(source: &str) -> Result<Self, Vec<Line>> {
        let to_lines = |problems: Vec<SyntaxProblem>| -> Vec<Line> {
            let problems = problems.into_iter().take(MOST_PROBLEMS);
            problems.map(|(range, what)| describe_line(source, range, &what)).collect()
        };
        let (module, declares) = parse_module(source).map_err(to_lines)?;
        let hidden = syntax::check(source, &module, declares).map_err(to_lines)?;
        let globals = hidden.globals.into_iter().map(|name| (name, Binding::Unknown));
        let names = names::find_bindings(&module.body).into_iter().chain(globals);
        let names = names.map(|(name, binding)| BoundName::new(source, name, &binding)).collect();
        Ok(Self { names, dynamic: hidden.any })
    }

    /// Returns all bindings of a name.
    pub(super) fn bindings(&self, name: &str) -> impl Iterator<Item = &BoundName> {
        self.names.iter().filter(move |bound| bound.name == name)
    }

    /// Returns the names of the block's functions, without duplicates.
    pub(super) fn callables(&self) -> Vec<&str> {
        let mut names = HashSet::new();
        let callables = self.names.iter().filter(|bound| bound.kind == BindingKind::Callable);
        callables.map(|bound| bound.name.as_str()).filter(|name| names.insert(*name)).collect()
    }

    fn only_callable(&self) -> Option<&str> {
        match self.callables().as_slice() {
            [name] => Some(name),
            _ => None,
        }
    }
}

impl BoundName {
    fn new(source: &str, name: &str, binding: &Binding<'_>) -> Self {
        let (kind, at) = match binding {
            Binding::Function(def) => (BindingKind::Callable, Some(def.name.range)),
            Binding::Class(def) => (BindingKind::Callable, Some(def.name.range)),
            Binding::Lambda(lambda) => (BindingKind::Callable, Some(lambda.range)),
            Binding::Constant => (BindingKind::Constant, None),
            Binding::Module => (BindingKind::Module, None),
            Binding::Unknown => (BindingKind::Unknown, None),
        };
        let at = at.map(|range| range.start().to_usize());
        let line = at.map(|at| truncated(line_at(source, at).0.trim())).unwrap_or_default();
        Self {
            name: name.to_owned(),
            kind,
            signature: Signature::from_binding(binding),
            line,
            at: at.unwrap_or_default(),
        }
    }
}

/// Parses code with CPython's grammar. Returns the syntax tree, and whether the code declares any names
/// `global` or `nonlocal`.
fn parse_module(source: &str) -> Result<(ModModule, bool), Vec<SyntaxProblem>> {
    if let Some(at) = source.find('\0') {
        return Err(vec![(empty_range(at), "must not hold null characters".to_owned())]);
    }
    let options = ParseOptions::from(Mode::Module).with_target_version(PythonVersion::PY314);
    let parsed = parse_unchecked(source, options);
    // Later errors may be consequences of the first one.
    if let Some(first) = parsed.errors().iter().min_by_key(|error| error.location.start()) {
        return Err(vec![(first.location, first.error.to_string())]);
    }
    if let Some(first) = parsed.unsupported_syntax_errors().first() {
        return Err(vec![(first.range(), first.to_string())]);
    }
    let starts = parsed.tokens().iter().map(|token| (token.kind(), token.start().to_usize()));
    if let Some(at) = indent::find_ambiguous(source, starts) {
        return Err(vec![(empty_range(at), "tabs and spaces must not be mixed in indentation".to_owned())]);
    }
    let declares =
        parsed.tokens().iter().any(|token| matches!(token.kind(), TokenKind::Global | TokenKind::Nonlocal));
    let module = parsed.try_into_module().ok_or_else(Vec::new)?;
    Ok((module.into_syntax(), declares))
}
