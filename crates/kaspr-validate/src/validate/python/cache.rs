//! Remembers what is known about code: a tool that applies everything every few minutes, and the operator's own
//! check, then cost nothing.
//!
//! The result depends on the text alone, so the webhooks, the controllers and the command line share one memory.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

/// Size in bytes of the code that each generation remembers. The facts take several times as much memory.
const GENERATION: usize = 2 << 20;

/// What is known about code, by its text. Two generations: what is not read while the younger one fills up is
/// forgotten.
pub(super) struct Memory<V> {
    young: HashMap<Arc<str>, V>,
    old: HashMap<Arc<str>, V>,
    /// Size in bytes of the code in `young`.
    size: usize,
}

impl<V> Default for Memory<V> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), size: 0 }
    }
}

impl<V: Clone> Memory<V> {
    fn get(&mut self, source: &str) -> Option<V> {
        if let Some(known) = self.young.get(source) {
            return Some(known.clone());
        }
        let (source, reading) = self.old.remove_entry(source)?;
        self.insert(source, reading.clone());
        Some(reading)
    }

    fn insert(&mut self, source: Arc<str>, reading: V) {
        self.size += source.len();
        if self.size > GENERATION {
            self.size = source.len();
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(source, reading);
    }
}

/// Returns what reading the code gave before, or reads it.
pub(super) fn get_or_insert<V: Clone>(
    memory: &Mutex<Memory<V>>,
    source: &str,
    read: impl FnOnce() -> V,
) -> V {
    let lock = || memory.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = lock().get(source) {
        return known;
    }
    // Other callers need not wait for this one.
    let reading = read();
    lock().insert(source.into(), reading.clone());
    reading
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_again_stays_and_the_memory_is_bounded() {
        let mut memory: Memory<usize> = Memory::default();
        let code = |i: usize| format!("x = {i:08}{}", " ".repeat(1000));
        for i in 0..10_000 {
            memory.insert(code(i).into(), i);
            assert!(memory.get(&code(0)).is_some(), "{i}");
        }
        assert!(memory.get(&code(1)).is_none());
        let kept = memory.young.keys().chain(memory.old.keys()).map(|code| code.len()).sum::<usize>();
        assert!(kept <= 2 * GENERATION, "{kept}");
    }
}
