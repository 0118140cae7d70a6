//! Circles in a graph of imports.

use std::collections::{BTreeMap, BTreeSet};

/// Returns every group of files that import each other, each as `a.rs -> b.rs -> a.rs`.
pub(super) fn find(imports: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut cycles = Vec::new();
    let mut reported = BTreeSet::new();
    for start in imports.keys() {
        if reported.contains(start) {
            continue;
        }
        if let Some(cycle) = shortest(imports, start) {
            reported.extend(cycle.iter().cloned());
            cycles.push(cycle.join(" -> "));
        }
    }
    cycles
}

/// The shortest way from a file back to itself.
fn shortest(imports: &BTreeMap<String, BTreeSet<String>>, start: &String) -> Option<Vec<String>> {
    let mut previous: BTreeMap<&String, &String> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for next in imports.get(file).into_iter().flatten() {
            if next == start {
                let mut cycle = vec![start.clone(), file.clone()];
                let mut at = file;
                while let Some(before) = previous.get(at) {
                    cycle.push((*before).clone());
                    at = before;
                }
                if file == start {
                    cycle.pop();
                }
                cycle.reverse();
                cycle.dedup();
                return Some(cycle);
            }
            if !previous.contains_key(next) {
                previous.insert(next, file);
                queue.push_back(next);
            }
        }
    }
    None
}
