//! Work on all cores.

use std::{
    num::NonZero,
    panic::resume_unwind,
    thread::{self, available_parallelism},
};

/// Maps each item, on all cores. Returns the results in the order of the items.
#[must_use]
pub(super) fn map_in_parallel<T: Sync, R: Send>(items: &[T], map: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = available_parallelism().map_or(1, NonZero::get);
    let size = items.len().div_ceil(cores).max(1);
    let map = &map;
    thread::scope(|scope| {
        let parts = items.chunks(size);
        let start = |part: &'_ [T]| part.iter().map(map).collect::<Vec<R>>();
        let parts: Vec<_> = parts.map(|part| scope.spawn(move || start(part))).collect();
        let parts = parts.into_iter().map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)));
        parts.flatten().collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        assert_eq!(map_in_parallel(&items, |item| item * 2), (0..2000).step_by(2).collect::<Vec<_>>());
        assert_eq!(map_in_parallel(&[] as &[usize], |item| *item), [0; 0]);
    }
}
