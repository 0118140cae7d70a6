//! Numbers that readers and writers of archives share.

use std::thread;

/// Number of threads for one stage of packing or unpacking. Each thread holds a part of the archive
/// in memory, so the number is limited.
pub(super) fn worker_count() -> usize {
    thread::available_parallelism().map_or(2, |threads| threads.get().clamp(2, 4))
}

/// Length in bytes, in the type in which files and archives count.
pub(super) fn byte_len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
