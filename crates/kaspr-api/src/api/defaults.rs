//! What an absent field means: the one home of every default value.
//!
//! Schema defaults, [`crate::defaults`], hashes, builders and settings read these constants. A doc comment
//! of the API names one as `{NAME}`, which the generator of the CRDs replaces with the value.

macro_rules! defaults {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $value:expr;)*) => {
        $($(#[$doc])* pub const $name: $type = $value;)*

        /// Returns every default value by its name, as text.
        #[must_use]
        pub fn values() -> Vec<(&'static str, String)> {
            vec![$((stringify!($name), $name.to_string())),*]
        }
    };
}

defaults! {
    /// Framework version of a new app.
    VERSION: &str = super::versions::DEFAULT;
    /// Members of an app.
    REPLICAS: i32 = 1;
    /// Port of the members' web server.
    WEB_PORT: i32 = 6065;
    /// Directory of the members' tables.
    TABLE_DIR: &str = "/var/lib/data/tables";
    /// Whether the members' claims are deleted together with the app.
    STORAGE_DELETE_CLAIM: bool = false;
    /// Whether there is a PodDisruptionBudget.
    BUDGET_ENABLED: bool = true;
    /// Members that may be unavailable while nodes are drained.
    MAX_UNAVAILABLE: i32 = 1;
    /// Key of a Secret with certificate authorities.
    CA_KEY: &str = "ca.crt";
    /// Key of a Secret with a certificate chain.
    CERTIFICATE_KEY: &str = "tls.crt";
    /// Key of a Secret with a private key.
    PRIVATE_KEY_KEY: &str = "tls.key";
    /// Key of a Secret with the user name for package indexes.
    INDEX_USERNAME_KEY: &str = "username";
    /// Key of a Secret with the password for package indexes.
    INDEX_PASSWORD_KEY: &str = "password";
    /// Key of a Secret with the key of a Google service account.
    GCS_KEY: &str = "sa.json";
    /// Key of a Secret with the ID of an S3 access key.
    S3_ACCESS_KEY_ID_KEY: &str = "accessKeyId";
    /// Key of a Secret with an S3 secret access key.
    S3_SECRET_ACCESS_KEY_KEY: &str = "secretAccessKey";
    /// Region of an S3 bucket.
    S3_REGION: &str = "us-east-1";
    /// Key of a Secret with the key of an Azure storage account.
    AZURE_ACCOUNT_KEY_KEY: &str = "accountKey";
    /// Kind of package cache.
    CACHE_TYPE: &str = "pvc";
    /// Whether packages are cached in a claim.
    CACHE_ENABLED: bool = false;
    /// Access mode of the packages claim.
    CACHE_ACCESS_MODE: &str = "ReadWriteMany";
    /// Size of the packages claim.
    CACHE_SIZE: &str = "256Mi";
    /// Whether the packages claim is deleted together with the app.
    CACHE_DELETE_CLAIM: bool = true;
    /// Prefix of the names of objects in a bucket.
    BUCKET_PREFIX: &str = "kaspr-packages/";
    /// Size beyond which an archive is not stored.
    MAX_ARCHIVE_SIZE: &str = "1Gi";
    /// [`MAX_ARCHIVE_SIZE`] in bytes.
    MAX_ARCHIVE_BYTES: u64 = 1 << 30;
    /// Retries of a package install after the first attempt.
    INSTALL_RETRIES: i32 = 3;
    /// Seconds for all attempts of a package install together.
    INSTALL_TIMEOUT: i32 = 600;
    /// What happens when a package install fails.
    INSTALL_ON_FAILURE: &str = "block";
    /// Whether an agent's partitions are isolated.
    ISOLATED_PARTITIONS: bool = false;
    /// Whether a task runs on the leader only.
    ON_LEADER: bool = false;
    /// Whether every member keeps a whole table.
    GLOBAL_TABLE: bool = false;
    /// Whether an output topic is created when the app starts.
    DECLARE_OUTPUT: bool = false;
    /// Whether a sent value is passed on to the next operation.
    PASS_THROUGH: bool = false;
    /// Seconds without progress after which a change of the pods has failed.
    ROLLOUT_PROGRESS_DEADLINE_SECONDS: i32 = 600;
    /// Seconds that a changed member must work before the change continues.
    ROLLOUT_OBSERVE_SECONDS: i32 = 60;
    /// Earlier revisions of the pods that are kept.
    ROLLOUT_HISTORY: i32 = 10;
    /// Type of a join.
    JOIN_TYPE: &str = "inner";
}
