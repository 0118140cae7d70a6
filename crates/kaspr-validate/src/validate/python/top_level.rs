//! Names that the statements of the top level import or assign.

use ruff_python_ast::{Expr, ModModule, Stmt};

/// Returns the names that the top level imports or assigns, with their offsets in bytes.
pub(super) fn variables(module: &ModModule) -> Vec<(Box<str>, usize)> {
    let mut names = Vec::new();
    let mut add = |name: &str, at: usize| names.push((name.into(), at));
    for stmt in &module.body {
        match stmt {
            Stmt::Import(import) => {
                for alias in &import.names {
                    // `import a.b` may be there for its effects.
                    let name = alias.asname.as_ref().or((!alias.name.contains('.')).then_some(&alias.name));
                    name.iter().for_each(|name| add(name, alias.range.start().to_usize()));
                }
            }
            Stmt::ImportFrom(import) if import.module.as_deref() != Some("__future__") => {
                for alias in &import.names {
                    add(alias.asname.as_ref().unwrap_or(&alias.name), alias.range.start().to_usize());
                }
            }
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    if let Expr::Name(name) = target {
                        add(&name.id, name.range.start().to_usize());
                    }
                }
            }
            _ => {}
        }
    }
    names
}
