//! The webhook configurations: what the API server asks about, and where.

use k8s_openapi::{
    ByteString,
    api::admissionregistration::v1::{
        MatchCondition, MutatingWebhook, MutatingWebhookConfiguration, RuleWithOperations, ServiceReference,
        ValidatingWebhook, ValidatingWebhookConfiguration, WebhookClientConfig,
    },
    apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement, ObjectMeta},
};

use super::{DEFAULT_PATH, VALIDATE_PATH};
use crate::{
    api::{GROUP, VERSION},
    crds,
    naming::NAME_LABEL,
};

/// The name of both configurations.
pub const NAME: &str = "kaspr-operator";

/// How long the API server waits for an answer.
const TIMEOUT_SECONDS: i32 = 5;

/// Where the API server finds the webhooks.
#[derive(Clone, Debug)]
pub enum Target {
    /// A Service in the cluster.
    Service {
        /// Its namespace, which is the operator's.
        namespace: String,
        /// Its name.
        name: String,
        /// The cert-manager Certificate, `namespace/name`, whose CA is injected.
        certificate: String,
    },
    /// A URL: an operator that runs outside the cluster.
    Url {
        /// Scheme, host and port, without a path.
        base: String,
        /// The CA of its certificate, PEM.
        authority: String,
    },
}

/// Both configurations.
#[must_use]
pub fn configurations(target: &Target) -> (MutatingWebhookConfiguration, ValidatingWebhookConfiguration) {
    let selector = namespaces(target);
    let mutating = MutatingWebhook {
        admission_review_versions: vec!["v1".to_owned()],
        client_config: target.client_config(DEFAULT_PATH),
        failure_policy: Some("Fail".to_owned()),
        match_conditions: Some(conditions()),
        match_policy: Some("Equivalent".to_owned()),
        name: format!("default.{GROUP}"),
        namespace_selector: Some(selector.clone()),
        // Another webhook may add a block that has defaults.
        reinvocation_policy: Some("IfNeeded".to_owned()),
        rules: Some(rules()),
        side_effects: "None".to_owned(),
        timeout_seconds: Some(TIMEOUT_SECONDS),
        ..MutatingWebhook::default()
    };
    let validating = ValidatingWebhook {
        admission_review_versions: vec!["v1".to_owned()],
        client_config: target.client_config(VALIDATE_PATH),
        failure_policy: Some("Fail".to_owned()),
        match_conditions: Some(conditions()),
        match_policy: Some("Equivalent".to_owned()),
        name: format!("validate.{GROUP}"),
        namespace_selector: Some(selector),
        rules: Some(rules()),
        side_effects: "None".to_owned(),
        timeout_seconds: Some(TIMEOUT_SECONDS),
        ..ValidatingWebhook::default()
    };
    (
        MutatingWebhookConfiguration { metadata: metadata(target), webhooks: Some(vec![mutating]) },
        ValidatingWebhookConfiguration { metadata: metadata(target), webhooks: Some(vec![validating]) },
    )
}

impl Target {
    fn client_config(&self, path: &str) -> WebhookClientConfig {
        match self {
            Self::Service { namespace, name, .. } => WebhookClientConfig {
                service: Some(ServiceReference {
                    name: name.clone(),
                    namespace: namespace.clone(),
                    path: Some(path.to_owned()),
                    port: Some(443),
                }),
                ..WebhookClientConfig::default()
            },
            Self::Url { base, authority } => WebhookClientConfig {
                ca_bundle: Some(ByteString(authority.clone().into_bytes())),
                url: Some(format!("{base}{path}")),
                ..WebhookClientConfig::default()
            },
        }
    }
}

fn metadata(target: &Target) -> ObjectMeta {
    let annotations = match target {
        Target::Service { certificate, .. } => {
            Some([("cert-manager.io/inject-ca-from".to_owned(), certificate.clone())].into())
        }
        Target::Url { .. } => None,
    };
    ObjectMeta {
        name: Some(NAME.to_owned()),
        labels: Some([(NAME_LABEL.to_owned(), NAME.to_owned())].into()),
        annotations,
        ..ObjectMeta::default()
    }
}

/// Creates and updates of the six kinds; a status is the operator's own.
fn rules() -> Vec<RuleWithOperations> {
    let list = |items: &[&str]| Some(items.iter().map(|item| (*item).to_owned()).collect());
    vec![RuleWithOperations {
        api_groups: list(&[GROUP]),
        api_versions: list(&[VERSION]),
        operations: list(&["CREATE", "UPDATE"]),
        resources: Some(crds::all().into_iter().map(|crd| crd.spec.names.plural).collect()),
        scope: Some("Namespaced".to_owned()),
    }]
}

/// Skips objects that are being deleted: a webhook must not block their deletion.
fn conditions() -> Vec<MatchCondition> {
    vec![MatchCondition {
        expression: "!has(object.metadata.deletionTimestamp)".to_owned(),
        name: "not-being-deleted".to_owned(),
    }]
}

/// A webhook must not block objects that it needs itself.
fn namespaces(target: &Target) -> LabelSelector {
    let mut excluded = vec!["kube-system".to_owned()];
    if let Target::Service { namespace, .. } = target {
        excluded.push(namespace.clone());
    }
    LabelSelector {
        match_expressions: Some(vec![LabelSelectorRequirement {
            key: "kubernetes.io/metadata.name".to_owned(),
            operator: "NotIn".to_owned(),
            values: Some(excluded),
        }]),
        ..LabelSelector::default()
    }
}
