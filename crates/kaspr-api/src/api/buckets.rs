use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{ca_secret::CaSecret, cel};

/// A Google Cloud Storage bucket.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = cel::key_or_identity(), validation = cel::not_key_and_identity())]
pub struct GcsCache {
    /// Name of the bucket.
    #[x_kube(validation = cel::not_empty("must name the bucket"))]
    pub bucket: String,
    /// Prefix of the object names. Default: {BUCKET_PREFIX}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(default = "super::schema::bucket_prefix")]
    pub prefix: Option<String>,
    /// Largest archive to store. Default: {MAX_ARCHIVE_SIZE}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(default = "super::schema::max_archive_size")]
    pub max_archive_size: Option<String>,
    /// Secret with the service-account key, in place of workloadIdentity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<GcsSecretRef>,
    /// Use the pods' workload identity to access the bucket. Annotate their ServiceAccount in
    /// template.serviceAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_identity: Option<bool>,
    /// Certificate authorities of the store or of a proxy, in addition to those of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret: Option<CaSecret>,
}

/// A Secret with a service-account key.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GcsSecretRef {
    /// Name of the Secret.
    #[x_kube(validation = cel::not_empty("must name a Secret in the app's namespace"))]
    pub name: String,
    /// Key of the Secret with the JSON file. Default: {GCS_KEY}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(default = "super::schema::gcs_key")]
    pub key: Option<String>,
}

/// A bucket of S3 or of an S3-compatible store.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = cel::key_or_identity(), validation = cel::not_key_and_identity())]
pub struct S3Cache {
    /// Name of the bucket.
    #[x_kube(validation = cel::not_empty("must name the bucket"))]
    pub bucket: String,
    /// Region of the bucket. Default: {S3_REGION}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Address of an S3-compatible store, such as `https://minio.example:9000`. Default: Amazon S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^https?://.+"))]
    pub endpoint: Option<String>,
    /// Prefix of the object names. Default: {BUCKET_PREFIX}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Largest archive to store. Default: {MAX_ARCHIVE_SIZE}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_archive_size: Option<String>,
    /// Secret with the access key, in place of workloadIdentity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<S3SecretRef>,
    /// Use the pods' workload identity to access the bucket. Annotate their ServiceAccount in
    /// template.serviceAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_identity: Option<bool>,
    /// Certificate authorities of the store or of a proxy, in addition to those of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret: Option<CaSecret>,
}

/// A Secret with an access key.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct S3SecretRef {
    /// Name of the Secret.
    #[x_kube(validation = cel::not_empty("must name a Secret in the app's namespace"))]
    pub name: String,
    /// Key of the Secret with the access key ID. Default: {S3_ACCESS_KEY_ID_KEY}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id_key: Option<String>,
    /// Key of the Secret with the secret access key. Default: {S3_SECRET_ACCESS_KEY_KEY}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_access_key_key: Option<String>,
}

/// A container of Azure Blob Storage.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = cel::key_or_identity(), validation = cel::not_key_and_identity())]
pub struct AzureCache {
    /// Name of the storage account.
    #[x_kube(validation = cel::not_empty("must name the storage account"))]
    pub account: String,
    /// Name of the container.
    #[x_kube(validation = cel::not_empty("must name the container"))]
    pub container: String,
    /// Address of a compatible store. Default: Azure Blob Storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^https?://.+"))]
    pub endpoint: Option<String>,
    /// Prefix of the object names. Default: {BUCKET_PREFIX}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Largest archive to store. Default: {MAX_ARCHIVE_SIZE}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_archive_size: Option<String>,
    /// Secret with the account key, in place of workloadIdentity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<AzureSecretRef>,
    /// Use the pods' workload identity to access the container. Annotate their ServiceAccount in
    /// template.serviceAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_identity: Option<bool>,
    /// Certificate authorities of the store or of a proxy, in addition to those of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret: Option<CaSecret>,
}

/// A Secret with the key of a storage account.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AzureSecretRef {
    /// Name of the Secret.
    #[x_kube(validation = cel::not_empty("must name a Secret in the app's namespace"))]
    pub name: String,
    /// Key of the Secret with the account key. Default: {AZURE_ACCOUNT_KEY_KEY}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// What buckets of all kinds have in common.
#[derive(Clone, Copy, Debug)]
pub struct BucketConfig<'a> {
    /// The field that contains the bucket, which is also its type.
    pub field: &'static str,
    /// The name of the bucket or container.
    pub name: &'a str,
    /// The prefix of the object names.
    pub prefix: Option<&'a str>,
    /// The largest archive to store.
    pub max_archive_size: Option<&'a str>,
    /// The Secret with the credentials.
    pub secret: Option<&'a str>,
    /// Whether the pods' workload identity is used.
    pub workload_identity: bool,
    /// The certificate authorities of the store.
    pub ca_secret: Option<&'a CaSecret>,
}

macro_rules! buckets {
    ($($cache:ty: $field:literal, $name:ident);* $(;)?) => {$(
        impl $cache {
            /// Returns what the bucket has in common with those of other kinds.
            #[must_use]
            pub fn bucket(&self) -> BucketConfig<'_> {
                BucketConfig {
                    field: $field,
                    name: &self.$name,
                    prefix: self.prefix.as_deref(),
                    max_archive_size: self.max_archive_size.as_deref(),
                    secret: self.secret_ref.as_ref().map(|secret| secret.name.as_str()),
                    workload_identity: self.workload_identity == Some(true),
                    ca_secret: self.ca_secret.as_ref(),
                }
            }
        }
    )*};
}

buckets! {
    GcsCache: "gcs", bucket;
    S3Cache: "s3", bucket;
    AzureCache: "azure", container;
}
