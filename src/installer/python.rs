//! The Python of the app's image.

use std::{fmt, path::Path, process::Stdio};

use thiserror::Error;

use super::command;

/// What a set is made for: packages of one are of no use to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Python {
    /// `3.11`.
    pub version: String,
    /// The tag of its bytecode and, with `t` or `d`, of its ABI: `cpython-311`.
    pub tag: String,
    /// `x86_64`, `aarch64`.
    pub machine: String,
    /// `gnu` or `musl`.
    pub libc: String,
}

/// Why the image's Python can't be used.
#[derive(Debug, Error)]
pub enum PythonError {
    /// There is none.
    #[error("the image has no {0}: use an image of the framework, or one with Python on its PATH: {1}")]
    Absent(String, std::io::Error),
    /// It does not run.
    #[error("the image's {0} does not work: {1}")]
    Broken(String, String),
}

/// Without site, without the user's environment and without modules that take their time to load: it
/// takes a few milliseconds. Only glibc knows its version; musl has no answer to that.
const PROBE: &str = "import sys, os
i = sys.implementation
try:
  musl = not os.confstr('CS_GNU_LIBC_VERSION')
except (ValueError, OSError):
  musl = True
print('%d.%d' % sys.version_info[:2], i.cache_tag + getattr(sys, 'abiflags', ''), os.uname().machine,
  'musl' if musl else 'gnu')";

impl Python {
    /// Asks the interpreter.
    pub async fn find(program: &Path) -> Result<Self, PythonError> {
        let name = program.display().to_string();
        let mut probe = command::plain(program);
        probe.args(["-I", "-S", "-c", PROBE]).stdin(Stdio::null());
        let output = probe.output().await.map_err(|e| PythonError::Absent(name.clone(), e))?;
        Self::parse(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| {
            PythonError::Broken(name, String::from_utf8_lossy(&output.stderr).trim().to_owned())
        })
    }

    /// What the probe says.
    fn parse(said: &str) -> Option<Self> {
        let words: Vec<&str> = said.split_whitespace().collect();
        let [version, tag, machine, libc] = words[..] else { return None };
        let [version, tag, machine, libc] = [version, tag, machine, libc].map(str::to_owned);
        Some(Self { version, tag, machine, libc })
    }

    /// Whether this Python can load a wheel by its tag: `cp311-cp311-manylinux_2_17_x86_64`.
    pub fn takes(&self, wheel_tag: &str) -> bool {
        let platform = wheel_tag.rsplit('-').next().unwrap_or_default();
        platform.split('.').any(|platform| {
            platform == "any"
                || platform.ends_with(&self.machine)
                    && match platform.split_once('_').map_or(platform, |(family, _)| family) {
                        "musllinux" => self.libc == "musl",
                        family if family.starts_with("manylinux") => self.libc == "gnu",
                        family => family == "linux",
                    }
        })
    }
}

impl fmt::Display for Python {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.version, self.machine, self.libc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_is_for_one_machine_and_libc() {
        let python = |libc: &str| Python {
            version: "3.11".to_owned(),
            tag: "cpython-311".to_owned(),
            machine: "x86_64".to_owned(),
            libc: libc.to_owned(),
        };
        for (tag, on_gnu, on_musl) in [
            ("py3-none-any", true, true),
            ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", true, false),
            ("cp311-cp311-musllinux_1_2_x86_64", false, true),
            ("cp311-cp311-linux_x86_64", true, true),
            ("cp311-cp311-manylinux_2_17_aarch64", false, false),
            ("cp311-cp311-macosx_11_0_arm64", false, false),
        ] {
            assert_eq!((python("gnu").takes(tag), python("musl").takes(tag)), (on_gnu, on_musl), "{tag}");
        }
    }
}
