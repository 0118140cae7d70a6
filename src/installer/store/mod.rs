//! Stores keep package sets between starts. There are three: none, a volume that all members share, and a
//! bucket of a cloud.

mod bucket;
mod bucket_lease;
mod error;
mod gcs;
mod interface;
mod lease_outcome;
mod none;
mod object_version;
mod open;
mod shared;

pub use bucket::Bucket;
pub use error::StoreError;
pub use interface::{Fetched, Store};
pub use lease_outcome::LeaseOutcome;
pub use none::NoStore;
pub use open::{BucketLocation, open};
pub use shared::SharedVolume;
