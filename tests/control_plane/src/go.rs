//! Builds binaries with Go.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::error::{Context, Error};
use crate::guardian::Guardian;
use crate::pins::Binary;

/// What a shell's exit code says of a program that is nowhere.
const NOT_FOUND: i32 = 127;

/// The folder with the sources that `binary` is built from, which Go keeps.
pub(crate) fn sources(binary: Binary) -> Result<PathBuf, Error> {
    let name = binary.name();
    let mut go = Command::new("go");
    go.current_dir(folder_of(binary)).env("GOWORK", "off").args(["mod", "download", "-json"]);
    let done = go.arg(binary.module().path).output().context(|| "run go")?;
    if !done.status.success() {
        let output = String::from_utf8_lossy(&done.stderr).into_owned();
        return Err(Error::Build { binary: name, status: done.status, output });
    }
    let said: Value = serde_json::from_slice(&done.stdout)
        .map_err(io::Error::other)
        .context(|| format!("find the sources of {name}"))?;
    Ok(said["Dir"].as_str().unwrap_or_default().into())
}

/// Builds `binary` in `folder`. The caller holds the folder's lock.
pub(crate) fn build(binary: Binary, folder: &Path) -> Result<(), Error> {
    let name = binary.name();
    let module = binary.module();
    say(&format!("building {name} {} ...", module.version()));
    let begun = Instant::now();
    // Whatever happens, nothing half made is left: built aside, and put in place as a whole.
    let aside = tempfile::Builder::new()
        .prefix("unfinished-")
        .tempdir_in(folder)
        .context(|| format!("create a folder in {}", folder.display()))?;
    let mut guardian = Guardian::start(aside)?;
    let unfinished = guardian.folder().join(name);
    let set_up = |go: &mut Command| set_up_build(go, binary, &unfinished);
    let child = guardian.spawn("go", set_up).context(|| "run go")?;
    let pid = child.id();
    let done = child.wait_with_output();
    guardian.forget(pid);
    let done = done.context(|| "wait for go")?;
    if done.status.code() == Some(NOT_FOUND) {
        say(" there is no Go\n");
        return Err(Error::GoMissing { binary: name, version: module.go_version() });
    }
    if !done.status.success() {
        say(" failed\n");
        return Err(Error::Build {
            binary: name,
            status: done.status,
            output: String::from_utf8_lossy(&done.stderr).into_owned(),
        });
    }
    fs::rename(&unfinished, folder.join(name)).context(|| format!("put {name} in place"))?;
    say(&format!(" {} s\n", begun.elapsed().as_secs()));
    Ok(())
}

/// Adds to `go` what makes it build `binary` as the file `output`.
fn set_up_build(go: &mut Command, binary: Binary, output: &Path) {
    go.current_dir(folder_of(binary))
        // All else that changes what is built is left to the user's own Go settings.
        .env("GOWORK", "off")
        .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false"])
        .arg(format!("-gcflags=all={}", binary.compiler_flags()))
        .arg(format!("-ldflags=-s -w {}", binary.stamps()))
        .args(["-tags", binary.tags()])
        .arg("-o")
        .arg(output)
        .arg(binary.package())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
}

/// The folder of the module that pins what `binary` is built from.
fn folder_of(binary: Binary) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("modules").join(binary.module().folder)
}

/// Reports progress to the user.
fn say(text: &str) {
    // Written past `eprint!`, which the test harness captures until a test fails: a first build
    // takes minutes. A closed stderr is no error.
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}
