//! Wheels that the tests build.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A wheel.
#[derive(Clone, Copy)]
pub(crate) struct Wheel {
    pub name: &'static str,
    pub version: &'static str,
    pub requires: &'static [&'static str],
    /// Size of an additional data file in bytes, which makes a download take longer.
    pub ballast: usize,
    /// Further files, with their content.
    pub files: &'static [(&'static str, &'static str)],
}

impl Wheel {
    pub(crate) const fn new(name: &'static str, version: &'static str) -> Self {
        Self { name, version, requires: &[], ballast: 0, files: &[] }
    }

    pub(crate) fn file(&self) -> String {
        format!("{}-{}-py3-none-any.whl", self.name.replace('-', "_"), self.version)
    }

    /// Builds the wheel in a directory.
    pub(crate) fn build(&self, folder: &Path) -> PathBuf {
        let path = folder.join(self.file());
        let ran = Command::new("python3")
            .args([
                "-c",
                BUILD,
                self.name,
                self.version,
                &self.requires.join("\n"),
                &self.ballast.to_string(),
            ])
            .arg(&path)
            .arg(serde_json::to_string(self.files).expect("JSON"))
            .status();
        assert!(ran.expect("Python").success());
        path
    }
}

/// Builds a wheel. Times are fixed, as in released wheels.
const BUILD: &str = r#"
import json, os, random, sys, zipfile
name, version, requires, ballast, path, more = sys.argv[1:]
module = name.replace("-", "_")
info = f"{module}-{version}.dist-info/"
metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
metadata += "".join(f"Requires-Dist: {r}\n" for r in requires.split("\n") if r)
files = {
    f"{module}/__init__.py": f"VERSION = '{version}'\n",
    f"{module}/late.py": f"VERSION = '{version}'\n",
    f"{module}/data.bin": random.Random(1).randbytes(int(ballast)),
    info + "METADATA": metadata,
    info + "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
files.update(json.loads(more))
record = "".join(f"{name},,\n" for name in [*files, info + "RECORD"])
with zipfile.ZipFile(path, "w") as wheel:
    for name, content in {**files, info + "RECORD": record}.items():
        wheel.writestr(zipfile.ZipInfo(name), content)
"#;
