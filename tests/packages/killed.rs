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

/// Times after which installers are killed, in milliseconds: from before they have read their settings to
/// after they have finished.
const KILL_AFTER: [u64; 8] = [1, 30, 70, 130, 220, 350, 600, 1000];

#[test]
fn a_shared_volume_never_contains_an_incomplete_set() {
    let index = Index::new(&[WHEEL]);
    let volume = Volume::new();
    let container = |member: &str, delay: u64| {
        let container = volume.container(member, &format!("killed{delay}"), Tool::Uv, &["kaspr-killed"]);
        container
            .env("PACKAGES_SHARED", "true")
            .env("PACKAGES_LEASE_SECONDS", "2")
            .env("INDEX_URL", index.url("open"))
    };
    for delay in KILL_AFTER {
        let running = container("app-0", delay).start();
        std::thread::sleep(Duration::from_millis(delay));
        running.kill();
        for set in volume.names("sets") {
            assert!(
                volume.root().join("sets").join(&set).join(".kaspr-set.json").exists(),
                "{set} is complete"
            );
        }
        let outcome = container("app-0", delay).run();
        assert!(outcome.starts, "after {delay} ms: {}", outcome.log);
        assert_eq!(volume.python("app-0", "import kaspr_killed.late as l; print(l.VERSION)"), "1.0");
    }
}

/// Whether a step is visible in the volume, in the store, or in the log.
type IsVisible = fn(&Volume, &Server, &str) -> bool;

#[test]
fn an_installer_continues_after_a_kill_at_any_step() {
    fn has(server: &Server, part: &str) -> bool {
        server.names().iter().any(|name| name.contains(part))
    }
    let steps: [(&str, IsVisible); 7] = [
        ("the lease", |_, server, _| has(server, ".lease")),
        ("the install", |_, _, log| log.contains("installing with uv")),
        ("the compilation", |_, _, log| log.contains("compiling")),
        ("the set", |volume, _, _| !volume.names("sets").is_empty()),
        ("a part of the archive", |_, server, _| has(server, "archives/")),
        ("the entry", |_, server, _| has(server, ".json")),
        ("the link", |volume, _, _| !volume.names("members").is_empty()),
    ];
    let index = Index::new(&[WHEEL]);
    for (step, is_visible) in steps {
        let server = Server::start(Cloud::Gcs);
        let container = |volume: &Volume, member: &str| {
            let container = volume.container(member, "steps", Tool::Uv, &["kaspr-killed"]);
            server.configure(container).env("PACKAGES_LEASE_SECONDS", "2").env("INDEX_URL", index.url("open"))
        };
        let volume = Volume::new();
        let running = container(&volume, "app-0").start();
        let begun = Instant::now();
        while !is_visible(&volume, &server, &fs::read_to_string(&running.log).unwrap_or_default()) {
            assert!(begun.elapsed() < Duration::from_secs(60), "{step}");
        }
        running.kill();
        for member in ["app-0", "app-1"] {
            let outcome = container(&volume, member).run();
            assert!(
                outcome.starts && outcome.report.warnings.is_empty(),
                "{step}: {:?}\n{}",
                outcome.report,
                outcome.log
            );
            assert_eq!(
                volume.python(member, "import kaspr_killed.late as l; print(l.VERSION)"),
                "1.0",
                "{step}"
            );
        }
        // The set may be in the volume and not in the store. Then the next member that needs it stores it.
        let elsewhere = container(&Volume::new(), "app-2").run();
        assert!(elsewhere.starts && elsewhere.report.warnings.is_empty(), "{step}: {}", elsewhere.log);
        container(&Volume::new(), "app-3").run().assert_from(PackageSource::Cache);
    }
}

#[test]
fn containers_that_are_killed_repeatedly_do_not_fill_the_disk() {
    let index = Index::new(&[WHEEL]);
    let volume = Volume::new();
    for _ in 0..3 {
        let container = volume.container("app-0", "again", Tool::Uv, &["kaspr-killed"]);
        let mut running = container.env("INDEX_URL", index.url("slow")).start();
        running.wait_for_log("installing with uv");
        running.kill();
        assert_eq!(volume.names("staging").len(), 1);
    }
    let container = volume.container("app-0", "again", Tool::Uv, &["kaspr-killed"]);
    container.env("INDEX_URL", index.url("open")).run().assert_from(PackageSource::Index);
    assert_eq!(volume.names("staging"), Vec::<String>::new());
    assert_eq!(volume.scratch("app-0"), Vec::<String>::new());
}

#[test]
fn a_bucket_never_contains_an_incomplete_set() {
    let index = Index::new(&[WHEEL]);
    for cloud in CLOUDS {
        let server = Server::start(cloud);
        // The sequence is the same for all clouds, so one cloud covers every instant.
        for delay in KILL_AFTER.into_iter().step_by(if cloud == Cloud::Gcs { 1 } else { 3 }) {
            let container = |volume: &Volume, member: &str| {
                let hash = format!("killed{delay}");
                let container = volume.container(member, &hash, Tool::Uv, &["kaspr-killed"]);
                server
                    .configure(container)
                    .env("PACKAGES_LEASE_SECONDS", "2")
                    .env("INDEX_URL", index.url("open"))
            };
            let volume = Volume::new();
            let running = container(&volume, "app-0").start();
            std::thread::sleep(Duration::from_millis(delay));
            running.kill();
            let outcome = container(&Volume::new(), "app-1").run();
            assert!(outcome.starts, "{cloud:?}, after {delay} ms: {}", outcome.log);
            let warnings = outcome.report.warnings;
            assert!(warnings.is_empty(), "{cloud:?}, after {delay} ms: {warnings:?}");
            // Whichever installer finished, the next member finds a complete set.
            container(&Volume::new(), "app-2").run().assert_from(PackageSource::Cache);
        }
    }
}

#[test]
fn a_terminating_container_releases_its_lease() {
    let index = Index::new(&[WHEEL]);
    let volume = Volume::new();
    let container = volume.container("app-0", "terminated", Tool::Uv, &["kaspr-killed"]);
    let mut running = container.env("PACKAGES_SHARED", "true").env("INDEX_URL", index.url("slow")).start();
    running.wait_for_log("installing with uv");
    let pid = rustix::process::Pid::from_child(&running.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("signalled");
    let status = running.child.wait().expect("exited");
    assert_eq!(status.code(), Some(143));
    assert_eq!(volume.names("leases"), Vec::<String>::new());
    assert_eq!(volume.names("staging"), Vec::<String>::new());
    assert!(fs::read_to_string(&running.log).expect("a log").contains("stopped"));
}
