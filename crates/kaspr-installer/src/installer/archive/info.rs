//! What a reader or writer reports about an archive, and how much a reader accepts.

/// An archive that was written or read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ArchiveInfo {
    /// SHA-256 digest of the archive, in hexadecimal.
    pub digest: String,
    /// Size of the archive in bytes.
    pub size: u64,
    /// Size of all files in the archive together, in bytes.
    pub unpacked: u64,
}

/// How much a reader accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArchiveLimits {
    /// Bytes of all files together.
    pub bytes: u64,
    /// Number of files and directories.
    pub entries: u64,
}
