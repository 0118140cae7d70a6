//! Buckets: one installation for all members, also when the store fails.

use std::{net::SocketAddr, pin::Pin, thread};

use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming};
use kaspr_operator::api::PackageSource;

use crate::{
    index::Index,
    installer::{Container, Tool, Volume},
    listening::Listening,
    proxy::{self, Body, Fault},
    server::{CLOUDS, Cloud, Server},
    wheels::Wheel,
};

const WHEEL: Wheel = Wheel { ballast: 2_000_000, ..Wheel::new("kaspr-stored", "1.0") };

/// Prepares a member on a node of its own.
fn member(server: &Server, index: &Index, volume: &Volume, name: &str, hash: &str) -> Container {
    let container = volume.container(name, hash, Tool::Uv, &["kaspr-stored"]);
    server.configure(container).env("INDEX_URL", index.url("open"))
}

#[test]
fn ten_members_and_an_empty_bucket() {
    for cloud in CLOUDS {
        let (server, index) = (Server::start(cloud), Index::new(&[WHEEL]));
        let volumes: Vec<Volume> = (0..10).map(|_| Volume::new()).collect();
        let start = |(i, volume): (usize, &Volume)| {
            member(&server, &index, volume, &format!("app-{i}"), "ten").start()
        };
        let running: Vec<_> = volumes.iter().enumerate().map(start).collect();
        let outcome: Vec<_> = running.into_iter().map(|running| running.wait()).collect();
        for outcome in &outcome {
            assert!(outcome.starts && outcome.report.warnings.is_empty(), "{cloud:?}: {}", outcome.log);
        }
        let installs = outcome.iter().filter(|outcome| outcome.report.source == Some(PackageSource::Index));
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

/// Starts a member with a fault at a request, and then two without. Returns whether the first one
/// reported a warning.
fn start_with_fault(server: &Server, index: &Index, requests: usize, fault: Fault) -> bool {
    let proxy = proxy::start(server.address, requests, fault);
    let volume = Volume::new();
    let hash = format!("{fault:?}{requests}").to_lowercase();
    let container = volume.container("app-0", &hash, Tool::Uv, &["kaspr-stored"]);
    let container = server.configure_at(container, proxy.address).env("INDEX_URL", index.url("open"));
    let outcome = container.run();
    outcome.assert_from(PackageSource::Index);
    let next = member(server, index, &Volume::new(), "app-1", &hash).run();
    if next.report.source == Some(PackageSource::Index) {
        member(server, index, &Volume::new(), "app-2", &hash).run().assert_from(PackageSource::Cache);
    } else {
        next.assert_from(PackageSource::Cache);
    }
    !outcome.report.warnings.is_empty()
}

/// Runs [`start_with_fault`] for each cloud and each request of a start without faults. All run
/// concurrently, because they mostly wait for leases. Returns the number of members that reported a
/// warning, by cloud.
fn start_with_fault_at_any_request(fault: Fault) -> Vec<(Cloud, usize)> {
    let index = &Index::new(&[WHEEL]);
    let start_all = |cloud: Cloud| {
        let server = &Server::start(cloud);
        // A start makes about a dozen requests, including lease and upload. The sequence is the same for all
        // clouds, so one cloud covers every request.
        let requests = (0..14).step_by(if cloud == Cloud::Gcs { 1 } else { 4 });
        thread::scope(|scope| {
            let start = |n| scope.spawn(move || start_with_fault(server, index, n, fault));
            let running: Vec<_> = requests.map(start).collect();
            running.into_iter().map(|outcome| usize::from(outcome.join().expect("a start"))).sum()
        })
    };
    thread::scope(|scope| {
        let running = CLOUDS.map(|cloud| (cloud, scope.spawn(move || start_all(cloud))));
        running.into_iter().map(|(cloud, outcome)| (cloud, outcome.join().expect("a cloud"))).collect()
    })
}

#[test]
fn a_store_that_goes_down_at_any_request_delays_no_member() {
    for (cloud, warned) in start_with_fault_at_any_request(Fault::Down) {
        assert!(warned > 1, "{cloud:?}: the fault is reported: {warned}");
    }
}

/// The store has processed the request, but the member does not receive the response.
#[test]
fn a_response_that_breaks_off_delays_no_member() {
    start_with_fault_at_any_request(Fault::Cut);
}

#[test]
fn a_store_that_fails_while_an_archive_is_fetched_delays_no_member() {
    let index = Index::new(&[WHEEL]);
    for cloud in CLOUDS {
        let server = Server::start(cloud);
        member(&server, &index, &Volume::new(), "app-0", "kept").run().assert_from(PackageSource::Index);
        for fault in [Fault::Down, Fault::Cut] {
            // The requests are for the entry and for the only part.
            for requests in 0..3 {
                let (proxy, volume) = (proxy::start(server.address, requests, fault), Volume::new());
                let container = volume.container("app-1", "kept", Tool::Uv, &["kaspr-stored"]);
                let outcome =
                    server.configure_at(container, proxy.address).env("INDEX_URL", index.url("open")).run();
                assert!(outcome.starts, "{cloud:?} {fault:?} {requests}: {}", outcome.log);
                let found = volume.python("app-1", "import kaspr_stored.late as l; print(l.VERSION)");
                assert_eq!(found, "1.0", "{cloud:?} {fault:?} {requests}");
                let undisturbed = requests == 2;
                assert!(
                    !undisturbed || outcome.report.source == Some(PackageSource::Cache),
                    "{}",
                    outcome.log
                );
            }
        }
    }
}

#[test]
fn a_store_that_never_responds_delays_no_member() {
    let (server, index) = (&Server::start(Cloud::Gcs), &Index::new(&[WHEEL]));
    // At the first request, and while the archive is uploaded.
    thread::scope(|scope| {
        let start = |requests| scope.spawn(move || start_with_fault(server, index, requests, Fault::Silent));
        let warned = [0, 8].map(start).map(|outcome| outcome.join().expect("a start"));
        assert_eq!(warned, [true, true]);
    });
}

#[test]
fn an_archive_that_would_be_too_large_is_not_stored() {
    for cloud in CLOUDS {
        let (server, index) = (Server::start(cloud), Index::new(&[WHEEL]));
        let volume = Volume::new();
        let outcome =
            member(&server, &index, &volume, "app-0", "large").env("MAX_ARCHIVE_SIZE", "100000").run();
        outcome.assert_from(PackageSource::Index);
        let warnings = outcome.report.warnings.join("\n");
        assert!(warnings.contains("larger than maxArchiveSize (100000 bytes)"), "{warnings}");
        let names = server.names();
        assert!(names.iter().all(|name| name.ends_with(".lease")), "{cloud:?}: {names:?}");
    }
}

#[test]
fn an_invalid_key_delays_no_member_and_is_not_shown() {
    const KEY: &str = "not-a-key-5d0e77";
    let index = Index::new(&[WHEEL]);
    let server = Server::start(Cloud::Gcs);
    let folder = tempfile::tempdir().expect("a directory");
    let broken = folder.path().join("sa.json");
    let text = format!(r#"{{"private_key": "{KEY}", "private_key_id": "", "client_email": ""}}"#);
    std::fs::write(&broken, text).expect("written");
    for (key, message) in
        [(folder.path().join("none.json"), "failed to read"), (broken, "could not open the cache")]
    {
        let outcome = member(&server, &index, &Volume::new(), "app-0", "key").env("GCS_KEY_FILE", &key).run();
        outcome.assert_from(PackageSource::Index);
        let warnings = outcome.report.warnings.join("\n");
        assert!(warnings.contains("could not open the cache") && warnings.contains(message), "{warnings}");
        assert!(!outcome.log.contains(KEY) && !warnings.contains(KEY), "{}", outcome.log);
    }
    assert_eq!(server.names(), Vec::<String>::new());
}

/// Answers requests of a store that does not honor conditions.
type Answer = fn(Request<Incoming>, SocketAddr) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// Starts three members at once, and then one more, in front of a store. Asserts that each starts, and logs the text
/// at most once, and that the last one finds the archive.
fn start_without_conditions(cloud: Cloud, answer: Answer, text: &str) {
    let (server, index) = (Server::start(cloud), Index::new(&[WHEEL]));
    let address = server.address;
    let listening = Listening::start(move |request| async move {
        Ok::<_, std::convert::Infallible>(answer(request, address).await)
    });
    let member = |name: &str, volume: &Volume| {
        let container = volume.container(name, "plain", Tool::Uv, &["kaspr-stored"]);
        server.configure_at(container, listening.address).env("INDEX_URL", index.url("open"))
    };
    let volumes: Vec<Volume> = (0..3).map(|_| Volume::new()).collect();
    let running: Vec<_> =
        volumes.iter().enumerate().map(|(i, volume)| member(&format!("app-{i}"), volume).start()).collect();
    let outcomes: Vec<_> = running.into_iter().map(|running| running.wait()).collect();
    for outcome in &outcomes {
        assert!(outcome.starts && outcome.report.warnings.is_empty(), "{cloud:?}: {}", outcome.log);
        assert!(outcome.log.matches(text).count() <= 1, "{}", outcome.log);
    }
    assert!(outcomes.iter().any(|outcome| outcome.log.contains(text)), "{cloud:?}: {}", outcomes[0].log);
    member("app-3", &Volume::new()).run().assert_from(PackageSource::Cache);
}

#[test]
fn a_store_that_refuses_conditional_writes_receives_plain_writes() {
    let answer: Answer = |request, to| {
        Box::pin(async move {
            if ["if-match", "if-none-match"].iter().any(|name| request.headers().contains_key(*name)) {
                let text = "<Error><Code>NotImplemented</Code></Error>";
                let body = Full::from(text).map_err(|never| match never {}).boxed();
                return Response::builder().status(501).body(body).expect("a response");
            }
            proxy::forward(request, to).await
        })
    };
    start_without_conditions(Cloud::S3, answer, "the store does not support conditional writes");
}

#[test]
fn a_store_that_ignores_conditions_receives_plain_writes() {
    let answer: Answer = |mut request, to| {
        Box::pin(async move {
            let uri = request.uri().to_string();
            let (path, query) = uri.split_once('?').unwrap_or((&uri, ""));
            let kept: Vec<&str> =
                query.split('&').filter(|pair| !pair.starts_with("ifGenerationMatch")).collect();
            *request.uri_mut() = format!("{path}?{}", kept.join("&")).parse().expect("an address");
            proxy::forward(request, to).await
        })
    };
    start_without_conditions(Cloud::Gcs, answer, "the store ignores conditional writes");
}
