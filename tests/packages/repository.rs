//! Packages from a Git repository, built during the test.

use std::{fs, path::Path, process::Command};

use kaspr_operator::api::PackageSource;
use tempfile::TempDir;

use crate::{
    index::Index,
    installer::{TOOLS, Volume},
    wheels::Wheel,
};

const PROJECT: &str = r#"
[build-system]
requires = [REQUIRES]
build-backend = "backend"
backend-path = ["."]

[project]
name = "kaspr-repo"
version = "1.0"
"#;

/// A build backend without dependencies, because the index of the test has no other packages.
const BACKEND: &str = r#"
import zipfile

def build_wheel(folder, settings=None, metadata=None):
    name = "kaspr_repo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(folder + "/" + name, "w") as wheel:
        wheel.writestr("kaspr_repo.py", "VERSION = '1.0'\n")
        info = "kaspr_repo-1.0.dist-info/"
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: kaspr-repo\nVersion: 1.0\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(info + "RECORD", "")
    return name
"#;

fn git(folder: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"];
    let ran = Command::new("git").args(identity).args(arguments).current_dir(folder).output().expect("git");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// Creates a repository with a tag; its build requires a package.
pub(crate) fn create(requires: &str) -> TempDir {
    let repository = tempfile::tempdir().expect("a directory");
    fs::write(repository.path().join("pyproject.toml"), PROJECT.replace("REQUIRES", requires))
        .expect("written");
    fs::write(repository.path().join("backend.py"), BACKEND).expect("written");
    for arguments in [&["init", "-q"][..], &["add", "."], &["commit", "-q", "-m", "first"], &["tag", "v1"]] {
        git(repository.path(), arguments);
    }
    // Allows a server to serve the repository as plain files.
    git(repository.path(), &["update-server-info"]);
    repository
}

/// Asserts that Python finds the installed package.
pub(crate) fn assert_installed(volume: &Volume) {
    assert_eq!(volume.python("app-0", "import kaspr_repo; print(kaspr_repo.VERSION)"), "1.0");
}

#[test]
fn a_repository_is_built_and_installed() {
    let repository = create("");
    let index = Index::new(&[Wheel::new("kaspr-other", "1.0")]);
    let package = format!("git+file://{}@v1", repository.path().display());
    for tool in TOOLS {
        let volume = Volume::new();
        let container = volume.container("app-0", "repository", tool, &[&package]);
        let outcome = container.env("INDEX_URL", index.url("open")).run();
        outcome.assert_from(PackageSource::Index);
        assert_installed(&volume);
    }
}
