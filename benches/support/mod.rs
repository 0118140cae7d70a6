//! Shared code of the benchmarks.

mod plane;
pub(crate) mod process;
pub(crate) mod times;

use std::{fs, io, path::Path};

pub(crate) use plane::{client, start};
use serde_json::Value;

/// Returns the KasprApp of tests/golden/full.
pub(crate) fn recorded() -> io::Result<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/full/manifest.yaml");
    let text = fs::read_to_string(path)?;
    text.split("\n---\n")
        .filter_map(|document| serde_saphyr::from_str::<Value>(document).ok())
        .find(|object| object["kind"] == "KasprApp")
        .ok_or_else(|| io::Error::other("no KasprApp"))
}
