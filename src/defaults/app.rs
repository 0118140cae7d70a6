use serde_json::{Map, Value};

use super::{Defaults, block, set};
use crate::api::KasprApp;

impl Defaults for KasprApp {
    fn fill(spec: &mut Map<String, Value>) {
        set(spec, "replicas", 1);
        if let Some(packages) = block(spec, "pythonPackages") {
            python_packages(packages);
        }
    }
}

fn python_packages(packages: &mut Map<String, Value>) {
    set(packages, "installPolicy", Map::new());
    if let Some(policy) = block(packages, "installPolicy") {
        set(policy, "retries", 3);
        set(policy, "timeout", 600);
        set(policy, "onFailure", "block");
    }
    if let Some(secret) = block(packages, "credentials").and_then(|c| block(c, "secretRef")) {
        set(secret, "usernameKey", "username");
        set(secret, "passwordKey", "password");
    }
    if let Some(cache) = block(packages, "cache") {
        cache_of(cache);
    }
}

fn cache_of(cache: &mut Map<String, Value>) {
    set(cache, "type", "pvc");
    set(cache, "enabled", false);
    set(cache, "accessMode", "ReadWriteMany");
    // The fields of the claim say nothing when there is a bucket in its place.
    if cache.get("type").and_then(Value::as_str) == Some("pvc") {
        set(cache, "size", "256Mi");
        set(cache, "deleteClaim", true);
    }
    let buckets: [(&str, &[(&str, &str)]); 3] = [
        ("gcs", &[("key", "sa.json")]),
        ("s3", &[("accessKeyIdKey", "accessKeyId"), ("secretAccessKeyKey", "secretAccessKey")]),
        ("azure", &[("key", "accountKey")]),
    ];
    for (field, keys) in buckets {
        let Some(bucket) = block(cache, field) else { continue };
        set(bucket, "prefix", "kaspr-packages/");
        set(bucket, "maxArchiveSize", "1Gi");
        if let Some(secret) = block(bucket, "secretRef") {
            keys.iter().for_each(|(field, value)| set(secret, field, *value));
        }
    }
}
