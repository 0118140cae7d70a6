//! The installer, and the store that it talks to.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{PACKAGES, settle, tools};

const BUCKET: &str = "packages";

/// An install that ended.
pub struct Installed {
    /// How long it took.
    pub took: Duration,
    /// The most memory that it held, without its children, in MiB.
    pub memory: f64,
}

/// Installs into a volume, by way of a store if there is one.
pub fn install(volume: &Path, uv: &Path, store: Option<&Emulator>, shared: bool) -> io::Result<Installed> {
    fs::create_dir_all(volume)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_kaspr-operator"));
    command
        .arg("install-packages")
        .env("UV", uv)
        // The interpreter itself: what is first on the PATH of a developer's machine is often a script.
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
    settle();
    let begun = Instant::now();
    let mut child = command.spawn()?;
    let pid = child.id();
    let watched = thread::spawn(move || watch(pid));
    let status = child.wait()?;
    let took = begun.elapsed();
    let memory = watched.join().map_err(|_| io::Error::other("a thread ended"))?;
    if !status.success() {
        return Err(io::Error::other(fs::read_to_string(volume.with_extension("log"))?));
    }
    Ok(Installed { took, memory })
}

/// The most memory of a process until it ends, in MiB. Looks rarely enough not to slow it.
fn watch(pid: u32) -> f64 {
    let mut most = 0.0;
    while let Some(now) = peak(pid) {
        most = now;
        thread::sleep(Duration::from_millis(10));
    }
    most
}

/// None if it ended.
fn peak(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

/// A store on loopback. It ends when it is dropped.
pub struct Emulator {
    address: SocketAddr,
    process: Child,
}

impl Emulator {
    /// Starts it with an empty bucket.
    pub fn start(folder: &Path) -> io::Result<Self> {
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
