//! Embedded Python: read, never run.
//!
//! A block is refused for what CPython 3.11 or later would not compile, for an entrypoint that it
//! does not bind, and for a function that can't take what the framework calls it with. Where
//! reading does not tell (imports, decorators, what a call returns, `exec`), it is accepted.

mod call;
mod extra_checks;
mod indent;
mod names;
mod nesting;
mod scan;
mod scopes;
mod syntax;

pub use call::Call;

use std::{collections::HashSet, panic, thread};

use ruff_python_ast::{ModModule, PythonVersion, token::TokenKind};
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use ruff_text_size::{Ranged, TextRange};

use self::{call::Signature, names::What, nesting::Depth, scopes::Mistake};
use super::{Findings, Line, Path, findings::shortened, processors::is_identifier, rule, shared};
use crate::api::Code;

/// Code that is larger is not parsed.
const LARGEST: usize = 256 * 1024;
/// How many mistakes of one block are told.
const MOST_MISTAKES: usize = 10;
/// How many characters of a line a message shows.
const LONGEST_LINE: usize = 80;
/// For code that nests up to the limits, of which CPython's own are the most.
const DEEP_STACK: usize = 64 << 20;

/// The name of the only function, class or lambda that the code binds of its own. None where it
/// binds none or several, or can't be read.
pub fn entrypoint_of(python: &str) -> Option<String> {
    Some(Block::read(python).ok()?.only_own()?.to_owned())
}

/// The entrypoint that a definition must carry though its author gave none: the framework would call
/// the first callable in its scope, which may be one of `init` or an imported class instead of the
/// block's only function. None where it finds the right one by itself, or nobody can tell.
pub fn entrypoint_to_render(init: Option<&str>, python: &str) -> Option<String> {
    let block = Block::read(python).ok()?;
    let own = block.only_own()?;
    let before = match init.map(Block::read) {
        Some(Ok(init)) => init,
        Some(Err(_)) => Block { dynamic: true, ..Block::default() },
        None => Block::default(),
    };
    let mut names = before.names.iter().chain(&block.names);
    let first = names.find(|bound| bound.kind.may_be_called()).map(|bound| bound.name.as_str());
    let clear = first == Some(own) && !before.dynamic && !block.dynamic;
    (!clear).then(|| own.to_owned())
}

/// What the code of a resource's `init` defines, for the blocks that come after it.
#[derive(Debug, Default)]
pub struct Init(Block);

impl Init {
    /// Reads the code of `init`, whose syntax alone is judged.
    pub fn check(code: Option<&Code>, at: &Path, found: &mut Findings) -> Self {
        let unknown = Block { dynamic: true, ..Block::default() };
        Self(code.map_or_else(Block::default, |code| source(code, at, found).unwrap_or(unknown)))
    }
}

/// Adds what is wrong with code that the framework calls, if it is known how.
pub fn check(code: Option<&Code>, at: &Path, init: &Init, call: Option<&Call>, found: &mut Findings) {
    let Some(code) = code else { return };
    let block = source(code, at, found);
    // The framework takes an empty name for none.
    let entrypoint = code.entrypoint.as_deref().filter(|name| !name.is_empty());
    if let Some(entrypoint) = entrypoint.filter(|name| !is_identifier(name)) {
        found.invalid(rule::PYTHON_ENTRYPOINT, at.child("entrypoint"), entrypoint, CALLABLE);
        return;
    }
    let Some(block) = block else { return };
    let name = match entrypoint {
        Some(name) => Some(name).filter(|name| is_bound(name, &block, init, at, found)),
        None => chosen(&block, init, code, at, found),
    };
    if let (Some(name), Some(call)) = (name, call) {
        called(name, (code, &block), init, call, at, found);
    }
}

const CALLABLE: &str = "must be the name of a function, class or other callable in python";

/// The code's names, unless the code can't be read.
fn source(code: &Code, at: &Path, found: &mut Findings) -> Option<Block> {
    let at = at.child("python");
    if code.python.trim().is_empty() {
        found.required(rule::REQUIRED, at, "must hold Python source");
        return None;
    }
    match Block::read(&code.python) {
        Ok(block) => Some(block),
        Err(mistakes) => {
            for line in mistakes {
                found.invalid_line(rule::PYTHON_SYNTAX, at.clone(), line);
            }
            None
        }
    }
}

/// Whether the name that the author gave is bound.
fn is_bound(name: &str, block: &Block, init: &Init, at: &Path, found: &mut Findings) -> bool {
    let mut known = block.all(name).chain(init.0.all(name));
    if block.dynamic || init.0.dynamic || known.any(|bound| bound.kind != Kind::Constant) {
        return true;
    }
    let mut functions = block.own();
    functions.extend(init.0.own());
    let known = match functions.len() {
        0 => "there is none".to_owned(),
        1 => shared::quoted(functions.into_iter()),
        _ => format!("one of {}", shared::quoted(functions.into_iter())),
    };
    found.invalid(rule::PYTHON_ENTRYPOINT, at.child("entrypoint"), name, format!("{CALLABLE}: {known}"));
    false
}

/// The function that is meant where the author names none.
fn chosen<'a>(
    block: &'a Block,
    init: &Init,
    code: &Code,
    at: &Path,
    found: &mut Findings,
) -> Option<&'a str> {
    let own = block.own();
    match own.as_slice() {
        [name] => return Some(name),
        [] => {
            let others = block.names.iter().filter(|bound| bound.kind.may_be_called()).count();
            if others == 0 && !block.dynamic {
                let line = code.python.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
                found.invalid(rule::PYTHON_FUNCTION, at.child("python"), cut(line), "must define a function");
            } else if others > 1 || init.0.names.iter().any(|bound| bound.kind.may_be_called()) {
                found.warn(
                    rule::PYTHON_GUESS,
                    at.clone(),
                    "gives no entrypoint: the first callable is taken",
                );
            }
        }
        names => {
            let names = shared::quoted(names.iter().copied());
            let why = format!("must name the function to call, for python defines several: one of {names}");
            found.required(rule::PYTHON_FUNCTION, at.child("entrypoint"), &why);
        }
    }
    None
}

/// Compares what the function takes with what it gets.
fn called(
    name: &str,
    (code, block): (&Code, &Block),
    init: &Init,
    call: &Call,
    at: &Path,
    found: &mut Findings,
) {
    let own = block.all(name).next().is_some();
    let mut bound = block.all(name).chain(init.0.all(name));
    let (Some(Bound { signature: Some(signature), line, at: start, .. }), None) =
        (bound.next(), bound.next())
    else {
        return;
    };
    if block.dynamic || init.0.dynamic || signature.takes(call) {
        return;
    }
    if signature.takes(&call.strictly()) {
        let names: Vec<&str> = call.parameters.iter().map(String::as_str).collect();
        let text = format!("'{name}' must also take {} of request.path", shared::quoted(names.into_iter()));
        found.warn(rule::PATH_PARAMETER, at.clone(), shortened(&text, LONGEST_LINE - 10));
        return;
    }
    let (at, value, within) = match own {
        true => (at.child("python"), line.as_str(), Some(number_and_column(&code.python, *start))),
        false => (at.child("entrypoint"), name, None),
    };
    let detail = format!("is called with {call}, but '{name}' takes {signature}");
    found.invalid_within(rule::PYTHON_CALL, at, value, detail, within);
}

/// What a block of code binds at its top level.
#[derive(Clone, Debug, Default)]
struct Block {
    names: Vec<Bound>,
    /// Whether there may be other names.
    dynamic: bool,
}

#[derive(Clone, Debug)]
struct Bound {
    name: String,
    kind: Kind,
    signature: Option<Signature>,
    /// The line that binds a function.
    line: String,
    /// Where its name is there, in bytes.
    at: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// A function, class or lambda.
    Own,
    Constant,
    Module,
    Unknown,
}

impl Kind {
    fn may_be_called(self) -> bool {
        matches!(self, Self::Own | Self::Unknown)
    }
}

impl Block {
    /// Reads the code, or tells its mistakes: the line, and what is wrong with it.
    fn read(source: &str) -> Result<Self, Vec<Line>> {
        let whole = |detail: String| {
            let text = cut(source.lines().next().unwrap_or_default());
            Err(vec![Line { text, within: None, detail }])
        };
        if source.len() > LARGEST {
            return whole(format!("must not be larger than {} KiB", LARGEST / 1024));
        }
        match nesting::measure(source) {
            Ok(Depth::Shallow) => Self::parse(source),
            Ok(Depth::Deep) => thread::scope(|scope| {
                let deep = thread::Builder::new().stack_size(DEEP_STACK);
                match deep.spawn_scoped(scope, || Self::parse(source)) {
                    Ok(deep) => deep.join().unwrap_or_else(|panic| panic::resume_unwind(panic)),
                    Err(_) => whole("is nested too deeply to be read".to_owned()),
                }
            }),
            Err(why) => whole(why.to_owned()),
        }
    }

    fn parse(source: &str) -> Result<Self, Vec<Line>> {
        let shown = |mistakes: Vec<Mistake>| -> Vec<Line> {
            mistakes
                .into_iter()
                .take(MOST_MISTAKES)
                .map(|(range, what)| place(source, range, &what))
                .collect()
        };
        let (module, declares) = module(source).map_err(shown)?;
        let hidden = syntax::check(source, &module, declares).map_err(shown)?;
        let globals = hidden.globals.into_iter().map(|name| (name, What::Unknown));
        let names = names::bound(&module.body).into_iter().chain(globals);
        let names = names.map(|(name, what)| Bound::new(source, name, &what)).collect();
        Ok(Self { names, dynamic: hidden.any })
    }

    /// All bindings of a name.
    fn all(&self, name: &str) -> impl Iterator<Item = &Bound> {
        self.names.iter().filter(move |bound| bound.name == name)
    }

    /// The names of the block's functions, each once.
    fn own(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        let own = self.names.iter().filter(|bound| bound.kind == Kind::Own);
        own.map(|bound| bound.name.as_str()).filter(|name| seen.insert(*name)).collect()
    }

    fn only_own(&self) -> Option<&str> {
        match self.own().as_slice() {
            [name] => Some(name),
            _ => None,
        }
    }
}

impl Bound {
    fn new(source: &str, name: &str, what: &What<'_>) -> Self {
        let (kind, at) = match what {
            What::Function(def) => (Kind::Own, Some(def.name.range)),
            What::Class(def) => (Kind::Own, Some(def.name.range)),
            What::Lambda(lambda) => (Kind::Own, Some(lambda.range)),
            What::Constant => (Kind::Constant, None),
            What::Module => (Kind::Module, None),
            What::Unknown => (Kind::Unknown, None),
        };
        let at = at.map(|range| range.start().to_usize());
        let line = at.map(|at| cut(line_at(source, at).0.trim())).unwrap_or_default();
        Self { name: name.to_owned(), kind, signature: Signature::of(what), line, at: at.unwrap_or_default() }
    }
}

/// The syntax tree, and whether it declares any names `global` or `nonlocal`; or what CPython's
/// parser refuses.
fn module(source: &str) -> Result<(ModModule, bool), Vec<Mistake>> {
    if let Some(at) = source.find('\0') {
        return Err(vec![(range(at), "must not hold null characters".to_owned())]);
    }
    let options = ParseOptions::from(Mode::Module).with_target_version(PythonVersion::PY314);
    let parsed = parse_unchecked(source, options);
    // What follows the first mistake may be its consequence.
    if let Some(first) = parsed.errors().iter().min_by_key(|error| error.location.start()) {
        return Err(vec![(first.location, first.error.to_string())]);
    }
    if let Some(first) = parsed.unsupported_syntax_errors().first() {
        return Err(vec![(first.range(), first.to_string())]);
    }
    let starts = parsed.tokens().iter().map(|token| (token.kind(), token.start().to_usize()));
    if let Some(at) = indent::unclear(source, starts) {
        return Err(vec![(range(at), "tabs and spaces must not be mixed in indentation".to_owned())]);
    }
    let declares =
        parsed.tokens().iter().any(|token| matches!(token.kind(), TokenKind::Global | TokenKind::Nonlocal));
    let module = parsed.try_into_module().ok_or_else(Vec::new)?;
    Ok((module.into_syntax(), declares))
}

fn range(at: usize) -> TextRange {
    TextRange::empty(u32::try_from(at).unwrap_or(u32::MAX).into())
}

/// A mistake as a message shows it: its line, and where and what it is.
fn place(source: &str, range: TextRange, what: &str) -> Line {
    // Where the code ends too soon, its last line tells more than an empty one.
    let at = range.start().to_usize().min(source.trim_end().len());
    let (line, _) = line_at(source, at);
    let (number, column) = number_and_column(source, at);
    Line { text: cut(line), within: Some((number, column)), detail: in_words(what) }
}

/// Line and column of a place, from 1.
fn number_and_column(source: &str, at: usize) -> (usize, usize) {
    let start = line_start(source, at);
    let before = &source[..start];
    let number = before.matches('\n').count() + before.replace("\r\n", "\n").matches('\r').count() + 1;
    (number, source[start..at.max(start)].chars().count() + 1)
}

/// The line at a place, and where it starts.
fn line_at(source: &str, at: usize) -> (&str, usize) {
    let start = line_start(source, at);
    let end = source[start..].find(['\n', '\r']).map_or(source.len(), |length| start + length);
    (&source[start..end], start)
}

fn line_start(source: &str, at: usize) -> usize {
    source[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1)
}

fn cut(line: &str) -> String {
    shortened(line.trim_end(), LONGEST_LINE)
}

/// Ruff's words in the API server's manner.
fn in_words(what: &str) -> String {
    let what = what.replace(['`', '"'], "'");
    let mut letters = what.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(letters).collect(),
        _ => what,
    }
}
