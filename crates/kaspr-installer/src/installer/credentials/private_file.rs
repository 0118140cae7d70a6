//! Files that only the current user can read.

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::PathBuf};

use crate::installer::error::InstallError;

/// Writes a file that only the current user can read. Returns its path.
pub(crate) fn write(path: PathBuf, text: &str) -> Result<PathBuf, InstallError> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|e| InstallError::unknown(format!("failed to write {}: {e}", path.display())))?;
    Ok(path)
}
