//! Buckets: one install for all members, whatever happens to the store.

use std::thread;

use kaspr_operator::api::PackageSource;

use crate::{
    index::Index,
    installer::{Container, Tool, Volume},
    proxy::{self, Trouble},
    server::{CLOUDS, Cloud, Server},
    wheels::Wheel,
};

const WHEEL: Wheel = Wheel { ballast: 2_000_000, ..Wheel::new("kaspr-stored", "1.0") };

/// A member on a node of its own.
fn member(server: &Server, index: &Index, volume: &Volume, name: &str, hash: &str) -> Container {
    let container = volume.container(name, hash, Tool::Uv, &["kaspr-stored"]);
    server.give(container).env("INDEX_URL", index.url("open"))
}

#[test]
fn ten_members_and_an_empty_bucket() {
    for cloud in CLOUDS {
        let (server, index) = (Server::start(cloud), Index::with(&[WHEEL]));
        let volumes: Vec<Volume> = (0..10).map(|_| Volume::new()).collect();
        let start = |(i, volume): (usize, &Volume)| {
            member(&server, &index, volume, &format!("app-{i}"), "ten").start()
        };
        let running: Vec<_> = volumes.iter().enumerate().map(start).collect();
        let ended: Vec<_> = running.into_iter().map(|running| running.end()).collect();
        for ended in &ended {
            assert!(ended.starts && ended.report.warnings.is_empty(), "{cloud:?}: {}", ended.log);
        }
        let installs = ended.iter().filter(|ended| ended.report.source == Some(PackageSource::Index));
        assert_eq!(installs.count(), 1, "{cloud:?}");
        for (i, volume) in volumes.iter().enumerate() {
            let found = volume.python(&format!("app-{i}"), "import kaspr_stored.late as l; print(l.VERSION)");
            assert_eq!(found, "1.0");
        }
        for part in [".json", ".lease", "/0.tar.zst"] {
            server.named(part);
        }
    }
}

/// Starts a member with trouble at a request, and then two without; gives whether it was told of.
fn after_trouble(server: &Server, index: &Index, requests: usize, trouble: Trouble) -> bool {
    let proxy = proxy::start(server.address, requests, trouble);
    let volume = Volume::new();
    let hash = format!("{trouble:?}{requests}").to_lowercase();
    let container = volume.container("app-0", &hash, Tool::Uv, &["kaspr-stored"]);
    let container = server.give_at(container, proxy.address).env("INDEX_URL", index.url("open"));
    let ended = container.run();
    ended.is_from(PackageSource::Index);
    let next = member(server, index, &Volume::new(), "app-1", &hash).run();
    if next.report.source == Some(PackageSource::Index) {
        member(server, index, &Volume::new(), "app-2", &hash).run().is_from(PackageSource::Cache);
    } else {
        next.is_from(PackageSource::Cache);
    }
    !ended.report.warnings.is_empty()
}

/// The same for each cloud and each request of the undisturbed way, all at the same time: they wait for
/// leases, not for this machine. Gives how many were told of it, by cloud.
fn after_trouble_at_any_request(trouble: Trouble) -> Vec<(Cloud, usize)> {
    let index = &Index::with(&[WHEEL]);
    let of = |cloud: Cloud| {
        let server = &Server::start(cloud);
        // It takes a dozen requests, lease and upload together, and is the same for all clouds, so that
        // one of them is enough for every step.
        let requests = (0..14).step_by(if cloud == Cloud::Gcs { 1 } else { 4 });
        thread::scope(|scope| {
            let start = |n| scope.spawn(move || after_trouble(server, index, n, trouble));
            let running: Vec<_> = requests.map(start).collect();
            running.into_iter().map(|ended| usize::from(ended.join().expect("a start"))).sum()
        })
    };
    thread::scope(|scope| {
        let running = CLOUDS.map(|cloud| (cloud, scope.spawn(move || of(cloud))));
        running.into_iter().map(|(cloud, ended)| (cloud, ended.join().expect("a cloud"))).collect()
    })
}

#[test]
fn a_store_that_goes_down_at_any_request_holds_nobody_up() {
    for (cloud, warned) in after_trouble_at_any_request(Trouble::Down) {
        assert!(warned > 1, "{cloud:?}: what happened is told: {warned}");
    }
}

/// The store has done what it was asked for, but the member does not know.
#[test]
fn an_answer_that_breaks_off_holds_nobody_up() {
    after_trouble_at_any_request(Trouble::Cut);
}

#[test]
fn a_store_that_fails_while_an_archive_is_fetched_holds_nobody_up() {
    let index = Index::with(&[WHEEL]);
    for cloud in CLOUDS {
        let server = Server::start(cloud);
        member(&server, &index, &Volume::new(), "app-0", "kept").run().is_from(PackageSource::Index);
        for trouble in [Trouble::Down, Trouble::Cut] {
            // What is asked for: the entry, and the one part.
            for requests in 0..3 {
                let (proxy, volume) = (proxy::start(server.address, requests, trouble), Volume::new());
                let container = volume.container("app-1", "kept", Tool::Uv, &["kaspr-stored"]);
                let ended =
                    server.give_at(container, proxy.address).env("INDEX_URL", index.url("open")).run();
                assert!(ended.starts, "{cloud:?} {trouble:?} {requests}: {}", ended.log);
                let found = volume.python("app-1", "import kaspr_stored.late as l; print(l.VERSION)");
                assert_eq!(found, "1.0", "{cloud:?} {trouble:?} {requests}");
                let undisturbed = requests == 2;
                assert!(!undisturbed || ended.report.source == Some(PackageSource::Cache), "{}", ended.log);
            }
        }
    }
}

#[test]
fn a_store_that_never_answers_holds_nobody_up() {
    let (server, index) = (&Server::start(Cloud::Gcs), &Index::with(&[WHEEL]));
    // At the first look, and while the archive is sent.
    thread::scope(|scope| {
        let start = |requests| scope.spawn(move || after_trouble(server, index, requests, Trouble::Silent));
        let told = [0, 6].map(start).map(|ended| ended.join().expect("a start"));
        assert_eq!(told, [true, true]);
    });
}

#[test]
fn an_archive_that_would_be_too_large_is_not_kept() {
    for cloud in CLOUDS {
        let (server, index) = (Server::start(cloud), Index::with(&[WHEEL]));
        let volume = Volume::new();
        let ended =
            member(&server, &index, &volume, "app-0", "large").env("MAX_ARCHIVE_SIZE", "100000").run();
        ended.is_from(PackageSource::Index);
        let warnings = ended.report.warnings.join("\n");
        assert!(warnings.contains("larger than maxArchiveSize (100000 bytes)"), "{warnings}");
        let names = server.names();
        assert!(names.iter().all(|name| name.ends_with(".lease")), "{cloud:?}: {names:?}");
    }
}

#[test]
fn a_key_that_is_none_holds_nobody_up_and_is_not_told() {
    const KEY: &str = "not-a-key-5d0e77";
    let index = Index::with(&[WHEEL]);
    let server = Server::start(Cloud::Gcs);
    let folder = tempfile::tempdir().expect("a folder");
    let broken = folder.path().join("sa.json");
    let text = format!(r#"{{"private_key": "{KEY}", "private_key_id": "", "client_email": ""}}"#);
    std::fs::write(&broken, text).expect("written");
    for (key, words) in
        [(folder.path().join("none.json"), "can't be read"), (broken, "the store can't be used")]
    {
        let ended = member(&server, &index, &Volume::new(), "app-0", "key").env("GCS_KEY_FILE", &key).run();
        ended.is_from(PackageSource::Index);
        let warnings = ended.report.warnings.join("\n");
        assert!(warnings.contains("the store can't be used") && warnings.contains(words), "{warnings}");
        assert!(!ended.log.contains(KEY) && !warnings.contains(KEY), "{}", ended.log);
    }
    assert_eq!(server.names(), Vec::<String>::new());
}
