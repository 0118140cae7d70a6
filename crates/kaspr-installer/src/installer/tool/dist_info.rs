//! The packages of a set, read from the `dist-info` directories that pip and uv leave.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use url::Url;

use super::python::Python;

/// Returns the `dist-info` directories of a set, sorted.
fn dist_info_dirs(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "dist-info"))
        .collect();
    found.sort();
    found
}

/// A distribution in a set.
pub(crate) struct Distribution {
    pub name: String,
    pub version: String,
    /// Whether it came from an address instead of an index.
    pub is_direct: bool,
}

/// Lists the distributions of a set, sorted by name.
pub(crate) fn distributions(folder: &Path) -> Vec<Distribution> {
    let read = |folder: &PathBuf| {
        let text = fs::read(folder.join("METADATA")).ok()?;
        let text = String::from_utf8_lossy(&text);
        let field = |name: &str| {
            let mut lines = text.lines().take_while(|line| !line.is_empty());
            lines.find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
        };
        let is_direct = folder.join("direct_url.json").exists();
        Some(Distribution { name: field("Name:")?, version: field("Version:")?, is_direct })
    };
    let mut found: Vec<Distribution> = dist_info_dirs(folder).iter().filter_map(read).collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

/// Removes logins from the recorded origins of packages (`direct_url.json`).
///
/// # Errors
///
/// A file cannot be replaced.
pub(crate) fn remove_logins(folder: &Path) -> std::io::Result<()> {
    for origin in dist_info_dirs(folder).iter().map(|folder| folder.join("direct_url.json")) {
        let Ok(text) = fs::read(&origin) else { continue };
        let Ok(mut value) = serde_json::from_slice::<Value>(&text) else { continue };
        let Some(mut url) = value["url"].as_str().and_then(|url| Url::parse(url).ok()) else { continue };
        let is_ssh_user = url.password().is_none() && url.username() == "git";
        if (url.username().is_empty() && url.password().is_none()) || is_ssh_user {
            continue;
        }
        // Both setters fail only for a URL without a host, and such a URL has no login.
        if url.set_username("").is_ok() && url.set_password(None).is_ok() {
            value["url"] = Value::String(url.to_string());
            // The file may be a hard link to a file in the cache, which must stay unchanged.
            fs::remove_file(&origin)?;
            fs::write(&origin, value.to_string())?;
        }
    }
    Ok(())
}

/// Returns why a set without a description is not for this Python, by the tags of its wheels. Returns
/// `None` if it is compatible.
pub(crate) fn find_incompatible(folder: &Path, python: &Python) -> Option<String> {
    dist_info_dirs(folder).iter().find_map(|folder| {
        let wheel = fs::read_to_string(folder.join("WHEEL")).ok()?;
        let mut tags = wheel.lines().filter_map(|line| line.strip_prefix("Tag:")).map(str::trim).peekable();
        let first = tags.peek().copied()?;
        (!tags.any(|tag| python.supports_tag(tag))).then(|| {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            format!("{name} is for {first}, not for Python {python}")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_removed_and_the_rest_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let info = folder.path().join("a-1.dist-info");
        fs::create_dir(&info).expect("made");
        let origin = info.join("direct_url.json");
        for (url, expected) in [
            ("https://me:secret@host/a.whl", "https://host/a.whl"),
            ("https://token@host/a.whl", "https://host/a.whl"),
            ("ssh://git@host/a", "ssh://git@host/a"),
            ("https://host/a.whl", "https://host/a.whl"),
        ] {
            fs::write(&origin, format!(r#"{{"url":"{url}","archive_info":{{}}}}"#)).expect("written");
            remove_logins(folder.path()).expect("removed");
            let value: Value = serde_json::from_slice(&fs::read(&origin).expect("read")).expect("JSON");
            assert_eq!(value["url"], expected);
            assert!(value["archive_info"].is_object());
        }
    }
}
