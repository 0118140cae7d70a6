use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::cel;

/// A Google Cloud Storage bucket.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = cel::key_or_identity(), validation = cel::not_key_and_identity())]
pub struct GcsCache {
    /// Name of the bucket.
    #[x_kube(validation = cel::not_empty("must name the bucket"))]
    pub bucket: String,
    /// What the names of the objects start with. Default kaspr-packages/.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(default = "super::schema::bucket_prefix")]
    pub prefix: Option<String>,
    /// A larger archive is not stored. Default 1Gi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(default = "super::schema::max_archive_size")]
    pub max_archive_size: Option<String>,
    /// The Secret with the service-account key; or workloadIdentity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<GcsSecretRef>,
    /// The members' own identity opens the bucket: annotate their ServiceAccount in
    /// template.serviceAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_identity: Option<bool>,
}

/// A Secret with a service-account key.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GcsSecretRef {
    /// Name of the Secret.
    #[x_kube(validation = cel::not_empty("must name a Secret in the app's namespace"))]
    pub name: String,
    /// Key of the JSON file. Default sa.json.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(default = "super::schema::gcs_key")]
    pub key: Option<String>,
}

/// A bucket of S3, or of a store that speaks like it.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = cel::key_or_identity(), validation = cel::not_key_and_identity())]
pub struct S3Cache {
    /// Name of the bucket.
    #[x_kube(validation = cel::not_empty("must name the bucket"))]
    pub bucket: String,
    /// Region of the bucket. Default us-east-1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Address of the store, if it is not Amazon's: `https://minio.example:9000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^https?://.+"))]
    pub endpoint: Option<String>,
    /// What the names of the objects start with. Default kaspr-packages/.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// A larger archive is not stored. Default 1Gi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_archive_size: Option<String>,
    /// The Secret with the access key; or workloadIdentity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<S3SecretRef>,
    /// The members' own identity opens the bucket: annotate their ServiceAccount in
    /// template.serviceAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_identity: Option<bool>,
}

/// A Secret with an access key.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct S3SecretRef {
    /// Name of the Secret.
    #[x_kube(validation = cel::not_empty("must name a Secret in the app's namespace"))]
    pub name: String,
    /// Key of the access key's id. Default accessKeyId.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id_key: Option<String>,
    /// Key of the secret access key. Default secretAccessKey.
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
    /// Address of the store, if it is not Microsoft's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^https?://.+"))]
    pub endpoint: Option<String>,
    /// What the names of the objects start with. Default kaspr-packages/.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// A larger archive is not stored. Default 1Gi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_archive_size: Option<String>,
    /// The Secret with the account's key; or workloadIdentity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<AzureSecretRef>,
    /// The members' own identity opens the container: annotate their ServiceAccount in
    /// template.serviceAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_identity: Option<bool>,
}

/// A Secret with the key of a storage account.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AzureSecretRef {
    /// Name of the Secret.
    #[x_kube(validation = cel::not_empty("must name a Secret in the app's namespace"))]
    pub name: String,
    /// Key of the account's key. Default accountKey.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A bucket of any kind, for what is the same with all of them.
#[derive(Clone, Copy, Debug)]
pub struct BucketConfig<'a> {
    /// The field that it stands in, which is also its type.
    pub field: &'static str,
    /// The name of the bucket or container.
    pub name: &'a str,
    /// What the names of the objects start with.
    pub prefix: Option<&'a str>,
    /// The size beyond which an archive is not stored.
    pub max_archive_size: Option<&'a str>,
    /// The Secret with its key.
    pub secret: Option<&'a str>,
    /// Whether the members' own identity opens it.
    pub workload_identity: bool,
}

macro_rules! buckets {
    ($($cache:ty: $field:literal, $name:ident);* $(;)?) => {$(
        impl $cache {
            /// What it has in common with the others.
            pub fn bucket(&self) -> BucketConfig<'_> {
                BucketConfig {
                    field: $field,
                    name: &self.$name,
                    prefix: self.prefix.as_deref(),
                    max_archive_size: self.max_archive_size.as_deref(),
                    secret: self.secret_ref.as_ref().map(|secret| secret.name.as_str()),
                    workload_identity: self.workload_identity == Some(true),
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
