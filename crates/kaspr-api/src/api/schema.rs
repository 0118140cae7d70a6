//! The defaults of the published CRDs' schemas. The API server fills these in, so they are part of the API;
//! other absent fields get their meaning in [`crate::defaults`].

use super::{CacheType, JoinType, PackageAccessMode, defaults};

pub(super) fn disabled() -> Option<bool> {
    Some(defaults::CACHE_ENABLED)
}

pub(super) fn join_type() -> Option<JoinType> {
    Some(JoinType::Inner)
}

pub(super) fn cache_type() -> Option<CacheType> {
    Some(CacheType::Pvc)
}

pub(super) fn access_mode() -> Option<PackageAccessMode> {
    Some(PackageAccessMode::ReadWriteMany)
}

pub(super) fn index_username_key() -> Option<String> {
    Some(defaults::INDEX_USERNAME_KEY.to_owned())
}

pub(super) fn index_password_key() -> Option<String> {
    Some(defaults::INDEX_PASSWORD_KEY.to_owned())
}

pub(super) fn bucket_prefix() -> Option<String> {
    Some(defaults::BUCKET_PREFIX.to_owned())
}

pub(super) fn max_archive_size() -> Option<String> {
    Some(defaults::MAX_ARCHIVE_SIZE.to_owned())
}

pub(super) fn gcs_key() -> Option<String> {
    Some(defaults::GCS_KEY.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The defaults of enums are variants here and text in `defaults`.
    #[test]
    fn variants_are_the_defaults() {
        assert_eq!(json!(join_type()), defaults::JOIN_TYPE);
        assert_eq!(json!(cache_type()), defaults::CACHE_TYPE);
        assert_eq!(json!(access_mode()), defaults::CACHE_ACCESS_MODE);
    }
}
