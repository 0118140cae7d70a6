//! Files that only this user reads.

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::PathBuf};

use super::failure::Failure;

/// Writes a file, and gives its path.
pub fn write(path: PathBuf, text: &str) -> Result<PathBuf, Failure> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|e| Failure::unknown(format!("can't write {}: {e}", path.display())))?;
    Ok(path)
}
