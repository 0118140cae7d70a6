//! Work for several threads whose results come in the order of what was given.

use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::Scope,
};

/// Where work is given. The workers end when it is dropped.
pub struct Given<I> {
    to: Vec<SyncSender<I>>,
    next: usize,
}

impl<I> Given<I> {
    /// Gives the next piece of work, and waits while all have enough. False: nobody takes results
    /// any more.
    pub fn send(&mut self, item: I) -> bool {
        let turn = self.next;
        self.next = (turn + 1) % self.to.len();
        self.to[turn].send(item).is_ok()
    }
}

/// The results, in the order of the work.
pub struct Done<O> {
    from: Vec<Receiver<O>>,
    next: usize,
}

impl<O> Iterator for Done<O> {
    type Item = O;

    fn next(&mut self) -> Option<O> {
        let turn = self.next;
        self.next = (turn + 1) % self.from.len();
        // Work goes round, so the first who has none left is behind all the others.
        self.from[turn].recv().ok()
    }
}

/// Starts a thread for each worker. One piece waits before each, and one result behind it.
pub fn in_order<'scope, I, O, W>(scope: &'scope Scope<'scope, '_>, workers: Vec<W>) -> (Given<I>, Done<O>)
where
    I: Send + 'scope,
    O: Send + 'scope,
    W: FnMut(I) -> O + Send + 'scope,
{
    let (mut to, mut from) = (Vec::new(), Vec::new());
    for mut work in workers {
        let (give, given) = sync_channel(1);
        let (finish, finished) = sync_channel(1);
        scope.spawn(move || {
            for item in given {
                if finish.send(work(item)).is_err() {
                    break;
                }
            }
        });
        to.push(give);
        from.push(finished);
    }
    (Given { to, next: 0 }, Done { from, next: 0 })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_work() {
        for workers in 1..5 {
            for count in 0..12 {
                let results: Vec<u32> = thread::scope(|scope| {
                    let (mut given, done) = in_order(scope, vec![|n: u32| n * 2; workers]);
                    scope.spawn(move || (0..count).all(|n| given.send(n)));
                    done.collect()
                });
                assert_eq!(results, (0..count).map(|n| n * 2).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn who_gives_learns_that_nobody_takes() {
        thread::scope(|scope| {
            let (mut given, done) = in_order(scope, vec![|n: u32| n; 2]);
            drop(done);
            while given.send(1) {}
        });
    }
}
