//! Facts derived from the spec and the annotations of an app.

use kube::ResourceExt;

use crate::api::{CacheType, KasprApp, PythonPackages, defaults};

/// Returns the maximum number of members.
#[must_use]
pub fn replicas(app: &KasprApp) -> i32 {
    app.spec.replicas.unwrap_or(defaults::REPLICAS)
}

/// Returns how the packages of an app are cached, as `status.pythonPackages.cacheMode` shows it.
#[must_use]
pub fn cache_mode(packages: &PythonPackages) -> &'static str {
    match packages.cache.as_ref().map(|cache| (cache.r#type, cache.enabled)) {
        Some((Some(CacheType::Gcs), _)) => "gcs",
        Some((Some(CacheType::S3), _)) => "s3",
        Some((Some(CacheType::Azure), _)) => "azure",
        Some((Some(CacheType::Pvc) | None, Some(true))) => "persistent",
        Some((Some(CacheType::Pvc) | None, Some(false) | None)) | None => "ephemeral",
    }
}

/// Returns whether an annotation is true.
#[must_use]
pub fn is_annotated(app: &impl ResourceExt, annotation: &str) -> bool {
    app.annotations().get(annotation).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Returns the value of an annotation that is true or false.
#[must_use]
pub fn annotation_flag(app: &impl ResourceExt, annotation: &str) -> Option<bool> {
    match app.annotations().get(annotation)?.trim().to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}
