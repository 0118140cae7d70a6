//! The tables in the documentation of `lib.rs`: which module may import which.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::SourceTree;

/// What modules may import.
pub(super) struct Boundaries {
    /// The modules of the crate that each module may import.
    modules: BTreeMap<String, BTreeSet<String>>,
    /// The modules that may import a crate, or an item of it such as `kube::Client`.
    crates: BTreeMap<String, BTreeSet<String>>,
}

impl Boundaries {
    /// Reads both tables from the documentation of `lib.rs`. Their first columns are called `module` and
    /// `crate`; names are in backticks.
    pub(super) fn parse(lib: &str) -> Self {
        let (mut modules, mut crates) = (BTreeMap::new(), BTreeMap::new());
        let mut table = None;
        for line in lib.lines().filter_map(|line| line.strip_prefix("//! ")) {
            let cells: Vec<&str> =
                line.strip_prefix('|').into_iter().flat_map(|row| row.split('|')).map(str::trim).collect();
            match cells.first().copied() {
                Some("module") => table = Some(&mut modules),
                Some("crate") => table = Some(&mut crates),
                Some(name) if name.starts_with('`') => {
                    let allowed = cells.get(1).map(|cell| names(cell)).unwrap_or_default();
                    let name = names(name).into_iter().next().expect("a name in backticks");
                    table.as_mut().expect("a table with a header").insert(name, allowed);
                }
                _ => {}
            }
        }
        Self { modules, crates }
    }

    /// Returns every import that the tables do not allow, and every module that they lack.
    pub(super) fn violations(&self, tree: &SourceTree) -> Vec<String> {
        let mut violations = Vec::new();
        for module in tree.top_level_modules() {
            if !self.modules.contains_key(&module) {
                violations.push(format!("the table in lib.rs lacks the module {module}"));
            }
        }
        for import in tree.imports() {
            let from = &import.top_level;
            let Some(allowed) = self.modules.get(from) else { continue };
            if let Some(to) = import.module() {
                if to != from && !allowed.contains(to) {
                    violations.push(format!("{} imports {}", import.file, import.shown()));
                }
                continue;
            }
            for (name, allowed) in &self.crates {
                if import.names_crate_item(name) && !allowed.contains(from) {
                    violations.push(format!("{} imports {}", import.file, import.shown()));
                }
            }
        }
        violations.sort();
        violations.dedup();
        violations
    }
}

/// The names in backticks in a cell of a table.
fn names(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(|name| name.trim_matches(['[', ']']).to_owned()).collect()
}
