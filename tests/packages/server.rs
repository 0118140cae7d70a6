//! Stores of the clouds: emulators that stop when they are dropped.

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
/// Prefix of the names of all objects.
pub(crate) const PREFIX: &str = "kaspr-packages/clicks-app";

/// ID of the S3 access key.
pub(crate) const KEY: &str = "AKIATEST";
/// S3 secret access key.
pub(crate) const SECRET: &str = "storage-secret-key";
pub(crate) const ACCOUNT: &str = "team";
/// Key of the Azure storage account.
pub(crate) const ACCOUNT_KEY: &str = "c3RvcmFnZS1zZWNyZXQta2V5";

/// Cloud whose store is emulated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cloud {
    Gcs,
    S3,
    Azure,
}

pub(crate) const CLOUDS: [Cloud; 3] = [Cloud::Gcs, Cloud::S3, Cloud::Azure];

/// A store with an empty bucket.
pub(crate) struct Server {
    cloud: Cloud,
    pub address: SocketAddr,
    runtime: Runtime,
    backend: Backend,
}

enum Backend {
    Process(Child, #[expect(dead_code, reason = "dropping it deletes the files")] TempDir),
    InProcess(Azure),
}

impl Server {
    pub(crate) fn start(cloud: Cloud) -> Self {
        // In the second test of the process, a provider is already installed.
        _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = Runtime::new().expect("a runtime");
        if cloud == Cloud::Azure {
            let azure = Azure::start();
            return Self {
                cloud,
                address: azure.listening.address,
                runtime,
                backend: Backend::InProcess(azure),
            };
        }
        let folder = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(folder.path().join(BUCKET)).expect("a bucket");
        // Another process may take the port first; then the next port is tried.
        for _ in 0..5 {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let address = listener.local_addr().expect("an address");
            drop(listener);
            let mut process = command(cloud, address, folder.path()).spawn().expect("the store");
            for _ in 0..100 {
                if TcpStream::connect(address).is_ok() {
                    return Self { cloud, address, runtime, backend: Backend::Process(process, folder) };
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

    /// Configures a container for the store.
    pub(crate) fn configure(&self, container: Container) -> Container {
        self.configure_at(container, self.address)
    }

    /// Configures a container for the store at another address. Keys end with a newline, as `echo` writes
    /// them.
    pub(crate) fn configure_at(&self, container: Container, address: SocketAddr) -> Container {
        let container = self.configure_bucket(container);
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

    /// Configures only the name of the bucket, at the address of the cloud.
    pub(crate) fn configure_bucket(&self, container: Container) -> Container {
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

    /// Lists the names of all objects.
    pub(crate) fn names(&self) -> Vec<String> {
        if let Backend::InProcess(azure) = &self.backend {
            let names = azure.names();
            let names = names.iter().filter_map(|name| name.strip_prefix(&format!("/{BUCKET}/")));
            return names.map(str::to_owned).collect();
        }
        let all: Vec<_> = self.runtime.block_on(self.store().list(None).collect());
        all.into_iter().flatten().map(|object| object.location.to_string()).collect()
    }

    /// Returns the only name with a suffix.
    pub(crate) fn named(&self, suffix: &str) -> String {
        let names = self.names();
        let mut matching = names.iter().filter(|name| name.ends_with(suffix));
        match (matching.next(), matching.next()) {
            (Some(name), None) => name.clone(),
            _ => panic!("{suffix} in {names:?}"),
        }
    }

    /// Reads an object.
    pub(crate) fn get(&self, name: &str) -> Vec<u8> {
        let get = async { self.store().get(&Key::from(name)).await?.bytes().await };
        self.runtime.block_on(get).expect("an object").to_vec()
    }

    /// Creates or replaces an object.
    pub(crate) fn put(&self, name: &str, bytes: Vec<u8>) {
        if self.cloud == Cloud::Gcs {
            // The emulator supports only the JSON API.
            let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
            let upload = format!("upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={name}");
            let post = reqwest::Client::new().post(format!("http://{}/{upload}", self.address)).body(bytes);
            let response = self.runtime.block_on(post.send()).expect("the store");
            return assert!(response.status().is_success(), "{}", response.status());
        }
        self.runtime.block_on(self.store().put(&Key::from(name), PutPayload::from(bytes))).expect("stored");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Backend::Process(process, _) = &mut self.backend {
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
