//! Processor time of a process.

use std::{fs, io, time::Duration};

/// What the kernel counts in: Linux shows 100 of them a second to programs, whatever it counts itself.
const TICK: Duration = Duration::from_millis(10);

/// The processor time that a process took so far, its own and the kernel's for it.
pub(crate) fn taken(pid: u32) -> io::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold anything, brackets and spaces too; what follows its last bracket does not.
    let (_, fields) = stat.rsplit_once(')').ok_or_else(|| io::Error::other("no process name"))?;
    let ticks: Vec<u32> = fields.split_whitespace().skip(11).take(2).flat_map(str::parse).collect();
    Ok(TICK * ticks.iter().sum::<u32>())
}
