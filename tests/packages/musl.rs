//! A Python that is linked with musl, as in images of Alpine. No index provides it, so the test needs one on
//! the machine; `musl-python.sh` builds it.

use std::{env, process::Command};

use kaspr_operator::api::PackageSource;

use crate::installer::{Tool, Volume};

#[test]
#[ignore = "needs a Python of musl, its program in MUSL_PYTHON, and an index with markupsafe"]
fn compiled_packages_for_musl_are_installed_and_work() {
    let python = env::var_os("MUSL_PYTHON").expect("MUSL_PYTHON");
    let volume = Volume::new();
    let outcome = volume.container("app-0", "musl", Tool::Uv, &["markupsafe"]).env("PYTHON", &python).run();
    outcome.assert_from(PackageSource::Index);
    assert!(outcome.report.python.as_deref().is_some_and(|python| python.ends_with(", musl)")));
    let compiled = "import markupsafe._speedups as s; print(s.__file__)";
    let loaded = Command::new(&python)
        .args(["-c", compiled])
        .env("PYTHONPATH", volume.root().join("members/app-0"))
        .output()
        .expect("Python");
    let output = String::from_utf8_lossy(&loaded.stdout);
    assert!(loaded.status.success() && output.contains("musl"), "{output}{:?}", outcome.report);
}
