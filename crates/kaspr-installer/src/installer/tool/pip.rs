//! Installs from package indexes: with uv if it is available, otherwise with the image's pip.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::Command,
};

use super::{
    commands,
    image_settings::ImageSettings,
    install_spec::{InstallDirs, InstallSpec},
    requested,
};
use crate::{
    api::InstallErrorType,
    installer::{
        credentials::{
            git::{self, SplitLogins},
            private_file,
            secrets::Secrets,
        },
        error::InstallError,
    },
};

/// Program that installs packages.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum InstallTool {
    /// uv, with its path.
    Uv(PathBuf),
    /// The image's pip.
    Pip,
}

impl InstallTool {
    /// Chooses a tool: the requested uv, otherwise the uv in the directory of this program. uv does not read
    /// pip's settings, so pip is used if the image has any; the second value is then a text for the log.
    pub(crate) fn choose(requested: Option<&Path>, image: &ImageSettings) -> (Self, Option<String>) {
        if let Some(uv) = requested {
            return (Self::Uv(uv.to_owned()), None);
        }
        let bundled = std::env::current_exe().ok().map(|program| program.with_file_name("uv"));
        let Some(uv) = bundled.filter(|uv| uv.is_file()) else { return (Self::Pip, None) };
        match image.requires_pip() {
            Some(setting) => (Self::Pip, Some(format!("pip, because the image sets {setting}"))),
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
        image: &ImageSettings,
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
            Self::Uv(uv) => commands::uv_install(uv, python, spec, image, dirs)?,
            Self::Pip => commands::pip_install(python, spec, image, private)?,
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
            let missing = requested::find_missing(&packages, target);
            return if missing.is_empty() { Ok(()) } else { Err(self.incomplete(&missing)) };
        }
        // pip writes the responses of indexes only to its log.
        if let Ok(log) = std::fs::read_to_string(private.join(commands::PIP_LOG)) {
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
            let mut retry = commands::uv_command(uv, python, spec, image, private)?;
            retry.arg("--dry-run");
            return Err(find_refusal(complete(retry), spec).await.unwrap_or(error));
        }
        Err(error)
    }

    /// Error of a tool that reported success without installing everything.
    fn incomplete(&self, missing: &[String]) -> InstallError {
        InstallError::unknown(format!(
            "{} reported success, but did not install {}: check the variables and configuration files of the image \
             that change where {0} installs",
            self.name(),
            missing.join(", ")
        ))
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
