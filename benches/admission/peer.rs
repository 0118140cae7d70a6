//! The yardstick: the Go webhook of benches/comparison/webhook as a process.

use std::{
    fs::{self, File},
    io::{self, Error},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::load::Target;

/// How long the peer may take to listen on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// The running peer. Dropping it ends it.
pub(crate) struct Peer {
    process: Child,
    target: Target,
    /// Certificate and log, while it runs.
    folder: TempDir,
}

impl Peer {
    /// Builds the peer with `go`, starts it and waits until it listens.
    pub(crate) fn start() -> io::Result<Self> {
        let binary = build()?;
        let folder = tempfile::tempdir()?;
        certificate(folder.path())?;
        // The port is free now, and no other process requests one.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let process = Command::new(binary)
            .args(["--port", &address.port().to_string(), "--cert-dir"])
            .arg(folder.path())
            // It ends when this closes, however this process ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("log"))?)
            .spawn()?;
        let authority = fs::read_to_string(folder.path().join("ca.crt"))?;
        let target = Target { url: format!("https://{address}"), authority, pid: process.id() };
        let mut peer = Self { process, target, folder };
        peer.wait(address)?;
        Ok(peer)
    }

    /// Where it serves.
    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    fn wait(&mut self, address: SocketAddr) -> io::Result<()> {
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            if self.process.try_wait()?.is_some() || begun.elapsed() > DEADLINE {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                return Err(Error::other(format!("the peer does not listen; its log:\n{log}")));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Builds the module, and returns the path of the binary.
fn build() -> io::Result<PathBuf> {
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("webhook-peer");
    eprintln!("building the peer ...");
    let built = Command::new("go")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/comparison/webhook"))
        .env("GOWORK", "off")
        .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o"])
        .arg(&binary)
        .arg(".")
        .output()
        .map_err(|error| Error::new(error.kind(), format!("the peer is built with `go`: {error}")))?;
    if built.status.success() {
        return Ok(binary);
    }
    Err(Error::other(format!("failed to build the peer:\n{}", String::from_utf8_lossy(&built.stderr))))
}

/// Writes ca.crt, tls.crt and tls.key: the same kind of certificate as our own server has.
fn certificate(folder: &Path) -> io::Result<()> {
    let made =
        Command::new(env!("CARGO_BIN_EXE_kaspr-operator")).args(["certs", "--out"]).arg(folder).output()?;
    if made.status.success() {
        return Ok(());
    }
    Err(Error::other(format!("no certificate for the peer:\n{}", String::from_utf8_lossy(&made.stderr))))
}
