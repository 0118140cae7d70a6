//! The installer, and the store that it uses.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{PACKAGES, flush_disk, tools};

const BUCKET: &str = "packages";

/// Measurements of an installation.
pub(crate) struct Measurement {
    /// Duration of the installation.
    pub took: Duration,
    /// Peak memory of the installer without its child processes, in MiB.
    pub memory: f64,
}

/// Installs into a volume, through a store if there is one.
pub(crate) fn install(
    volume: &Path,
    uv: &Path,
    store: Option<&Emulator>,
    shared: bool,
) -> io::Result<Measurement> {
    fs::create_dir_all(volume)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_kaspr-operator"));
    command
        .arg("install-packages")
        .env("UV", uv)
        // The interpreter itself: the first one on the PATH of a developer's machine is often a script.
        .env("PYTHON", tools::python("import sys; print(sys.executable)"))
        .env("PACKAGES_HASH", "bench")
        .env("PACKAGES_DIR", volume)
        .env("PACKAGES_SHARED", shared.to_string())
        .env("SCRATCH_DIR", volume.with_extension("scratch"))
        .env("TERMINATION_LOG", volume.with_extension("report"))
        .env("POD_NAME", "app-0")
        .arg("--")
        .args(PACKAGES)
        .stdin(Stdio::null())
        .stderr(fs::File::create(volume.with_extension("log"))?);
    if let Some(store) = store {
        command.env("GCS_BUCKET", BUCKET).env("GCS_OBJECT_KEY", "bench-app/bench.tar.gz");
        command.env("STORAGE_EMULATOR_HOST", store.address.to_string());
    }
    flush_disk();
    let begun = Instant::now();
    let mut child = command.spawn()?;
    let pid = child.id();
    let watcher = thread::spawn(move || watch_memory(pid));
    let status = child.wait()?;
    let took = begun.elapsed();
    let memory = watcher.join().map_err(|_| io::Error::other("the measuring thread panicked"))?;
    if !status.success() {
        return Err(io::Error::other(fs::read_to_string(volume.with_extension("log"))?));
    }
    Ok(Measurement { took, memory })
}

/// Returns the peak memory of a process, in MiB, when it exits. Polls rarely enough not to slow it down.
fn watch_memory(pid: u32) -> f64 {
    let mut peak = 0.0;
    while let Some(current) = peak_memory(pid) {
        peak = current;
        thread::sleep(Duration::from_millis(10));
    }
    peak
}

/// Returns the peak memory of a process so far, in MiB, or `None` if the process has exited.
fn peak_memory(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

/// A store on loopback. It stops when it is dropped.
pub(crate) struct Emulator {
    address: SocketAddr,
    process: Child,
}

impl Emulator {
    /// Starts a store with an empty bucket.
    pub(crate) fn start(folder: &Path) -> io::Result<Self> {
        let data = folder.join("buckets");
        fs::create_dir_all(data.join(BUCKET))?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut server = Command::new(control_plane::fake_gcs().map_err(io::Error::other)?);
        server.args(["-scheme", "http", "-host", "127.0.0.1", "-port", &address.port().to_string()]);
        server.args([
            "-backend",
            "memory",
            "-log-level",
            "error",
            "-public-host",
            &address.to_string(),
            "-data",
        ]);
        let process = server.arg(&data).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let emulator = Self { address, process };
        for _ in 0..100 {
            if TcpStream::connect(address).is_ok() {
                return Ok(emulator);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(io::Error::other("the store does not start"))
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
