//! Requests of a user in the audit log of the API server.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Seek, SeekFrom},
    path::PathBuf,
};

use serde_json::Value;

/// Number of requests by verb and resource, such as `patch statefulsets`, with the status of errors.
pub(crate) type Counts = BTreeMap<String, usize>;

/// A growing log.
pub(crate) struct Log {
    path: PathBuf,
    read: u64,
}

impl Log {
    /// Opens the log in a file, from the beginning.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, read: 0 }
    }

    /// Counts the new requests.
    pub(crate) fn count(&mut self) -> io::Result<Counts> {
        let mut counts = Counts::new();
        let mut file = BufReader::new(File::open(&self.path)?);
        file.seek(SeekFrom::Start(self.read))?;
        let mut line = String::new();
        while file.read_line(&mut line)? > 0 && line.ends_with('\n') {
            self.read += line.len() as u64;
            if let Some(request) = serde_json::from_str(&line).ok().and_then(|entry: Value| request(&entry)) {
                *counts.entry(request).or_default() += 1;
            }
            line.clear();
        }
        Ok(counts)
    }
}

/// Returns verb and resource of a request. A watch counts when it starts, other requests when they are complete.
fn request(entry: &Value) -> Option<String> {
    let verb = entry["verb"].as_str()?;
    let counts = if verb == "watch" { "ResponseStarted" } else { "ResponseComplete" };
    if entry["stage"] != counts {
        return None;
    }
    let object = &entry["objectRef"];
    let resource = object["resource"].as_str().or(entry["requestURI"].as_str())?;
    let subresource = object["subresource"].as_str().map(|name| format!("/{name}")).unwrap_or_default();
    let answer = entry["responseStatus"]["code"].as_u64().filter(|code| *code >= 400);
    let answer = answer.map(|code| format!(" ({code})")).unwrap_or_default();
    Some(format!("{verb} {resource}{subresource}{answer}"))
}

/// Returns the number of requests, without those for leases.
pub(crate) fn total(counts: &Counts) -> usize {
    counts.iter().filter(|(request, _)| !request.ends_with(" leases")).map(|(_, count)| count).sum()
}
