//! Fields of an app that are immutable, and why.

use serde_json::Value;

use super::{
    cluster_facts::{Claim, Claims},
    findings::Findings,
    path::Path,
    rule, shared,
};
use crate::api::{CacheType, KasprAppSpec, PackageCache, StorageType};

/// Adds errors about changes between two specs of an app that are not allowed. `claims` are the app's claims in the
/// cluster, if they are known.
pub(super) fn check_app(
    old: &KasprAppSpec,
    new: &KasprAppSpec,
    claims: Option<&Claims>,
    found: &mut Findings,
) {
    let at = Path::root().child("spec");
    check_topic_partitions(old, new, &at.child("config"), found);
    check_storage(old, new, claims.and_then(|claims| claims.tables.as_ref()), &at.child("storage"), found);
    let cache =
        |spec: &KasprAppSpec| spec.python_packages.as_ref().and_then(|p| p.cache.clone()).filter(is_claim);
    if let (Some(old), Some(new)) = (cache(old), cache(new)) {
        let claim = claims.and_then(|claims| claims.packages.as_ref());
        check_packages_claim(&old, &new, claim, &at.child("pythonPackages").child("cache"), found);
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
fn check_storage(
    old: &KasprAppSpec,
    new: &KasprAppSpec,
    claim: Option<&Claim>,
    at: &Path,
    found: &mut Findings,
) {
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
    check_size(old.size.as_deref(), new.size.as_deref(), claim, at.child("size"), found);
}

fn check_packages_claim(
    old: &PackageCache,
    new: &PackageCache,
    claim: Option<&Claim>,
    at: &Path,
    found: &mut Findings,
) {
    if old.storage_class != new.storage_class {
        found.invalid(rule::IMMUTABLE,
            at.child("storageClass"),
            new.storage_class.clone(),
            "field is immutable while the cache is enabled: disable the cache, delete its claim, then enable it",
        );
    }
    check_size(old.size.as_deref(), new.size.as_deref(), claim, at.child("size"), found);
}

/// Checks a size: a claim cannot shrink, and grows only if its StorageClass allows that. The size of the claim, where
/// it is known, counts more than the old size: a claim that could not grow still has the size before.
fn check_size(old: Option<&str>, new: Option<&str>, claim: Option<&Claim>, at: Path, found: &mut Findings) {
    let (Some(old), Some(new)) = (old, new) else { return };
    let (Some(was), Some(is)) = (shared::quantity(old), shared::quantity(new)) else { return };
    let live = claim.and_then(|claim| Some((claim, shared::quantity(&claim.size)?)));
    if let Some((claim, size)) = live {
        if was < is && size < is && claim.can_grow == Some(false) {
            let class = claim.class.as_deref().unwrap_or_default();
            let detail = format!(
                "StorageClass '{class}' does not allow volume expansion: must be '{}', the size of the claims",
                claim.size
            );
            found.invalid(rule::CLAIM_CANNOT_GROW, at, new, detail);
            return;
        }
        if size <= is {
            return;
        }
    }
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
