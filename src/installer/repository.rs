//! The logins of Git repositories, where git finds them and nobody else.
//!
//! pip and uv pass the address of a repository to git as an argument, and git to its helpers, so a
//! login in it would be for everybody to see. git's own credential helper reads it from a file.

use std::{collections::BTreeSet, path::Path};

use super::{command, credentials::Secrets, failure::Failure, private_file};

/// Requirements whose repositories' logins stand apart.
#[derive(Debug)]
pub struct Apart {
    /// The requirements.
    pub packages: Vec<String>,
    /// What git has to be told, as `git config` would.
    pub settings: Vec<(String, String)>,
}

/// A repository with a login in its address.
#[derive(Debug, PartialEq)]
struct Repository {
    /// The requirement without the login.
    requirement: String,
    /// `https://`.
    scheme: String,
    /// The login, as it stands in an address.
    login: String,
    /// The host, and the port.
    host: String,
    /// What comes after the host, without revision.
    path: String,
}

/// Writes the logins to files in a folder that only this user reads.
///
/// A git before 2.31 does not read settings from its environment; its logins stay where they are. So
/// do mere user names: the image may know the password.
pub async fn apart(packages: &[String], secrets: &Secrets, folder: &Path) -> Result<Apart, Failure> {
    let is_secret = |r: &Repository| r.login.contains(':') || secrets.redact(&r.login) != r.login;
    let find = |package: &String| Repository::find(package).filter(is_secret);
    let found: Vec<Option<Repository>> = packages.iter().map(find).collect();
    let unchanged = Apart { packages: packages.to_vec(), settings: Vec::new() };
    if found.iter().all(Option::is_none) || !reads_its_environment().await {
        return Ok(unchanged);
    }
    let mut settings = Vec::new();
    for (i, (place, login)) in places(found.iter().flatten()).into_iter().enumerate() {
        let text = format!("{}{login}@{}\n", place.0, place.1);
        let file = private_file::write(folder.join(format!("git-{i}")), &text)?;
        let key = format!("credential.{}{}{}.helper", place.0, place.1, place.2);
        // What the image would ask first is not asked: an address with a login goes before it too.
        settings.push((key.clone(), String::new()));
        settings.push((key, format!("store --file '{}'", file.display())));
    }
    let without = packages.iter().zip(found);
    let without = without.map(|(package, found)| found.map_or_else(|| package.clone(), |r| r.requirement));
    Ok(Apart { packages: without.collect(), settings })
}

/// Scheme, host and path, with the login for it. A host with one login has it as a whole, so that
/// submodules have it too; else each repository has its own.
fn places<'a>(
    repositories: impl Iterator<Item = &'a Repository> + Clone,
) -> BTreeSet<((&'a str, &'a str, &'a str), String)> {
    let logins = |r: &Repository| {
        let same = repositories.clone().filter(|other| (&other.scheme, &other.host) == (&r.scheme, &r.host));
        same.map(|other| other.login.as_str()).collect::<BTreeSet<_>>().len()
    };
    let place = |r: &'a Repository| {
        let path = if logins(r) == 1 { "" } else { r.path.as_str() };
        // The file's form wants a password, if only an empty one.
        let colon = if r.login.contains(':') { "" } else { ":" };
        ((r.scheme.as_str(), r.host.as_str(), path), format!("{}{colon}", r.login))
    };
    repositories.clone().map(place).collect()
}

impl Repository {
    fn find(requirement: &str) -> Option<Self> {
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

/// The variables by which git gets settings, in pairs of name and value, beside those that it has.
pub fn variables(settings: &[(String, String)]) -> Vec<(String, String)> {
    if settings.is_empty() {
        return Vec::new();
    }
    let has = std::env::var(COUNT).ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    let pair = |(i, (key, value)): (usize, &(String, String))| {
        [
            (format!("GIT_CONFIG_KEY_{}", has + i), key.clone()),
            (format!("GIT_CONFIG_VALUE_{}", has + i), value.clone()),
        ]
    };
    let count = (COUNT.to_owned(), (has + settings.len()).to_string());
    settings.iter().enumerate().flat_map(pair).chain([count]).collect()
}

const COUNT: &str = "GIT_CONFIG_COUNT";

/// Asks git for a setting that stands in its environment.
async fn reads_its_environment() -> bool {
    let mut git = command::plain("git");
    git.args(["config", "--get", "kaspr.probe"]);
    git.env(COUNT, "1").env("GIT_CONFIG_KEY_0", "kaspr.probe").env("GIT_CONFIG_VALUE_0", "read");
    git.output().await.is_ok_and(|output| output.stdout.starts_with(b"read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_found_where_it_stands() {
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
            let found = Repository::find(requirement).expect("a login");
            assert_eq!((&*found.requirement, &*found.login, &*found.path), (without, login, path));
        }
        for none in [
            "pandas>=2",
            "git+https://git.example/lib@v1",
            "git+ssh://git@git.example/lib",
            "lib @ https://tok@files.example/lib.whl",
        ] {
            assert_eq!(Repository::find(none), None);
        }
    }

    #[tokio::test]
    async fn a_mere_user_name_stays_where_it_is() {
        let mut secrets = Secrets::default();
        let token = secrets.fill("git+https://${TOKEN}@one/x", &|_| Some("t0ken".to_owned()));
        let packages = [token.expect("filled"), "git+https://git@two/x".to_owned()];
        let folder = tempfile::tempdir().expect("a folder");
        let apart = apart(&packages, &secrets, folder.path()).await.expect("files");
        assert_eq!(apart.packages, ["git+https://one/x", "git+https://git@two/x"]);
        let helper = format!("store --file '{}'", folder.path().join("git-0").display());
        let key = "credential.https://one.helper".to_owned();
        assert_eq!(apart.settings, [(key.clone(), String::new()), (key, helper)]);
        let written = std::fs::read_to_string(folder.path().join("git-0")).expect("a file");
        assert_eq!(written, "https://t0ken:@one\n");
    }

    #[test]
    fn a_host_with_two_logins_has_them_by_repository() {
        let find = |requirement: &str| Repository::find(requirement).expect("a login");
        let [one, two, other] =
            ["git+https://a@one/x@v1", "git+https://b:c@one/y", "git+https://a@two/x"].map(find);
        let expected = [
            (("https://", "one", "/x"), "a:".to_owned()),
            (("https://", "one", "/y"), "b:c".to_owned()),
            (("https://", "two", ""), "a:".to_owned()),
        ];
        assert_eq!(places([&one, &two, &other].into_iter()), BTreeSet::from(expected));
        assert_eq!(places([&one, &one].into_iter()).len(), 1);
    }
}
