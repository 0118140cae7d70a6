use std::{env, path::PathBuf, sync::Arc};

use object_store::{
    Certificate, ClientOptions, ObjectStore, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey as Amazon},
    azure::{AzureConfigKey as Azure, MicrosoftAzureBuilder},
    gcp::GoogleCloudStorageBuilder,
};

use super::{Bucket, StoreError, gcs::Json};

/// A bucket, and how to get at it.
#[derive(Clone, Debug)]
pub enum Place {
    /// Google Cloud Storage.
    Gcs {
        /// The bucket.
        bucket: String,
        /// The service account's key; without one, the pod's own identity.
        key: Option<PathBuf>,
    },
    /// S3, or what speaks like it. Keys and regions are the environment's, by Amazon's own names.
    S3 {
        /// The bucket.
        bucket: String,
        /// Where it is, if not at Amazon's.
        endpoint: Option<String>,
    },
    /// Azure Blob Storage. Account and keys are the environment's, by Microsoft's own names.
    Azure {
        /// The container.
        container: String,
        /// Where it is, if not at Microsoft's.
        endpoint: Option<String>,
    },
}

/// Google's own variable for an emulator in place of the store.
const GCS_EMULATOR: &str = "STORAGE_EMULATOR_HOST";

/// Opens a bucket. Nothing is sent yet.
///
/// Errors: the settings or the credentials are of no use.
pub fn open(
    place: Place,
    prefix: String,
    max_archive_size: u64,
    token: String,
) -> Result<Bucket, StoreError> {
    let store = match place {
        Place::Gcs { bucket, key } => gcs(bucket, key)?,
        Place::S3 { bucket, endpoint } => s3(bucket, endpoint)?,
        Place::Azure { container, endpoint } => azure(container, endpoint)?,
    };
    Ok(Bucket::new(store, prefix, max_archive_size, token))
}

type Opened = Result<Arc<dyn ObjectStore>, StoreError>;

fn gcs(bucket: String, key: Option<PathBuf>) -> Opened {
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_http_connector(Json)
        .with_bucket_name(bucket)
        .with_retry(retries())
        .with_client_options(client(false)?);
    if let Some(key) = key {
        let text = std::fs::read_to_string(&key).map_err(|e| {
            StoreError::Settings(format!("the service account's key {} can't be read: {e}", key.display()))
        })?;
        builder = builder.with_service_account_key(text);
    }
    if let Ok(emulator) = env::var(GCS_EMULATOR) {
        // Emulators take any token; object_store asks for one even where it is to sign nothing.
        let url = if emulator.contains("://") { emulator } else { format!("http://{emulator}") };
        builder =
            builder.with_base_url(&url).with_bearer_token("emulator").with_client_options(client(true)?);
    }
    Ok(Arc::new(builder.build()?))
}

fn s3(bucket: String, endpoint: Option<String>) -> Opened {
    let plain = endpoint.as_deref().is_some_and(is_plain);
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_retry(retries())
        .with_client_options(client(plain)?);
    // Whoever wrote the Secret with `echo` has a line end in it.
    for key in [Amazon::AccessKeyId, Amazon::SecretAccessKey, Amazon::Token] {
        if let Some(value) = builder.get_config_value(&key) {
            builder = builder.with_config(key, value.trim());
        }
    }
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    Ok(Arc::new(builder.build()?))
}

fn azure(container: String, endpoint: Option<String>) -> Opened {
    let plain = endpoint.as_deref().is_some_and(is_plain);
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(container)
        .with_retry(retries())
        .with_client_options(client(plain)?);
    if let Some(key) = builder.get_config_value(&Azure::AccessKey) {
        builder = builder.with_access_key(key.trim());
    }
    // The webhook of Azure's workload identity gives it with a slash at its end, and object_store puts
    // another one behind it.
    if let Some(host) = builder.get_config_value(&Azure::AuthorityHost) {
        builder = builder.with_authority_host(host.trim_end_matches('/'));
    }
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    Ok(Arc::new(builder.build()?))
}

fn is_plain(endpoint: &str) -> bool {
    endpoint.starts_with("http://")
}

/// A store that is down must not hold a start up for long: installing is always possible.
fn retries() -> RetryConfig {
    RetryConfig {
        max_retries: 3,
        retry_timeout: std::time::Duration::from_secs(20),
        ..RetryConfig::default()
    }
}

/// An image may bring no roots of the web's certificates, so they come along beside its own.
fn client(plain: bool) -> Result<ClientOptions, StoreError> {
    let mut options = ClientOptions::new()
        .with_allow_http(plain)
        .with_connect_timeout(std::time::Duration::from_secs(5))
        .with_timeout_disabled()
        // Also the time for a part to be sent, so more than a dead store deserves.
        .with_read_timeout(std::time::Duration::from_secs(30));
    for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        options = options.with_root_certificate(Certificate::from_der(root)?);
    }
    Ok(options)
}
