//! uv, as its own project releases it.

use std::{env, fs, path::PathBuf, process::Command, sync::LazyLock};

/// The version that the operator's image brings.
const VERSION: &str = include_str!("../../deploy/uv-version");

static UV: LazyLock<PathBuf> = LazyLock::new(|| {
    let home = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))
        .expect("a cache folder");
    let folder = home.join("kaspr-operator").join(format!("uv-{}", VERSION.trim()));
    let uv = folder.join("bin/uv");
    if !uv.is_file() {
        let fresh = tempfile::tempdir().expect("a folder");
        let wanted = format!("uv=={}", VERSION.trim());
        let pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target"];
        let made = Command::new("python3").args(pip).arg(fresh.path()).arg(wanted).status();
        assert!(made.expect("Python").success(), "pip installs uv");
        fs::create_dir_all(uv.parent().expect("a folder")).expect("a folder");
        // Another process may be at it.
        let beside = uv.with_extension(std::process::id().to_string());
        fs::copy(fresh.path().join("bin/uv"), &beside).expect("copied");
        fs::rename(&beside, &uv).expect("renamed");
    }
    uv
});

/// Where uv is; the first call fetches it.
pub fn uv() -> PathBuf {
    UV.clone()
}

/// What Python prints.
pub fn python(code: &str) -> String {
    let output = Command::new("python3").args(["-c", code]).output().expect("Python");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
