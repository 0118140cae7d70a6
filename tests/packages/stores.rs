//! Buckets: one install for all members, whatever happens to the store.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use kaspr_operator::api::PackageSource;
use object_store::{ClientOptions, ObjectStore, aws::AmazonS3Builder, gcp::GoogleCloudStorageBuilder};
use tempfile::TempDir;

use crate::{
    azure::Azure,
    index::Index,
    installer::{Container, Tool, Volume},
    proxy::Proxy,
    wheels::Wheel,
};

pub const BUCKET: &str = "team-packages";
pub const PREFIX: &str = "kaspr-packages/clicks-app";

const KEY: &str = "AKIATEST";
const SECRET: &str = "storage-secret-key";

/// Whose store is played.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cloud {
    Gcs,
    S3,
}

pub const CLOUDS: [Cloud; 2] = [Cloud::Gcs, Cloud::S3];

/// A store that ends when it is dropped.
pub struct Server {
    cloud: Cloud,
    pub address: SocketAddr,
    process: Child,
    _folder: TempDir,
}

impl Server {
    pub fn start(cloud: Cloud) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(BUCKET)).expect("a bucket");
        // Somebody else may take the port before the server does; the next one is tried then.
        for _ in 0..5 {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let address = listener.local_addr().expect("an address");
            drop(listener);
            let mut process = command(cloud, address, folder.path()).spawn().expect("the store");
            for _ in 0..100 {
                if TcpStream::connect(address).is_ok() {
                    return Self { cloud, address, process, _folder: folder };
                }
                if process.try_wait().expect("the store").is_some() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            _ = process.kill();
        }
        panic!("{cloud:?} does not start");
    }

    /// Tells a container of the store.
    pub fn give(&self, container: Container) -> Container {
        self.give_at(container, self.address)
    }

    /// The same at another address.
    pub fn give_at(&self, container: Container, address: SocketAddr) -> Container {
        match self.cloud {
            Cloud::Gcs => container
                .env("GCS_BUCKET", BUCKET)
                .env("GCS_OBJECT_KEY", format!("{PREFIX}/hash.tar.gz"))
                .env("STORAGE_EMULATOR_HOST", address.to_string()),
            Cloud::S3 => container
                .env("S3_BUCKET", BUCKET)
                .env("S3_PREFIX", PREFIX)
                .env("S3_ENDPOINT", format!("http://{address}"))
                .env("AWS_REGION", "us-east-1")
                .env("AWS_ACCESS_KEY_ID", KEY)
                .env("AWS_SECRET_ACCESS_KEY", SECRET),
        }
    }

    /// The store for the test itself.
    pub fn store(&self) -> Box<dyn ObjectStore> {
        // The second test of the process finds it installed.
        _ = rustls::crypto::ring::default_provider().install_default();
        let options = ClientOptions::new().with_allow_http(true);
        let url = format!("http://{}", self.address);
        match self.cloud {
            Cloud::Gcs => {
                let store = GoogleCloudStorageBuilder::new().with_bucket_name(BUCKET).with_base_url(&url);
                Box::new(
                    store.with_bearer_token("test").with_client_options(options).build().expect("a store"),
                )
            }
            Cloud::S3 => {
                let store = AmazonS3Builder::new().with_bucket_name(BUCKET).with_endpoint(url);
                let store =
                    store.with_access_key_id(KEY).with_secret_access_key(SECRET).with_region("us-east-1");
                Box::new(store.with_client_options(options).build().expect("a store"))
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

fn command(cloud: Cloud, address: SocketAddr, folder: &std::path::Path) -> Command {
    let mut command = match cloud {
        Cloud::Gcs => {
            let mut server = Command::new(control_plane::fake_gcs().expect("fake-gcs-server"));
            let port = address.port().to_string();
            server.args(["-scheme", "http", "-host", "127.0.0.1", "-port", &port, "-backend", "memory"]);
            server.args(["-public-host", &address.to_string(), "-data"]).arg(folder);
            server.args(["-external-url", &format!("http://{address}"), "-log-level", "error"]);
            server
        }
        Cloud::S3 => {
            let mut server = Command::new(control_plane::s3_gateway().expect("versitygw"));
            server.args(["--access", KEY, "--secret", SECRET, "--port", &address.to_string(), "posix"]);
            server.arg(folder);
            server
        }
    };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

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
    use futures::StreamExt;
    for cloud in CLOUDS {
        let (server, index) = (Server::start(cloud), Index::with(&[WHEEL]));
        let volume = Volume::new();
        let ended =
            member(&server, &index, &volume, "app-0", "large").env("MAX_ARCHIVE_SIZE", "100000").run();
        ended.is_from(PackageSource::Index);
        let warnings = ended.report.warnings.join("\n");
        assert!(warnings.contains("larger than maxArchiveSize (100000 bytes)"), "{warnings}");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let objects: Vec<_> = runtime.block_on(server.store().list(None).collect());
        let names: Vec<String> =
            objects.into_iter().flatten().map(|object| object.location.to_string()).collect();
        assert!(names.iter().all(|name| name.ends_with(".lease")), "{cloud:?}: {names:?}");
    }
}

/// The same on Azure: one install for all, renewed leases, and what is kept is found again.
#[test]
fn ten_members_and_an_empty_container() {
    let (azure, index) = (Azure::start(), Index::with(&[WHEEL]));
    let volumes: Vec<Volume> = (0..10).map(|_| Volume::new()).collect();
    let start = |(i, volume): (usize, &Volume)| {
        let container = volume.container(&format!("app-{i}"), "ten", Tool::Uv, &["kaspr-stored"]);
        container
            .env("AZURE_CONTAINER", BUCKET)
            .env("AZURE_PREFIX", PREFIX)
            .env("AZURE_ENDPOINT", format!("http://{}", azure.address))
            .env("AZURE_STORAGE_ACCOUNT_NAME", "team")
            .env("AZURE_STORAGE_ACCOUNT_KEY", "c3RvcmFnZS1zZWNyZXQta2V5")
            .env("INDEX_URL", index.url("open"))
            .start()
    };
    let running: Vec<_> = volumes.iter().enumerate().map(start).collect();
    let ended: Vec<_> = running.into_iter().map(|running| running.end()).collect();
    for ended in &ended {
        assert!(ended.starts && ended.report.warnings.is_empty(), "{}", ended.log);
    }
    let installs = ended.iter().filter(|ended| ended.report.source == Some(PackageSource::Index));
    assert_eq!(installs.count(), 1);
    let names = azure.names();
    for part in [".json", ".lease", "/0.tar.zst"] {
        assert_eq!(names.iter().filter(|name| name.ends_with(part)).count(), 1, "{part} in {names:?}");
    }
    let found = volumes[9].python("app-9", "import kaspr_stored.late as l; print(l.VERSION)");
    assert_eq!(found, "1.0");
}
