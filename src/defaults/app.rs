use serde_json::{Map, Value};

use super::{Defaults, block, set};
use crate::api::{KasprApp, defaults};

impl Defaults for KasprApp {
    fn apply(spec: &mut Map<String, Value>) {
        set(spec, "replicas", defaults::REPLICAS);
        if let Some(packages) = block(spec, "pythonPackages") {
            python_packages(packages);
        }
    }
}

fn python_packages(packages: &mut Map<String, Value>) {
    set(packages, "installPolicy", Map::new());
    if let Some(policy) = block(packages, "installPolicy") {
        set(policy, "retries", defaults::INSTALL_RETRIES);
        set(policy, "timeout", defaults::INSTALL_TIMEOUT);
        set(policy, "onFailure", defaults::INSTALL_ON_FAILURE);
    }
    if let Some(secret) = block(packages, "credentials").and_then(|c| block(c, "secretRef")) {
        set(secret, "usernameKey", defaults::INDEX_USERNAME_KEY);
        set(secret, "passwordKey", defaults::INDEX_PASSWORD_KEY);
    }
    if let Some(cache) = block(packages, "cache") {
        package_cache(cache);
    }
}

fn package_cache(cache: &mut Map<String, Value>) {
    set(cache, "type", defaults::CACHE_TYPE);
    set(cache, "enabled", defaults::CACHE_ENABLED);
    set(cache, "accessMode", defaults::CACHE_ACCESS_MODE);
    // With a bucket, the fields of the claim have no effect.
    if cache.get("type").and_then(Value::as_str) == Some(defaults::CACHE_TYPE) {
        set(cache, "size", defaults::CACHE_SIZE);
        set(cache, "deleteClaim", defaults::CACHE_DELETE_CLAIM);
    }
    let buckets: [(&str, &[(&str, &str)]); 3] = [
        ("gcs", &[("key", defaults::GCS_KEY)]),
        (
            "s3",
            &[
                ("accessKeyIdKey", defaults::S3_ACCESS_KEY_ID_KEY),
                ("secretAccessKeyKey", defaults::S3_SECRET_ACCESS_KEY_KEY),
            ],
        ),
        ("azure", &[("key", defaults::AZURE_ACCOUNT_KEY_KEY)]),
    ];
    for (field, keys) in buckets {
        let Some(bucket) = block(cache, field) else { continue };
        set(bucket, "prefix", defaults::BUCKET_PREFIX);
        set(bucket, "maxArchiveSize", defaults::MAX_ARCHIVE_SIZE);
        if let Some(secret) = block(bucket, "secretRef") {
            keys.iter().for_each(|(field, value)| set(secret, field, *value));
        }
    }
}
