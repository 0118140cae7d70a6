//! All settings of the operator, from flags and environment variables.

mod parsers;

use std::{net::SocketAddr, path::PathBuf};

use clap::{ArgAction, Args, ValueEnum};
use parsers::{parse_boolean, parse_domain, parse_rollout_failure, parse_status_timeout, parse_whole};

use crate::{
    api::{RolloutFailure, defaults},
    install_contract as variable, naming,
};

/// Settings that affect the objects that the operator builds.
#[derive(Args, Clone, Debug)]
pub struct BuildSettings {
    /// Registry to pull the framework's images from, instead of the default registry
    #[arg(long, env = "KASPR_IMAGE_REGISTRY", value_name = "HOST")]
    pub image_registry: Option<String>,
    /// Maximum number of members that an app's autoscaler adds in one step
    #[arg(long, env = "HPA_SCALE_UP_POLICY_PODS_PER_STEP", default_value_t = 4, value_name = "PODS", value_parser = parse_whole::<i32>(1..=i64::from(i32::MAX)))]
    pub scale_up_pods_per_step: i32,
    /// Length of a scale-up step of an app's autoscaler, in seconds
    #[arg(long, env = "HPA_SCALE_UP_POLICY_PERIOD_SECONDS", default_value_t = 60, value_name = "SECONDS", value_parser = parse_whole::<i32>(1..=1800))]
    pub scale_up_period_seconds: i32,
    /// Number of members that an app starts with; the autoscaler adds the other members step by step
    #[arg(long, env = "INITIAL_MAX_REPLICAS", default_value_t = 1, value_name = "PODS", value_parser = parse_whole::<i32>(1..=i64::from(i32::MAX)))]
    pub initial_max_replicas: i32,
    /// Image of the operator, from which pods copy the package installer
    #[arg(long, env = "OPERATOR_IMAGE", default_value = concat!("kasprio/kaspr-operator:", env!("CARGO_PKG_VERSION")), value_name = "IMAGE")]
    pub operator_image: String,
    /// DNS domain of the cluster, which is part of the addresses of members and webhooks
    #[arg(long, env = "CLUSTER_DOMAIN", default_value = naming::CLUSTER_DOMAIN, value_name = "DOMAIN", value_parser = parse_domain)]
    pub cluster_domain: String,
}

/// Settings for monitoring members.
#[derive(Args, Clone, Debug)]
pub struct MemberSettings {
    /// Poll the status of members over HTTP
    #[arg(long, env = "CLIENT_STATUS_CHECK_ENABLED", default_value = "true", value_name = "BOOL", action = ArgAction::Set, value_parser = parse_boolean)]
    pub client_status_check: bool,
    /// Timeout for a status request to a member, in seconds
    #[arg(long, env = "CLIENT_STATUS_CHECK_TIMEOUT_SECONDS", default_value_t = 15.0, value_name = "SECONDS", value_parser = parse_status_timeout)]
    pub client_status_check_timeout_seconds: f64,
    /// Read the end of members' logs after changes, and while messages wait, to report agents that crash
    #[arg(long, env = "MEMBER_LOGS_ENABLED", default_value = "true", value_name = "BOOL", action = ArgAction::Set, value_parser = parse_boolean)]
    pub member_logs: bool,
    /// Request a rebalance after the topics or tables of an app change; the annotation
    /// kaspr.io/auto-rebalance of an app takes precedence
    #[arg(long, env = "AUTO_REBALANCE_ENABLED", default_value = "true", value_name = "BOOL", action = ArgAction::Set, value_parser = parse_boolean)]
    pub auto_rebalance: bool,
    /// Delete the pods of members that are stuck in a rebalance; the annotation
    /// kaspr.io/hung-member-detection-enabled of an app takes precedence
    #[arg(long, env = "HUNG_MEMBER_DETECTION_ENABLED", default_value = "true", value_name = "BOOL", action = ArgAction::Set, value_parser = parse_boolean)]
    pub hung_member_detection: bool,
    /// Time in a rebalance after which a member counts as hung, in seconds; the annotation
    /// kaspr.io/hung-rebalancing-threshold-seconds of an app takes precedence
    #[arg(long, env = "HUNG_REBALANCING_THRESHOLD_SECONDS", default_value_t = 300, value_name = "SECONDS", value_parser = parse_whole::<i64>(1..=i64::from(i32::MAX)))]
    pub hung_rebalancing_threshold_seconds: i64,
}

/// Settings for leader election. Only the leader reconciles; all replicas serve admission requests.
#[derive(Args, Clone, Debug)]
pub struct LeaseSettings {
    /// Reconcile only while holding a Lease; with --local, only if --lease-namespace is set
    #[arg(long, env = "LEADER_ELECTION", default_value = "true", value_name = "BOOL", action = ArgAction::Set, value_parser = parse_boolean)]
    pub leader_election: bool,
    /// Namespace of the Lease [default: the namespace of the pod]
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE")]
    pub lease_namespace: Option<String>,
    /// Time after which another replica acquires a Lease that is not renewed, in seconds
    #[arg(long, env = "LEASE_SECONDS", default_value_t = 15, value_name = "SECONDS", value_parser = parse_whole::<u64>(6..=300))]
    pub lease_seconds: u64,
    /// Name of this replica in the Lease [default: a random name]
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    pub lease_identity: Option<String>,
}

/// Settings of the controllers.
#[derive(Args, Clone, Debug)]
pub struct ReconcileSettings {
    /// Settings that affect the objects that the operator builds.
    #[command(flatten)]
    pub build: BuildSettings,
    /// Settings for monitoring members.
    #[command(flatten)]
    pub members: MemberSettings,
    /// What happens if the members do not work after a change: return to the last revision that worked, or hold the
    /// change; spec.rollout.onFailure and the annotation kaspr.io/rollout-on-failure of an app take precedence
    #[arg(long, env = "ROLLOUT_ON_FAILURE", default_value = "return", value_name = "ACTION", value_parser = parse_rollout_failure)]
    pub rollout_on_failure: RolloutFailure,
    /// Timeout for deleting a StatefulSet before it is recreated, in seconds
    #[arg(long, env = "STATEFULSET_DELETION_TIMEOUT_SECONDS", default_value_t = 5, value_name = "SECONDS", value_parser = parse_whole::<u64>(1..=300))]
    pub statefulset_deletion_timeout_seconds: u64,
}

/// Source of the webhooks' certificate: files that another component manages, or a Secret that the
/// operator manages.
#[derive(Args, Clone, Debug)]
pub struct CertificateSettings {
    /// File with the certificate chain of the webhooks, in PEM format; reloaded when the file changes
    #[arg(
        long,
        env = "TLS_CERT_FILE",
        value_name = "FILE",
        required_unless_present_any = ["local", "certificate_secret"],
        requires = "tls_key_file"
    )]
    pub tls_cert_file: Option<PathBuf>,
    /// File with the private key of the webhooks' certificate, in PEM format
    #[arg(
        long,
        env = "TLS_KEY_FILE",
        value_name = "FILE",
        required_unless_present_any = ["local", "certificate_secret"],
        requires = "tls_cert_file"
    )]
    pub tls_key_file: Option<PathBuf>,
    /// Instead of files: Secret in the operator's namespace in which the operator stores a CA and a
    /// certificate that it issues, renews and shares among replicas
    #[arg(
        long,
        env = "CERTIFICATE_SECRET",
        value_name = "NAME",
        requires = "webhook_service",
        conflicts_with_all = ["local", "tls_cert_file", "tls_key_file"]
    )]
    pub certificate_secret: Option<String>,
    /// Service of the webhooks, for which the operator issues the certificate
    #[arg(long, env = "WEBHOOK_SERVICE", value_name = "NAME")]
    pub webhook_service: Option<String>,
    /// Name of both webhook configurations, into which the operator writes the CA
    #[arg(long, env = "WEBHOOK_CONFIGURATION", default_value = "kaspr-operator", value_name = "NAME")]
    pub webhook_configuration: String,
    /// Validity of the CA, in seconds; renewed after two thirds of this time
    #[arg(long, env = "AUTHORITY_SECONDS", default_value_t = 10 * 365 * 86_400, value_name = "SECONDS", hide = true, value_parser = parse_whole::<i64>(3..=4_000_000_000))]
    pub authority_seconds: i64,
    /// Validity of the certificate, in seconds; renewed after two thirds of this time
    #[arg(long, env = "CERTIFICATE_SECONDS", default_value_t = 365 * 86_400, value_name = "SECONDS", hide = true, value_parser = parse_whole::<i64>(3..=4_000_000_000))]
    pub certificate_seconds: i64,
    /// Interval between checks of the Secret and the webhook configurations, in seconds
    #[arg(long, env = "CERTIFICATE_CHECK_SECONDS", default_value_t = 60, value_name = "SECONDS", hide = true, value_parser = parse_whole::<u64>(1..=3600))]
    pub certificate_check_seconds: u64,
}

/// Settings of `run`.
#[derive(Args, Clone, Debug)]
pub struct RunSettings {
    /// Run outside the cluster, against the cluster of KUBECONFIG: create a development certificate,
    /// apply the CRDs if they are missing or outdated, register both webhooks by URL on the loopback
    /// address, and remove the registration at exit
    #[arg(long)]
    pub local: bool,
    /// Watch only this namespace
    #[arg(long, env = "WATCH_NAMESPACE", value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Listen address of the webhooks, /healthz and /readyz (HTTPS); with --local, a free port of
    /// 127.0.0.1 unless set
    #[arg(long, env = "WEBHOOK_ADDRESS", value_name = "ADDRESS:PORT")]
    pub webhook_address: Option<SocketAddr>,
    /// Source of the webhooks' certificate.
    #[command(flatten)]
    pub certificate: CertificateSettings,
    /// Time for which the webhooks continue to serve after a termination signal, in seconds; /readyz
    /// fails during this time, so that the API server and kube-proxy switch to other replicas
    #[arg(long, env = "DRAIN_SECONDS", default_value_t = 0, value_name = "SECONDS", value_parser = parse_whole::<u64>(0..=3600))]
    pub drain_seconds: u64,
    /// Port of /metrics (HTTP), on all addresses; with --local, a free port of 127.0.0.1 unless set
    #[arg(long, env = "METRICS_PORT", value_name = "PORT")]
    pub metrics_port: Option<u16>,
    /// Settings for leader election.
    #[command(flatten)]
    pub lease: LeaseSettings,
    /// Settings of the controllers.
    #[command(flatten)]
    pub reconcile: ReconcileSettings,
}

/// Settings for logs.
#[derive(Args, Clone, Debug)]
pub struct LogSettings {
    /// Log level: error, warn, info, debug or trace, or a list of filters such as info,kube=debug
    #[arg(long, global = true, env = "LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    pub log_level: String,
    /// Log format [default: text on a terminal, json otherwise]
    #[arg(long, global = true, env = "LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// Format of log lines.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum LogFormat {
    /// Human-readable text.
    Text,
    /// One JSON object per line, for log collectors.
    Json,
}

/// Settings of `install-packages`. The operator sets them in the environment of the install container.
/// The user name and password for package indexes are read only from the environment variables
/// `PYPI_USERNAME` and `PYPI_PASSWORD`.
#[derive(Args, Clone, Debug)]
pub struct InstallSettings {
    /// Requirements in pip's format; ${NAME} is replaced with the environment variable NAME
    #[arg(required = true, value_name = "PACKAGE")]
    pub packages: Vec<String>,
    /// Hash of the package set
    #[arg(long, env = variable::PACKAGES_HASH, value_name = "HASH")]
    pub hash: String,
    /// Other hashes of the same packages, under which the cache may have them
    #[arg(long, env = variable::PACKAGES_EQUAL_HASHES, value_name = "HASH", value_delimiter = ',')]
    pub equal_hash: Vec<String>,
    /// Mount path of the packages volume
    #[arg(long, env = variable::PACKAGES_DIR, default_value = naming::PACKAGES_DIR, value_name = "DIRECTORY")]
    pub packages_dir: PathBuf,
    /// Whether all members share the packages volume
    #[arg(long, env = variable::PACKAGES_SHARED, default_value = "false", value_name = "BOOL", action = ArgAction::Set, value_parser = parse_boolean)]
    pub shared: bool,
    /// Directory for temporary files [default: a new directory in the system's temporary directory]
    #[arg(long, env = variable::SCRATCH_DIR, value_name = "DIRECTORY")]
    pub scratch_dir: Option<PathBuf>,
    /// Python interpreter of the image
    #[arg(long, env = "PYTHON", default_value = "python3", value_name = "PROGRAM")]
    pub python: PathBuf,
    /// uv program [default: uv in the directory of this program; pip if the image configures pip]
    #[arg(long, env = "UV", value_name = "PROGRAM")]
    pub uv: Option<PathBuf>,
    /// Package index to use instead of PyPI
    #[arg(long, env = variable::INDEX_URL, value_name = "URL")]
    pub index_url: Option<String>,
    /// Additional package indexes
    #[arg(long, env = variable::EXTRA_INDEX_URLS, value_name = "URL", value_delimiter = ',')]
    pub extra_index_url: Vec<String>,
    /// Hosts whose certificates are not verified
    #[arg(long, env = variable::TRUSTED_HOSTS, value_name = "HOST", value_delimiter = ',')]
    pub trusted_host: Vec<String>,
    /// File with certificate authorities of the indexes, in addition to those of the image
    #[arg(long, env = variable::INDEX_CA_FILE, value_name = "FILE")]
    pub index_ca_file: Option<PathBuf>,
    /// Hosts of additional indexes that receive user name and password too [default: none; all without --index-url]
    #[arg(long, env = variable::PYPI_HOSTS, value_name = "HOST", value_delimiter = ',')]
    pub login_host: Vec<String>,
    /// Number of retries after the first attempt
    #[arg(long, env = variable::INSTALL_RETRIES, default_value_t = defaults::INSTALL_RETRIES as u64, value_name = "N")]
    pub retries: u64,
    /// Timeout in seconds; all attempts together, and waiting, take at most this time multiplied by the
    /// number of retries
    #[arg(long, env = variable::INSTALL_TIMEOUT, default_value_t = defaults::INSTALL_TIMEOUT as u64, value_name = "SECONDS")]
    pub timeout: u64,
    /// What happens if all attempts fail: block, allow or warn
    #[arg(long, env = variable::INSTALL_ON_FAILURE, default_value = defaults::INSTALL_ON_FAILURE, value_name = "POLICY", value_parser = ["block", "allow", "warn"])]
    pub on_failure: String,
    /// Name of this member
    #[arg(long, env = variable::POD_NAME, default_value = "member", value_name = "NAME")]
    pub member: String,
    /// File for the install report
    #[arg(long, env = "TERMINATION_LOG", default_value = "/dev/termination-log", value_name = "FILE")]
    pub termination_log: PathBuf,
    /// Time after which another member acquires an install lease that is not renewed, in seconds
    #[arg(long, env = "PACKAGES_LEASE_SECONDS", default_value_t = 30, value_name = "SECONDS", value_parser = parse_whole::<u64>(2..=600))]
    pub lease_seconds: u64,
    /// Bucket in which package sets are cached.
    #[command(flatten)]
    pub bucket: BucketSettings,
}

impl InstallSettings {
    /// Returns the time limit of the whole installation, in seconds.
    ///
    /// The Python operator makes `retries` attempts, each with the timeout. What it completed must complete
    /// here too.
    #[must_use]
    pub fn deadline_seconds(&self) -> u64 {
        self.timeout.saturating_mul(self.retries.max(1))
    }
}

/// Bucket in which package sets are cached, in one of three clouds. Credentials are read from the
/// environment variables that the cloud's own tools use.
#[derive(Args, Clone, Debug)]
pub struct BucketSettings {
    /// Google Cloud Storage bucket
    #[arg(long, env = variable::GCS_BUCKET, value_name = "BUCKET", requires = "gcs_object_key", conflicts_with_all = ["s3_bucket", "azure_container"])]
    pub gcs_bucket: Option<String>,
    /// Object key, PREFIX/APP/HASH.tar.gz; the part before HASH is the app's prefix in the bucket
    #[arg(long, env = variable::GCS_OBJECT_KEY, value_name = "KEY")]
    pub gcs_object_key: Option<String>,
    /// File with the key of the service account [default: the workload identity of the pod]
    #[arg(long, env = variable::GCS_KEY_FILE, value_name = "FILE")]
    pub gcs_key_file: Option<PathBuf>,
    /// S3 or S3-compatible bucket
    #[arg(
        long,
        env = variable::S3_BUCKET,
        value_name = "BUCKET",
        requires = "s3_prefix",
        conflicts_with = "azure_container"
    )]
    pub s3_bucket: Option<String>,
    /// The app's prefix in the bucket
    #[arg(long, env = variable::S3_PREFIX, value_name = "PREFIX")]
    pub s3_prefix: Option<String>,
    /// URL of the S3 service, if it is not Amazon S3
    #[arg(long, env = variable::S3_ENDPOINT, value_name = "URL")]
    pub s3_endpoint: Option<String>,
    /// Azure Blob Storage container
    #[arg(long, env = variable::AZURE_CONTAINER, value_name = "CONTAINER", requires = "azure_prefix")]
    pub azure_container: Option<String>,
    /// The app's prefix in the container
    #[arg(long, env = variable::AZURE_PREFIX, value_name = "PREFIX")]
    pub azure_prefix: Option<String>,
    /// URL of the Blob service, if it is not Microsoft's
    #[arg(long, env = variable::AZURE_ENDPOINT, value_name = "URL")]
    pub azure_endpoint: Option<String>,
    /// File with certificate authorities of the store, in addition to those of the image
    #[arg(long, env = variable::BUCKET_CA_FILE, value_name = "FILE")]
    pub bucket_ca_file: Option<PathBuf>,
    /// Maximum size of an archive to store, in bytes
    #[arg(long, env = variable::MAX_ARCHIVE_SIZE, default_value_t = defaults::MAX_ARCHIVE_BYTES, value_name = "BYTES")]
    pub max_archive_size: u64,
}

#[cfg(test)]
mod tests;
