//! Ends child processes when this process ends, in whatever way.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use tempfile::TempDir;

use crate::error::{Context, Error};

/// A shell that outlives this process by as long as it takes to clean up.
///
/// It learns what to clean up through a pipe whose other end only this process holds. The kernel
/// closes that end when the process ends, be it by a panic, Ctrl-C or SIGKILL.
#[derive(Debug)]
pub(crate) struct Guardian {
    shell: Child,
    /// `None` once the guardian was asked to clean up.
    pipe: Option<ChildStdin>,
    folder: PathBuf,
}

impl Guardian {
    /// Starts a guardian that removes `folder` when this process ends or drops it.
    pub(crate) fn start(folder: TempDir) -> Result<Self, Error> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", include_str!("guardian.sh"), "guardian"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            // A reader of our output must not wait for the guardian.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C goes to the terminal's foreground group: the guardian is to survive it.
            .process_group(0)
            .current_dir("/")
            .spawn()
            .context(|| "start a guardian for child processes")?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe, folder: folder.keep() })
    }

    /// The folder that the guardian removes.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts `program` with what `set_up` adds to its command, as a group of processes that the
    /// guardian kills when this process ends.
    pub(crate) fn spawn(
        &mut self,
        program: impl AsRef<OsStr>,
        set_up: impl FnOnce(&mut Command),
    ) -> io::Result<Child> {
        // The shell becomes the program once the guardian knows of it. Were this process killed
        // before, the shell would read an end of file and end.
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "read -r go && exec \"$@\"", "sh"])
            .arg(program)
            .stdin(Stdio::piped())
            .process_group(0);
        set_up(&mut command);
        let mut child = command.spawn()?;
        let gate = child.stdin.take();
        self.send('+', child.id())?;
        if let Some(mut gate) = gate {
            gate.write_all(b"go\n")?;
        }
        Ok(child)
    }

    /// Leaves a process alone: it was waited for, and its id may become another's.
    pub(crate) fn forget(&mut self, pid: u32) {
        // A guardian that has ended kills no process.
        let _ = self.send('-', pid);
    }

    fn send(&mut self, sign: char, pid: u32) -> io::Result<()> {
        match &mut self.pipe {
            Some(pipe) => writeln!(pipe, "{sign}{pid}"),
            None => Ok(()),
        }
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        self.pipe = None;
        let _ = self.shell.wait();
    }
}
