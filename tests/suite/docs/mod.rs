//! Runs every command of every page unchanged, and checks every link.

mod contributors;
mod pages;

use std::{
    env, fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use control_plane::ControlPlane;
use tempfile::TempDir;

use crate::harness::{BINARY, text};

/// Directories that the commands of a page need.
const SOURCES: [&str; 4] = ["crds", "deploy", "docs", "examples"];

/// Returns a page by its path in the project.
pub(crate) fn page(path: &str) -> String {
    fs::read_to_string(project(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A command, and the code that it exits with.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Step {
    /// The command; a line that ends with a backslash is joined with the next.
    pub command: String,
    /// The N of a comment `# exits N`, or 0.
    pub code: i32,
}

/// Returns the commands of the fenced `sh` blocks.
pub(crate) fn commands(page: &str) -> Vec<Step> {
    let mut commands = Vec::new();
    let mut inside = false;
    let mut begun = String::new();
    for line in page.lines().map(str::trim) {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside && !line.is_empty() => {
                if let Some(part) = line.strip_suffix('\\') {
                    begun.push_str(part);
                    continue;
                }
                let line = std::mem::take(&mut begun) + line;
                let (command, code) = line.split_once("# exits ").unwrap_or((&line, "0"));
                commands.push(Step {
                    command: command.trim().to_owned(),
                    code: code.trim().parse().expect("an exit code"),
                });
            }
            _ => {}
        }
    }
    commands
}

/// Returns the commands in the text itself, such as `kubectl describe kasprapp NAME`. Excludes names of commands
/// without arguments, commands with `…`, and commands that build the project.
pub(crate) fn spoken_commands(page: &str) -> Vec<String> {
    // Fenced blocks are handled by `commands`.
    let text: String = page.split("```").step_by(2).collect();
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(|span| span.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|span| is_command(span) && span.split(' ').count() > 2)
        .filter(|span| !span.contains('…') && !span.starts_with("cargo "))
        .collect()
}

/// Returns whether a line begins with a program of the pages.
pub(crate) fn is_command(line: &str) -> bool {
    ["kubectl ", "helm ", "kaspr-operator ", "make ", "cargo ", "curl "]
        .iter()
        .any(|program| line.starts_with(program))
}

/// A shell like that of a reader of the pages: kubectl, its plugin, helm and the operator on the path, in a folder
/// with the sources.
pub(crate) struct Shell {
    folder: TempDir,
    kubeconfig: PathBuf,
    log: PathBuf,
}

impl Shell {
    /// Creates a shell whose context is a namespace of a control plane.
    pub(crate) fn new(plane: &ControlPlane, namespace: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (programs, work) = (folder.path().join("bin"), folder.path().join("work"));
        for made in [&programs, &work] {
            fs::create_dir(made).expect("a folder");
        }
        for name in ["kubectl-kaspr", "kaspr-operator"] {
            symlink(BINARY, programs.join(name)).expect("a link");
        }
        symlink(plane.kubectl_path(), programs.join("kubectl")).expect("a link");
        let copied = Command::new("cp").arg("-r").args(SOURCES.map(project)).arg(&work).status();
        assert!(copied.expect("cp").success());
        let kubeconfig = folder.path().join("kubeconfig");
        fs::copy(plane.kubeconfig(), &kubeconfig).expect("a kubeconfig");
        let shell = Self { folder, kubeconfig, log: plane.log_dir().join("kaspr-operator.log") };
        shell.run(&Step {
            command: format!("kubectl config set-context --current --namespace={namespace}"),
            code: 0,
        });
        shell
    }

    /// Adds helm, with values in addition to those of the pages, for the differences from a real cluster.
    pub(crate) fn with_helm(self, values: &str) -> Self {
        let helm = control_plane::helm().expect("helm");
        let file = self.folder.path().join("values.yaml");
        fs::write(&file, values).expect("written");
        let script = self.folder.path().join("bin/helm");
        let (helm, file) = (helm.display(), file.display());
        let lines = format!(
            "#!/bin/sh\ncase \"$1\" in\ninstall|upgrade) exec {helm} \"$@\" --values {file} ;;\nesac\nexec {helm} \"$@\"\n"
        );
        fs::write(&script, lines).expect("written");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a program");
        self
    }

    /// Runs a command, which must exit with the code of its page. Returns its output.
    pub(crate) fn run(&self, step: &Step) -> String {
        self.try_run(step).unwrap_or_else(|said| panic!("{said}"))
    }

    /// Runs a command that may have to be retried.
    ///
    /// # Errors
    ///
    /// The command exits with another code. The error contains its output.
    pub(crate) fn try_run(&self, step: &Step) -> Result<String, String> {
        let programs = self.folder.path().join("bin");
        let output = Command::new("sh")
            .args(["-c", &step.command])
            .current_dir(self.folder.path().join("work"))
            .env("PATH", format!("{}:{}", programs.display(), env::var("PATH").unwrap_or_default()))
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", self.folder.path())
            .output()
            .expect("a shell");
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        if output.status.code() == Some(step.code) {
            return Ok(said);
        }
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let (command, status) = (&step.command, output.status);
        Err(format!("{command} ended with {status}\n{said}\nthe operator's log:\n{log}"))
    }
}

#[test]
fn blocks_are_read() {
    let page = "```sh\na \\\n  b\nc # exits 2\n```\n```console\nd\n```\n1. x\n   ```sh\n   e\n   ```\n\
                `kubectl get\n  pods` `helm test` `helm upgrade … x`\n";
    let step = |command: &str, code| Step { command: command.to_owned(), code };
    assert_eq!(commands(page), [step("a b", 0), step("c", 2), step("e", 0)]);
    assert_eq!(spoken_commands(page), ["kubectl get pods"]);
}
