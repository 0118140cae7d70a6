//! Whether a frame of a traceback can be one of a block: the framework compiles every block as `<string>`, so that only
//! the function and the line of a frame say where it is from.

use ruff_python_ast::{
    Expr, Stmt,
    visitor::{self, Visitor},
};
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use ruff_text_size::{Ranged, TextRange};

use super::{
    nesting::{self, NestingDepth},
    position::line_and_column,
};

/// The function of frames at the top level of a block.
const TOP_LEVEL: &str = "<module>";

/// Returns whether code defines a function, as tracebacks call it, that contains a line. Lines count from 1.
///
/// Code that is nested very deeply is not read, and has no frame.
#[must_use]
pub fn has_frame(python: &str, function: &str, line: usize) -> bool {
    if line == 0 || nesting::measure(python) != Ok(NestingDepth::Shallow) {
        return false;
    }
    let parsed = parse_unchecked(python, ParseOptions::from(Mode::Module));
    let Some(parsed) = parsed.try_into_module().filter(|parsed| parsed.errors().is_empty()) else {
        return false;
    };
    let mut search = Search { python, function, line, found: false };
    search.visit_body(&parsed.into_syntax().body);
    search.found
}

struct Search<'a> {
    python: &'a str,
    function: &'a str,
    line: usize,
    found: bool,
}

impl Search<'_> {
    /// Compares a frame with what is searched.
    fn compare(&mut self, name: &str, range: TextRange) {
        if name == self.function {
            let line = |at: usize| line_and_column(self.python, at).0;
            let lines = line(range.start().to_usize())..=line(range.end().to_usize());
            self.found |= lines.contains(&self.line);
        }
    }
}

impl<'ast> Visitor<'ast> for Search<'_> {
    fn visit_body(&mut self, body: &'ast [Stmt]) {
        if self.function == TOP_LEVEL {
            // Only the statements of the block itself run at its top level.
            body.iter().for_each(|statement| self.compare(TOP_LEVEL, statement.range()));
        } else {
            visitor::walk_body(self, body);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        match statement {
            Stmt::FunctionDef(function) => self.compare(&function.name, function.range),
            Stmt::ClassDef(class) => self.compare(&class.name, class.range),
            _ => {}
        }
        visitor::walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'ast Expr) {
        let name = match expression {
            Expr::Lambda(_) => Some("<lambda>"),
            Expr::ListComp(_) => Some("<listcomp>"),
            Expr::SetComp(_) => Some("<setcomp>"),
            Expr::DictComp(_) => Some("<dictcomp>"),
            Expr::Generator(_) => Some("<genexpr>"),
            _ => None,
        };
        if let Some(name) = name {
            self.compare(name, expression.range());
        }
        visitor::walk_expr(self, expression);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "\
import json

def outer(value):
    def inner(part):
        return part.x
    return [inner(part) for part in value]

class Client:
    def send(self):
        return 1

by_key = lambda value: value['key']
";

    #[test]
    fn a_frame_is_found_by_its_function_and_line() {
        for (function, line, expected) in [
            ("outer", 3, true),
            ("outer", 6, true),
            ("inner", 5, true),
            ("<listcomp>", 6, true),
            ("send", 10, true),
            ("<lambda>", 12, true),
            ("<module>", 1, true),
            ("<module>", 12, true),
            ("outer", 8, false),
            ("inner", 6, false),
            ("<lambda>", 6, false),
            ("<module>", 2, false),
            ("<module>", 99, false),
            ("other", 3, false),
            ("outer", 0, false),
        ] {
            assert_eq!(has_frame(CODE, function, line), expected, "{function}:{line}");
        }
        assert!(!has_frame("def outer(:\n", "outer", 1));
        let deep = format!("def outer(v):\n    return {}1{}\n", "(".repeat(150), ")".repeat(150));
        assert!(!has_frame(&deep, "outer", 2));
    }
}
