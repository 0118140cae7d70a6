//! A pool of threads that returns results in the order of their inputs.

use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::Scope,
};

/// The sending side of a pool. The workers stop when it is dropped.
pub(super) struct PoolInput<I> {
    workers: Vec<SyncSender<I>>,
    next: usize,
}

impl<I> PoolInput<I> {
    /// Sends the next item to a worker. Blocks while all workers are busy. Returns false if the
    /// [`PoolOutput`] was dropped.
    pub(super) fn send(&mut self, item: I) -> bool {
        let worker = self.next;
        self.next = (worker + 1) % self.workers.len();
        self.workers[worker].send(item).is_ok()
    }
}

/// The results, in the order of the inputs.
pub(super) struct PoolOutput<O> {
    workers: Vec<Receiver<O>>,
    next: usize,
}

impl<O> Iterator for PoolOutput<O> {
    type Item = O;

    fn next(&mut self) -> Option<O> {
        let worker = self.next;
        self.next = (worker + 1) % self.workers.len();
        // Items are distributed round-robin, so the first worker without a result has received less
        // than all the others, and no result is left.
        self.workers[worker].recv().ok()
    }
}

/// Starts one thread for each worker. At most one item waits for each worker, and one result.
pub(super) fn start_workers<'scope, I, O, W>(
    scope: &'scope Scope<'scope, '_>,
    workers: Vec<W>,
) -> (PoolInput<I>, PoolOutput<O>)
where
    I: Send + 'scope,
    O: Send + 'scope,
    W: FnMut(I) -> O + Send + 'scope,
{
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    for mut work in workers {
        let (input, items) = sync_channel(1);
        let (results, output) = sync_channel(1);
        scope.spawn(move || {
            for item in items {
                if results.send(work(item)).is_err() {
                    break;
                }
            }
        });
        inputs.push(input);
        outputs.push(output);
    }
    (PoolInput { workers: inputs, next: 0 }, PoolOutput { workers: outputs, next: 0 })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_inputs() {
        for workers in 1..5 {
            for count in 0..12 {
                let results: Vec<u32> = thread::scope(|scope| {
                    let (mut input, output) = start_workers(scope, vec![|n: u32| n * 2; workers]);
                    scope.spawn(move || (0..count).all(|n| input.send(n)));
                    output.collect()
                });
                assert_eq!(results, (0..count).map(|n| n * 2).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn sending_fails_after_the_output_is_dropped() {
        thread::scope(|scope| {
            let (mut input, output) = start_workers(scope, vec![|n: u32| n; 2]);
            drop(output);
            while input.send(1) {}
        });
    }
}
