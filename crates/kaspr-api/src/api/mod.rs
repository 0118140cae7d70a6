//! The one type model of the six kinds, group `kaspr.io`, version `v1alpha1`.
//!
//! Imports nothing of ours and holds no rules and no defaults: the CRDs, the webhooks, the
//! reconcilers and the command line all read these types. A doc comment on a field is what
//! `kubectl explain` prints.

// The derive of JsonSchema repeats the visibility of a type on a local helper.
#![allow(unreachable_pub)]

mod agent;
pub mod annotations;
mod app;
mod buckets;
mod ca_secret;
mod cel;
mod code;
pub mod config_keys;
pub mod defaults;
pub mod distribution;
mod install_report;
mod join;
mod kind;
mod login;
pub mod member_variables;
mod packages;
mod processors;
pub mod python_values;
mod rollout;
mod schema;
mod secret_refs;
mod status;
mod storage;
mod table;
mod task;
mod template;
mod text_value;
mod topic;
pub mod versions;
mod webview;

pub use agent::{AgentInput, AgentOutput, InputChannel, InputTake, KasprAgent, KasprAgentSpec};
pub use app::{
    AppConfig, Authentication, AuthenticationType, CertificateSecret, KasprApp, KasprAppSpec, PasswordSecret,
    Probe, Tls,
};
pub use buckets::{AzureCache, AzureSecretRef, BucketConfig, GcsCache, GcsSecretRef, S3Cache, S3SecretRef};
pub use ca_secret::CaSecret;
pub use cel::NO_BUCKET_CREDENTIALS;
pub use code::Code;
pub use install_report::{InstallErrorType, InstallReport, PackageSource};
pub use join::{JoinType, KasprJoin, KasprJoinSpec};
pub use kind::{KasprResource, Kind};
pub use packages::{
    CacheType, InstallPolicy, OnFailure, PackageAccessMode, PackageCache, PackageCredentials,
    PackageSecretRef, PythonPackages,
};
pub use processors::{Operation, Processors, TableRef};
pub use rollout::{Rollout, RolloutFailure};
pub use secret_refs::SecretRef;
pub use status::{
    AppReference, AppStatus, ComponentStatus, Condition, ConditionStatus, LinkedAgent, LinkedComponent,
    LinkedResources, LinkedTable, Member, PackagesStatus, TableReference,
};
pub use storage::{Storage, StorageType};
pub use table::{
    HoppingWindow, KasprTable, KasprTableSpec, RelativeTo, TableSerializer, TumblingWindow, Window,
};
pub use task::{KasprTask, KasprTaskSpec, Schedule};
pub use template::{
    ContainerTemplate, DisruptionBudgetTemplate, PodTemplate, ResourceTemplate, Template, TemplateMetadata,
};
pub use text_value::{TextMap, TextValue, texts};
pub use topic::{InputTopic, Serializer, TopicOut, topic_names};
pub use webview::{
    ContentType, HttpMethod, KasprWebView, KasprWebViewSpec, ResponseSelector, WebRequest, WebResponse,
};

/// The API group of all six kinds.
pub const GROUP: &str = "kaspr.io";

/// The version of the API of all six kinds.
pub const VERSION: &str = "v1alpha1";
