//! The Python of the app's image.

use std::{fmt, path::Path, process::Stdio};

use thiserror::Error;

use super::subprocess;

/// The Python that a set is for. Packages of one Python may not work with another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Python {
    /// Version, such as `3.11`.
    pub version: String,
    /// Tag of the bytecode and, as the suffix `t` or `d`, of the ABI: `cpython-311`.
    pub tag: String,
    /// Machine, such as `x86_64` or `aarch64`.
    pub machine: String,
    /// C library: `gnu` or `musl`.
    pub libc: String,
}

/// Why the image's Python cannot be used.
#[derive(Debug, Error)]
pub(crate) enum PythonError {
    /// The program does not exist.
    #[error("{0} not found in the image: use an image of the framework, or one with Python on its PATH: {1}")]
    Absent(String, std::io::Error),
    /// The program does not run or prints something unexpected.
    #[error("{0} of the image does not work: {1}")]
    Broken(String, String),
}

/// Prints the fields of [`Python`]. The script runs without `site`, without the environment and without slow
/// imports, so it takes a few milliseconds. Only glibc has a version; musl does not report one.
const PROBE: &str = "import sys, os
i = sys.implementation
try:
  musl = not os.confstr('CS_GNU_LIBC_VERSION')
except (ValueError, OSError):
  musl = True
print('%d.%d' % sys.version_info[:2], i.cache_tag + getattr(sys, 'abiflags', ''), os.uname().machine,
  'musl' if musl else 'gnu')";

impl Python {
    /// Runs an interpreter to find out its version and platform.
    ///
    /// # Errors
    ///
    /// The interpreter does not exist or does not work.
    pub(crate) async fn probe(program: &Path) -> Result<Self, PythonError> {
        let name = program.display().to_string();
        let mut command = subprocess::isolated(program);
        command.args(["-I", "-S", "-c", PROBE]).stdin(Stdio::null());
        let output = command.output().await.map_err(|e| PythonError::Absent(name.clone(), e))?;
        Self::parse(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| {
            PythonError::Broken(name, String::from_utf8_lossy(&output.stderr).trim().to_owned())
        })
    }

    /// Parses the output of the probe.
    fn parse(output: &str) -> Option<Self> {
        let fields: Vec<&str> = output.split_whitespace().collect();
        let [version, tag, machine, libc] = fields[..] else { return None };
        let [version, tag, machine, libc] = [version, tag, machine, libc].map(str::to_owned);
        Some(Self { version, tag, machine, libc })
    }

    /// Whether this Python can load a wheel with a tag, such as `cp311-cp311-manylinux_2_17_x86_64`.
    pub(crate) fn supports_tag(&self, wheel_tag: &str) -> bool {
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
            assert_eq!(
                (python("gnu").supports_tag(tag), python("musl").supports_tag(tag)),
                (on_gnu, on_musl),
                "{tag}"
            );
        }
    }
}
