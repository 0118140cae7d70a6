//! Every knob of the operator, from flags and environment.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, ValueEnum};

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
    /// What reaches the objects that are made.
    #[command(flatten)]
    pub build: BuildSettings,
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
