//! What code reads when it runs, over the code of an operation and of `init`.

use std::collections::{HashSet, VecDeque};

use super::{
    block::Block,
    facts::{Read, Unit},
    known_names,
};
use crate::validate::similar;

/// A name that code reads.
pub(super) struct Found<'a> {
    /// Where it is read.
    pub read: &'a Read,
    /// Whether the code of `init` reads it.
    pub in_init: bool,
}

/// What code reads from the start of a call to its end.
#[derive(Default)]
pub(super) struct Reading<'a> {
    /// Names that nothing defines.
    pub undefined: Vec<Found<'a>>,
    /// Subscripts of `context`.
    pub context_keys: Vec<Found<'a>>,
    /// Names of `init` that the code reads.
    pub of_init: HashSet<&'a str>,
}

/// The code that runs: the code itself, and that of `init`, if the code sees its names.
#[derive(Clone, Copy)]
pub(super) struct Program<'a> {
    /// The code.
    pub block: &'a Block,
    /// The code of `init`.
    pub init: Option<&'a Block>,
    /// Whether the framework sets `context`.
    pub has_context: bool,
}

impl<'a> Program<'a> {
    /// Follows the code from its top level and from the function `entry` to everything that they can reach.
    pub(super) fn read(self, entry: Option<&str>) -> Reading<'a> {
        let mut reading = Reading::default();
        let mut queue: VecDeque<(bool, &Unit)> =
            self.block.facts.units.first().map(|unit| (false, unit)).into_iter().collect();
        let mut seen = HashSet::new();
        if let Some(entry) = entry {
            self.enqueue(entry, false, &mut queue, &mut reading);
        }
        while let Some((in_init, unit)) = queue.pop_front() {
            if !seen.insert(std::ptr::from_ref(unit)) {
                continue;
            }
            for read in unit.reads.iter().filter(|read| self.can_run(read)) {
                if read.guarded {
                    // Still a use: the name may well exist.
                    self.mark_used(&read.name, &mut reading);
                } else if !self.enqueue(&read.name, in_init, &mut queue, &mut reading) {
                    let found = Found { read, in_init };
                    if &*read.name == "context" && self.has_context {
                        reading.context_keys.push(found);
                    } else if !known_names::is_builtin(&read.name) {
                        reading.undefined.push(found);
                    }
                }
            }
        }
        reading
    }

    /// Adds what a name is bound to. Returns whether it is bound.
    fn enqueue(
        self,
        name: &str,
        in_init: bool,
        queue: &mut VecDeque<(bool, &'a Unit)>,
        reading: &mut Reading<'a>,
    ) -> bool {
        // A name of the code may be one of init that the code assigns.
        let bound = self.mark_used(name, reading);
        if !in_init && binds(self.block, name).is_some() {
            queue.extend(self.block.facts.units_of(name).map(|unit| (false, unit)));
            return true;
        }
        let Some(init) = self.init else { return false };
        if bound {
            queue.extend(init.facts.units_of(name).map(|unit| (true, unit)));
        }
        bound || init.dynamic
    }

    /// Records that a name of `init` is read. Returns whether `init` binds it.
    fn mark_used(self, name: &str, reading: &mut Reading<'a>) -> bool {
        let bound = self.init.and_then(|init| binds(init, name));
        reading.of_init.extend(bound);
        bound.is_some()
    }

    /// Whether the methods around a name can run: some code must name each.
    fn can_run(self, read: &Read) -> bool {
        let blocks = [Some(self.block), self.init];
        read.methods
            .iter()
            .all(|method| blocks.iter().flatten().any(|block| block.facts.attributes.contains(method)))
    }
}

fn binds<'a>(block: &'a Block, name: &str) -> Option<&'a str> {
    block.bindings(name).next().map(|bound| bound.name.as_str())
}

/// Returns what to do about a name that nothing defines.
pub(super) fn remedy<'a>(read: &'a Read, program: Program<'a>) -> String {
    let name = &*read.name;
    if known_names::is_standard_module(name) && !name.starts_with('_') {
        return format!(": add 'import {name}'");
    }
    let blocks = [Some(program.block), program.init];
    let bound =
        blocks.into_iter().flatten().flat_map(|block| block.names.iter().map(|bound| bound.name.as_str()));
    let names: Vec<&str> =
        read.nearest.as_deref().into_iter().chain(bound).chain(known_names::builtins()).collect();
    match similar::misspelled(name, names.into_iter()) {
        Some(nearest) => format!(": did you mean '{nearest}'?"),
        None => String::new(),
    }
}
