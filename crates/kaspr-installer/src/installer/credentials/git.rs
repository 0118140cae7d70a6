//! Logins of Git repositories in private files.
//!
//! pip and uv pass the address of a repository to git as an argument, and git passes it to its helpers,
//! so other users could read a login in it. git's credential helper `store` reads logins from a file.

use std::{collections::BTreeSet, path::Path};

use super::{private_file, secrets::Secrets};
use crate::installer::{error::InstallError, tool::subprocess};

/// Requirements without the logins of their repositories.
#[derive(Debug)]
pub(crate) struct SplitLogins {
    /// Requirements.
    pub packages: Vec<String>,
    /// Settings of git that configure the logins, as names and values of `git config`.
    pub settings: Vec<(String, String)>,
}

/// A repository with a login in its address.
#[derive(Debug, PartialEq)]
struct Repository {
    /// Requirement without the login.
    requirement: String,
    /// Scheme with its separator, such as `https://`.
    scheme: String,
    /// Login, percent-encoded as in an address.
    login: String,
    /// Host, with the port if there is one.
    host: String,
    /// Path, without the revision.
    path: String,
}

/// Moves the logins of repositories to private files in a directory.
///
/// git before 2.31 does not read settings from its environment; logins then stay in the addresses. A user
/// name without a password that is not a secret stays too, because the image may configure the password.
///
/// # Errors
///
/// A file cannot be written.
pub(crate) async fn split_logins(
    packages: &[String],
    secrets: &Secrets,
    folder: &Path,
) -> Result<SplitLogins, InstallError> {
    let is_secret = |r: &Repository| r.login.contains(':') || secrets.redact(&r.login) != r.login;
    let parse = |package: &String| Repository::parse(package).filter(is_secret);
    let found: Vec<Option<Repository>> = packages.iter().map(parse).collect();
    let unchanged = SplitLogins { packages: packages.to_vec(), settings: Vec::new() };
    if found.iter().all(Option::is_none) || !supports_config_variables().await {
        return Ok(unchanged);
    }
    let mut settings = Vec::new();
    for (i, (scope, login)) in login_scopes(found.iter().flatten()).into_iter().enumerate() {
        let text = format!("{}{login}@{}\n", scope.0, scope.1);
        let file = private_file::write(folder.join(format!("git-{i}")), &text)?;
        let key = format!("credential.{}{}{}.helper", scope.0, scope.1, scope.2);
        // An empty value removes the helpers that the image configures: a login in an address has
        // precedence too.
        settings.push((key.clone(), String::new()));
        settings.push((key, format!("store --file '{}'", file.display())));
    }
    let without = packages.iter().zip(found);
    let without = without.map(|(package, found)| found.map_or_else(|| package.clone(), |r| r.requirement));
    Ok(SplitLogins { packages: without.collect(), settings })
}

/// Returns scheme, host and path, each with its login. If all repositories of a host have the same login,
/// it applies to the whole host, so that it works for submodules too. Otherwise each repository has its
/// own.
fn login_scopes<'a>(
    repositories: impl Iterator<Item = &'a Repository> + Clone,
) -> BTreeSet<((&'a str, &'a str, &'a str), String)> {
    let logins = |r: &Repository| {
        let same = repositories.clone().filter(|other| (&other.scheme, &other.host) == (&r.scheme, &r.host));
        same.map(|other| other.login.as_str()).collect::<BTreeSet<_>>().len()
    };
    let scope = |r: &'a Repository| {
        let path = if logins(r) == 1 { "" } else { r.path.as_str() };
        // The file format requires a password, which may be empty.
        let colon = if r.login.contains(':') { "" } else { ":" };
        ((r.scheme.as_str(), r.host.as_str(), path), format!("{}{colon}", r.login))
    };
    repositories.clone().map(scope).collect()
}

impl Repository {
    /// Parses a requirement. Returns `None` if it is not a repository with a login.
    fn parse(requirement: &str) -> Option<Self> {
        let start = ["git+https://", "git+http://"].iter().find_map(|scheme| requirement.find(scheme))?;
        let (before, address) = requirement.split_at(start + "git+".len());
        let (scheme, rest) = address.split_once("://")?;
        let end = |c: char| c.is_whitespace() || ['/', '?', '#', ';'].contains(&c);
        let (authority, tail) = rest.split_at(rest.find(end).unwrap_or(rest.len()));
        let (login, host) = authority.rsplit_once('@')?;
        let end = |c: char| c.is_whitespace() || ['?', '#', ';'].contains(&c);
        let path = &tail[..tail.find(end).unwrap_or(tail.len())];
        let path = path.rsplit_once('@').map_or(path, |(path, _revision)| path);
        Some(Self {
            requirement: format!("{before}{scheme}://{host}{tail}"),
            scheme: format!("{scheme}://"),
            login: login.to_owned(),
            host: host.to_owned(),
            path: path.to_owned(),
        })
    }
}

/// Returns the environment variables that pass settings to git, in addition to those that are set already.
pub(crate) fn config_variables(settings: &[(String, String)]) -> Vec<(String, String)> {
    if settings.is_empty() {
        return Vec::new();
    }
    let existing = std::env::var(COUNT).ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    let pair = |(i, (key, value)): (usize, &(String, String))| {
        [
            (format!("GIT_CONFIG_KEY_{}", existing + i), key.clone()),
            (format!("GIT_CONFIG_VALUE_{}", existing + i), value.clone()),
        ]
    };
    let count = (COUNT.to_owned(), (existing + settings.len()).to_string());
    settings.iter().enumerate().flat_map(pair).chain([count]).collect()
}

/// git's variable for the number of settings in the environment.
const COUNT: &str = "GIT_CONFIG_COUNT";

/// Whether git reads settings from its environment: queries a setting that is only there.
async fn supports_config_variables() -> bool {
    let mut git = subprocess::isolated("git");
    git.args(["config", "--get", "kaspr.probe"]);
    git.env(COUNT, "1").env("GIT_CONFIG_KEY_0", "kaspr.probe").env("GIT_CONFIG_VALUE_0", "read");
    git.output().await.is_ok_and(|output| output.stdout.starts_with(b"read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_parsed_from_an_address() {
        for (requirement, without, login, path) in [
            (
                "git+https://tok@git.example/team/lib.git@v1.2",
                "git+https://git.example/team/lib.git@v1.2",
                "tok",
                "/team/lib.git",
            ),
            (
                "lib[fast] @ git+https://me:p%40ss@git.example:8443/lib#subdirectory=a@b ; python_version > '3.9'",
                "lib[fast] @ git+https://git.example:8443/lib#subdirectory=a@b ; python_version > '3.9'",
                "me:p%40ss",
                "/lib",
            ),
            ("git+http://a@b@git.example", "git+http://git.example", "a@b", ""),
        ] {
            let found = Repository::parse(requirement).expect("a login");
            assert_eq!((&*found.requirement, &*found.login, &*found.path), (without, login, path));
        }
        for none in [
            "pandas>=2",
            "git+https://git.example/lib@v1",
            "git+ssh://git@git.example/lib",
            "lib @ https://tok@files.example/lib.whl",
        ] {
            assert_eq!(Repository::parse(none), None);
        }
    }

    #[tokio::test]
    async fn a_user_name_without_a_secret_stays_in_the_address() {
        let mut secrets = Secrets::default();
        let token = secrets.expand("git+https://${TOKEN}@one/x", &|_| Some("t0ken".to_owned()));
        let packages = [token.expect("expanded"), "git+https://git@two/x".to_owned()];
        let folder = tempfile::tempdir().expect("a folder");
        let split = split_logins(&packages, &secrets, folder.path()).await.expect("files");
        assert_eq!(split.packages, ["git+https://one/x", "git+https://git@two/x"]);
        let helper = format!("store --file '{}'", folder.path().join("git-0").display());
        let key = "credential.https://one.helper".to_owned();
        assert_eq!(split.settings, [(key.clone(), String::new()), (key, helper)]);
        let written = std::fs::read_to_string(folder.path().join("git-0")).expect("a file");
        assert_eq!(written, "https://t0ken:@one\n");
    }

    #[test]
    fn a_host_with_two_logins_has_one_for_each_repository() {
        let parse = |requirement: &str| Repository::parse(requirement).expect("a login");
        let [one, two, other] =
            ["git+https://a@one/x@v1", "git+https://b:c@one/y", "git+https://a@two/x"].map(parse);
        let expected = [
            (("https://", "one", "/x"), "a:".to_owned()),
            (("https://", "one", "/y"), "b:c".to_owned()),
            (("https://", "two", ""), "a:".to_owned()),
        ];
        assert_eq!(login_scopes([&one, &two, &other].into_iter()), BTreeSet::from(expected));
        assert_eq!(login_scopes([&one, &one].into_iter()).len(), 1);
    }
}
