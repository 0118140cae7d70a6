//! Stores keep package sets between starts. There are three: none, a volume that all members share, and a
//! bucket of a cloud.

mod bucket;
mod bucket_layout;
mod bucket_lease;
mod conditional;
mod error;
mod gcs;
mod interface;
mod lease_outcome;
mod none;
mod object_version;
mod open;
mod shared;

pub(super) use bucket::Bucket;
pub(super) use error::StoreError;
pub(super) use interface::{Fetched, Store};
pub(super) use lease_outcome::LeaseOutcome;
pub(super) use none::NoStore;
pub(super) use open::{BucketLocation, open};
pub(super) use shared::SharedVolume;
