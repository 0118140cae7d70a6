//! One install for one miss. A lease says who is at it; it never decides what is right: sets and
//! archives are published whole, once, whoever made them.

use std::time::Duration;

use super::store::{Store, StoreError};

/// Who asked for a lease, and whether it is theirs.
#[derive(Clone, Debug)]
pub enum Asked<H> {
    /// It is ours.
    Mine(H),
    /// Another one has it.
    Taken,
}

/// How a wait for somebody else's install goes on.
#[derive(Clone, Copy, Debug)]
pub struct Pauses {
    next: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { next: Duration::from_millis(250) }
    }
}

impl Pauses {
    /// The next pause: longer each time, and never two members' alike.
    pub fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (self.next * 3 / 2).min(Duration::from_secs(5));
        pause.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// Renews a lease until it is dropped, or lost: correctness does not hang on it.
pub async fn keep<S: Store>(store: &S, held: &mut S::Held, holds: Duration) -> StoreError {
    loop {
        tokio::time::sleep(holds / 4).await;
        if let Err(error) = store.renew(held).await {
            return error;
        }
    }
}
