//! Versions of objects, for writes on the condition that an object is unchanged.

use object_store::{ObjectMeta, PutResult, UpdateVersion};

/// Returns the version of an object that was read.
pub(super) fn version_of_object(meta: &ObjectMeta) -> UpdateVersion {
    UpdateVersion { e_tag: meta.e_tag.clone(), version: meta.version.clone() }
}

/// Returns the version of an object that was written.
pub(super) fn version_of_put(put: PutResult) -> UpdateVersion {
    UpdateVersion { e_tag: put.e_tag, version: put.version }
}
