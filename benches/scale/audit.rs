//! What the API server wrote down of a user's requests.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Seek, SeekFrom},
    path::PathBuf,
};

use serde_json::Value;

/// Requests by what they were: `patch statefulsets`, with the answer where it was an error.
pub type Counts = BTreeMap<String, usize>;

/// A log that grows.
pub struct Log {
    path: PathBuf,
    read: u64,
}

impl Log {
    /// The log in this file, from its beginning.
    pub fn new(path: PathBuf) -> Self {
        Self { path, read: 0 }
    }

    /// Counts what was not counted yet.
    pub fn count(&mut self) -> io::Result<Counts> {
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

/// What was requested. A watch counts when it begins, all else when it is done.
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

/// How many there are, leases apart.
pub fn total(counts: &Counts) -> usize {
    counts.iter().filter(|(request, _)| !request.ends_with(" leases")).map(|(_, count)| count).sum()
}
