//! A block of code, and the names that it binds at its top level.

use std::{
    collections::{HashMap, HashSet},
    panic,
    sync::{Arc, LazyLock, Mutex},
    thread,
};

use ruff_python_ast::{ModModule, PythonVersion, token::TokenKind};
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use ruff_text_size::Ranged;

use super::{
    annotations,
    cache::{self, Memory},
    collect,
    facts::Facts,
    indent, lints,
    names::{self, Binding},
    nesting::{self, NestingDepth},
    position::{describe_line, empty_range, line_at, truncated},
    scopes::SyntaxProblem,
    signature::Signature,
    state, syntax, top_level,
};
use crate::validate::findings::Line;

/// The newest Python of the framework's images.
const PYTHON_OF_IMAGES: PythonVersion = PythonVersion::PY312;
/// The newest Python that an image of a user may have.
const NEWEST_PYTHON: PythonVersion = PythonVersion::PY314;
/// Largest size of a block in bytes. Larger code is not parsed.
const LARGEST: usize = 256 * 1024;
/// Number of errors of one block that are reported.
const MOST_PROBLEMS: usize = 10;
/// Stack size in bytes for code at CPython's nesting limits.
const DEEP_STACK: usize = 64 << 20;

/// A block, or the lines that CPython would not compile.
type Reading = Result<Arc<Block>, Vec<Line>>;

/// What is known about code that was read before.
static MEMORY: LazyLock<Mutex<Memory<Reading>>> = LazyLock::new(Mutex::default);

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
        Some(Err(_)) => Arc::new(Block::unknown()),
        None => Arc::default(),
    };
    let mut names = init.names.iter().chain(&block.names);
    let first = names.find(|bound| bound.kind.may_be_callable()).map(|bound| bound.name.as_str());
    let is_first = first == Some(only) && !init.dynamic && !block.dynamic;
    (!is_first).then(|| only.to_owned())
}

/// The names that a block of code binds at its top level, and what the code does.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// Bindings, in the order of the code.
    pub names: Vec<BoundName>,
    /// Places of each name in `names`.
    places: HashMap<String, Vec<usize>>,
    /// Whether there may be other names, for example from `exec`.
    pub dynamic: bool,
    /// What the code does when it runs.
    pub facts: Facts,
}

/// A binding of a name.
#[derive(Debug)]
pub(crate) struct BoundName {
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
pub(crate) enum BindingKind {
    /// A function or lambda of the block.
    Function,
    /// A class of the block.
    Class,
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
        matches!(self, Self::Function | Self::Class | Self::Unknown)
    }

    /// Whether the value is a function or a class.
    pub(super) fn is_callable(self) -> bool {
        matches!(self, Self::Function | Self::Class)
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
    pub(super) fn read(source: &str) -> Reading {
        cache::get_or_insert(&MEMORY, source, || Self::read_anew(source).map(Arc::new))
    }

    fn read_anew(source: &str) -> Result<Self, Vec<Line>> {
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
        let Parsed { module, declares, newer_syntax } = parse_module(source).map_err(to_lines)?;
        let hidden = syntax::check(source, &module, declares).map_err(to_lines)?;
        let globals = hidden.globals.into_iter().map(|name| (name, Binding::Unknown));
        let bindings = names::find_bindings(&module.body);
        let lints = [lints::check(&module, &bindings), state::check(&module, &bindings)].concat();
        let facts = collect::collect(&module, &bindings);
        let names = bindings.into_iter().chain(globals);
        let names = names.map(|(name, binding)| BoundName::new(source, name, &binding)).collect();
        let newer_syntax = to_lines(newer_syntax);
        let variables = top_level::variables(&module);
        let annotations = annotations::names(&module);
        let facts = Facts { newer_syntax, lints, variables, annotations, ..facts };
        Ok(Self::new(names, hidden.any, facts))
    }

    fn new(names: Vec<BoundName>, dynamic: bool, facts: Facts) -> Self {
        let mut places = HashMap::<String, Vec<usize>>::new();
        for (i, bound) in names.iter().enumerate() {
            places.entry(bound.name.clone()).or_default().push(i);
        }
        Self { names, places, dynamic, facts }
    }

    /// Returns all bindings of a name, in the order of the code.
    pub(super) fn bindings(&self, name: &str) -> impl Iterator<Item = &BoundName> {
        self.places.get(name).into_iter().flatten().map(|place| &self.names[*place])
    }

    /// Returns the names of the block's functions, without duplicates.
    pub(super) fn callables(&self) -> Vec<&str> {
        let mut names = HashSet::new();
        let callables = self.names.iter().filter(|bound| bound.kind.is_callable());
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
            Binding::Function(def) => (BindingKind::Function, Some(def.name.range)),
            Binding::Class(def) => (BindingKind::Class, Some(def.name.range)),
            Binding::Lambda(lambda) => (BindingKind::Function, Some(lambda.range)),
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

/// A syntax tree, and what is known of the code besides it.
struct Parsed {
    module: ModModule,
    /// Whether the code declares any names `global` or `nonlocal`.
    declares: bool,
    /// Syntax that the framework's images do not have.
    newer_syntax: Vec<SyntaxProblem>,
}

/// Parses code with the grammar of the newest CPython.
fn parse_module(source: &str) -> Result<Parsed, Vec<SyntaxProblem>> {
    if source.starts_with('\u{feff}') {
        return Err(vec![(empty_range(0), "must not start with a byte order mark (U+FEFF)".to_owned())]);
    }
    if let Some(at) = source.find('\0') {
        return Err(vec![(empty_range(at), "must not hold null characters".to_owned())]);
    }
    let parse = |version: PythonVersion| {
        parse_unchecked(source, ParseOptions::from(Mode::Module).with_target_version(version))
    };
    let parsed = parse(PYTHON_OF_IMAGES);
    // Later errors may be consequences of the first one.
    if let Some(first) = parsed.errors().iter().min_by_key(|error| error.location.start()) {
        return Err(vec![(first.location, first.error.to_string())]);
    }
    let newer_syntax: Vec<SyntaxProblem> =
        parsed.unsupported_syntax_errors().iter().map(|error| (error.range(), error.to_string())).collect();
    if !newer_syntax.is_empty()
        && let Some(first) = parse(NEWEST_PYTHON).unsupported_syntax_errors().first()
    {
        return Err(vec![(first.range(), first.to_string())]);
    }
    let starts = parsed.tokens().iter().map(|token| (token.kind(), token.start().to_usize()));
    if let Some(at) = indent::find_ambiguous(source, starts) {
        return Err(vec![(empty_range(at), "tabs and spaces must not be mixed in indentation".to_owned())]);
    }
    let declares =
        parsed.tokens().iter().any(|token| matches!(token.kind(), TokenKind::Global | TokenKind::Nonlocal));
    let module = parsed.try_into_module().ok_or_else(Vec::new)?.into_syntax();
    Ok(Parsed { module, declares, newer_syntax })
}
