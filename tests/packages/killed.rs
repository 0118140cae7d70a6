//! Installers that are killed at any instant.

use std::{
    fs,
    time::{Duration, Instant},
};

use kaspr_operator::api::PackageSource;

use crate::{
    index::Index,
    installer::{Tool, Volume},
    server::{CLOUDS, Cloud, Server},
    wheels::Wheel,
};

const WHEEL: Wheel = Wheel { ballast: 3_000_000, ..Wheel::new("kaspr-killed", "1.0") };

/// How long the installers live, in milliseconds: from before they read their settings to after
/// they are done.
const LIVES: [u64; 8] = [1, 30, 70, 130, 220, 350, 600, 1000];

#[test]
fn a_shared_volume_is_never_half_made() {
    let index = Index::with(&[WHEEL]);
    let volume = Volume::new();
    let container = |member: &str, life: u64| {
        let container = volume.container(member, &format!("killed{life}"), Tool::Uv, &["kaspr-killed"]);
        container
            .env("PACKAGES_SHARED", "true")
            .env("PACKAGES_LEASE_SECONDS", "2")
            .env("INDEX_URL", index.url("open"))
    };
    for life in LIVES {
        let running = container("app-0", life).start();
        std::thread::sleep(Duration::from_millis(life));
        running.kill();
        for set in volume.names("sets") {
            assert!(volume.root().join("sets").join(&set).join(".kaspr-set.json").exists(), "{set} is whole");
        }
        let ended = container("app-0", life).run();
        assert!(ended.starts, "after {life} ms: {}", ended.log);
        assert_eq!(volume.python("app-0", "import kaspr_killed.late as l; print(l.VERSION)"), "1.0");
    }
}

/// How a step shows: in the volume, in the store, or in the log.
type Shows = fn(&Volume, &Server, &str) -> bool;

#[test]
fn after_each_step_the_next_one_goes_on() {
    fn has(server: &Server, part: &str) -> bool {
        server.names().iter().any(|name| name.contains(part))
    }
    let steps: [(&str, Shows); 7] = [
        ("the lease", |_, server, _| has(server, ".lease")),
        ("the install", |_, _, log| log.contains("installing with uv")),
        ("the compilation", |_, _, log| log.contains("compiling")),
        ("the set", |volume, _, _| !volume.names("sets").is_empty()),
        ("a part of the archive", |_, server, _| has(server, "archives/")),
        ("the entry", |_, server, _| has(server, ".json")),
        ("the link", |volume, _, _| !volume.names("members").is_empty()),
    ];
    let index = Index::with(&[WHEEL]);
    for (step, shows) in steps {
        let server = Server::start(Cloud::Gcs);
        let container = |volume: &Volume, member: &str| {
            let container = volume.container(member, "steps", Tool::Uv, &["kaspr-killed"]);
            server.give(container).env("PACKAGES_LEASE_SECONDS", "2").env("INDEX_URL", index.url("open"))
        };
        let volume = Volume::new();
        let running = container(&volume, "app-0").start();
        let begun = Instant::now();
        while !shows(&volume, &server, &fs::read_to_string(&running.log).unwrap_or_default()) {
            assert!(begun.elapsed() < Duration::from_secs(60), "{step}");
        }
        running.kill();
        for member in ["app-0", "app-1"] {
            let ended = container(&volume, member).run();
            assert!(
                ended.starts && ended.report.warnings.is_empty(),
                "{step}: {:?}\n{}",
                ended.report,
                ended.log
            );
            assert_eq!(
                volume.python(member, "import kaspr_killed.late as l; print(l.VERSION)"),
                "1.0",
                "{step}"
            );
        }
        // The set may be in the volume and not in the store, where it is kept by the next who needs it.
        let elsewhere = container(&Volume::new(), "app-2").run();
        assert!(elsewhere.starts && elsewhere.report.warnings.is_empty(), "{step}: {}", elsewhere.log);
        container(&Volume::new(), "app-3").run().is_from(PackageSource::Cache);
    }
}

#[test]
fn containers_that_are_killed_again_and_again_fill_no_disk() {
    let index = Index::with(&[WHEEL]);
    let volume = Volume::new();
    for _ in 0..3 {
        let container = volume.container("app-0", "again", Tool::Uv, &["kaspr-killed"]);
        let mut running = container.env("INDEX_URL", index.url("slow")).start();
        running.says("installing with uv");
        running.kill();
        assert_eq!(volume.names("staging").len(), 1);
    }
    let container = volume.container("app-0", "again", Tool::Uv, &["kaspr-killed"]);
    container.env("INDEX_URL", index.url("open")).run().is_from(PackageSource::Index);
    assert_eq!(volume.names("staging"), Vec::<String>::new());
    assert_eq!(volume.scratch("app-0"), Vec::<String>::new());
}

#[test]
fn a_bucket_is_never_half_made() {
    let index = Index::with(&[WHEEL]);
    for cloud in CLOUDS {
        let server = Server::start(cloud);
        // The way is the same for all clouds, so that one of them is enough for every instant.
        for life in LIVES.into_iter().step_by(if cloud == Cloud::Gcs { 1 } else { 3 }) {
            let container = |volume: &Volume, member: &str| {
                let hash = format!("killed{life}");
                let container = volume.container(member, &hash, Tool::Uv, &["kaspr-killed"]);
                server.give(container).env("PACKAGES_LEASE_SECONDS", "2").env("INDEX_URL", index.url("open"))
            };
            let volume = Volume::new();
            let running = container(&volume, "app-0").start();
            std::thread::sleep(Duration::from_millis(life));
            running.kill();
            let ended = container(&Volume::new(), "app-1").run();
            assert!(ended.starts, "{cloud:?}, after {life} ms: {}", ended.log);
            let warnings = ended.report.warnings;
            assert!(warnings.is_empty(), "{cloud:?}, after {life} ms: {warnings:?}");
            // Whoever came to an end, the next one finds a whole set.
            container(&Volume::new(), "app-2").run().is_from(PackageSource::Cache);
        }
    }
}

#[test]
fn a_container_that_is_told_to_end_gives_its_lease_back() {
    let index = Index::with(&[WHEEL]);
    let volume = Volume::new();
    let container = volume.container("app-0", "told", Tool::Uv, &["kaspr-killed"]);
    let mut running = container.env("PACKAGES_SHARED", "true").env("INDEX_URL", index.url("slow")).start();
    running.says("installing with uv");
    let pid = rustix::process::Pid::from_child(&running.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("told");
    let status = running.child.wait().expect("ended");
    assert_eq!(status.code(), Some(143));
    assert_eq!(volume.names("leases"), Vec::<String>::new());
    assert_eq!(volume.names("staging"), Vec::<String>::new());
    assert!(fs::read_to_string(&running.log).expect("a log").contains("stopped"));
}
