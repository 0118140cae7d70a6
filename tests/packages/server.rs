//! The clouds' stores: emulators that end when they are dropped.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures::StreamExt;
use object_store::{
    ClientOptions, ObjectStore, ObjectStoreExt, PutPayload, aws::AmazonS3Builder,
    azure::MicrosoftAzureBuilder, gcp::GoogleCloudStorageBuilder, path::Path as Key,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{azure::Azure, installer::Container};

const BUCKET: &str = "team-packages";
/// What the names of all objects start with.
pub const PREFIX: &str = "kaspr-packages/clicks-app";

/// The name of the key to S3.
pub const KEY: &str = "AKIATEST";
/// The key to S3.
pub const SECRET: &str = "storage-secret-key";
pub const ACCOUNT: &str = "team";
/// The key to Azure.
pub const ACCOUNT_KEY: &str = "c3RvcmFnZS1zZWNyZXQta2V5";

/// Whose store is played.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cloud {
    Gcs,
    S3,
    Azure,
}

pub const CLOUDS: [Cloud; 3] = [Cloud::Gcs, Cloud::S3, Cloud::Azure];

/// A store with an empty bucket.
pub struct Server {
    cloud: Cloud,
    pub address: SocketAddr,
    runtime: Runtime,
    played: Played,
}

enum Played {
    By(Child, #[expect(dead_code, reason = "its files go with it")] TempDir),
    Here(Azure),
}

impl Server {
    pub fn start(cloud: Cloud) -> Self {
        // The second test of the process finds it installed.
        _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = Runtime::new().expect("a runtime");
        if cloud == Cloud::Azure {
            let azure = Azure::start();
            return Self { cloud, address: azure.listening.address, runtime, played: Played::Here(azure) };
        }
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
                    return Self { cloud, address, runtime, played: Played::By(process, folder) };
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

    /// The same at another address. Keys end as `echo` writes them into a Secret.
    pub fn give_at(&self, container: Container, address: SocketAddr) -> Container {
        let container = self.name(container);
        match self.cloud {
            Cloud::Gcs => container.env("STORAGE_EMULATOR_HOST", address.to_string()),
            Cloud::S3 => container
                .env("S3_ENDPOINT", format!("http://{address}"))
                .env("AWS_ACCESS_KEY_ID", KEY)
                .env("AWS_SECRET_ACCESS_KEY", format!("{SECRET}\n")),
            Cloud::Azure => container
                .env("AZURE_ENDPOINT", format!("http://{address}"))
                .env("AZURE_STORAGE_ACCOUNT_KEY", format!("{ACCOUNT_KEY}\n")),
        }
    }

    /// Tells a container the bucket's name alone: it is where the cloud has it.
    pub fn name(&self, container: Container) -> Container {
        match self.cloud {
            Cloud::Gcs => {
                container.env("GCS_BUCKET", BUCKET).env("GCS_OBJECT_KEY", format!("{PREFIX}/hash.tar.gz"))
            }
            Cloud::S3 => {
                container.env("S3_BUCKET", BUCKET).env("S3_PREFIX", PREFIX).env("AWS_REGION", "us-east-1")
            }
            Cloud::Azure => container
                .env("AZURE_CONTAINER", BUCKET)
                .env("AZURE_PREFIX", PREFIX)
                .env("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT),
        }
    }

    fn store(&self) -> Box<dyn ObjectStore> {
        let options = ClientOptions::new().with_allow_http(true);
        let url = format!("http://{}", self.address);
        match self.cloud {
            Cloud::Gcs => {
                let store = GoogleCloudStorageBuilder::new().with_bucket_name(BUCKET).with_base_url(&url);
                let store = store.with_bearer_token("test").with_client_options(options);
                Box::new(store.build().expect("a store"))
            }
            Cloud::S3 => {
                let store = AmazonS3Builder::new().with_bucket_name(BUCKET).with_endpoint(url);
                let store =
                    store.with_access_key_id(KEY).with_secret_access_key(SECRET).with_region("us-east-1");
                Box::new(store.with_client_options(options).build().expect("a store"))
            }
            Cloud::Azure => {
                let store = MicrosoftAzureBuilder::new().with_container_name(BUCKET).with_endpoint(url);
                let store = store.with_account(ACCOUNT).with_access_key(ACCOUNT_KEY);
                Box::new(store.with_client_options(options).build().expect("a store"))
            }
        }
    }

    /// The names of all objects.
    pub fn names(&self) -> Vec<String> {
        if let Played::Here(azure) = &self.played {
            let names = azure.names();
            let names = names.iter().filter_map(|name| name.strip_prefix(&format!("/{BUCKET}/")));
            return names.map(str::to_owned).collect();
        }
        let all: Vec<_> = self.runtime.block_on(self.store().list(None).collect());
        all.into_iter().flatten().map(|object| object.location.to_string()).collect()
    }

    /// The only name with that end.
    pub fn named(&self, end: &str) -> String {
        let names = self.names();
        let mut with_end = names.iter().filter(|name| name.ends_with(end));
        match (with_end.next(), with_end.next()) {
            (Some(name), None) => name.clone(),
            _ => panic!("{end} in {names:?}"),
        }
    }

    /// An object.
    pub fn get(&self, name: &str) -> Vec<u8> {
        let get = async { self.store().get(&Key::from(name)).await?.bytes().await };
        self.runtime.block_on(get).expect("an object").to_vec()
    }

    /// Makes or changes an object.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        if self.cloud == Cloud::Gcs {
            // The emulator takes no other way.
            let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
            let upload = format!("upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={name}");
            let post = reqwest::Client::new().post(format!("http://{}/{upload}", self.address)).body(bytes);
            let answer = self.runtime.block_on(post.send()).expect("the store");
            return assert!(answer.status().is_success(), "{}", answer.status());
        }
        self.runtime.block_on(self.store().put(&Key::from(name), PutPayload::from(bytes))).expect("stored");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Played::By(process, _) = &mut self.played {
            _ = process.kill();
            _ = process.wait();
        }
    }
}

fn command(cloud: Cloud, address: SocketAddr, folder: &Path) -> Command {
    let mut command = if cloud == Cloud::Gcs {
        let mut server = Command::new(control_plane::fake_gcs().expect("fake-gcs-server"));
        let port = address.port().to_string();
        server.args(["-scheme", "http", "-host", "127.0.0.1", "-port", &port, "-backend", "memory"]);
        server.args(["-public-host", &address.to_string(), "-data"]).arg(folder);
        server.args(["-external-url", &format!("http://{address}"), "-log-level", "error"]);
        server
    } else {
        let mut server = Command::new(control_plane::s3_gateway().expect("versitygw"));
        server.args(["--access", KEY, "--secret", SECRET, "--port", &address.to_string(), "posix"]);
        server.arg(folder);
        server
    };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
