//! The code of `init` of a resource, and what the other code of the resource uses of it.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    block::Block,
    lint::{self, LintCheck},
    located::{CONTEXT_OF_INIT, LocatedCode, describe_key, describe_undefined, read_block},
    meaning::{Found, Program, Reading},
    position::line_at,
};
use crate::{
    api::Code,
    validate::{
        findings::Findings,
        path::Path,
        rule::{self, Rule},
    },
};

/// The code of `init`, for the code that follows.
#[derive(Debug, Default)]
pub(crate) struct Init {
    block: Arc<Block>,
    /// Keys of `context` in the code of operations.
    pub(super) context_keys: &'static [&'static str],
    uses: RefCell<Uses>,
}

/// What the other code uses of `init`.
#[derive(Debug, Default)]
struct Uses {
    /// Names that the code reads.
    names: BTreeSet<String>,
    /// Whether the code may read any name.
    all: bool,
    /// Number of blocks of code that see the names.
    readers: usize,
    /// Errors in functions of `init` that the code calls, by their offsets in bytes.
    errors: BTreeMap<usize, (&'static Rule, String)>,
}

impl Uses {
    fn add_errors<'a>(
        &mut self,
        undefined: impl Iterator<Item = &'a Found<'a>>,
        context_keys: impl Iterator<Item = &'a Found<'a>>,
        program: Program<'_>,
    ) {
        for found in undefined {
            let detail = describe_undefined(found.read, program);
            self.errors.insert(found.read.at, (rule::PYTHON_NAME, detail));
        }
        let context_keys = context_keys.filter(|_| !program.block.facts.changes_context);
        for found in context_keys {
            if let Some(detail) = describe_key(found.read, CONTEXT_OF_INIT) {
                self.errors.insert(found.read.at, (rule::PYTHON_CONTEXT, detail));
            }
        }
    }
}

impl Init {
    /// Reads the code of `init`. `context_keys` are the keys of `context` in operations.
    pub(crate) fn check(
        code: Option<&Code>,
        context_keys: &'static [&'static str],
        at: &Path,
        found: &mut Findings,
    ) -> Self {
        let block = match code {
            None => Arc::default(),
            Some(code) => read_block(code, at, found).unwrap_or_else(|| Arc::new(Block::unknown())),
        };
        Self { block, context_keys, uses: RefCell::default() }
    }

    /// Returns the code.
    pub(super) fn block(&self) -> &Block {
        &self.block
    }

    /// Records what an operation reads. An operation of which that is not known may read everything.
    pub(super) fn record_reader(&self, reading: Option<&Reading<'_>>) {
        let mut uses = self.uses.borrow_mut();
        uses.readers += 1;
        let Some(reading) = reading else {
            uses.all = true;
            return;
        };
        uses.names.extend(reading.of_init.iter().map(|name| (*name).to_owned()));
        let undefined = reading.undefined.iter().filter(|found| found.in_init);
        let keys = reading.context_keys.iter().filter(|found| found.in_init);
        uses.add_errors(undefined, keys, self.program());
    }

    /// Adds the findings about the code of `init`, after all code that sees its names.
    pub(crate) fn finish(&self, code: Option<&Code>, at: &Path, found: &mut Findings) {
        let Some(code) = code else { return };
        let code = LocatedCode { python: &code.python, at: &at.child("python") };
        if !self.block.dynamic {
            let own = self.program().read(None);
            let mut uses = self.uses.borrow_mut();
            uses.add_errors(own.undefined.iter(), own.context_keys.iter(), self.program());
            let errors =
                uses.errors.iter().filter(|(at, _)| !lint::is_name_accepted(line_at(code.python, **at).0));
            for (at, (rule, detail)) in errors {
                code.error(rule, *at, detail, found);
            }
            if uses.readers > 0 && !uses.all {
                self.check_unused(&uses.names, &code, found);
            }
        }
        code.warn_lints(&self.block, |check| check != LintCheck::State, found);
    }

    fn check_unused(&self, used: &BTreeSet<String>, code: &LocatedCode<'_>, found: &mut Findings) {
        let facts = &self.block.facts;
        let reads: BTreeSet<&str> =
            facts.units.iter().flat_map(|unit| unit.reads.iter().map(|read| &*read.name)).collect();
        let unused = facts.variables.iter().filter(|(name, _)| {
            !used.contains(&**name) && !reads.contains(&**name) && !name.starts_with('_')
        });
        for (name, at) in unused {
            code.warn(rule::PYTHON_UNUSED, *at, &format!("'{name}' is not used"), found);
        }
    }

    fn program(&self) -> Program<'_> {
        Program { block: &self.block, init: None, has_context: true }
    }
}
