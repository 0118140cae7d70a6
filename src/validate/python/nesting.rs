//! How deep code is nested, found without recursion and before anything that recurses runs.
//!
//! The limits are those of CPython, which refuses what is deeper; that of operators is a little
//! lower than where CPython 3.11 gives up.

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer};

use super::scan;

const MOST_BRACKETS: usize = 200;
const MOST_INDENTS: usize = 99;
const MOST_OPERATORS: usize = 2500;

/// Code that is deeper than this is parsed on a stack of its own.
const SHALLOW: usize = 100;

/// What the code's depth means for who parses it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Depth {
    /// Any stack will do.
    Shallow,
    /// The stack must be large.
    Deep,
}

/// The operators that follow one another within a bracket, which nest in the worst case.
#[derive(Clone, Copy, Default)]
pub struct Level {
    /// Since the last comma.
    pub operators: usize,
    /// A comma does not end a lambda, whose arguments it parts.
    pub lambdas: usize,
}

impl Level {
    /// How many nest in the worst case.
    pub fn depth(self) -> usize {
        self.operators + self.lambdas
    }
}

/// How deep the code is, or why it is too deep.
pub fn measure(source: &str) -> Result<Depth, &'static str> {
    if scan::is_below(SHALLOW.min(MOST_INDENTS), source) {
        debug_assert_eq!(from_tokens(source), Ok(Depth::Shallow), "the scan counts too little");
        return Ok(Depth::Shallow);
    }
    from_tokens(source)
}

/// The same from what the lexer makes of it, which costs about a quarter of what the parser does.
fn from_tokens(source: &str) -> Result<Depth, &'static str> {
    let mut tokens = lexer::lex(source, Mode::Module);
    let (mut levels, mut outer, mut indents) = (vec![Level::default()], 0, 0usize);
    // Brackets that were given up as never closed, and the operators in them.
    let (mut unclosed, mut lost) = (0, 0);
    let (mut deepest, mut starts_line) = (0, false);
    loop {
        let kind = tokens.next_token();
        if starts_line && starts_statement(kind) {
            // Inside of a bracket that was not closed: the parser starts over.
            unclosed += levels.len() - 1;
            lost += outer;
            (levels, outer) = (vec![Level::default()], 0);
        }
        starts_line = matches!(kind, TokenKind::NonLogicalNewline);
        let open = levels.len() - 1;
        let Some(level) = levels.last_mut() else { return Ok(Depth::Deep) };
        match kind {
            TokenKind::EndOfFile => break,
            TokenKind::Indent => indents += 1,
            TokenKind::Dedent => indents = indents.saturating_sub(1),
            TokenKind::NonLogicalNewline if open == 0 => *level = Level::default(),
            TokenKind::Newline | TokenKind::Semi => *level = Level::default(),
            TokenKind::Comma => level.operators = 0,
            TokenKind::Lambda => level.lambdas += 1,
            TokenKind::Lpar
            | TokenKind::Lsqb
            | TokenKind::Lbrace
            | TokenKind::FStringStart
            | TokenKind::TStringStart => {
                level.operators += 1;
                outer += level.depth();
                levels.push(Level::default());
            }
            TokenKind::Rpar
            | TokenKind::Rsqb
            | TokenKind::Rbrace
            | TokenKind::FStringEnd
            | TokenKind::TStringEnd
                if open > 0 =>
            {
                levels.pop();
                outer -= levels.last().map_or(0, |level| level.depth());
            }
            TokenKind::Name
            | TokenKind::Int
            | TokenKind::Float
            | TokenKind::Complex
            | TokenKind::String
            | TokenKind::FStringMiddle
            | TokenKind::TStringMiddle
            | TokenKind::NonLogicalNewline
            | TokenKind::Comment => {}
            _ => level.operators += 1,
        }
        let here = lost + outer + levels.last().map_or(0, |level| level.depth());
        deepest = deepest.max(here + indents);
        let why = if unclosed + levels.len() - 1 > MOST_BRACKETS {
            "must not nest more than 200 brackets"
        } else if indents > MOST_INDENTS {
            "must not nest more than 99 levels of indentation"
        } else if here > MOST_OPERATORS {
            "must not nest more than 2500 operators in one expression"
        } else {
            continue;
        };
        return Err(why);
    }
    Ok(if deepest > SHALLOW { Depth::Deep } else { Depth::Shallow })
}

/// Keywords that no expression holds.
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
