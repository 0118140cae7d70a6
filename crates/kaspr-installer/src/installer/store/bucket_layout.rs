//! The objects of a bucket, below the app's prefix:
//!
//! - `SET.json` – the description of the set and the digest of its archive; created once, and replaced only
//!   by a client that found the archive unusable
//! - `archives/SHA256/N.tar.zst` – the parts of an archive, addressed by content
//! - `SET.lease` – the install lease
//! - `HASH-pyVERSION.tar.gz` – an archive of the Python operator; read, never written

use serde::{Deserialize, Serialize};

use crate::installer::package_set::SetInfo;

/// Content of `SET.json`.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    #[serde(flatten)]
    pub info: SetInfo,
    /// SHA-256 of the archive, in hexadecimal digits.
    pub digest: String,
    /// Size of the archive in bytes.
    pub size: u64,
    /// Size of the unpacked files in bytes.
    pub unpacked: u64,
    pub parts: usize,
}

/// Returns the prefix of the parts of an archive, or `None` if the digest is invalid. The digest is not
/// trusted: other clients can write to the bucket.
pub(super) fn archive_folder(digest: &str) -> Option<String> {
    let is_digest = digest.len() == 64 && digest.chars().all(|c| c.is_ascii_hexdigit());
    is_digest.then(|| format!("archives/{digest}"))
}

/// Returns the name of a part of an archive; parts count from 0.
pub(super) fn part_name(folder: &str, part: usize) -> String {
    format!("{folder}/{part}.tar.zst")
}
