//! Names of the objects, volumes, containers and labels that the operator makes. They are the Python
//! operator's: running pods, claims and Kafka consumer groups depend on them.

use crate::api::{Kind, defaults};

/// DNS domain of a cluster, unless a setting says otherwise.
pub const CLUSTER_DOMAIN: &str = "cluster.local";

/// The field manager, and the value of [`MANAGED_BY_LABEL`].
pub const MANAGER: &str = "kaspr-operator";

/// Label by which the operator finds what it made.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";

/// Label with the kind of the resource that an object belongs to.
pub const NAME_LABEL: &str = "app.kubernetes.io/name";

/// Label with the name of the resource that an object belongs to.
pub const INSTANCE_LABEL: &str = "app.kubernetes.io/instance";

/// Label with the application that an object is part of.
pub const PART_OF_LABEL: &str = "app.kubernetes.io/part-of";

/// Label that ties a component, in its own namespace, and every object to its app.
pub const APP_LABEL: &str = "kaspr.io/app";

/// Label with the app that an object or a pod belongs to.
pub const CLUSTER_LABEL: &str = "kaspr.io/cluster";

/// Label with the kind of the resource that an object belongs to.
pub const KIND_LABEL: &str = "kaspr.io/kind";

/// Label with the kind too, for the Python operator's sake.
pub const COMPONENT_TYPE_LABEL: &str = "kaspr.io/component-type";

/// Label with the name of the object.
pub const OBJECT_NAME_LABEL: &str = "kaspr.io/name";

/// Label that distinguishes the packages claim from the tables' claims.
pub const COMPONENT_LABEL: &str = "kaspr.io/component";

/// Label of an immutable ConfigMap with one version of a definition: the name of the ConfigMap with the current one.
pub const SNAPSHOT_LABEL: &str = "kaspr.io/snapshot-of";

/// Value of [`COMPONENT_LABEL`] on the packages claim.
pub const PACKAGES_COMPONENT: &str = "python-packages";

/// Label with the revision of its StatefulSet that a pod was created from. Source: the StatefulSet controller.
pub const REVISION_LABEL: &str = "controller-revision-hash";

/// Prefixes of the labels and annotations that the operator sets.
pub const OWN_PREFIXES: [&str; 2] = ["kaspr.io/", "app.kubernetes.io/"];

/// Returns the name of an app's StatefulSet, ServiceAccount and headless Service, and its identity in
/// Kafka.
#[must_use]
pub fn app(name: &str) -> String {
    format!("{name}-{}", Kind::App.suffix())
}

/// Returns the name of the Service in front of an app's members.
#[must_use]
pub fn api_service(name: &str) -> String {
    format!("{name}-app-api")
}

/// Returns the name of the ConfigMap with an app's settings.
#[must_use]
pub fn config_map(name: &str) -> String {
    format!("{name}-app-config")
}

/// Returns the name of the immutable ConfigMap with one version of an app's settings.
#[must_use]
pub fn config_map_snapshot(name: &str, hash: &str) -> String {
    format!("{}-{hash}", config_map(name))
}

/// Returns the name of the autoscaler that paces the start of an app.
#[must_use]
pub fn autoscaler(name: &str) -> String {
    format!("{name}-app-hpa")
}

/// Returns the name of an app's PodDisruptionBudget.
#[must_use]
pub fn disruption_budget(name: &str) -> String {
    format!("{name}-app-pdb")
}

/// Returns the name of the claim template for tables, or of the volume in its place.
#[must_use]
pub fn tables_volume(name: &str) -> String {
    format!("{name}-app-pv")
}

/// Returns the name of the volume with the Python packages.
#[must_use]
pub fn packages_volume(name: &str) -> String {
    format!("{name}-app-packages")
}

/// Returns the name of the volume with the package installer.
#[must_use]
pub fn installer_volume(name: &str) -> String {
    format!("{name}-app-installer")
}

/// Returns the name of the claim that members share for Python packages.
#[must_use]
pub fn packages_claim(name: &str) -> String {
    format!("{name}-app-{PACKAGES_COMPONENT}")
}

/// Returns the name of the ConfigMap with an app's joins and the tables that they name.
#[must_use]
pub fn joins(name: &str) -> String {
    format!("{name}-app-joins")
}

/// Returns the name of the ConfigMap, and of the volume, with the definition of a component.
#[must_use]
pub fn definition(kind: Kind, name: &str) -> String {
    format!("{name}-{}", kind.suffix())
}

/// Returns the name of the immutable ConfigMap with one version of the definition of a component. `hash` is that of the
/// definition.
#[must_use]
pub fn snapshot(kind: Kind, name: &str, hash: &str) -> String {
    format!("{}-{hash}", definition(kind, name))
}

/// Returns the name of the immutable ConfigMap with one version of an app's joins.
#[must_use]
pub fn joins_snapshot(name: &str, hash: &str) -> String {
    format!("{}-{hash}", joins(name))
}

/// Directory of component definitions.
pub const DEFINITIONS_DIR: &str = "/var/lib/data/definitions";

/// Data directory of the members.
pub const DATA_DIR: &str = "/var/lib/data";

/// Directory of tables, unless `config.tableDir` sets another one.
pub const TABLE_DIR: &str = defaults::TABLE_DIR;

/// Directory of Python packages.
pub const PACKAGES_DIR: &str = "/opt/kaspr/packages";

/// Directory of the package installer and its temporary files.
pub const INSTALLER_DIR: &str = "/opt/kaspr/installer";

/// Directory below the packages volume in which the installer links each member to its package set.
pub const MEMBER_LINKS: &str = "members";

/// Container that runs the framework.
pub const CONTAINER: &str = "kaspr";

/// Init container that copies the package installer.
pub const COPY_CONTAINER: &str = "copy-installer";

/// Init container that installs Python packages.
pub const INSTALL_CONTAINER: &str = "install-packages";

/// Name of the web port.
pub const WEB_PORT_NAME: &str = "http";

/// Reason of the event that reports a failed request for a rebalance. Source: the Python operator.
pub const REBALANCE_REQUEST_FAILED: &str = "RebalanceRequestFailed";
