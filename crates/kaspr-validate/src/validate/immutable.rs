//! Fields of an app that are immutable, and why.

use serde_json::Value;

use super::{findings::Findings, path::Path, rule, shared};
use crate::api::{CacheType, KasprAppSpec, PackageCache, StorageType};

/// Adds errors about changes between two specs of an app that are not allowed.
pub(super) fn check_app(old: &KasprAppSpec, new: &KasprAppSpec, found: &mut Findings) {
    let at = Path::root().child("spec");
    check_topic_partitions(old, new, &at.child("config"), found);
    check_storage(old, new, &at.child("storage"), found);
    let cache =
        |spec: &KasprAppSpec| spec.python_packages.as_ref().and_then(|p| p.cache.clone()).filter(is_claim);
    if let (Some(old), Some(new)) = (cache(old), cache(new)) {
        check_packages_claim(&old, &new, &at.child("pythonPackages").child("cache"), found);
    }
}

/// Checks the number of partitions: Kafka cannot remove partitions, and tables must have as many as their
/// topics.
fn check_topic_partitions(old: &KasprAppSpec, new: &KasprAppSpec, at: &Path, found: &mut Findings) {
    let partitions =
        |spec: &KasprAppSpec| spec.config.as_ref().and_then(|config| config.get("topicPartitions")).cloned();
    let (was, is) = (partitions(old), partitions(new));
    let same = was == is || was.as_ref().map(shared::to_text) == is.as_ref().map(shared::to_text);
    if !same {
        let value = is.unwrap_or(Value::Null);
        let was = was.as_ref().map_or("unset".to_owned(), |was| format!("'{}'", shared::to_text(was)));
        let detail = format!("field is immutable: it was {was} when the app's topics were created");
        found.invalid(rule::IMMUTABLE, at.child("topicPartitions"), value, detail);
    }
}

/// Checks the storage: claims of a StatefulSet are immutable, except for their size, which can only grow.
fn check_storage(old: &KasprAppSpec, new: &KasprAppSpec, at: &Path, found: &mut Findings) {
    let kind = |spec: &KasprAppSpec| spec.storage.as_ref().map_or(StorageType::Ephemeral, |s| s.r#type);
    let (was, is) = (kind(old), kind(new));
    if was != is {
        let name = |kind| match kind {
            StorageType::Ephemeral => "ephemeral",
            StorageType::PersistentClaim => "persistent-claim",
        };
        found.invalid(
            rule::IMMUTABLE,
            at.child("type"),
            name(is),
            format!("field is immutable: it was '{}'", name(was)),
        );
        return;
    }
    let (Some(old), Some(new)) = (&old.storage, &new.storage) else { return };
    if is == StorageType::Ephemeral {
        return;
    }
    if old.class != new.class {
        let was = old.class.as_deref().map_or("unset".to_owned(), |class| format!("'{class}'"));
        found.invalid(
            rule::IMMUTABLE,
            at.child("class"),
            new.class.clone(),
            format!("field is immutable: it was {was}"),
        );
    }
    check_not_smaller(old.size.as_deref(), new.size.as_deref(), at.child("size"), found);
}

fn check_packages_claim(old: &PackageCache, new: &PackageCache, at: &Path, found: &mut Findings) {
    if old.storage_class != new.storage_class {
        found.invalid(rule::IMMUTABLE,
            at.child("storageClass"),
            new.storage_class.clone(),
            "field is immutable while the cache is enabled: disable the cache, delete its claim, then enable it",
        );
    }
    check_not_smaller(old.size.as_deref(), new.size.as_deref(), at.child("size"), found);
}

fn check_not_smaller(old: Option<&str>, new: Option<&str>, at: Path, found: &mut Findings) {
    let (Some(old), Some(new)) = (old, new) else { return };
    let (Some(was), Some(is)) = (shared::quantity(old), shared::quantity(new)) else { return };
    if is < was {
        found.invalid(
            rule::SHRINK,
            at,
            new,
            format!("must not be less than before ('{old}'): a claim can only grow"),
        );
    }
}

fn is_claim(cache: &PackageCache) -> bool {
    cache.enabled == Some(true) && matches!(cache.r#type, None | Some(CacheType::Pvc))
}
