//! The nesting depth of code, measured without recursion before any recursive parser runs.
//!
//! Source: the limits are those of CPython, which refuses deeper code. The limit of operators is slightly
//! lower than where CPython 3.11 fails.

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer};

use super::scan::{self, BracketLevel};

const MOST_BRACKETS: usize = 200;
const MOST_INDENTS: usize = 99;
const MOST_OPERATORS: usize = 2500;

/// Code that is deeper than this is parsed on a stack of its own.
const SHALLOW: usize = 100;

/// Which stack the parser needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NestingDepth {
    /// Any stack is large enough.
    Shallow,
    /// The parser needs a large stack.
    Deep,
}

/// Measures the nesting depth of code.
///
/// # Errors
///
/// Returns a message if the code is nested too deeply.
pub(super) fn measure(source: &str) -> Result<NestingDepth, &'static str> {
    if scan::is_below(SHALLOW.min(MOST_INDENTS), source) {
        debug_assert_eq!(measure_tokens(source), Ok(NestingDepth::Shallow), "the scan undercounts");
        return Ok(NestingDepth::Shallow);
    }
    measure_tokens(source)
}

/// Measures the depth from the tokens of the lexer, which costs about a quarter of parsing.
fn measure_tokens(source: &str) -> Result<NestingDepth, &'static str> {
    let mut tokens = lexer::lex(source, Mode::Module);
    let mut counter = DepthCounter::default();
    let mut starts_line = false;
    loop {
        let kind = tokens.next_token();
        if kind == TokenKind::EndOfFile {
            break;
        }
        if starts_line && starts_statement(kind) {
            counter.abandon_open_brackets();
        }
        starts_line = kind == TokenKind::NonLogicalNewline;
        counter.count(kind);
        counter.check_limits()?;
    }
    Ok(if counter.deepest > SHALLOW { NestingDepth::Deep } else { NestingDepth::Shallow })
}

/// Counts brackets, indentation and operators, token by token.
#[derive(Default)]
struct DepthCounter {
    /// Operators in each bracket that is open around the current one.
    outer_levels: Vec<BracketLevel>,
    /// Sum of the depths of `outer_levels`.
    outer_depth: usize,
    /// Operators in the current bracket.
    level: BracketLevel,
    indents: usize,
    /// Brackets that the parser abandons because they are never closed.
    unclosed: usize,
    /// Operators in these brackets.
    unclosed_depth: usize,
    deepest: usize,
}

impl DepthCounter {
    /// A statement begins inside of a bracket that is not closed, so the parser starts over.
    fn abandon_open_brackets(&mut self) {
        self.unclosed += self.outer_levels.len();
        self.unclosed_depth += self.outer_depth;
        self.outer_levels.clear();
        self.outer_depth = 0;
        self.level = BracketLevel::default();
    }

    fn count(&mut self, kind: TokenKind) {
        match kind {
            TokenKind::Indent => self.indents += 1,
            TokenKind::Dedent => self.indents = self.indents.saturating_sub(1),
            TokenKind::Newline | TokenKind::Semi => self.level = BracketLevel::default(),
            TokenKind::NonLogicalNewline if self.outer_levels.is_empty() => {
                self.level = BracketLevel::default();
            }
            TokenKind::Comma => self.level.operators = 0,
            TokenKind::Lambda => self.level.lambdas += 1,
            TokenKind::Lpar
            | TokenKind::Lsqb
            | TokenKind::Lbrace
            | TokenKind::FStringStart
            | TokenKind::TStringStart => self.open(),
            TokenKind::Rpar
            | TokenKind::Rsqb
            | TokenKind::Rbrace
            | TokenKind::FStringEnd
            | TokenKind::TStringEnd => self.close(),
            TokenKind::Name
            | TokenKind::Int
            | TokenKind::Float
            | TokenKind::Complex
            | TokenKind::String
            | TokenKind::FStringMiddle
            | TokenKind::TStringMiddle
            | TokenKind::NonLogicalNewline
            | TokenKind::Comment => {}
            _ => self.level.operators += 1,
        }
        self.deepest = self.deepest.max(self.operators() + self.indents);
    }

    fn open(&mut self) {
        self.level.operators += 1;
        self.outer_depth += self.level.depth();
        self.outer_levels.push(std::mem::take(&mut self.level));
    }

    fn close(&mut self) {
        match self.outer_levels.pop() {
            Some(level) => {
                self.outer_depth -= level.depth();
                self.level = level;
            }
            None => self.level.operators += 1,
        }
    }

    /// Number of operators that nest in the worst case.
    fn operators(&self) -> usize {
        self.unclosed_depth + self.outer_depth + self.level.depth()
    }

    fn check_limits(&self) -> Result<(), &'static str> {
        if self.unclosed + self.outer_levels.len() > MOST_BRACKETS {
            Err("must not nest more than 200 brackets")
        } else if self.indents > MOST_INDENTS {
            Err("must not nest more than 99 levels of indentation")
        } else if self.operators() > MOST_OPERATORS {
            Err("must not nest more than 2500 operators in one expression")
        } else {
            Ok(())
        }
    }
}

/// Whether a token is a keyword that cannot be part of an expression.
fn starts_statement(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Assert
            | TokenKind::Break
            | TokenKind::Class
            | TokenKind::Continue
            | TokenKind::Def
            | TokenKind::Del
            | TokenKind::Global
            | TokenKind::Import
            | TokenKind::Nonlocal
            | TokenKind::Pass
            | TokenKind::Raise
            | TokenKind::Return
            | TokenKind::Try
            | TokenKind::While
            | TokenKind::With
    )
}
