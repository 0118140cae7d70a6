//! What the app's image configures for pip and uv. Only settings that this module lists reach the tools: others
//! may change where packages are written, or whether they are.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::Deserialize;
use tokio::process::Command;

use super::subprocess;

/// Settings of pip that are honored, as pip names them. Any of them requires pip, because uv does not read them.
pub(crate) const PIP_SETTINGS: [&str; 23] = [
    "index-url",
    "extra-index-url",
    "no-index",
    "find-links",
    "trusted-host",
    "client-cert",
    "proxy",
    "keyring-provider",
    "constraint",
    "build-constraint",
    "pre",
    "all-releases",
    "only-final",
    "uploaded-prior-to",
    "prefer-binary",
    "only-binary",
    "no-binary",
    "no-build-isolation",
    "use-pep517",
    "config-settings",
    "ignore-requires-python",
    "use-feature",
    "use-deprecated",
];

/// Variables of uv that are honored. The installer sets further ones itself.
pub(crate) const UV_VARIABLES: [&str; 25] = [
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_INDEX_STRATEGY",
    "UV_INSECURE_HOST",
    "UV_KEYRING_PROVIDER",
    "UV_HTTP_RETRIES",
    "UV_CONSTRAINT",
    "UV_BUILD_CONSTRAINT",
    "UV_OVERRIDE",
    "UV_EXCLUDE_NEWER",
    "UV_PRERELEASE",
    "UV_RESOLUTION",
    "UV_NO_BUILD",
    "UV_NO_BUILD_PACKAGE",
    "UV_NO_BINARY",
    "UV_NO_BINARY_PACKAGE",
    "UV_NO_BUILD_ISOLATION",
    "UV_NO_SOURCES",
    "UV_TORCH_BACKEND",
    "UV_CONCURRENT_BUILDS",
    "UV_CONCURRENT_DOWNLOADS",
    "UV_CONCURRENT_INSTALLS",
];

/// A setting of the image's pip.
#[derive(Clone, Debug, PartialEq)]
struct PipSetting {
    value: String,
    /// Where the value comes from, for the log.
    source: String,
}

/// The settings of the image that are honored.
#[derive(Debug, Default)]
pub(crate) struct ImageSettings {
    pip: BTreeMap<String, PipSetting>,
    /// Whether pip has listed the content of its files, so that it need not read them again.
    is_complete: bool,
    /// Files with the certificate authorities that the image's Python and pip trust.
    pub certificates: Vec<PathBuf>,
}

/// Lists pip's settings as JSON, without those of the environment, and the files with the certificate authorities of
/// Python and of pip. pip knows which files there are: of the system, of the user, and of a virtual environment. The
/// first variable keeps pip from starting the interpreter that such a file names, and the others make it list all files.
const LIST: &str = "
import ast, json, os, subprocess, sys
os.environ.update(_PIP_RUNNING_IN_SUBPROCESS='1', PIP_LOG=os.devnull)
os.environ.update({'PIP_' + name: '0' for name in ('ISOLATED', 'QUIET', 'VERBOSE', 'GLOBAL', 'USER', 'SITE')})
pip = subprocess.run([sys.executable, '-m', 'pip', '--no-input', 'config', 'list'], stdin=subprocess.DEVNULL,
                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
lines = pip.stdout.decode(errors='replace').splitlines() if pip.returncode == 0 else []
pairs = [line.partition('=') for line in lines]
certificates = []
try:
    import ssl
    certificates.append(ssl.get_default_verify_paths().openssl_cafile)
    from pip._vendor import certifi
    certificates.append(certifi.where())
except ImportError:
    pass
print(json.dumps({
    'certificates': [path for path in certificates if path and os.path.isfile(path)],
    'listed': pip.returncode == 0,
    'settings': [[key, ast.literal_eval(value)] for key, _, value in pairs if value[:1] in ('\"', \"'\")],
}))
";

/// Variables that determine where Python finds pip, and pip its files.
const LOCATIONS: [&str; 6] =
    [PIP_CONFIG_FILE, "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "PYTHONPATH", "PYTHONUSERBASE", "VIRTUAL_ENV"];

/// Output of [`LIST`].
#[derive(Default, Deserialize)]
struct Listed {
    listed: bool,
    settings: Vec<(String, String)>,
    certificates: Vec<PathBuf>,
}

impl ImageSettings {
    /// Reads the settings from the environment, and those of pip's files from pip.
    pub(crate) async fn read(python: &Path, scratch: &Path) -> Self {
        let mut pip = subprocess::isolated(python);
        pip.env("HOME", subprocess::home(scratch)).env("TMPDIR", scratch);
        for name in LOCATIONS {
            if let Some(value) = std::env::var_os(name) {
                pip.env(name, value);
            }
        }
        pip.args(["-c", LIST]).stdin(Stdio::null()).stderr(Stdio::null());
        let output = pip.output().await.map(|output| output.stdout).unwrap_or_default();
        let listed: Listed = serde_json::from_slice(&output).unwrap_or_default();
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        });
        Self::new(listed, variables)
    }

    /// Merges settings as pip does: those of the command precede those of all commands, and variables precede both.
    fn new(listed: Listed, variables: impl Iterator<Item = (String, String)>) -> Self {
        let Listed { listed, settings: of_files, certificates } = listed;
        let mut settings = Self { pip: BTreeMap::new(), is_complete: listed, certificates };
        for wanted in ["global", "install"] {
            for (key, value) in &of_files {
                if let Some((section, name)) = key.split_once('.')
                    && section == wanted
                {
                    settings.add(name, value, format!("{name} in pip's configuration"));
                }
            }
        }
        for (variable, value) in variables {
            if let Some(name) = variable.strip_prefix("PIP_") {
                settings.add(&name.to_ascii_lowercase().replace('_', "-"), &value, variable.clone());
            }
        }
        settings
    }

    fn add(&mut self, name: &str, value: &str, source: String) {
        if value.trim().is_empty() {
            return;
        }
        if name == "cert" {
            self.certificates.push(PathBuf::from(value));
        }
        if PIP_SETTINGS.contains(&name) {
            self.pip.insert(name.to_owned(), PipSetting { value: value.to_owned(), source });
        }
    }

    /// Returns a setting of pip.
    pub(crate) fn pip(&self, name: &str) -> Option<&str> {
        self.pip.get(name).map(|setting| setting.value.as_str())
    }

    /// Returns where the first setting that requires pip comes from, if there is one.
    pub(crate) fn requires_pip(&self) -> Option<&str> {
        self.pip.values().map(|setting| setting.source.as_str()).next()
    }

    /// Returns the addresses in the settings. They may contain passwords.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = String> {
        let of_pip = ["index-url", "extra-index-url", "find-links", "proxy"].map(|name| self.pip(name));
        let of_pip = of_pip.into_iter().flatten().map(str::to_owned);
        let of_uv = UV_VARIABLES.iter().filter_map(|name| std::env::var(name).ok());
        let words = |value: String| value.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        of_pip.chain(of_uv).flat_map(words)
    }

    /// Limits pip to the honored settings.
    pub(crate) fn apply_to_pip(&self, pip: &mut Command) {
        let files = std::env::var_os(PIP_CONFIG_FILE);
        remove_variables(pip, "PIP_");
        for (name, setting) in &self.pip {
            pip.env(pip_variable(name), &setting.value);
        }
        if self.is_complete {
            pip.env(PIP_CONFIG_FILE, "/dev/null");
        } else if let Some(files) = files {
            pip.env(PIP_CONFIG_FILE, files);
        }
    }

    /// Limits uv to the honored variables, and to indexes that the spec does not name.
    pub(crate) fn apply_to_uv(uv: &mut Command, has_index: bool, has_extra_indexes: bool) {
        let replaced = |name: &str| {
            (has_index && ["UV_DEFAULT_INDEX", "UV_INDEX_URL"].contains(&name))
                || (has_extra_indexes && ["UV_INDEX", "UV_EXTRA_INDEX_URL"].contains(&name))
        };
        for name in variable_names("UV_") {
            if !is_honored_by_uv(&name) || replaced(&name) {
                uv.env_remove(name);
            }
        }
    }
}

/// Variable that names pip's configuration file.
const PIP_CONFIG_FILE: &str = "PIP_CONFIG_FILE";

/// Returns the variable of a setting of pip.
pub(crate) fn pip_variable(name: &str) -> String {
    format!("PIP_{}", name.to_ascii_uppercase().replace('-', "_"))
}

/// Logins of named indexes have the name of the index in the variable.
fn is_honored_by_uv(name: &str) -> bool {
    let is_login =
        name.starts_with("UV_INDEX_") && (name.ends_with("_USERNAME") || name.ends_with("_PASSWORD"));
    is_login || UV_VARIABLES.contains(&name)
}

fn remove_variables(command: &mut Command, prefix: &str) {
    for name in variable_names(prefix) {
        command.env_remove(name);
    }
}

fn variable_names(prefix: &str) -> impl Iterator<Item = String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(move |name| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_that_change_nothing_else_are_honored() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let files = [
            ("install.index-url", "https://install"),
            ("global.index-url", "https://global"),
            ("global.extra-index-url", "https://extra"),
            ("global.target", "/elsewhere"),
            ("download.find-links", "/wheels"),
        ];
        let files = files.map(|(key, value)| pair(key, value));
        let listed = Listed { listed: true, settings: files.to_vec(), ..Listed::default() };
        let variables = [
            ("PIP_USER", "1"),
            ("PIP_EXTRA_INDEX_URL", "https://variable"),
            ("PIP_PRE", ""),
            ("PIP_CERT", "/ca.crt"),
        ];
        let settings =
            ImageSettings::new(listed, variables.map(|(name, value)| pair(name, value)).into_iter());
        assert_eq!(settings.pip("index-url"), Some("https://install"));
        assert_eq!(settings.pip("extra-index-url"), Some("https://variable"));
        for name in ["target", "user", "find-links", "pre"] {
            assert_eq!(settings.pip(name), None, "{name}");
        }
        // uv receives certificates too.
        assert_eq!(settings.certificates, [PathBuf::from("/ca.crt")]);
        assert_eq!(settings.requires_pip(), Some("PIP_EXTRA_INDEX_URL"));
    }

    #[test]
    fn the_documentation_lists_the_honored_settings() {
        let text = include_str!("../../../../../docs/packages.md");
        let settings = PIP_SETTINGS.map(pip_variable);
        for name in settings.iter().map(String::as_str).chain(UV_VARIABLES) {
            assert!(text.contains(&format!("`{name}`")), "{name}");
        }
    }
}
