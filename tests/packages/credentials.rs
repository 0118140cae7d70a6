//! Credentials do not leak: not in arguments, not to programs that do not need them, and not in files that
//! remain.

use std::{fs, path::Path};

use kaspr_operator::api::PackageSource;
use walkdir::WalkDir;

use crate::{
    index::{GIT_TOKEN, Index, PASSWORD, USER},
    installer::{Container, TOOLS, Tool, Volume},
    repository,
    server::{ACCOUNT_KEY, CLOUDS, SECRET, Server},
    shims, tools,
    wheels::Wheel,
};

const WHEEL: Wheel = Wheel::new("kaspr-guarded", "1.0");
const DIRECT: Wheel = Wheel::new("kaspr-direct", "1.0");

/// Returns a script that records its arguments and its environment.
fn recording_script(seen: &Path) -> String {
    let seen = seen.display();
    format!("log=$(mktemp {seen}/seen.XXXXXX)\n{{ echo \"ARGS $*\"; env | sed 's/^/ENV /'; }} > $log")
}

/// Returns the encodings in which a secret may appear.
fn encodings(secret: &str) -> [String; 3] {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    [secret.to_owned(), encoded.replace('+', "%20"), STANDARD.encode(format!("{USER}:{secret}"))]
}

#[test]
fn no_credential_is_passed_on_or_left_behind() {
    const TOKEN: &str = "tok-6f1c9be2";
    for tool in TOOLS {
        for cloud in CLOUDS {
            let index = Index::new(&[WHEEL, DIRECT]);
            let (server, volume) = (Server::start(cloud), Volume::new());
            let seen = tempfile::tempdir().expect("a directory");
            let direct = index.file("open", &DIRECT.file()).replace("http://", "http://reader:${TOKEN}@");
            let direct = format!("kaspr-direct @ {direct}");
            let container = volume.container("app-0", "guarded", tool, &["kaspr-guarded", &direct]);
            let container = record_programs(server.configure(container), tool, seen.path())
                .env("INDEX_URL", index.url("auth"))
                .env("PYPI_USERNAME", USER)
                .env("PYPI_PASSWORD", PASSWORD)
                .env("TOKEN", TOKEN);
            let outcome = container.run();
            outcome.assert_from(PackageSource::Index);
            let report = serde_json::to_string(&outcome.report).expect("a report");
            for secret in [PASSWORD, TOKEN, SECRET, ACCOUNT_KEY] {
                for form in encodings(secret) {
                    assert!(!outcome.log.contains(&form), "{tool:?}: {secret} in the log: {}", outcome.log);
                    assert!(!report.contains(&form), "{tool:?}: {secret} in the report: {report}");
                    assert_not_passed(seen.path(), &form);
                    assert_not_in_files(&volume.root(), &form);
                }
            }
            let archives = tempfile::tempdir().expect("a directory");
            unpack_objects(&server, archives.path());
            for secret in [PASSWORD, TOKEN] {
                encodings(secret).iter().for_each(|form| assert_not_in_files(archives.path(), form));
            }
        }
    }
}

/// Python code that records arguments and environment of each Python process, like `recording_script`.
const SITE: &str = r#"
import os, sys, tempfile
number, path = tempfile.mkstemp(prefix="seen.", dir="SEEN")
with os.fdopen(number, "w") as log:
    log.write("ARGS " + " ".join(sys.orig_argv) + "\n")
    log.writelines(f"ENV {name}={value}\n" for name, value in os.environ.items())
"#;

#[test]
fn no_login_in_an_address_is_passed_on_or_left_behind() {
    let repository = repository::create("'kaspr-guarded'");
    let index = Index::with_repository(&[WHEEL], Some(repository.path().join(".git")));
    let [_, encoded, _] = encodings(PASSWORD);
    let login = format!("http://{USER}:${{INDEX_PASSWORD}}@");
    for tool in TOOLS {
        let (volume, seen) = (Volume::new(), tempfile::tempdir().expect("a directory"));
        fs::write(seen.path().join("sitecustomize.py"), SITE.replace("SEEN", &seen.path().to_string_lossy()))
            .expect("written");
        let git = tools::python("import shutil; print(shutil.which('git'))");
        shims::wrap(seen.path(), Path::new(&git), &recording_script(seen.path()));
        let package = format!("kaspr-repo @ {}@v1", index.repository("${GIT_TOKEN}"));
        let path = format!("{}:{}", seen.path().display(), std::env::var("PATH").expect("a path"));
        let trace = seen.path().join("seen.git");
        let container =
            record_programs(volume.container("app-0", "addresses", tool, &[&package]), tool, seen.path())
                .env("INDEX_URL", index.url("auth").replace("http://", &login))
                .env("INDEX_PASSWORD", &encoded)
                .env("GIT_TOKEN", GIT_TOKEN)
                .env("GIT_TRACE", &trace)
                .env("PYTHONPATH", seen.path())
                .env("PATH", path);
        let outcome = container.run();
        outcome.assert_from(PackageSource::Index);
        repository::assert_installed(&volume);
        // Only git's trace contains the processes that git starts.
        let started = fs::read_to_string(&trace).expect("a trace");
        assert!(started.contains("remote-http"), "{started}");
        for form in [PASSWORD, GIT_TOKEN].map(encodings).concat() {
            assert!(!started.contains(&form), "{form} in {started}");
            assert!(!outcome.log.contains(&form), "{tool:?}: {form} in the log: {}", outcome.log);
            assert_not_passed(seen.path(), &form);
            assert_not_in_files(&volume.root(), &form);
        }
    }
}

/// Records all programs that a container starts.
fn record_programs(container: Container, tool: Tool, seen: &Path) -> Container {
    let container = container.env("PYTHON", shims::wrap_python(seen, &recording_script(seen)));
    if tool == Tool::Pip {
        return container;
    }
    container.env("UV", shims::wrap(seen, &tools::uv(), &recording_script(seen)))
}

/// Asserts that no program received a secret in its arguments or its environment.
fn assert_not_passed(seen: &Path, form: &str) {
    let logs = fs::read_dir(seen).expect("a directory").flatten();
    let logs: Vec<_> =
        logs.filter(|entry| entry.file_name().to_string_lossy().starts_with("seen.")).collect();
    assert!(logs.len() >= 3, "the probe, the install and the compiler are recorded");
    for log in logs {
        let text = fs::read_to_string(log.path()).expect("text");
        assert!(!text.contains(form), "{form} in {text}");
    }
}

/// Asserts that no file below a directory contains a secret.
fn assert_not_in_files(folder: &Path, form: &str) {
    for entry in WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file()) {
        let bytes = fs::read(entry.path()).expect("a file");
        let found = bytes.windows(form.len()).any(|window| window == form.as_bytes());
        assert!(!found, "{form} in {}", entry.path().display());
    }
}

/// Unpacks all objects of a store.
fn unpack_objects(server: &Server, folder: &Path) {
    let mut archives = 0;
    for (i, name) in server.names().iter().enumerate() {
        let bytes = server.get(name);
        if name.ends_with(".tar.zst") {
            let tar = zstd::decode_all(&bytes[..]).expect("zstd");
            tar::Archive::new(&tar[..]).unpack(folder.join(format!("archive{i}"))).expect("a tar");
            archives += 1;
        }
        fs::write(folder.join(format!("object{i}")), &bytes).expect("written");
    }
    assert_eq!(archives, 1);
}
