//! Starts the installer as in a pod, with a limited environment.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use kaspr_operator::api::{InstallReport, PackageSource};
use tempfile::TempDir;

use crate::tools;

/// A packages volume.
pub(crate) struct Volume {
    folder: TempDir,
}

/// Result of a container.
pub(crate) struct Outcome {
    pub starts: bool,
    pub report: InstallReport,
    pub log: String,
}

/// Program that installs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tool {
    Uv,
    Pip,
}

pub(crate) const TOOLS: [Tool; 2] = [Tool::Uv, Tool::Pip];

impl Volume {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a directory") }
    }

    /// Returns the root of the volume.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("packages")
    }

    /// Returns the file of a member's termination message.
    fn report_file(&self, member: &str) -> PathBuf {
        self.folder.path().join(format!("{member}.report"))
    }

    fn log_file(&self, member: &str) -> PathBuf {
        self.folder.path().join(format!("{member}.log"))
    }

    /// Prepares the container of a member.
    pub(crate) fn container(&self, member: &str, hash: &str, tool: Tool, packages: &[&str]) -> Container {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaspr-operator"));
        command.arg("install-packages").env_clear();
        for name in ["PATH", "LD_LIBRARY_PATH", "SSL_CERT_FILE"] {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        // The pip settings of this machine must not affect the tests.
        command.env("PIP_CONFIG_FILE", "/dev/null");
        if tool == Tool::Uv {
            command.env("UV", tools::uv());
        }
        command
            .env("PACKAGES_HASH", hash)
            .env("PACKAGES_DIR", self.root())
            .env("SCRATCH_DIR", self.folder.path().join(format!("{member}-scratch")))
            .env("TERMINATION_LOG", self.report_file(member))
            .env("POD_NAME", member)
            .env("INSTALL_RETRIES", "0")
            .env("INSTALL_TIMEOUT", "120")
            .env("PACKAGES_LEASE_SECONDS", "20")
            .arg("--")
            .args(packages);
        let (report, log) = (self.report_file(member), self.log_file(member));
        _ = fs::remove_file(&report);
        Container { command, report, log }
    }

    /// Lists the files that a member's container left in its scratch directory.
    pub(crate) fn scratch(&self, member: &str) -> Vec<String> {
        names(&self.folder.path().join(format!("{member}-scratch")))
    }

    /// Runs Python code with the packages of a member. Returns its output.
    pub(crate) fn python(&self, member: &str, code: &str) -> String {
        let output = Command::new("python3")
            .args(["-c", code])
            .env("PYTHONPATH", self.root().join("members").join(member))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .expect("Python");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Makes the volume writable for any user. Returns its path.
    fn open_to_all(&self) -> &Path {
        for folder in [self.folder.path(), &self.root()] {
            fs::create_dir_all(folder).expect("a directory");
            fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).expect("a folder for all");
        }
        self.folder.path()
    }

    /// Lists a directory of the volume, sorted.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        names(&self.root().join(folder))
    }
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A container before its start.
pub(crate) struct Container {
    command: Command,
    report: PathBuf,
    log: PathBuf,
}

/// A running container.
pub(crate) struct Running {
    pub child: Child,
    report: PathBuf,
    pub log: PathBuf,
}

impl Container {
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Returns the value of a variable.
    pub(crate) fn variable(&self, name: &str) -> String {
        let found = self.command.get_envs().find(|(other, _)| *other == name).and_then(|(_, value)| value);
        found.unwrap_or_default().to_string_lossy().into_owned()
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs the installer from a directory that contains uv too, as in a pod.
    pub(crate) fn bundled(mut self, folder: &Path) -> Self {
        for program in [Path::new(self.command.get_program()), &tools::uv()] {
            let copy = folder.join(program.file_name().expect("a name"));
            if !copy.exists() && fs::hard_link(program, &copy).is_err() {
                fs::copy(program, &copy).expect("a copy");
            }
        }
        let name = Path::new(self.command.get_program()).file_name().expect("a name").to_owned();
        let mut command = Command::new(folder.join(name));
        command.args(self.command.get_args()).env_clear();
        for (name, value) in self.command.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        self.command = command;
        self
    }

    /// Runs as a user without an account, with only the volume writable. Returns `None` if this machine
    /// does not allow tests to mount.
    pub(crate) fn confined(mut self, volume: &Volume) -> Option<Self> {
        // Programs may be in directories that only the current user can read.
        const PREPARE: &str = r#"set -e
            folder=$1 prefix=$2 user=$3; shift 3
            mkdir "$folder/bin" "$folder/python"
            cp "$1" "$folder/bin/"; [ -z "$UV" ] || cp "$UV" "$folder/bin/"
            mount --bind "$folder" "$folder"
            mount --bind "$prefix" "$folder/python"
            mount -o remount,bind,ro /
            [ -z "$UV" ] || export UV="$folder/bin/uv"
            export PYTHON="$folder/python/bin/python3" LD_LIBRARY_PATH="$folder/python/lib:$LD_LIBRARY_PATH"
            program="$folder/bin/$(basename "$1")"; shift
            exec $user "$program" "$@""#;
        let is_root = rustix::process::getuid().is_root();
        let namespaces: &[&str] =
            if is_root { &["--mount"] } else { &["--user", "--map-root-user", "--mount"] };
        let user = if is_root { "setpriv --reuid 12345 --regid 12345 --clear-groups" } else { "" };
        let mut mounts = Command::new("unshare");
        mounts.args(namespaces).args(["mount", "-o", "remount,bind,ro", "/"]);
        if !mounts.status().is_ok_and(|status| status.success()) {
            return None;
        }
        let prefix = tools::python("import sys; print(sys.base_prefix)");
        let mut command = Command::new("unshare");
        command.args(namespaces).args(["sh", "-c", PREPARE, "sh"]).arg(volume.open_to_all());
        command.args([&prefix, user]).arg(self.command.get_program()).args(self.command.get_args());
        command.env_clear();
        for (name, value) in self.command.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        self.command = command;
        Some(self)
    }

    pub(crate) fn start(mut self) -> Running {
        let log = fs::File::create(&self.log).expect("a log");
        self.command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        std::os::unix::process::CommandExt::process_group(&mut self.command, 0);
        let child = self.command.spawn().expect("the installer");
        Running { child, report: self.report, log: self.log }
    }

    pub(crate) fn run(self) -> Outcome {
        self.start().wait()
    }
}

impl Running {
    pub(crate) fn wait(mut self) -> Outcome {
        let starts = self.child.wait().expect("the installer").success();
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let report = fs::read_to_string(&self.report).unwrap_or_default();
        let report = serde_json::from_str(&report).unwrap_or_else(|e| panic!("no report ({e}): {log}"));
        Outcome { starts, report, log }
    }

    /// Kills the installer with its child processes, as a container is killed.
    pub(crate) fn kill(mut self) {
        let group = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).expect("killed");
        self.child.wait().expect("exited");
    }

    /// Waits until the log contains a text.
    pub(crate) fn wait_for_log(&mut self, text: &str) {
        for _ in 0..600 {
            if fs::read_to_string(&self.log).unwrap_or_default().contains(text) {
                return;
            }
            if let Ok(Some(_)) = self.child.try_wait() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("never logged '{text}': {}", fs::read_to_string(&self.log).unwrap_or_default());
    }
}

impl Outcome {
    /// Asserts that the installer succeeded and where the packages came from.
    pub(crate) fn assert_from(&self, source: PackageSource) {
        assert!(self.starts, "{}\n{:?}", self.log, self.report);
        assert_eq!(self.report.source, Some(source), "{}", self.log);
        assert_eq!(self.report.error_type, None, "{}", self.log);
        assert!(self.report.seconds.is_some_and(|seconds| seconds > 0.0), "{:?}", self.report);
        assert!(self.report.python.is_some(), "{:?}", self.report);
    }
}
