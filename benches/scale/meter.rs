//! What the operator's process spends: requests and processor time, between two looks.

use std::{io, path::PathBuf, time::Duration};

use crate::{
    audit::{Counts, Log},
    cpu,
    process::{memory, resident},
};

/// How long there must be no request.
const SILENCE: Duration = Duration::from_secs(5);

/// How often that is waited for.
const LOOKS: usize = 120;

/// What was spent between two looks.
pub struct Spent {
    /// Its requests.
    pub requests: Counts,
    /// Its processor time.
    pub cpu: Duration,
}

/// Looks at an operator.
pub struct Meter {
    pid: u32,
    log: Log,
    cpu: Duration,
}

impl Meter {
    /// Looks at the process whose requests are written to the log.
    pub fn new(pid: u32, log: PathBuf) -> Self {
        Self { pid, log: Log::new(log), cpu: Duration::ZERO }
    }

    /// From now on looks at another process, from its beginning.
    pub fn follow(&mut self, pid: u32) {
        (self.pid, self.cpu) = (pid, Duration::ZERO);
    }

    /// Forgets the requests since the last look.
    pub fn forget(&mut self) -> io::Result<()> {
        self.log.count().map(drop)
    }

    /// What was spent since the last look.
    pub fn spent(&mut self) -> io::Result<Spent> {
        let cpu = cpu::taken(self.pid)?;
        let spent = Spent { requests: self.log.count()?, cpu: cpu.saturating_sub(self.cpu) };
        self.cpu = cpu;
        Ok(spent)
    }

    /// Waits until there are no requests any more, also none that change nothing. Gives what was spent
    /// since the last look.
    pub async fn until_silent(&mut self) -> io::Result<Spent> {
        let mut all = self.spent()?;
        for _ in 0..LOOKS {
            tokio::time::sleep(SILENCE).await;
            let more = self.spent()?;
            all.cpu += more.cpu;
            if more.requests.is_empty() {
                break;
            }
            for (request, count) in more.requests {
                *all.requests.entry(request).or_default() += count;
            }
        }
        Ok(all)
    }

    /// Its resident memory in MiB.
    pub fn resident(&self) -> io::Result<f64> {
        resident(self.pid)
    }

    /// The most that its resident memory was, in MiB.
    pub fn peak(&self) -> io::Result<f64> {
        memory(self.pid, "VmHWM:")
    }
}
