//! The names of the objects that are made. They are the published operator's: running pods,
//! claims and Kafka's consumer groups hang on them.

/// The StatefulSet, ServiceAccount and headless Service of an app, and its identity in Kafka.
pub fn app(name: &str) -> String {
    format!("{name}-app")
}

/// The Service in front of an app's members.
pub fn api_service(name: &str) -> String {
    format!("{name}-app-api")
}

/// The ConfigMap with an app's settings.
pub fn config_map(name: &str) -> String {
    format!("{name}-app-config")
}

/// The autoscaler that paces an app's start.
pub fn autoscaler(name: &str) -> String {
    format!("{name}-app-hpa")
}

/// How many of an app's members may be away while nodes are drained.
pub fn disruption_budget(name: &str) -> String {
    format!("{name}-app-pdb")
}

/// The claim template, or the volume in its place, with the tables.
pub fn tables_volume(name: &str) -> String {
    format!("{name}-app-pv")
}

/// The volume with the Python packages.
pub fn packages_volume(name: &str) -> String {
    format!("{name}-app-packages")
}

/// The volume with the package installer.
pub fn installer_volume(name: &str) -> String {
    format!("{name}-app-installer")
}

/// The claim that members share for Python packages.
pub fn packages_claim(name: &str) -> String {
    format!("{name}-app-python-packages")
}

/// The ConfigMap with an app's joins and the tables that they name.
pub fn joins(name: &str) -> String {
    format!("{name}-app-joins")
}

/// The ConfigMap with the definition of a component of that kind.
pub fn definition(kind: &str, name: &str) -> String {
    format!("{name}-{}", kind.trim_start_matches("Kaspr").to_lowercase())
}

/// Where members look for definitions.
pub const DEFINITIONS_DIR: &str = "/var/lib/data/definitions";

/// The members' data directory.
pub const DATA_DIR: &str = "/var/lib/data";

/// Where members keep tables unless `config.tableDir` says otherwise.
pub const TABLE_DIR: &str = "/var/lib/data/tables";

/// Where members find Python packages.
pub const PACKAGES_DIR: &str = "/opt/kaspr/packages";

/// Where the install container finds the installer, and where it keeps what is only needed meanwhile.
pub const INSTALLER_DIR: &str = "/opt/kaspr/installer";

/// Where the installer links a member to its set of packages, below the packages' volume.
pub const MEMBER_LINKS: &str = "members";

/// Where the install container finds a bucket's service-account key.
pub const GCS_KEY_DIR: &str = "/var/run/secrets/gcs";

/// The volume with a bucket's service-account key.
pub const GCS_KEY_VOLUME: &str = "gcs-sa-key";

/// The volume with the certificate authorities of the brokers.
pub const KAFKA_CA_VOLUME: &str = "kafka-ca";

/// Where members find the certificate authorities of the brokers.
pub const KAFKA_CA_DIR: &str = "/var/run/secrets/kafka-ca";

/// The volume with the members' own certificate.
pub const KAFKA_CERTIFICATE_VOLUME: &str = "kafka-certificate";

/// Where members find their own certificate.
pub const KAFKA_CERTIFICATE_DIR: &str = "/var/run/secrets/kafka-certificate";

/// The container that runs the framework.
pub const CONTAINER: &str = "kaspr";

/// The container that copies the package installer.
pub const COPY_CONTAINER: &str = "copy-installer";

/// The container that installs Python packages.
pub const INSTALL_CONTAINER: &str = "install-packages";

/// The members' web port unless `config.webPort` says otherwise.
pub const WEB_PORT: i32 = 6065;

/// The name of the web port.
pub const WEB_PORT_NAME: &str = "http";
