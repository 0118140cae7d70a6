//! Opens a bucket.

use std::{env, path::PathBuf, sync::Arc};

use object_store::{
    Certificate, ClientOptions, ObjectStore, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey as Amazon},
    azure::{AzureConfigKey as Azure, MicrosoftAzureBuilder},
    gcp::GoogleCloudStorageBuilder,
};

use super::{bucket::Bucket, error::StoreError, gcs::JsonApi};
use crate::installer::{log::log, trust};

/// Location of a bucket.
#[derive(Clone, Debug)]
pub(crate) enum BucketLocation {
    /// Google Cloud Storage.
    Gcs {
        /// Name of the bucket.
        bucket: String,
        /// File with the key of a service account. Without it, the identity of the pod is used.
        key: Option<PathBuf>,
    },
    /// S3 or a compatible service. Keys and region are read from Amazon's environment variables.
    S3 {
        /// Name of the bucket.
        bucket: String,
        /// Address of the service, if it is not Amazon's.
        endpoint: Option<String>,
    },
    /// Azure Blob Storage. Account and key are read from Microsoft's environment variables.
    Azure {
        /// Name of the container.
        container: String,
        /// Address of the service, if it is not Microsoft's.
        endpoint: Option<String>,
    },
}

/// Google's environment variable for the address of an emulator.
const GCS_EMULATOR: &str = "STORAGE_EMULATOR_HOST";

/// Opens a bucket. No request is sent yet. `authorities` are files with certificate authorities that are trusted in
/// addition to those of the image.
///
/// # Errors
///
/// The settings or the credentials are invalid.
pub(crate) fn open(
    location: BucketLocation,
    prefix: String,
    max_archive_size: u64,
    token: String,
    authorities: &[PathBuf],
) -> Result<Bucket, StoreError> {
    let store = match location {
        BucketLocation::Gcs { bucket, key } => open_gcs(bucket, key, authorities)?,
        BucketLocation::S3 { bucket, endpoint } => open_s3(bucket, endpoint, authorities)?,
        BucketLocation::Azure { container, endpoint } => open_azure(container, endpoint, authorities)?,
    };
    Ok(Bucket::new(store, prefix, max_archive_size, token))
}

type OpenResult = Result<Arc<dyn ObjectStore>, StoreError>;

fn open_gcs(bucket: String, key: Option<PathBuf>, authorities: &[PathBuf]) -> OpenResult {
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_http_connector(JsonApi)
        .with_bucket_name(bucket)
        .with_retry(retry_config())
        .with_client_options(client_options(false, authorities)?);
    if let Some(key) = key {
        let text = std::fs::read_to_string(&key).map_err(|e| {
            StoreError::Settings(format!("failed to read the service account key {}: {e}", key.display()))
        })?;
        builder = builder.with_service_account_key(text);
    }
    if let Ok(emulator) = env::var(GCS_EMULATOR) {
        // Emulators accept any token; object_store requires one even if it signs nothing.
        let url = if emulator.contains("://") { emulator } else { format!("http://{emulator}") };
        builder = builder
            .with_base_url(&url)
            .with_bearer_token("emulator")
            .with_client_options(client_options(true, authorities)?);
    }
    Ok(Arc::new(builder.build()?))
}

fn open_s3(bucket: String, endpoint: Option<String>, authorities: &[PathBuf]) -> OpenResult {
    let plain = endpoint.as_deref().is_some_and(is_unencrypted);
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_retry(retry_config())
        .with_client_options(client_options(plain, authorities)?);
    // A Secret that was created with `echo` ends with a newline.
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

fn open_azure(container: String, endpoint: Option<String>, authorities: &[PathBuf]) -> OpenResult {
    let plain = endpoint.as_deref().is_some_and(is_unencrypted);
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(container)
        .with_retry(retry_config())
        .with_client_options(client_options(plain, authorities)?);
    if let Some(key) = builder.get_config_value(&Azure::AccessKey) {
        builder = builder.with_access_key(key.trim());
    }
    // The webhook of Azure's workload identity sets an address with a trailing slash, and object_store
    // appends another one.
    if let Some(host) = builder.get_config_value(&Azure::AuthorityHost) {
        builder = builder.with_authority_host(host.trim_end_matches('/'));
    }
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    Ok(Arc::new(builder.build()?))
}

fn is_unencrypted(endpoint: &str) -> bool {
    endpoint.starts_with("http://")
}

/// Limits retries: a store that is down must not delay a start for long, because installing is always
/// possible.
fn retry_config() -> RetryConfig {
    RetryConfig {
        max_retries: 3,
        retry_timeout: std::time::Duration::from_secs(20),
        ..RetryConfig::default()
    }
}

/// Trusts the same certificate authorities as the tools do.
fn client_options(plain: bool, files: &[PathBuf]) -> Result<ClientOptions, StoreError> {
    let mut options = ClientOptions::new()
        .with_allow_http(plain)
        .with_connect_timeout(std::time::Duration::from_secs(5))
        .with_timeout_disabled()
        // Includes the upload of a part, so the timeout is longer than a dead store would need.
        .with_read_timeout(std::time::Duration::from_secs(30));
    let (authorities, errors) = trust::authorities(files);
    errors.iter().for_each(|error| log(&format!("warning: {error}")));
    for authority in authorities {
        options = options.with_root_certificate(Certificate::from_der(&authority)?);
    }
    Ok(options)
}
