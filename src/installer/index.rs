//! Installing from package indexes: with uv where there is one, with the image's pip otherwise.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::Command,
};

use super::{command, credentials::Secrets, failure::Failure, netrc::Netrc, private_file, repository};
use crate::api::InstallErrorType;

/// What is installed from where; everything is filled in.
pub struct Wanted {
    /// The requirements.
    pub packages: Vec<String>,
    /// The index in place of PyPI.
    pub index: Option<String>,
    /// Further indexes.
    pub extra_indexes: Vec<String>,
    /// Hosts whose certificates are not checked.
    pub trusted_hosts: Vec<String>,
    /// What must not be seen.
    pub secrets: Secrets,
}

/// Where an install writes.
#[derive(Clone, Copy)]
pub struct Places<'a> {
    /// Where the packages go.
    pub target: &'a Path,
    /// For what others must not see; never a shared volume.
    pub private: &'a Path,
    /// For what the tool downloads.
    pub cache: &'a Path,
}

/// A program that installs.
#[derive(Clone, Debug, PartialEq)]
pub enum Installer {
    /// uv, by its path.
    Uv(PathBuf),
    /// The image's pip.
    Pip,
}

/// Settings of pip that change nothing in what it installs; official images set some.
const HARMLESS: [&str; 11] = [
    "PIP_DEFAULT_TIMEOUT",
    "PIP_RETRIES",
    "PIP_NO_CACHE_DIR",
    "PIP_CACHE_DIR",
    "PIP_DISABLE_PIP_VERSION_CHECK",
    "PIP_ROOT_USER_ACTION",
    "PIP_NO_INPUT",
    "PIP_PROGRESS_BAR",
    "PIP_NO_COLOR",
    "PIP_NO_COMPILE",
    "PIP_BREAK_SYSTEM_PACKAGES",
];

impl Installer {
    /// The uv that is asked for; else the one that lies beside this program, but it reads neither pip's
    /// settings nor its variables: where the image has some, pip keeps to them. Gives the reason
    /// beside it, where there is something to tell.
    pub fn choose(asked: Option<PathBuf>) -> (Self, Option<String>) {
        if let Some(uv) = asked {
            return (Self::Uv(uv), None);
        }
        let beside = std::env::current_exe().ok().map(|program| program.with_file_name("uv"));
        let Some(uv) = beside.filter(|uv| uv.is_file()) else { return (Self::Pip, None) };
        let variable = std::env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .find(|name| name.starts_with("PIP_") && !HARMLESS.contains(&name.as_str()));
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        let files = [
            PathBuf::from("/etc/pip.conf"),
            PathBuf::from("/etc/xdg/pip/pip.conf"),
            home.join(".config/pip/pip.conf"),
            home.join(".pip/pip.conf"),
        ];
        let settings = variable
            .or_else(|| files.iter().find(|file| file.is_file()).map(|file| file.display().to_string()));
        match settings {
            Some(settings) => (Self::Pip, Some(format!("pip, because the image sets {settings}"))),
            None => (Self::Uv(uv), None),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Uv(_) => "uv",
            Self::Pip => "pip",
        }
    }

    /// Installs; `progress` gets each line that the tool says, without secrets.
    pub async fn install(
        &self,
        python: &Path,
        wanted: &Wanted,
        places: Places<'_>,
        progress: &(impl Fn(&str) + Sync),
    ) -> Result<(), Failure> {
        let Places { target, private, .. } = places;
        let repository::Apart { packages, settings } =
            repository::apart(&wanted.packages, &wanted.secrets, private).await?;
        // Requirements stand in a file that only this user reads: arguments are for everybody to see.
        let list = private_file::write(private.join("requirements.txt"), &(packages.join("\n") + "\n"))?;
        let complete = |mut tool: Command| {
            tool.arg("--target").arg(target).arg("-r").arg(&list);
            for name in wanted.secrets.names() {
                tool.env_remove(name);
            }
            tool.envs(repository::variables(&settings));
            tool
        };
        let tool = match self {
            Self::Uv(uv) => uv_install(uv, python, wanted, places)?,
            Self::Pip => pip_command(python, wanted, private)?,
        };
        let ran = run(complete(tool), wanted, progress).await;
        let (worked, mut said) = ran.map_err(|e| {
            Failure::unknown(format!(
                "{} can't be started: {e}: the image needs Python with pip",
                self.name()
            ))
        })?;
        if worked {
            // uv's lock of the target is of no use in a set.
            _ = std::fs::remove_file(target.join(".lock"));
            return Ok(());
        }
        // pip shows what an index answered only there.
        if let Ok(log) = std::fs::read_to_string(private.join(PIP_LOG)) {
            let answers = log.lines().filter(|line| line.contains("Could not fetch URL"));
            let answers: Vec<&str> = answers.collect();
            said = format!("{}\n{said}", wanted.secrets.redact(&answers.join("\n")));
        }
        if said.contains("No module named pip") {
            return Err(Failure::unknown(
                "the image has no pip: use the operator's own image for the installer, or an image with pip",
            ));
        }
        let failure = Failure::of_output(&said);
        match self {
            Self::Uv(uv) if failure.kind == InstallErrorType::PackageNotFound => {
                let mut again = uv_command(uv, python, wanted, private)?;
                again.arg("--dry-run");
                Err(refusal(complete(again), wanted).await.unwrap_or(failure))
            }
            _ => Err(failure),
        }
    }
}

/// With several indexes uv does not tell which of them refused; looking at one after the other it does.
async fn refusal(again: Command, wanted: &Wanted) -> Option<Failure> {
    if wanted.extra_indexes.is_empty() {
        return None;
    }
    let (_, said) = run(again, wanted, &|_: &str| {}).await.ok()?;
    Some(Failure::of_output(&said)).filter(|failure| failure.kind == InstallErrorType::Authentication)
}

fn is_one_volume(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| path.metadata().map(|metadata| metadata.dev());
    matches!((device(one), device(other)), (Ok(one), Ok(other)) if one == other)
}

const PIP_LOG: &str = "pip.log";

/// uv's settings, with user name and password in the addresses of the indexes.
fn uv_settings(wanted: &Wanted, private: &Path) -> Result<PathBuf, Failure> {
    let index = |url: &String, default: bool| {
        // A string of JSON is one of TOML.
        let url = serde_json::Value::from(wanted.secrets.sign(url));
        format!("[[index]]\nurl = {url}\ndefault = {default}\n")
    };
    let default = wanted.index.iter().map(|url| index(url, true));
    let extra = wanted.extra_indexes.iter().map(|url| index(url, false));
    private_file::write(private.join("uv.toml"), &extra.chain(default).collect::<String>())
}

fn uv_command(uv: &Path, python: &Path, wanted: &Wanted, private: &Path) -> Result<Command, Failure> {
    let mut tool = command::with_environment(uv, private);
    tool.args(["pip", "install", "--no-progress", "--color", "never", "--python"]).arg(python);
    tool.arg("--config-file").arg(uv_settings(wanted, private)?);
    tool.arg("--no-python-downloads");
    for host in &wanted.trusted_hosts {
        tool.args(["--allow-insecure-host", host]);
    }
    tool.env("UV_HTTP_TIMEOUT", "30");
    Ok(tool)
}

fn uv_install(uv: &Path, python: &Path, wanted: &Wanted, places: Places<'_>) -> Result<Command, Failure> {
    let Places { target, private, cache } = places;
    let mut tool = uv_command(uv, python, wanted, private)?;
    if !wanted.extra_indexes.is_empty() {
        // What pip does: the best version wins, from whichever index.
        tool.args(["--index-strategy", "unsafe-best-match"]);
    }
    // A link is made in no time, where both lie on one volume.
    let mode = if is_one_volume(cache, target) { "hardlink" } else { "copy" };
    tool.args(["--link-mode", mode]).env("UV_CACHE_DIR", cache.join("uv"));
    Ok(tool)
}

fn pip_command(python: &Path, wanted: &Wanted, private: &Path) -> Result<Command, Failure> {
    let mut tool = command::with_environment(python, private);
    tool.args(["-m", "pip", "install", "--no-input", "--no-cache-dir", "--disable-pip-version-check"]);
    tool.args(["--no-compile", "--no-warn-script-location", "--progress-bar", "off", "--no-color"]);
    tool.env("PIP_ROOT_USER_ACTION", "ignore");
    tool.args(["--timeout", "30", "--retries", "2", "--log"]).arg(private.join(PIP_LOG));
    let mut netrc = Netrc::default();
    let mut without_login = |url: &String| netrc.take(&wanted.secrets.sign(url));
    if let Some(index) = &wanted.index {
        tool.env("PIP_INDEX_URL", without_login(index));
    }
    let extra: Vec<String> = wanted.extra_indexes.iter().map(without_login).collect();
    if !extra.is_empty() {
        tool.env("PIP_EXTRA_INDEX_URL", extra.join(" "));
    }
    tool.env("NETRC", private_file::write(private.join("netrc"), &netrc.to_string())?);
    if !wanted.trusted_hosts.is_empty() {
        tool.env("PIP_TRUSTED_HOST", wanted.trusted_hosts.join(" "));
    }
    Ok(tool)
}

/// How much of a tool's last words is kept for the failure.
const KEPT: usize = 64 * 1024;

/// Runs a tool and passes on what it says. Gives whether it succeeded, and its words.
async fn run(
    mut tool: Command,
    wanted: &Wanted,
    progress: &(impl Fn(&str) + Sync),
) -> std::io::Result<(bool, String)> {
    tool.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = tool.spawn()?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (out, err) =
        tokio::join!(lines(out, &wanted.secrets, progress), lines(err, &wanted.secrets, progress));
    let status = child.wait().await?;
    Ok((status.success(), format!("{out}\n{err}")))
}

async fn lines(
    from: Option<impl AsyncRead + Unpin>,
    secrets: &Secrets,
    progress: &(impl Fn(&str) + Sync),
) -> String {
    let mut said = String::new();
    let Some(from) = from else { return said };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    // A line may be no text, and a tool that can't be read goes on without being heard.
    while from.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        let text = secrets.redact(String::from_utf8_lossy(&line).trim_end());
        progress(&text);
        said.push_str(&text);
        said.push('\n');
        if said.len() > 2 * KEPT {
            said.drain(..said.floor_char_boundary(said.len() - KEPT));
        }
        line.clear();
    }
    said
}
