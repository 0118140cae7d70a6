//! The volumes that the operator adds to an app's pods, and where it mounts them: the builders create
//! them from this list, and the rules check the user's volumes and mounts against it.
//!
//! Component definitions are volumes too. They depend on the components of the app and are not listed
//! here.

use kube::ResourceExt;
use serde_json::Value;

use crate::{
    api::{
        CaSecret, CacheType, CertificateSecret, GcsCache, KasprApp, PackageCache, PythonPackages,
        StorageType, Tls,
    },
    naming,
};

/// Directory of the service-account key of a bucket, in the install container.
pub const GCS_KEY_DIR: &str = "/var/run/secrets/gcs";

/// File name of the service-account key in [`GCS_KEY_DIR`].
pub const GCS_KEY_FILE: &str = "sa.json";

/// Volume with the service-account key of a bucket.
pub const GCS_KEY_VOLUME: &str = "gcs-sa-key";

/// Volume with the certificate authorities of package indexes.
pub const INDEX_CA_VOLUME: &str = "packages-index-ca";

/// Directory of the certificate authorities of package indexes, in the install container.
pub const INDEX_CA_DIR: &str = "/var/run/secrets/packages-index-ca";

/// Volume with the certificate authorities of a bucket.
pub const BUCKET_CA_VOLUME: &str = "packages-bucket-ca";

/// Directory of the certificate authorities of a bucket, in the install container.
pub const BUCKET_CA_DIR: &str = "/var/run/secrets/packages-bucket-ca";

/// File name of certificate authorities in [`INDEX_CA_DIR`] and [`BUCKET_CA_DIR`].
pub const CA_FILE: &str = "ca.crt";

/// Volume with the certificate authorities of the brokers.
pub const KAFKA_CA_VOLUME: &str = "kafka-ca";

/// Directory of the certificate authorities of the brokers.
pub const KAFKA_CA_DIR: &str = "/var/run/secrets/kafka-ca";

/// File name of the certificate authorities in [`KAFKA_CA_DIR`].
pub const KAFKA_CA_FILE: &str = "ca.crt";

/// Volume with the members' own certificate.
pub const KAFKA_CERTIFICATE_VOLUME: &str = "kafka-certificate";

/// Directory of the members' own certificate.
pub const KAFKA_CERTIFICATE_DIR: &str = "/var/run/secrets/kafka-certificate";

/// File name of the certificate chain in [`KAFKA_CERTIFICATE_DIR`].
pub const KAFKA_CERTIFICATE_FILE: &str = "tls.crt";

/// File name of the private key in [`KAFKA_CERTIFICATE_DIR`].
pub const KAFKA_PRIVATE_KEY_FILE: &str = "tls.key";

/// A volume that the operator adds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PodVolume {
    /// Name of the volume.
    pub name: String,
    /// What the volume contains.
    pub source: PodVolumeSource,
    /// Mount path in the member's container, if it is mounted there.
    pub member_mount: Option<String>,
    /// Mount path in the install container, if it is mounted there.
    pub install_mount: Option<String>,
}

/// What a volume contains.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PodVolumeSource {
    /// A claim of the StatefulSet's template, which adds the volume by itself.
    ClaimTemplate,
    /// A claim.
    Claim(String),
    /// An empty directory, with its size limit.
    EmptyDir(Option<String>),
    /// Keys of a Secret as files.
    Secret {
        /// Name of the Secret.
        name: String,
        /// Keys and file names.
        items: Vec<(String, &'static str)>,
    },
}

/// Returns every volume that the operator adds, but those of component definitions.
#[must_use]
pub fn volumes(app: &KasprApp) -> Vec<PodVolume> {
    let mut volumes = vec![tables(app)];
    volumes.extend(member_secrets(app));
    volumes.extend(packages(app));
    volumes
}

/// Returns the volume with the tables.
#[must_use]
pub fn tables(app: &KasprApp) -> PodVolume {
    let source = match &app.spec.storage {
        Some(storage) if storage.r#type == StorageType::PersistentClaim => PodVolumeSource::ClaimTemplate,
        Some(storage) => PodVolumeSource::EmptyDir(storage.size.clone()),
        None => PodVolumeSource::EmptyDir(None),
    };
    PodVolume {
        name: naming::tables_volume(&app.name_any()),
        source,
        member_mount: Some(table_dir(app)),
        install_mount: None,
    }
}

/// Returns the directory of the tables: `config.tableDir`, or the default.
#[must_use]
pub fn table_dir(app: &KasprApp) -> String {
    let config = app.spec.config.as_ref().and_then(|config| config.get("tableDir"));
    match config {
        None => naming::TABLE_DIR.to_owned(),
        Some(Value::String(directory)) => directory.clone(),
        Some(other) => other.to_string(),
    }
}

/// Returns the volumes with Secrets that the members read: certificates for Kafka.
#[must_use]
pub fn member_secrets(app: &KasprApp) -> Vec<PodVolume> {
    let Some(Tls { ca_secret, certificate_secret }) = &app.spec.tls else { return Vec::new() };
    let volume = |name: &str, mount: &str, secret: &str, items| PodVolume {
        name: name.to_owned(),
        source: PodVolumeSource::Secret { name: secret.to_owned(), items },
        member_mount: Some(mount.to_owned()),
        install_mount: None,
    };
    let authorities = ca_secret.as_ref().map(|secret| {
        let CaSecret { secret_name, .. } = secret;
        let items = vec![(secret.key().to_owned(), KAFKA_CA_FILE)];
        volume(KAFKA_CA_VOLUME, KAFKA_CA_DIR, secret_name, items)
    });
    let certificate = certificate_secret.as_ref().map(|secret| {
        let CertificateSecret { secret_name, .. } = secret;
        let items = vec![
            (secret.certificate_key().to_owned(), KAFKA_CERTIFICATE_FILE),
            (secret.private_key_key().to_owned(), KAFKA_PRIVATE_KEY_FILE),
        ];
        volume(KAFKA_CERTIFICATE_VOLUME, KAFKA_CERTIFICATE_DIR, secret_name, items)
    });
    authorities.into_iter().chain(certificate).collect()
}

/// Returns the volumes of the package installer.
#[must_use]
pub fn packages(app: &KasprApp) -> Vec<PodVolume> {
    let Some(packages) = &app.spec.python_packages else { return Vec::new() };
    let name = app.name_any();
    let source = if uses_claim(packages) {
        PodVolumeSource::Claim(naming::packages_claim(&name))
    } else {
        PodVolumeSource::EmptyDir(None)
    };
    let mut volumes = vec![
        PodVolume {
            name: naming::packages_volume(&name),
            source,
            member_mount: Some(naming::PACKAGES_DIR.to_owned()),
            install_mount: Some(naming::PACKAGES_DIR.to_owned()),
        },
        PodVolume {
            name: naming::installer_volume(&name),
            source: PodVolumeSource::EmptyDir(None),
            member_mount: None,
            install_mount: Some(naming::INSTALLER_DIR.to_owned()),
        },
    ];
    volumes.extend(bucket_key(packages));
    volumes.extend(package_authorities(packages));
    volumes
}

/// Returns the volumes with the certificate authorities of indexes and of the bucket.
fn package_authorities(packages: &PythonPackages) -> impl Iterator<Item = PodVolume> {
    let of_bucket =
        packages.cache.as_ref().and_then(PackageCache::bucket).and_then(|bucket| bucket.ca_secret);
    let sources = [
        (INDEX_CA_VOLUME, INDEX_CA_DIR, packages.ca_secret.as_ref()),
        (BUCKET_CA_VOLUME, BUCKET_CA_DIR, of_bucket),
    ];
    sources.into_iter().filter_map(|(name, mount, secret)| {
        let secret = secret?;
        Some(PodVolume {
            name: name.to_owned(),
            source: PodVolumeSource::Secret {
                name: secret.secret_name.clone(),
                items: vec![(secret.key().to_owned(), CA_FILE)],
            },
            member_mount: None,
            install_mount: Some(mount.to_owned()),
        })
    })
}

/// Returns whether packages are cached in a claim.
#[must_use]
pub fn uses_claim(packages: &PythonPackages) -> bool {
    packages.cache.as_ref().is_some_and(|cache| {
        cache.enabled == Some(true) && matches!(cache.r#type, None | Some(CacheType::Pvc))
    })
}

/// Returns the volume with the service-account key of a Google Cloud Storage bucket.
fn bucket_key(packages: &PythonPackages) -> Option<PodVolume> {
    let in_use = |cache: &PackageCache| cache.gcs.clone().filter(|_| cache.r#type == Some(CacheType::Gcs));
    let GcsCache { secret_ref, .. } = packages.cache.as_ref().and_then(in_use)?;
    let secret = secret_ref?;
    Some(PodVolume {
        name: GCS_KEY_VOLUME.to_owned(),
        source: PodVolumeSource::Secret {
            items: vec![(secret.key().to_owned(), GCS_KEY_FILE)],
            name: secret.name,
        },
        member_mount: None,
        install_mount: Some(GCS_KEY_DIR.to_owned()),
    })
}
