//! Sets in a volume that members share.

use std::{
    fs,
    time::{Duration, Instant, SystemTime},
};

use kaspr_operator::api::PackageSource;

use crate::{
    index::Index,
    installer::{TOOLS, Tool, Volume},
    wheels::Wheel,
};

const OLD: Wheel = Wheel { ballast: 2_000_000, ..Wheel::new("kaspr-moving", "1.0") };
const NEW: Wheel = Wheel::new("kaspr-moving", "2.0");

#[test]
fn ten_members_and_one_install() {
    let index = Index::new(&[OLD]);
    let volume = Volume::new();
    let members: Vec<String> = (0..10).map(|i| format!("app-{i}")).collect();
    let start = |member: &String| {
        let container = volume.container(member, "ten", Tool::Uv, &["kaspr-moving==1.0"]);
        container.env("PACKAGES_SHARED", "true").env("INDEX_URL", index.url("open")).start()
    };
    let running: Vec<_> = members.iter().map(start).collect();
    let outcome: Vec<_> = running.into_iter().map(|running| running.wait()).collect();
    assert!(outcome.iter().all(|outcome| outcome.starts), "{}", outcome[0].log);
    let installs =
        outcome.iter().filter(|outcome| outcome.report.source == Some(PackageSource::Index)).count();
    assert_eq!(installs, 1);
    let asked = index.downloads(&OLD.file());
    let container = volume.container("app-0", "alone", Tool::Uv, &["kaspr-moving==1.0"]);
    container.env("INDEX_URL", index.url("open")).run().assert_from(PackageSource::Index);
    assert_eq!(
        index.downloads(&OLD.file()),
        2 * asked,
        "ten members cause as many requests to the index as one"
    );
    let installer = outcome.iter().find(|outcome| outcome.report.source == Some(PackageSource::Index));
    let by = installer.and_then(|outcome| outcome.report.installed_by.clone());
    for (member, outcome) in members.iter().zip(&outcome) {
        assert_eq!(outcome.report.installed_by, by, "all members report the same installer");
        assert_eq!(volume.python(member, "import kaspr_moving; print(kaspr_moving.VERSION)"), "1.0");
    }
    assert_eq!(volume.names("leases"), Vec::<String>::new(), "the lease is released");
    assert_eq!(volume.names("staging"), Vec::<String>::new());
}

#[test]
fn running_members_keep_their_set() {
    let index = Index::new(&[OLD, NEW]);
    for tool in TOOLS {
        let volume = Volume::new();
        let install = |member: &str, hash: &str, package: &str| {
            let container = volume.container(member, hash, tool, &[package]);
            let outcome = container.env("PACKAGES_SHARED", "true").env("INDEX_URL", index.url("open")).run();
            assert!(outcome.starts, "{}", outcome.log);
            outcome.report
        };
        install("app-0", "old", "kaspr-moving==1.0");
        install("app-1", "old", "kaspr-moving==1.0");
        let before = fs::read_link(volume.root().join("members/app-0")).expect("a link");
        // The rollout reaches the last member first.
        let report = install("app-1", "new", "kaspr-moving==2.0");
        assert_eq!(report.source, Some(PackageSource::Index));
        let late = "import kaspr_moving.late as late; print(late.VERSION)";
        assert_eq!(volume.python("app-0", late), "1.0");
        assert_eq!(volume.python("app-1", late), "2.0");
        assert_eq!(fs::read_link(volume.root().join("members/app-0")).expect("a link"), before);
        // A rollback finds the old set.
        let report = install("app-1", "old", "kaspr-moving==1.0");
        assert_eq!(report.source, Some(PackageSource::Cache));
        assert_eq!(volume.python("app-1", late), "1.0");
        assert!(report.cache_total_bytes.is_some_and(|total| total > 0));
    }
}

#[test]
fn packages_of_the_python_operator_stay() {
    let index = Index::new(&[OLD]);
    let volume = Volume::new();
    fs::create_dir_all(volume.root().join("numpy")).expect("a directory");
    fs::write(volume.root().join("numpy/__init__.py"), "").expect("a file");
    fs::write(volume.root().join(".installed-published"), "{}").expect("a marker");
    let container = volume.container("app-0", "legacy", Tool::Uv, &["kaspr-moving"]);
    let outcome = container.env("PACKAGES_SHARED", "true").env("INDEX_URL", index.url("open")).run();
    outcome.assert_from(PackageSource::Index);
    assert!(volume.root().join("numpy/__init__.py").exists(), "running members import from there");
}

#[test]
fn sets_are_compiled_and_can_be_copied() {
    let index = Index::new(&[OLD]);
    let volume = Volume::new();
    let container = volume.container("app-0", "compiled", Tool::Uv, &["kaspr-moving"]);
    container.env("INDEX_URL", index.url("open")).run().assert_from(PackageSource::Index);
    let cached =
        "import kaspr_moving, importlib.util as u; print(u.cache_from_source(kaspr_moving.__file__))";
    let bytecode = fs::read(volume.python("app-0", cached)).expect("bytecode");
    // Source: PEP 552; hash-based and unchecked.
    assert_eq!(bytecode[4..8], [1, 0, 0, 0]);
}

#[test]
fn the_installer_works_without_a_home_directory() {
    let index = Index::new(&[OLD]);
    for tool in TOOLS {
        let volume = Volume::new();
        let container = volume.container("app-0", "homeless", tool, &["kaspr-moving"]);
        let outcome = container.env("HOME", "/nonexistent").env("INDEX_URL", index.url("open")).run();
        outcome.assert_from(PackageSource::Index);
        assert!(!fs::exists("/nonexistent").expect("looked"));
    }
}

#[test]
fn the_installer_works_for_any_user_if_only_the_volume_is_writable() {
    let index = Index::new(&[OLD]);
    for tool in TOOLS {
        let volume = Volume::new();
        let container = volume.container("app-0", "confined", tool, &["kaspr-moving"]);
        let container = container.env("PACKAGES_SHARED", "true").env("INDEX_URL", index.url("open"));
        let Some(container) = container.confined(&volume) else {
            println!("skipped: this machine does not allow tests to mount");
            return;
        };
        container.run().assert_from(PackageSource::Index);
        assert_eq!(volume.python("app-0", "import kaspr_moving.late as l; print(l.VERSION)"), "1.0");
    }
}

/// Ages are computed from the times of files, so the test changes these times.
#[test]
fn unused_sets_and_abandoned_staging_directories_are_deleted() {
    let index = Index::new(&[OLD, NEW]);
    let volume = Volume::new();
    let start = |member: &str, hash: &str, package: &str| {
        let container = volume.container(member, hash, Tool::Uv, &[package]);
        let outcome = container.env("PACKAGES_SHARED", "true").env("INDEX_URL", index.url("open")).run();
        assert!(outcome.starts, "{}", outcome.log);
        outcome
    };
    let set_of = |member: &str| {
        let link = fs::read_link(volume.root().join("members").join(member)).expect("a link");
        link.file_name().expect("a name").to_string_lossy().into_owned()
    };
    let set_age = |path: &str, hours: u64| {
        let file = fs::File::open(volume.root().join(path)).expect("an existing path");
        let long_ago = SystemTime::now() - Duration::from_secs(hours * 3600);
        file.set_modified(long_ago).expect("a new time");
    };
    for member in ["app-0", "app-1"] {
        start(member, "first", "kaspr-moving==1.0");
    }
    let first = set_of("app-0");
    for abandoned in ["by-killed", "by-running"] {
        let folder = volume.root().join("staging").join(abandoned);
        fs::create_dir_all(folder.join("set/half")).expect("a directory");
        fs::write(folder.join("alive"), "").expect("a heartbeat file");
    }
    set_age("staging/by-killed/alive", 1);

    // One member changes to the second set, the other one keeps the first, for any length of time.
    start("app-1", "second", "kaspr-moving==2.0");
    assert_eq!(volume.names("staging"), ["by-running"], "the directory of a running installer stays");
    set_age(&format!("used/{first}"), 1000);
    start("app-1", "second", "kaspr-moving==2.0");
    assert!(volume.names("sets").contains(&first), "a member is linked to it");

    // No member is linked to it now, but one was until a moment ago.
    start("app-0", "second", "kaspr-moving==2.0");
    assert!(volume.names("sets").contains(&first), "the app may be rolled back");
    set_age(&format!("used/{first}"), 23);
    start("app-0", "second", "kaspr-moving==2.0");
    assert!(volume.names("sets").contains(&first));
    set_age(&format!("used/{first}"), 25);
    let outcome = start("app-0", "second", "kaspr-moving==2.0");
    assert_eq!(volume.names("sets"), [set_of("app-0")]);
    assert!(outcome.log.contains(&format!("removed sets/{first}, which no member uses")), "{}", outcome.log);
    assert_eq!(volume.names("staging"), ["by-running"]);
}

#[test]
fn direct_references_and_variables_are_installed() {
    let index = Index::new(&[OLD]);
    for tool in TOOLS {
        let volume = Volume::new();
        let reference = index.file("open", &OLD.file()).replace("127.0.0.1", "${WHERE}");
        let package = format!("kaspr-moving @ {reference}");
        let container = volume.container("app-0", "direct", tool, &[&package]);
        let outcome = container.env("WHERE", "127.0.0.1").env("INDEX_URL", index.url("open")).run();
        outcome.assert_from(PackageSource::Index);
        let container = volume.container("app-0", "unset", tool, &["kaspr @ https://${NOT_SET}/a.whl"]);
        let outcome = container.env("INDEX_URL", index.url("open")).run();
        let message = outcome.report.message.unwrap_or_default();
        assert!(
            message.contains("names '${NOT_SET}', which is not set in the install container"),
            "{message}"
        );
    }
}

#[test]
fn the_second_start_needs_no_index() {
    let volume = Volume::new();
    {
        let index = Index::new(&[OLD]);
        let container = volume.container("app-0", "warm", Tool::Uv, &["kaspr-moving"]);
        container
            .env("PACKAGES_SHARED", "true")
            .env("INDEX_URL", index.url("open"))
            .run()
            .assert_from(PackageSource::Index);
    }
    let begun = Instant::now();
    let container = volume.container("app-0", "warm", Tool::Uv, &["kaspr-moving"]);
    let outcome =
        container.env("PACKAGES_SHARED", "true").env("INDEX_URL", "http://127.0.0.1:9/simple").run();
    outcome.assert_from(PackageSource::Cache);
    println!("a warm start took {:?}", begun.elapsed());
    assert_eq!(outcome.report.installed, ["kaspr-moving==1.0"]);
}

/// Adds a file to an installed set, as a package with such a file has it.
fn add_to_set(volume: &Volume, name: &str, text: &str) {
    let set = volume.root().join("members/app-0").canonicalize().expect("a set");
    fs::write(set.join(name), text).expect("written");
}

#[test]
fn pth_files_of_packages_take_effect() {
    const HOOKED: Wheel = Wheel {
        files: &[
            ("kaspr_hooked.pth", "kaspr_vendor\nimport kaspr_hooked; kaspr_hooked.STARTED = True\n"),
            ("kaspr_vendor/kaspr_inner.py", "VERSION = 'inner'\n"),
        ],
        ..Wheel::new("kaspr-hooked", "1.0")
    };
    const CODE: &str = "import kaspr_hooked as h, kaspr_inner as i; print(h.STARTED, i.VERSION)";
    let index = Index::new(&[HOOKED]);
    for tool in TOOLS {
        let volume = Volume::new();
        let container = volume.container("app-0", "hooked", tool, &["kaspr-hooked"]);
        container.env("INDEX_URL", index.url("open")).run().assert_from(PackageSource::Index);
        assert_eq!(volume.python("app-0", CODE), "True inner");
    }
}

#[test]
fn pth_files_of_installed_sets_take_effect_and_keep_the_modules_of_others() {
    let index = Index::new(&[OLD]);
    let volume = Volume::new();
    let start = || {
        let container = volume.container("app-0", "earlier", Tool::Uv, &["kaspr-moving"]);
        container.env("PACKAGES_SHARED", "true").env("INDEX_URL", index.url("open")).run()
    };
    start().assert_from(PackageSource::Index);
    assert!(!volume.names("members/app-0").contains(&"sitecustomize.py".to_owned()), "there is no need");
    // An earlier version has installed a set with a .pth file.
    add_to_set(&volume, "kaspr.pth", "import kaspr_moving; kaspr_moving.STARTED = 1\n");
    start().assert_from(PackageSource::Cache);
    // The image has a sitecustomize too.
    let image = tempfile::tempdir().expect("a directory");
    fs::write(image.path().join("sitecustomize.py"), "IMAGE = 1\n").expect("written");
    let path = [volume.root().join("members/app-0"), image.path().to_owned()];
    let output = std::process::Command::new("python3")
        .args(["-c", "import kaspr_moving as m, sitecustomize as s; print(m.STARTED + s.IMAGE)"])
        .env("PYTHONPATH", std::env::join_paths(path).expect("paths"))
        .output()
        .expect("Python");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "2\n", "{}", String::from_utf8_lossy(&output.stderr));
    // A package has one: it stays as it is.
    add_to_set(&volume, "sitecustomize.py", "PACKAGE = 1\n");
    let outcome = start();
    outcome.assert_from(PackageSource::Cache);
    assert!(
        outcome.report.warnings.iter().any(|w| w.contains("sitecustomize")),
        "{:?}",
        outcome.report.warnings
    );
    assert_eq!(volume.python("app-0", "import sitecustomize as s; print(s.PACKAGE)"), "1");
}
