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
    let index = Index::with(&[OLD]);
    let volume = Volume::new();
    let members: Vec<String> = (0..10).map(|i| format!("app-{i}")).collect();
    let start = |member: &String| {
        let container = volume.container(member, "ten", Tool::Uv, &["kaspr-moving==1.0"]);
        container.env("PACKAGES_SHARED", "true").env("INDEX_URL", index.url("open")).start()
    };
    let running: Vec<_> = members.iter().map(start).collect();
    let ended: Vec<_> = running.into_iter().map(|running| running.end()).collect();
    assert!(ended.iter().all(|ended| ended.starts), "{}", ended[0].log);
    let installs = ended.iter().filter(|ended| ended.report.source == Some(PackageSource::Index)).count();
    assert_eq!(installs, 1);
    let asked = index.downloads(&OLD.file());
    let container = volume.container("app-0", "alone", Tool::Uv, &["kaspr-moving==1.0"]);
    container.env("INDEX_URL", index.url("open")).run().is_from(PackageSource::Index);
    assert_eq!(index.downloads(&OLD.file()), 2 * asked, "ten members ask the index for as much as one");
    let installer = ended.iter().find(|ended| ended.report.source == Some(PackageSource::Index));
    let by = installer.and_then(|ended| ended.report.installed_by.clone());
    for (member, ended) in members.iter().zip(&ended) {
        assert_eq!(ended.report.installed_by, by, "who installed is known to all");
        assert_eq!(volume.python(member, "import kaspr_moving; print(kaspr_moving.VERSION)"), "1.0");
    }
    assert_eq!(volume.names("leases"), Vec::<String>::new(), "the lease was given back");
    assert_eq!(volume.names("staging"), Vec::<String>::new());
}

#[test]
fn running_members_keep_their_set() {
    let index = Index::with(&[OLD, NEW]);
    for tool in TOOLS {
        let volume = Volume::new();
        let install = |member: &str, hash: &str, package: &str| {
            let container = volume.container(member, hash, tool, &[package]);
            let ended = container.env("PACKAGES_SHARED", "true").env("INDEX_URL", index.url("open")).run();
            assert!(ended.starts, "{}", ended.log);
            ended.report
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
        // And goes back in no time.
        let report = install("app-1", "old", "kaspr-moving==1.0");
        assert_eq!(report.source, Some(PackageSource::Cache));
        assert_eq!(volume.python("app-1", late), "1.0");
        assert!(report.cache_total_bytes.is_some_and(|total| total > 0));
    }
}

#[test]
fn what_the_published_operator_left_stays() {
    let index = Index::with(&[OLD]);
    let volume = Volume::new();
    fs::create_dir_all(volume.root().join("numpy")).expect("a folder");
    fs::write(volume.root().join("numpy/__init__.py"), "").expect("a file");
    fs::write(volume.root().join(".installed-published"), "{}").expect("a marker");
    let container = volume.container("app-0", "published", Tool::Uv, &["kaspr-moving"]);
    let ended = container.env("PACKAGES_SHARED", "true").env("INDEX_URL", index.url("open")).run();
    ended.is_from(PackageSource::Index);
    assert!(volume.root().join("numpy/__init__.py").exists(), "members that run import from there");
}

#[test]
fn sets_are_compiled_and_stand_copies() {
    let index = Index::with(&[OLD]);
    let volume = Volume::new();
    let container = volume.container("app-0", "compiled", Tool::Uv, &["kaspr-moving"]);
    container.env("INDEX_URL", index.url("open")).run().is_from(PackageSource::Index);
    let cached =
        "import kaspr_moving, importlib.util as u; print(u.cache_from_source(kaspr_moving.__file__))";
    let bytecode = fs::read(volume.python("app-0", cached)).expect("bytecode");
    // PEP 552: by hash, and unchecked.
    assert_eq!(bytecode[4..8], [1, 0, 0, 0]);
}

#[test]
fn it_works_without_a_home() {
    let index = Index::with(&[OLD]);
    for tool in TOOLS {
        let volume = Volume::new();
        let container = volume.container("app-0", "homeless", tool, &["kaspr-moving"]);
        let ended = container.env("HOME", "/nonexistent").env("INDEX_URL", index.url("open")).run();
        ended.is_from(PackageSource::Index);
        assert!(!fs::exists("/nonexistent").expect("looked"));
    }
}

#[test]
fn it_works_by_any_user_where_only_the_volume_can_be_written_to() {
    let index = Index::with(&[OLD]);
    for tool in TOOLS {
        let volume = Volume::new();
        let container = volume.container("app-0", "confined", tool, &["kaspr-moving"]);
        let container = container.env("PACKAGES_SHARED", "true").env("INDEX_URL", index.url("open"));
        let Some(container) = container.confined(&volume) else {
            println!("left out: this machine does not let tests mount");
            return;
        };
        container.run().is_from(PackageSource::Index);
        assert_eq!(volume.python("app-0", "import kaspr_moving.late as l; print(l.VERSION)"), "1.0");
    }
}

/// What is old enough is told by the times of files, so the test makes them old.
#[test]
fn sets_without_members_and_what_was_left_half_made_are_collected() {
    let index = Index::with(&[OLD, NEW]);
    let volume = Volume::new();
    let start = |member: &str, hash: &str, package: &str| {
        let container = volume.container(member, hash, Tool::Uv, &[package]);
        let ended = container.env("PACKAGES_SHARED", "true").env("INDEX_URL", index.url("open")).run();
        assert!(ended.starts, "{}", ended.log);
        ended
    };
    let set_of = |member: &str| {
        let link = fs::read_link(volume.root().join("members").join(member)).expect("a link");
        link.file_name().expect("a name").to_string_lossy().into_owned()
    };
    let grow_old = |path: &str, hours: u64| {
        let file = fs::File::open(volume.root().join(path)).expect("it is there");
        let long_ago = SystemTime::now() - Duration::from_secs(hours * 3600);
        file.set_modified(long_ago).expect("another time");
    };
    for member in ["app-0", "app-1"] {
        start(member, "first", "kaspr-moving==1.0");
    }
    let first = set_of("app-0");
    for abandoned in ["by-nobody", "by-somebody"] {
        let folder = volume.root().join("staging").join(abandoned);
        fs::create_dir_all(folder.join("set/half")).expect("a folder");
        fs::write(folder.join("alive"), "").expect("a mark");
    }
    grow_old("staging/by-nobody/alive", 1);

    // One member goes on, the other one stays, for however long.
    start("app-1", "second", "kaspr-moving==2.0");
    assert_eq!(volume.names("staging"), ["by-somebody"], "an installer that is at work is left alone");
    grow_old(&format!("used/{first}"), 1000);
    start("app-1", "second", "kaspr-moving==2.0");
    assert!(volume.names("sets").contains(&first), "a member has it");

    // Nobody has it now, but until a moment ago.
    start("app-0", "second", "kaspr-moving==2.0");
    assert!(volume.names("sets").contains(&first), "the app may go back to it");
    grow_old(&format!("used/{first}"), 23);
    start("app-0", "second", "kaspr-moving==2.0");
    assert!(volume.names("sets").contains(&first));
    grow_old(&format!("used/{first}"), 25);
    let ended = start("app-0", "second", "kaspr-moving==2.0");
    assert_eq!(volume.names("sets"), [set_of("app-0")]);
    assert!(ended.log.contains(&format!("removed sets/{first}, which no member uses")), "{}", ended.log);
    assert_eq!(volume.names("staging"), ["by-somebody"]);
}

#[test]
fn direct_references_and_variables_are_installed() {
    let index = Index::with(&[OLD]);
    for tool in TOOLS {
        let volume = Volume::new();
        let reference = index.file("open", &OLD.file()).replace("127.0.0.1", "${WHERE}");
        let package = format!("kaspr-moving @ {reference}");
        let container = volume.container("app-0", "direct", tool, &[&package]);
        let ended = container.env("WHERE", "127.0.0.1").env("INDEX_URL", index.url("open")).run();
        ended.is_from(PackageSource::Index);
        let container = volume.container("app-0", "unset", tool, &["kaspr @ https://${NOBODY_SET}/a.whl"]);
        let ended = container.env("INDEX_URL", index.url("open")).run();
        let message = ended.report.message.unwrap_or_default();
        assert!(
            message.contains("names '${NOBODY_SET}', which the install container has not got"),
            "{message}"
        );
    }
}

#[test]
fn the_second_start_needs_no_index() {
    let volume = Volume::new();
    {
        let index = Index::with(&[OLD]);
        let container = volume.container("app-0", "warm", Tool::Uv, &["kaspr-moving"]);
        container
            .env("PACKAGES_SHARED", "true")
            .env("INDEX_URL", index.url("open"))
            .run()
            .is_from(PackageSource::Index);
    }
    let begun = Instant::now();
    let container = volume.container("app-0", "warm", Tool::Uv, &["kaspr-moving"]);
    let ended = container.env("PACKAGES_SHARED", "true").env("INDEX_URL", "http://127.0.0.1:9/simple").run();
    ended.is_from(PackageSource::Cache);
    println!("a warm start took {:?}", begun.elapsed());
    assert_eq!(ended.report.installed, ["kaspr-moving==1.0"]);
}
