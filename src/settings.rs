//! Every knob of the operator, from flags and environment.

use std::{net::SocketAddr, path::PathBuf};

use clap::{ArgAction, Args, ValueEnum, builder::BoolishValueParser};

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
    /// Certificate chain of the webhooks, PEM
    #[arg(
        long,
        env = "TLS_CERT_FILE",
        value_name = "FILE",
        required_unless_present = "local",
        requires = "tls_key_file"
    )]
    pub tls_cert_file: Option<PathBuf>,
    /// Key of that certificate, PEM
    #[arg(
        long,
        env = "TLS_KEY_FILE",
        value_name = "FILE",
        required_unless_present = "local",
        requires = "tls_cert_file"
    )]
    pub tls_key_file: Option<PathBuf>,
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
