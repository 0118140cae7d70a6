//! What is known about the cluster and the other manifests of an app, as far as it is known.

use std::collections::{BTreeMap, BTreeSet};

/// Secrets and ConfigMaps of a namespace, by name, with their keys.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// Keys of each Secret.
    pub secrets: BTreeMap<String, BTreeSet<String>>,
    /// Keys of each ConfigMap.
    pub config_maps: BTreeMap<String, BTreeSet<String>>,
}

/// The claims of an app in the cluster, as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// The members' claims for tables.
    pub tables: Option<Claim>,
    /// The claim for Python packages.
    pub packages: Option<Claim>,
}

/// A claim, or several that are alike.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The size that it requests, as a quantity.
    pub size: String,
    /// Its StorageClass, the default one if it names none.
    pub class: Option<String>,
    /// Whether the StorageClass allows volume expansion, if that is known.
    pub can_grow: Option<bool>,
}
