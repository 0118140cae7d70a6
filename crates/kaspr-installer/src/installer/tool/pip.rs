//! Installs from package indexes: with uv if it is available, otherwise with the image's pip.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::Command,
};

use super::subprocess;
use crate::{
    api::InstallErrorType,
    installer::{
        credentials::{
            git::{self, SplitLogins},
            netrc::Netrc,
            private_file,
            secrets::Secrets,
        },
        error::InstallError,
    },
};

/// Packages and indexes, with all variables expanded.
pub(crate) struct InstallSpec {
    /// Requirements.
    pub packages: Vec<String>,
    /// Package index in place of PyPI.
    pub index: Option<String>,
    /// Additional indexes.
    pub extra_indexes: Vec<String>,
    /// Hosts whose certificates are not verified.
    pub trusted_hosts: Vec<String>,
    /// Secrets that must not appear in any output.
    pub secrets: Secrets,
}

/// Directories that an installation writes to.
#[derive(Clone, Copy)]
pub(crate) struct InstallDirs<'a> {
    /// Directory of the packages.
    pub target: &'a Path,
    /// Directory for secrets; never on a shared volume.
    pub private: &'a Path,
    /// Directory for downloads.
    pub cache: &'a Path,
}

/// Program that installs packages.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum InstallTool {
    /// uv, with its path.
    Uv(PathBuf),
    /// The image's pip.
    Pip,
}

/// Variables of pip that do not affect what is installed. Official images set some of them.
const IGNORED_PIP_VARIABLES: [&str; 11] = [
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

impl InstallTool {
    /// Chooses a tool: the requested uv, otherwise the uv in the directory of this program. uv does not read
    /// pip's settings and variables, so pip is used if the image has any; the second value is then a
    /// text for the log.
    pub(crate) fn choose(requested: Option<PathBuf>) -> (Self, Option<String>) {
        if let Some(uv) = requested {
            return (Self::Uv(uv), None);
        }
        let bundled = std::env::current_exe().ok().map(|program| program.with_file_name("uv"));
        let Some(uv) = bundled.filter(|uv| uv.is_file()) else { return (Self::Pip, None) };
        let variable = std::env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .find(|name| name.starts_with("PIP_") && !IGNORED_PIP_VARIABLES.contains(&name.as_str()));
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

    /// Name of the program.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Uv(_) => "uv",
            Self::Pip => "pip",
        }
    }

    /// Installs packages; `progress` receives each line of output, without secrets.
    pub(crate) async fn install(
        &self,
        python: &Path,
        spec: &InstallSpec,
        dirs: InstallDirs<'_>,
        progress: &(impl Fn(&str) + Sync),
    ) -> Result<(), InstallError> {
        let InstallDirs { target, private, .. } = dirs;
        let SplitLogins { packages, settings } =
            git::split_logins(&spec.packages, &spec.secrets, private).await?;
        // Requirements are passed in a private file, because other users can read the arguments of a process.
        let list = private_file::write(private.join("requirements.txt"), &(packages.join("\n") + "\n"))?;
        let complete = |mut tool: Command| {
            tool.arg("--target").arg(target).arg("-r").arg(&list);
            for name in spec.secrets.names() {
                tool.env_remove(name);
            }
            tool.envs(git::config_variables(&settings));
            tool
        };
        let tool = match self {
            Self::Uv(uv) => uv_install(uv, python, spec, dirs)?,
            Self::Pip => pip_command(python, spec, private)?,
        };
        let result = run(complete(tool), spec, progress).await;
        let (succeeded, mut output) = result.map_err(|e| {
            InstallError::unknown(format!(
                "failed to start {}: {e}: the image needs Python with pip",
                self.name()
            ))
        })?;
        if succeeded {
            // A set does not need uv's lock of the target.
            _ = std::fs::remove_file(target.join(".lock"));
            return Ok(());
        }
        // pip writes the responses of indexes only to its log.
        if let Ok(log) = std::fs::read_to_string(private.join(PIP_LOG)) {
            let responses: Vec<&str> =
                log.lines().filter(|line| line.contains("Could not fetch URL")).collect();
            output = format!("{}\n{output}", spec.secrets.redact(&responses.join("\n")));
        }
        if output.contains("No module named pip") {
            return Err(InstallError::unknown(
                "pip not found in the image: use an operator image that contains uv, or an app image with pip",
            ));
        }
        let error = InstallError::from_output(&output);
        if let Self::Uv(uv) = self
            && error.kind == InstallErrorType::PackageNotFound
        {
            let mut retry = uv_command(uv, python, spec, private)?;
            retry.arg("--dry-run");
            return Err(find_refusal(complete(retry), spec).await.unwrap_or(error));
        }
        Err(error)
    }
}

/// Runs uv again to find out whether an index refused access. With several indexes, uv reports a refusal
/// only if it queries one index after the other.
async fn find_refusal(retry: Command, spec: &InstallSpec) -> Option<InstallError> {
    if spec.extra_indexes.is_empty() {
        return None;
    }
    let (_, output) = run(retry, spec, &|_: &str| {}).await.ok()?;
    Some(InstallError::from_output(&output)).filter(|error| error.kind == InstallErrorType::Authentication)
}

fn is_same_volume(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| path.metadata().map(|metadata| metadata.dev());
    matches!((device(one), device(other)), (Ok(one), Ok(other)) if one == other)
}

/// Name of pip's log in the private directory.
const PIP_LOG: &str = "pip.log";

/// Writes uv's settings, with user name and password in the addresses of the indexes.
fn write_uv_settings(spec: &InstallSpec, private: &Path) -> Result<PathBuf, InstallError> {
    let index = |url: &String, default: bool| {
        // A JSON string is also a valid TOML string.
        let url = serde_json::Value::from(spec.secrets.add_login(url));
        format!("[[index]]\nurl = {url}\ndefault = {default}\n")
    };
    let default = spec.index.iter().map(|url| index(url, true));
    let extra = spec.extra_indexes.iter().map(|url| index(url, false));
    private_file::write(private.join("uv.toml"), &extra.chain(default).collect::<String>())
}

fn uv_command(uv: &Path, python: &Path, spec: &InstallSpec, private: &Path) -> Result<Command, InstallError> {
    let mut tool = subprocess::with_container_env(uv, private);
    tool.args(["pip", "install", "--no-progress", "--color", "never", "--python"]).arg(python);
    tool.arg("--config-file").arg(write_uv_settings(spec, private)?);
    tool.arg("--no-python-downloads");
    for host in &spec.trusted_hosts {
        tool.args(["--allow-insecure-host", host]);
    }
    tool.env("UV_HTTP_TIMEOUT", "30");
    Ok(tool)
}

fn uv_install(
    uv: &Path,
    python: &Path,
    spec: &InstallSpec,
    dirs: InstallDirs<'_>,
) -> Result<Command, InstallError> {
    let InstallDirs { target, private, cache } = dirs;
    let mut tool = uv_command(uv, python, spec, private)?;
    if !spec.extra_indexes.is_empty() {
        // Behaves like pip: the best version wins, from whichever index.
        tool.args(["--index-strategy", "unsafe-best-match"]);
    }
    // Hard links are fast, but need one volume.
    let mode = if is_same_volume(cache, target) { "hardlink" } else { "copy" };
    tool.args(["--link-mode", mode]).env("UV_CACHE_DIR", cache.join("uv"));
    Ok(tool)
}

fn pip_command(python: &Path, spec: &InstallSpec, private: &Path) -> Result<Command, InstallError> {
    let mut tool = subprocess::with_container_env(python, private);
    tool.args(["-m", "pip", "install", "--no-input", "--no-cache-dir", "--disable-pip-version-check"]);
    tool.args(["--no-compile", "--no-warn-script-location", "--progress-bar", "off", "--no-color"]);
    tool.env("PIP_ROOT_USER_ACTION", "ignore");
    tool.args(["--timeout", "30", "--retries", "2", "--log"]).arg(private.join(PIP_LOG));
    let mut netrc = Netrc::default();
    let mut without_login = |url: &String| netrc.extract_login(&spec.secrets.add_login(url));
    if let Some(index) = &spec.index {
        tool.env("PIP_INDEX_URL", without_login(index));
    }
    let extra: Vec<String> = spec.extra_indexes.iter().map(without_login).collect();
    if !extra.is_empty() {
        tool.env("PIP_EXTRA_INDEX_URL", extra.join(" "));
    }
    tool.env("NETRC", private_file::write(private.join("netrc"), &netrc.to_string())?);
    if !spec.trusted_hosts.is_empty() {
        tool.env("PIP_TRUSTED_HOST", spec.trusted_hosts.join(" "));
    }
    Ok(tool)
}

/// Size of the end of the output that is kept for the error message, in bytes.
const KEPT_OUTPUT: usize = 64 * 1024;

/// Runs a tool and passes its output on. Returns whether it succeeded, and its output.
async fn run(
    mut tool: Command,
    spec: &InstallSpec,
    progress: &(impl Fn(&str) + Sync),
) -> std::io::Result<(bool, String)> {
    tool.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = tool.spawn()?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (out, err) =
        tokio::join!(read_lines(out, &spec.secrets, progress), read_lines(err, &spec.secrets, progress));
    let status = child.wait().await?;
    Ok((status.success(), format!("{out}\n{err}")))
}

async fn read_lines(
    from: Option<impl AsyncRead + Unpin>,
    secrets: &Secrets,
    progress: &(impl Fn(&str) + Sync),
) -> String {
    let mut output = String::new();
    let Some(from) = from else { return output };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    // A line may not be valid UTF-8. A read error ends only the output, not the tool.
    while from.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        let text = secrets.redact(String::from_utf8_lossy(&line).trim_end());
        progress(&text);
        output.push_str(&text);
        output.push('\n');
        if output.len() > 2 * KEPT_OUTPUT {
            output.drain(..output.floor_char_boundary(output.len() - KEPT_OUTPUT));
        }
        line.clear();
    }
    output
}
