//! The commands that install: arguments, variables and files of uv and pip.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::{
    image_settings::{ImageSettings, pip_variable},
    install_spec::{InstallDirs, InstallSpec},
    subprocess,
};
use crate::installer::{
    credentials::{netrc::Netrc, private_file},
    error::InstallError,
    log::log,
    trust,
};

fn is_same_volume(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| path.metadata().map(|metadata| metadata.dev());
    matches!((device(one), device(other)), (Ok(one), Ok(other)) if one == other)
}

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

/// Writes a file with all trusted certificate authorities, because each tool trusts only those of one file. git trusts
/// the store of the image by itself.
fn add_authorities(
    tool: &mut Command,
    spec: &InstallSpec,
    image: &ImageSettings,
    private: &Path,
) -> Result<PathBuf, InstallError> {
    let (authorities, errors) = trust::authorities(&[&spec.authorities[..], &image.certificates].concat());
    errors.iter().for_each(|error| log(&format!("warning: {error}")));
    let file = private_file::write(private.join("authorities.pem"), &trust::to_pem(&authorities))?;
    if !spec.authorities.is_empty() && std::env::var_os(GIT_AUTHORITIES).is_none() {
        tool.env(GIT_AUTHORITIES, &file);
    }
    Ok(file)
}

/// Prepares uv, without the directories that it writes to.
pub(super) fn uv_command(
    uv: &Path,
    python: &Path,
    spec: &InstallSpec,
    image: &ImageSettings,
    private: &Path,
) -> Result<Command, InstallError> {
    let mut tool = subprocess::with_container_env(uv, private);
    ImageSettings::apply_to_uv(&mut tool, spec.index.is_some(), !spec.extra_indexes.is_empty());
    tool.args(["pip", "install", "--no-progress", "--color", "never", "--python"]).arg(python);
    tool.arg("--config-file").arg(write_uv_settings(spec, private)?);
    tool.arg("--no-python-downloads");
    for host in &spec.trusted_hosts {
        tool.args(["--allow-insecure-host", host]);
    }
    tool.env("UV_HTTP_TIMEOUT", "30");
    // The file contains the certificates of the directory too.
    let authorities = add_authorities(&mut tool, spec, image, private)?;
    tool.env("SSL_CERT_FILE", authorities).env_remove("SSL_CERT_DIR");
    Ok(tool)
}

/// Prepares uv.
pub(super) fn uv_install(
    uv: &Path,
    python: &Path,
    spec: &InstallSpec,
    image: &ImageSettings,
    dirs: InstallDirs<'_>,
) -> Result<Command, InstallError> {
    let InstallDirs { target, private, cache } = dirs;
    let mut tool = uv_command(uv, python, spec, image, private)?;
    if !spec.extra_indexes.is_empty() {
        // Behaves like pip: the best version wins, from whichever index.
        tool.args(["--index-strategy", "unsafe-best-match"]);
    }
    // Hard links are fast, but need one volume.
    let mode = if is_same_volume(cache, target) { "hardlink" } else { "copy" };
    tool.args(["--link-mode", mode]).env("UV_CACHE_DIR", cache.join("uv"));
    Ok(tool)
}

/// Variable of git for the file with certificate authorities.
const GIT_AUTHORITIES: &str = "GIT_SSL_CAINFO";

/// Name of pip's log in the private directory.
pub(super) const PIP_LOG: &str = "pip.log";

/// Prepares the image's pip. A setting of the spec replaces that of the image; hosts are trusted by either.
pub(super) fn pip_install(
    python: &Path,
    spec: &InstallSpec,
    image: &ImageSettings,
    private: &Path,
) -> Result<Command, InstallError> {
    let mut tool = subprocess::with_container_env(python, private);
    image.apply_to_pip(&mut tool);
    tool.args(["-m", "pip", "install", "--no-input", "--no-cache-dir", "--disable-pip-version-check"]);
    tool.args(["--no-compile", "--no-warn-script-location", "--progress-bar", "off", "--no-color"]);
    tool.env("PIP_ROOT_USER_ACTION", "ignore");
    tool.args(["--timeout", "30", "--retries", "2", "--log"]).arg(private.join(PIP_LOG));
    let mut netrc = Netrc::default();
    let mut indexes = |name: &str, of_spec: Vec<&String>| {
        let of_spec: Vec<String> = of_spec.into_iter().map(|url| spec.secrets.add_login(url)).collect();
        let of_image = || image.pip(name).into_iter().flat_map(str::split_whitespace).map(str::to_owned);
        let urls = if of_spec.is_empty() { of_image().collect() } else { of_spec };
        let urls: Vec<String> = urls.iter().map(|url| netrc.extract_login(url)).collect();
        if !urls.is_empty() {
            tool.env(pip_variable(name), urls.join(" "));
        }
    };
    indexes("index-url", spec.index.iter().collect());
    indexes("extra-index-url", spec.extra_indexes.iter().collect());
    let authorities = add_authorities(&mut tool, spec, image, private)?;
    // pip prefers the variable of requests to its own.
    tool.env(pip_variable("cert"), &authorities).env("REQUESTS_CA_BUNDLE", &authorities);
    if spec.index.is_some() || !spec.extra_indexes.is_empty() {
        tool.env_remove(pip_variable("no-index"));
    }
    tool.env("NETRC", private_file::write(private.join("netrc"), &netrc.to_string())?);
    if !spec.trusted_hosts.is_empty() {
        let of_image = image.pip("trusted-host").into_iter().flat_map(str::split_whitespace);
        let hosts: Vec<&str> = of_image.chain(spec.trusted_hosts.iter().map(String::as_str)).collect();
        tool.env(pip_variable("trusted-host"), hosts.join(" "));
    }
    Ok(tool)
}
