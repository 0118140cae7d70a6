//! What the published CRDs default in their schemas. The API server fills these in, so they are
//! part of the API; other absent fields get their meaning in `defaults`.

use super::{CacheType, JoinType, PackageAccessMode};

pub(super) fn no() -> Option<bool> {
    Some(false)
}

pub(super) fn inner() -> Option<JoinType> {
    Some(JoinType::Inner)
}

pub(super) fn pvc() -> Option<CacheType> {
    Some(CacheType::Pvc)
}

pub(super) fn read_write_many() -> Option<PackageAccessMode> {
    Some(PackageAccessMode::ReadWriteMany)
}

pub(super) fn username() -> Option<String> {
    Some("username".to_owned())
}

pub(super) fn password() -> Option<String> {
    Some("password".to_owned())
}

pub(super) fn packages_prefix() -> Option<String> {
    Some("kaspr-packages/".to_owned())
}

pub(super) fn one_gibibyte() -> Option<String> {
    Some("1Gi".to_owned())
}

pub(super) fn service_account_key() -> Option<String> {
    Some("sa.json".to_owned())
}
