//! Credentials stand nowhere: not in arguments, nor where a program that needs none could see them,
//! nor in what is left behind.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use kaspr_operator::api::PackageSource;
use walkdir::WalkDir;

use crate::{
    index::{Index, PASSWORD, USER},
    installer::{TOOLS, Tool, Volume},
    server::{ACCOUNT_KEY, CLOUDS, SECRET, Server},
    tools,
    wheels::Wheel,
};

const WHEEL: Wheel = Wheel::new("kaspr-guarded", "1.0");
const DIRECT: Wheel = Wheel::new("kaspr-direct", "1.0");

/// A program in front of another one, which writes down what it was started with.
fn watched(folder: &Path, program: &Path) -> std::path::PathBuf {
    let path = folder.join(program.file_name().expect("a name"));
    let (program, folder) = (program.display(), folder.display());
    let script = format!(
        "#!/bin/sh\nlog=$(mktemp {folder}/seen.XXXXXX)\n{{ echo \"ARGS $*\"; env | sed 's/^/ENV /'; }} > $log\nexec {program} \"$@\"\n"
    );
    fs::write(&path, script).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program");
    path
}

/// The forms that a secret may stand in.
fn forms(secret: &str) -> [String; 3] {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    [secret.to_owned(), encoded.replace('+', "%20"), STANDARD.encode(format!("{USER}:{secret}"))]
}

#[test]
fn no_credential_is_seen_or_left() {
    const TOKEN: &str = "tok-6f1c9be2";
    let python = tools::python("import sys; print(sys.executable)");
    for tool in TOOLS {
        for cloud in CLOUDS {
            let index = Index::with(&[WHEEL, DIRECT]);
            let (server, volume) = (Server::start(cloud), Volume::new());
            let seen = tempfile::tempdir().expect("a folder");
            let direct = index.file("open", &DIRECT.file()).replace("http://", "http://reader:${TOKEN}@");
            let direct = format!("kaspr-direct @ {direct}");
            let container = volume.container("app-0", "guarded", tool, &["kaspr-guarded", &direct]);
            let mut container = server
                .give(container)
                .env("INDEX_URL", index.url("auth"))
                .env("PYPI_USERNAME", USER)
                .env("PYPI_PASSWORD", PASSWORD)
                .env("TOKEN", TOKEN)
                .env("PYTHON", watched(seen.path(), Path::new(&python)));
            if tool == Tool::Uv {
                container = container.env("UV", watched(seen.path(), &tools::uv()));
            }
            let ended = container.run();
            ended.is_from(PackageSource::Index);
            let report = serde_json::to_string(&ended.report).expect("a report");
            for secret in [PASSWORD, TOKEN, SECRET, ACCOUNT_KEY] {
                for form in forms(secret) {
                    assert!(!ended.log.contains(&form), "{tool:?}: {secret} in the log: {}", ended.log);
                    assert!(!report.contains(&form), "{tool:?}: {secret} in the report: {report}");
                    calls(seen.path(), secret, &form);
                    left(&volume.root(), &form);
                }
            }
            let archives = tempfile::tempdir().expect("a folder");
            unpacked(&server, archives.path());
            for secret in [PASSWORD, TOKEN] {
                forms(secret).iter().for_each(|form| left(archives.path(), form));
            }
        }
    }
}

/// No program has it in its arguments; those that install nothing have it nowhere.
fn calls(seen: &Path, secret: &str, form: &str) {
    let logs = fs::read_dir(seen).expect("a folder").flatten();
    let logs: Vec<_> =
        logs.filter(|entry| entry.file_name().to_string_lossy().starts_with("seen.")).collect();
    assert!(logs.len() >= 3, "the probe, the install and the compiler were seen");
    for log in logs {
        let text = fs::read_to_string(log.path()).expect("text");
        let (arguments, environment) = text.split_once('\n').expect("lines");
        assert!(!arguments.contains(form), "{secret} in {arguments}");
        let installs = arguments.contains("install");
        let stores = [SECRET, ACCOUNT_KEY].contains(&secret);
        assert!(!environment.contains(form) || installs && !stores, "{secret} seen by {arguments}");
    }
}

/// No file below a folder has it.
fn left(folder: &Path, form: &str) {
    for entry in WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file()) {
        let bytes = fs::read(entry.path()).expect("a file");
        let found = bytes.windows(form.len()).any(|window| window == form.as_bytes());
        assert!(!found, "{form} in {}", entry.path().display());
    }
}

/// Unpacks what a store has.
fn unpacked(server: &Server, folder: &Path) {
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
