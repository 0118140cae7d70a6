//! Every knob of the operator, from flags and environment.

use std::{net::SocketAddr, path::PathBuf};

use clap::{ArgAction, Args, ValueEnum, builder::BoolishValueParser};

use crate::{api::defaults, install_contract as variable, naming};

/// What reaches the objects that are made.
#[derive(Args, Clone, Debug)]
pub struct BuildSettings {
    /// Registry that the framework's images are pulled from, in place of the default one
    #[arg(long, env = "KASPR_IMAGE_REGISTRY", value_name = "HOST")]
    pub image_registry: Option<String>,
    /// Members that may be added in one step of an app's start
    #[arg(long, env = "HPA_SCALE_UP_POLICY_PODS_PER_STEP", default_value_t = 4, value_name = "PODS", value_parser = clap::value_parser!(i32).range(1..))]
    pub scale_up_pods_per_step: i32,
    /// Length of a step of an app's start, in seconds
    #[arg(long, env = "HPA_SCALE_UP_POLICY_PERIOD_SECONDS", default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(i32).range(1..=1800))]
    pub scale_up_period_seconds: i32,
    /// Members that an app starts with; its autoscaler adds the others step by step
    #[arg(long, env = "INITIAL_MAX_REPLICAS", default_value_t = 1, value_name = "PODS", value_parser = clap::value_parser!(i32).range(1..))]
    pub initial_max_replicas: i32,
    /// Image of the operator, which pods copy the package installer from
    #[arg(long, env = "OPERATOR_IMAGE", default_value = concat!("kasprio/kaspr-operator:", env!("CARGO_PKG_VERSION")), value_name = "IMAGE")]
    pub operator_image: String,
}

/// How members are looked after.
#[derive(Args, Clone, Debug)]
pub struct MemberSettings {
    /// Ask members over HTTP how they are
    #[arg(long, env = "CLIENT_STATUS_CHECK_ENABLED", default_value = "true", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub client_status_check: bool,
    /// Seconds that a member may take to answer
    #[arg(long, env = "CLIENT_STATUS_CHECK_TIMEOUT_SECONDS", default_value_t = 15, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=300))]
    pub client_status_check_timeout_seconds: u64,
    /// Ask for a rebalance after the set of an app's topics or tables changed; an app's annotation
    /// kaspr.io/auto-rebalance wins
    #[arg(long, env = "AUTO_REBALANCE_ENABLED", default_value = "true", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub auto_rebalance: bool,
    /// End members that hang in a rebalance; an app's annotation
    /// kaspr.io/hung-member-detection-enabled wins
    #[arg(long, env = "HUNG_MEMBER_DETECTION_ENABLED", default_value = "true", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub hung_member_detection: bool,
    /// Seconds in a rebalance after which a member hangs; an app's annotation
    /// kaspr.io/hung-rebalancing-threshold-seconds wins
    #[arg(long, env = "HUNG_REBALANCING_THRESHOLD_SECONDS", default_value_t = 300, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(1..))]
    pub hung_rebalancing_threshold_seconds: i64,
}

/// Which replica reconciles. All of them serve admission.
#[derive(Args, Clone, Debug)]
pub struct LeaseSettings {
    /// Reconcile only while holding a Lease; with --local only where a namespace for it is given
    #[arg(long, env = "LEADER_ELECTION", default_value = "true", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub leader_election: bool,
    /// Namespace of the Lease [default: that of the pod]
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE")]
    pub lease_namespace: Option<String>,
    /// Seconds after which another replica takes a Lease that is not renewed
    #[arg(long, env = "LEASE_SECONDS", default_value_t = 15, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(6..=300))]
    pub lease_seconds: u64,
    /// Name of this replica in the Lease [default: a random one]
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    pub lease_identity: Option<String>,
}

/// What the controllers need to know.
#[derive(Args, Clone, Debug)]
pub struct ReconcileSettings {
    /// What reaches the objects that are made.
    #[command(flatten)]
    pub build: BuildSettings,
    /// How members are looked after.
    #[command(flatten)]
    pub members: MemberSettings,
    /// Seconds that a StatefulSet may take to go when it is made again
    #[arg(long, env = "STATEFULSET_DELETION_TIMEOUT_SECONDS", default_value_t = 5, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=300))]
    pub statefulset_deletion_timeout_seconds: u64,
}

/// Where the webhooks' certificate comes from: files that somebody else looks after, or a Secret that
/// the operator looks after itself.
#[derive(Args, Clone, Debug)]
pub struct CertificateSettings {
    /// Certificate chain of the webhooks, PEM; a file that changes is read again
    #[arg(
        long,
        env = "TLS_CERT_FILE",
        value_name = "FILE",
        required_unless_present_any = ["local", "certificate_secret"],
        requires = "tls_key_file"
    )]
    pub tls_cert_file: Option<PathBuf>,
    /// Key of that certificate, PEM
    #[arg(
        long,
        env = "TLS_KEY_FILE",
        value_name = "FILE",
        required_unless_present_any = ["local", "certificate_secret"],
        requires = "tls_cert_file"
    )]
    pub tls_key_file: Option<PathBuf>,
    /// In place of files: Secret in the operator's namespace where the operator keeps a CA and a
    /// certificate of its own, made and renewed by itself and shared by its replicas
    #[arg(
        long,
        env = "CERTIFICATE_SECRET",
        value_name = "NAME",
        requires = "webhook_service",
        conflicts_with_all = ["local", "tls_cert_file", "tls_key_file"]
    )]
    pub certificate_secret: Option<String>,
    /// Service of the webhooks, which that certificate is for
    #[arg(long, env = "WEBHOOK_SERVICE", value_name = "NAME")]
    pub webhook_service: Option<String>,
    /// Both webhook configurations, which that CA is put into
    #[arg(long, env = "WEBHOOK_CONFIGURATION", default_value = "kaspr-operator", value_name = "NAME")]
    pub webhook_configuration: String,
    /// Seconds that such a CA is valid; a new one is made after two thirds of it
    #[arg(long, env = "AUTHORITY_SECONDS", default_value_t = 10 * 365 * 86_400, value_name = "SECONDS", hide = true, value_parser = clap::value_parser!(i64).range(3..=4_000_000_000))]
    pub authority_seconds: i64,
    /// Seconds that such a certificate is valid; a new one is made after two thirds of it
    #[arg(long, env = "CERTIFICATE_SECONDS", default_value_t = 365 * 86_400, value_name = "SECONDS", hide = true, value_parser = clap::value_parser!(i64).range(3..=4_000_000_000))]
    pub certificate_seconds: i64,
    /// Seconds between two looks at that Secret and the webhook configurations
    #[arg(long, env = "CERTIFICATE_CHECK_SECONDS", default_value_t = 60, value_name = "SECONDS", hide = true, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub certificate_check_seconds: u64,
}

/// What `run` needs to know.
#[derive(Args, Clone, Debug)]
pub struct RunSettings {
    /// Run on a laptop against the cluster of KUBECONFIG: make a development certificate, apply
    /// the CRDs if they are missing or older, register both webhooks by URL on loopback, and take
    /// the registration back at exit
    #[arg(long)]
    pub local: bool,
    /// Look after one namespace only
    #[arg(long, env = "WATCH_NAMESPACE", value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Address of the webhooks, /healthz and /readyz (HTTPS); with --local a free port of
    /// 127.0.0.1 unless given
    #[arg(long, env = "WEBHOOK_ADDRESS", value_name = "ADDRESS:PORT")]
    pub webhook_address: Option<SocketAddr>,
    /// Where the webhooks' certificate comes from.
    #[command(flatten)]
    pub certificate: CertificateSettings,
    /// Seconds that the webhooks go on serving after a signal, while /readyz says no: the API server
    /// and kube-proxy need them to look elsewhere
    #[arg(long, env = "DRAIN_SECONDS", default_value_t = 0, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=3600))]
    pub drain_seconds: u64,
    /// Port of /metrics (HTTP), on all addresses; with --local a free port of 127.0.0.1 unless given
    #[arg(long, env = "METRICS_PORT", value_name = "PORT")]
    pub metrics_port: Option<u16>,
    /// Which replica reconciles.
    #[command(flatten)]
    pub lease: LeaseSettings,
    /// What the controllers need to know.
    #[command(flatten)]
    pub reconcile: ReconcileSettings,
}

/// How logs are written.
#[derive(Args, Clone, Debug)]
pub struct LogSettings {
    /// What is logged: error, warn, info, debug or trace, or a list such as info,kube=debug
    #[arg(long, global = true, env = "LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    pub log_level: String,
    /// How it is written [default: text on a terminal, json elsewhere]
    #[arg(long, global = true, env = "LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For collectors: one object a line.
    Json,
}

/// What `install-packages` needs to know. The operator gives it in the container's environment.
/// User name and password for the indexes are PYPI_USERNAME and PYPI_PASSWORD, in the environment
/// only.
#[derive(Args, Clone, Debug)]
pub struct InstallSettings {
    /// Requirements as pip takes them; ${NAME} is filled in from the environment
    #[arg(required = true, value_name = "PACKAGE")]
    pub packages: Vec<String>,
    /// Hash of what is installed
    #[arg(long, env = variable::PACKAGES_HASH, value_name = "HASH")]
    pub hash: String,
    /// The volume with the packages
    #[arg(long, env = variable::PACKAGES_DIR, default_value = naming::PACKAGES_DIR, value_name = "DIRECTORY")]
    pub packages_dir: PathBuf,
    /// Whether members share that volume
    #[arg(long, env = variable::PACKAGES_SHARED, default_value = "false", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub shared: bool,
    /// Where only this container writes [default: a folder of its own in the temporary one]
    #[arg(long, env = variable::SCRATCH_DIR, value_name = "DIRECTORY")]
    pub scratch_dir: Option<PathBuf>,
    /// Python of the image
    #[arg(long, env = "PYTHON", default_value = "python3", value_name = "PROGRAM")]
    pub python: PathBuf,
    /// uv [default: the one beside this program, unless the image sets up its pip; else that pip]
    #[arg(long, env = "UV", value_name = "PROGRAM")]
    pub uv: Option<PathBuf>,
    /// Package index in place of PyPI
    #[arg(long, env = variable::INDEX_URL, value_name = "URL")]
    pub index_url: Option<String>,
    /// Further package indexes
    #[arg(long, env = variable::EXTRA_INDEX_URLS, value_name = "URL", value_delimiter = ',')]
    pub extra_index_url: Vec<String>,
    /// Hosts whose certificates are not checked
    #[arg(long, env = variable::TRUSTED_HOSTS, value_name = "HOST", value_delimiter = ',')]
    pub trusted_host: Vec<String>,
    /// Tries after the first one
    #[arg(long, env = variable::INSTALL_RETRIES, default_value_t = defaults::INSTALL_RETRIES as u64, value_name = "N")]
    pub retries: u64,
    /// Seconds for everything together
    #[arg(long, env = variable::INSTALL_TIMEOUT, default_value_t = defaults::INSTALL_TIMEOUT as u64, value_name = "SECONDS")]
    pub timeout: u64,
    /// What happens when no try succeeds: block, allow or warn
    #[arg(long, env = variable::INSTALL_ON_FAILURE, default_value = defaults::INSTALL_ON_FAILURE, value_name = "POLICY", value_parser = ["block", "allow", "warn"])]
    pub on_failure: String,
    /// This member's name
    #[arg(long, env = variable::POD_NAME, default_value = "member", value_name = "NAME")]
    pub member: String,
    /// Where the report goes
    #[arg(long, env = "TERMINATION_LOG", default_value = "/dev/termination-log", value_name = "FILE")]
    pub termination_log: PathBuf,
    /// Seconds after which the lease of a member that is gone is free
    #[arg(long, env = "PACKAGES_LEASE_SECONDS", default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(2..=600))]
    pub lease_seconds: u64,
    /// The bucket that keeps sets.
    #[command(flatten)]
    pub bucket: BucketSettings,
}

/// The bucket that keeps sets of packages: one of three clouds'. Its credentials are in the
/// environment, by the cloud's own names.
#[derive(Args, Clone, Debug)]
pub struct BucketSettings {
    /// Bucket of Google Cloud Storage
    #[arg(long, env = variable::GCS_BUCKET, value_name = "BUCKET", requires = "gcs_object_key", conflicts_with_all = ["s3_bucket", "azure_container"])]
    pub gcs_bucket: Option<String>,
    /// PREFIX/APP/HASH.tar.gz; the part before the hash is the app's place in the bucket
    #[arg(long, env = variable::GCS_OBJECT_KEY, value_name = "KEY")]
    pub gcs_object_key: Option<String>,
    /// File with the service account's key; without it, the pod's own identity
    #[arg(long, env = variable::GCS_KEY_FILE, value_name = "FILE")]
    pub gcs_key_file: Option<PathBuf>,
    /// Bucket of S3 or what speaks like it
    #[arg(
        long,
        env = variable::S3_BUCKET,
        value_name = "BUCKET",
        requires = "s3_prefix",
        conflicts_with = "azure_container"
    )]
    pub s3_bucket: Option<String>,
    /// The app's place in the bucket
    #[arg(long, env = variable::S3_PREFIX, value_name = "PREFIX")]
    pub s3_prefix: Option<String>,
    /// Address of the store, if it is not Amazon's
    #[arg(long, env = variable::S3_ENDPOINT, value_name = "URL")]
    pub s3_endpoint: Option<String>,
    /// Container of Azure Blob Storage
    #[arg(long, env = variable::AZURE_CONTAINER, value_name = "CONTAINER", requires = "azure_prefix")]
    pub azure_container: Option<String>,
    /// The app's place in the container
    #[arg(long, env = variable::AZURE_PREFIX, value_name = "PREFIX")]
    pub azure_prefix: Option<String>,
    /// Address of the store, if it is not Microsoft's
    #[arg(long, env = variable::AZURE_ENDPOINT, value_name = "URL")]
    pub azure_endpoint: Option<String>,
    /// Bytes beyond which an archive is not kept
    #[arg(long, env = variable::MAX_ARCHIVE_SIZE, default_value_t = defaults::MAX_ARCHIVE_BYTES, value_name = "BYTES")]
    pub max_archive_size: u64,
}
