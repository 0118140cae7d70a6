//! Images that configure pip and uv in ways that would break an install.

use std::fs;

use kaspr_operator::api::{InstallErrorType, PackageSource};

use crate::{
    index::Index,
    installer::{Container, Outcome, TOOLS, Tool, Volume},
    shims, tools,
    wheels::Wheel,
};

const NEEDED: Wheel = Wheel::new("kaspr-needed", "1.0");
const WANTED: Wheel = Wheel { requires: &["kaspr-needed"], ..Wheel::new("kaspr-wanted", "1.0") };

/// Settings of pip that change where it writes, whether it does, or what it reads.
const PIP: [(&str, &str); 18] = [
    ("user", "1"),
    ("prefix", "/nonexistent/prefix"),
    ("target", "/nonexistent/target"),
    ("root", "/nonexistent/root"),
    ("dry-run", "1"),
    ("require-virtualenv", "1"),
    ("no-deps", "1"),
    ("python", "/nonexistent/python"),
    ("report", "/nonexistent/report"),
    // pip creates the directory of its log, which other tests expect not to exist.
    ("log", "/dev/null"),
    ("require-hashes", "1"),
    ("requirement", "/nonexistent/requirements.txt"),
    ("editable", "/nonexistent/editable"),
    ("platform", "win32"),
    ("python-version", "2.7"),
    ("upgrade", "1"),
    ("quiet", "3"),
    ("isolated", "1"),
];

const UV: [(&str, &str); 12] = [
    ("UV_OFFLINE", "1"),
    ("UV_REQUIRE_HASHES", "1"),
    ("UV_WORKING_DIR", "/nonexistent"),
    ("UV_PROJECT", "/nonexistent"),
    ("UV_MANAGED_PYTHON", "1"),
    ("UV_NO_CONFIG", "1"),
    ("UV_CONFIG_FILE", "/nonexistent"),
    ("UV_SYSTEM_PYTHON", "1"),
    ("UV_PYTHON", "2.7"),
    ("UV_EXCLUDE", "/nonexistent"),
    ("UV_INDEX_URL", "http://127.0.0.1:9/simple"),
    ("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple"),
];

fn assert_complete(volume: &Volume, outcome: &Outcome) {
    outcome.assert_from(PackageSource::Index);
    let mut installed = outcome.report.installed.clone();
    installed.sort();
    assert_eq!(installed, ["kaspr-needed==1.0", "kaspr-wanted==1.0"], "{}", outcome.log);
    assert_eq!(volume.python("app-0", "import kaspr_wanted as w, kaspr_needed; print(w.VERSION)"), "1.0");
}

#[test]
fn no_variable_of_the_image_breaks_or_empties_an_install() {
    let index = Index::new(&[NEEDED, WANTED]);
    for tool in TOOLS {
        let volume = Volume::new();
        let container = volume.container("app-0", "variables", tool, &["kaspr-wanted"]);
        let variables =
            PIP.map(|(name, value)| (format!("PIP_{}", name.to_uppercase().replace('-', "_")), value));
        let container =
            variables.iter().fold(container, |container, (name, value)| container.env(name, value));
        let container = UV.iter().fold(container, |container, (name, value)| container.env(name, value));
        assert_complete(&volume, &container.env("INDEX_URL", index.url("open")).run());
    }
}

#[test]
fn no_file_of_the_image_breaks_or_empties_an_install() {
    let index = Index::new(&[NEEDED, WANTED]);
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("pip.conf");
    let lines = PIP.map(|(name, value)| format!("{name} = {value}\n")).concat();
    fs::write(&file, format!("[global]\n{lines}[install]\n{lines}index-url = {}\n", index.url("open")))
        .expect("written");
    let volume = Volume::new();
    let container = volume.container("app-0", "files", Tool::Pip, &["kaspr-wanted"]);
    assert_complete(&volume, &container.env("PIP_CONFIG_FILE", &file).run());
}

#[test]
fn a_tool_that_installs_nothing_has_failed() {
    let folder = tempfile::tempdir().expect("a directory");
    let run = |container: Container| {
        let outcome = container.run();
        assert!(!outcome.starts, "{}", outcome.log);
        assert_eq!(outcome.report.error_type, Some(InstallErrorType::Unknown));
        let message = outcome.report.message.unwrap_or_default();
        assert!(
            message.contains("reported success, but did not install kaspr-wanted: check the"),
            "{message}"
        );
    };
    let volume = Volume::new();
    let container = volume.container("app-0", "nothing", Tool::Uv, &["Kaspr_Wanted>=1"]);
    run(container.env("UV", shims::wrap(folder.path(), &tools::uv(), "exit 0")));
    let container = volume.container("app-0", "nothing", Tool::Pip, &["Kaspr_Wanted>=1"]);
    let python = shims::wrap_python(folder.path(), "case \"$*\" in *'pip install'*) exit 0;; esac");
    run(container.env("PYTHON", python));
    assert_eq!(volume.names("sets"), ["empty"]);
}

/// Installs over TLS. `SSL_CERT_FILE` and `SSL_CERT_DIR` stand for the store of an image, which this machine shares.
fn start_secured(index: &Index, tool: Tool, variables: &[(&str, &std::path::Path)]) -> Outcome {
    let volume = Volume::new();
    let container = volume.container("app-0", "secured", tool, &["kaspr-needed"]);
    let container = variables.iter().fold(container, |container, (name, value)| container.env(name, value));
    container.env("INDEX_URL", format!("https://{}/open/simple", index.secured())).run()
}

#[test]
fn certificate_authorities_of_the_image_are_trusted() {
    let index = Index::new(&[NEEDED]);
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("ca.pem");
    fs::write(&file, index.certificate()).expect("written");
    let none = folder.path().join("none.pem");
    for tool in TOOLS {
        // An image without a store: only the roots of the web are trusted, and the message says what to do.
        let outcome = start_secured(&index, tool, &[("SSL_CERT_FILE", &none)]);
        assert_eq!(outcome.report.error_type, Some(InstallErrorType::Network), "{tool:?}: {}", outcome.log);
        let message = outcome.report.message.unwrap_or_default();
        for part in ["pythonPackages.caSecret", "SSL_CERT_FILE", "trustedHosts"] {
            assert!(message.contains(part), "{tool:?}: {message}");
        }
        assert!(!message.contains("--system-certs"), "{message}");
        let names: &[&str] = match tool {
            Tool::Uv => &["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT"],
            Tool::Pip => &["SSL_CERT_FILE"],
        };
        for name in names {
            let variables = [("SSL_CERT_FILE", none.as_path()), (*name, file.as_path())];
            start_secured(&index, tool, &variables).assert_from(PackageSource::Index);
        }
        start_secured(&index, tool, &[("SSL_CERT_FILE", &none), ("SSL_CERT_DIR", folder.path())])
            .assert_from(PackageSource::Index);
    }
    // A file of pip that names only certificates does not require pip.
    let settings = folder.path().join("pip.conf");
    fs::write(&settings, format!("[global]\ncert = {}\n", file.display())).expect("written");
    let variables = [("SSL_CERT_FILE", none.as_path()), ("PIP_CONFIG_FILE", settings.as_path())];
    start_secured(&index, Tool::Uv, &variables).assert_from(PackageSource::Index);
}

#[test]
fn certificate_authorities_of_the_spec_are_trusted() {
    let index = Index::new(&[NEEDED]);
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("ca.crt");
    fs::write(&file, index.certificate()).expect("written");
    for tool in TOOLS {
        start_secured(&index, tool, &[("INDEX_CA_FILE", &file)]).assert_from(PackageSource::Index);
    }
    let none = folder.path().join("none");
    let outcome = start_secured(&index, Tool::Uv, &[("INDEX_CA_FILE", &none)]);
    let warning = format!("failed to read certificate authorities from {}", none.display());
    assert!(!outcome.starts && outcome.log.contains(&warning), "{}", outcome.log);
}

#[test]
fn pip_reports_its_configuration_wherever_it_is() {
    let index = Index::new(&[NEEDED]);
    let folder = tempfile::tempdir().expect("a directory");
    let path = |name: &str| folder.path().join(name);
    let virtual_env = path("venv");
    let made = std::process::Command::new("python3")
        .args(["-m", "venv", "--without-pip", "--system-site-packages"])
        .arg(&virtual_env)
        .status();
    assert!(made.expect("Python").success());
    fs::create_dir_all(path("xdg/pip")).expect("a directory");
    let settings = format!("[global]\nindex-url = {}\n", index.url("open"));
    fs::write(virtual_env.join("pip.conf"), &settings).expect("written");
    fs::write(path("xdg/pip/pip.conf"), &settings).expect("written");
    fs::create_dir(path("bin")).expect("a directory");
    let start = |variable: (&str, &std::path::Path)| {
        let volume = Volume::new();
        let container = volume.container("app-0", "files", Tool::Pip, &["kaspr-needed"]);
        container.bundled(&path("bin")).without("PIP_CONFIG_FILE").env(variable.0, variable.1).run()
    };
    for variable in [("XDG_CONFIG_HOME", path("xdg")), ("PYTHON", virtual_env.join("bin/python"))] {
        let outcome = start((variable.0, &variable.1));
        outcome.assert_from(PackageSource::Index);
        assert!(outcome.log.contains("pip, because the image sets index-url in pip's"), "{}", outcome.log);
    }
    // Settings that are not honored do not require pip.
    fs::write(path("xdg/pip/pip.conf"), "[global]\nuser = true\ntimeout = 5\n").expect("written");
    let volume = Volume::new();
    let container = volume.container("app-0", "files", Tool::Pip, &["kaspr-needed"]).bundled(&path("bin"));
    let container = container.without("PIP_CONFIG_FILE").env("XDG_CONFIG_HOME", path("xdg"));
    let outcome = container.env("PIP_PREFIX", "/nonexistent").env("INDEX_URL", index.url("open")).run();
    outcome.assert_from(PackageSource::Index);
    assert!(outcome.log.contains("installing with uv"), "{}", outcome.log);
}
