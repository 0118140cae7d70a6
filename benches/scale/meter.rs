//! Cost of the operator's process between two measurements: requests and CPU time.

use std::{io, path::PathBuf, time::Duration};

use crate::{
    audit::{Counts, Log},
    cpu,
    process::{memory, resident},
};

/// Time without requests after which the operator is idle.
const SILENCE: Duration = Duration::from_secs(5);

/// Number of attempts to observe an idle operator.
const LOOKS: usize = 120;

/// Cost between two measurements.
pub(crate) struct Spent {
    /// Requests to the API server.
    pub requests: Counts,
    /// CPU time.
    pub cpu: Duration,
}

/// Measures an operator.
pub(crate) struct Meter {
    pid: u32,
    log: Log,
    cpu: Duration,
}

impl Meter {
    /// Measures the process whose requests are in the audit log.
    pub(crate) fn new(pid: u32, log: PathBuf) -> Self {
        Self { pid, log: Log::new(log), cpu: Duration::ZERO }
    }

    /// Measures another process, from its start.
    pub(crate) fn follow(&mut self, pid: u32) {
        (self.pid, self.cpu) = (pid, Duration::ZERO);
    }

    /// Discards the requests since the last measurement.
    pub(crate) fn forget(&mut self) -> io::Result<()> {
        self.log.count().map(drop)
    }

    /// Returns the cost since the last measurement.
    pub(crate) fn spent(&mut self) -> io::Result<Spent> {
        let cpu = cpu::taken(self.pid)?;
        let spent = Spent { requests: self.log.count()?, cpu: cpu.saturating_sub(self.cpu) };
        self.cpu = cpu;
        Ok(spent)
    }

    /// Waits until there are no requests any more, including read requests. Returns the cost since the last
    /// measurement.
    pub(crate) async fn until_silent(&mut self) -> io::Result<Spent> {
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

    /// Returns the resident memory in MiB.
    pub(crate) fn resident(&self) -> io::Result<f64> {
        resident(self.pid)
    }

    /// Returns the peak resident memory in MiB.
    pub(crate) fn peak(&self) -> io::Result<f64> {
        memory(self.pid, "VmHWM:")
    }
}
