//! Buckets: one install for all members, whatever happens to the store.

use kaspr_operator::api::PackageSource;

use crate::{
    index::Index,
    installer::{Container, Tool, Volume},
    proxy::Proxy,
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

#[test]
fn a_store_that_goes_down_at_any_request_holds_nobody_up() {
    let index = Index::with(&[WHEEL]);
    for cloud in CLOUDS {
        let server = Server::start(cloud);
        let mut warned = 0;
        // The undisturbed way takes a dozen requests, lease and upload together. It is the same for all
        // clouds, so that one of them is enough for every step.
        for requests in (0..14).step_by(if cloud == Cloud::Gcs { 1 } else { 4 }) {
            let proxy = Proxy::start(server.address, requests);
            let volume = Volume::new();
            let hash = format!("down{requests}");
            let container = volume.container("app-0", &hash, Tool::Uv, &["kaspr-stored"]);
            let container = server.give_at(container, proxy.address).env("INDEX_URL", index.url("open"));
            let ended = container.run();
            ended.is_from(PackageSource::Index);
            warned += usize::from(!ended.report.warnings.is_empty());
            // Then it is up again.
            let ended = member(&server, &index, &Volume::new(), "app-1", &hash).run();
            if ended.report.source == Some(PackageSource::Index) {
                member(&server, &index, &Volume::new(), "app-2", &hash).run().is_from(PackageSource::Cache);
            }
        }
        assert!(warned > 1, "{cloud:?}: what happened is told: {warned}");
    }
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
