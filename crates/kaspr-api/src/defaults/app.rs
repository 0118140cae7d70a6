//! Default values of apps.

use serde_json::{Map, Value};

use super::{
    apply::Defaults,
    json::{get_object, set_default},
};
use crate::api::{KasprApp, defaults};

impl Defaults for KasprApp {
    fn apply(spec: &mut Map<String, Value>) {
        set_default(spec, "replicas", defaults::REPLICAS);
        if let Some(packages) = get_object(spec, "pythonPackages") {
            apply_package_defaults(packages);
        }
    }
}

fn apply_package_defaults(packages: &mut Map<String, Value>) {
    set_default(packages, "installPolicy", Map::new());
    if let Some(policy) = get_object(packages, "installPolicy") {
        set_default(policy, "retries", defaults::INSTALL_RETRIES);
        set_default(policy, "timeout", defaults::INSTALL_TIMEOUT);
        set_default(policy, "onFailure", defaults::INSTALL_ON_FAILURE);
    }
    if let Some(secret) = get_object(packages, "credentials").and_then(|c| get_object(c, "secretRef")) {
        set_default(secret, "usernameKey", defaults::INDEX_USERNAME_KEY);
        set_default(secret, "passwordKey", defaults::INDEX_PASSWORD_KEY);
    }
    if let Some(cache) = get_object(packages, "cache") {
        apply_cache_defaults(cache);
    }
}

fn apply_cache_defaults(cache: &mut Map<String, Value>) {
    set_default(cache, "type", defaults::CACHE_TYPE);
    set_default(cache, "enabled", defaults::CACHE_ENABLED);
    set_default(cache, "accessMode", defaults::CACHE_ACCESS_MODE);
    // With a bucket, the fields of the claim have no effect.
    if cache.get("type").and_then(Value::as_str) == Some(defaults::CACHE_TYPE) {
        set_default(cache, "size", defaults::CACHE_SIZE);
        set_default(cache, "deleteClaim", defaults::CACHE_DELETE_CLAIM);
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
        let Some(bucket) = get_object(cache, field) else { continue };
        set_default(bucket, "prefix", defaults::BUCKET_PREFIX);
        set_default(bucket, "maxArchiveSize", defaults::MAX_ARCHIVE_SIZE);
        if let Some(secret) = get_object(bucket, "secretRef") {
            keys.iter().for_each(|(field, value)| set_default(secret, field, *value));
        }
    }
}
