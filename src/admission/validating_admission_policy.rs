//! Rules for clusters without the webhooks, of what a schema cannot express: across fields, of names,
//! and of settings. The API server checks them by itself. A choice, not a part of the webhooks.

use crate::{
    api::{GROUP, VERSION},
    crds,
};
use k8s_openapi::{
    api::admissionregistration::v1::{
        MatchCondition, MatchResources, NamedRuleWithOperations, ValidatingAdmissionPolicy,
        ValidatingAdmissionPolicyBinding, ValidatingAdmissionPolicyBindingSpec,
        ValidatingAdmissionPolicySpec, Validation, Variable,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

/// A policy with the binding that puts it in force everywhere.
pub type Policy = (ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding);

/// The policies: one for apps, one for components.
#[must_use]
pub fn policies() -> Vec<Policy> {
    let plurals = crds::all().into_iter().map(|crd| crd.spec.names.plural);
    let (apps, components): (Vec<_>, Vec<_>) = plurals.partition(|plural| plural == "kasprapps");
    vec![
        policy("kaspr-operator-apps", apps, APP_VARIABLES, &app_rules()),
        policy("kaspr-operator-components", components, VARIABLES, &component_rules()),
    ]
}

/// An expression that must hold, and what is said where it does not.
type Rule = (String, String);

/// Names that the expressions of components use. A field that is absent or null counts as empty.
const VARIABLES: &[(&str, &str)] = &[
    ("processors", "object.spec.?processors.orValue(null) != null ? dyn(object.spec.processors) : dyn({})"),
    (
        "operations",
        "'operations' in variables.processors && variables.processors.operations != null ? variables.processors.operations : dyn([])",
    ),
    (
        "pipeline",
        "'pipeline' in variables.processors && variables.processors.pipeline != null ? variables.processors.pipeline : dyn([])",
    ),
    ("longest", "object.kind == 'KasprWebView' ? 55 : 57"),
];

/// The same for apps.
const APP_VARIABLES: &[(&str, &str)] = &[
    ("spec", "dyn(object.spec)"),
    ("old", "oldObject == null ? dyn({}) : dyn(oldObject.spec)"),
    (
        "config",
        "'config' in variables.spec && variables.spec.config != null ? variables.spec.config : dyn({})",
    ),
    (
        "oldConfig",
        "'config' in variables.old && variables.old.config != null ? variables.old.config : dyn({})",
    ),
    (
        "size",
        "'storage' in variables.spec && variables.spec.storage != null && 'size' in variables.spec.storage && variables.spec.storage.size != null ? string(variables.spec.storage.size) : ''",
    ),
    (
        "oldSize",
        "'storage' in variables.old && variables.old.storage != null && 'size' in variables.old.storage && variables.old.storage.size != null ? string(variables.old.storage.size) : ''",
    ),
];

fn app_rules() -> Vec<Rule> {
    let partitions = |config: &str| {
        format!("('topicPartitions' in variables.{config} ? string(variables.{config}.topicPartitions) : '')")
    };
    vec![
        rule(
            "object.metadata.name.size() <= 48 && object.metadata.name.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",
            "metadata.name: must be at most 48 lower-case letters, digits and '-', start with a letter and end with a letter or digit",
        ),
        rule(
            &format!("oldObject == null || {} == {}", partitions("config"), partitions("oldConfig")),
            "spec.config.topicPartitions: field is immutable",
        ),
        rule(
            "!isQuantity(variables.size) || !isQuantity(variables.oldSize) || quantity(variables.size).compareTo(quantity(variables.oldSize)) >= 0",
            "spec.storage.size: must not be less than before: a claim can only grow",
        ),
    ]
}

fn component_rules() -> Vec<Rule> {
    vec![
        rule(
            "object.metadata.name.size() <= variables.longest && object.metadata.name.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",
            "metadata.name: must be lower-case letters, digits and '-', at most 57 of them, or 55 for a KasprWebView",
        ),
        rule(
            "object.metadata.?labels[?'kaspr.io/app'].orValue('').matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",
            "metadata.labels[kaspr.io/app]: must name the KasprApp that runs the component",
        ),
        rule(
            "variables.pipeline.all(step, variables.operations.exists(operation, 'name' in operation && operation.name == step))",
            "spec.processors.pipeline: must name operations of the resource",
        ),
        rule(
            "variables.operations.all(operation, !('name' in operation) || variables.operations.exists_one(other, 'name' in other && other.name == operation.name))",
            "spec.processors.operations: must have unique names",
        ),
        rule(
            "object.kind != 'KasprTask' || variables.operations.all(operation, !('filter' in operation) || operation.filter == null)",
            "spec.processors.operations: filter may not be used in a task: the framework fails on it, filter in a map instead",
        ),
    ]
}

fn rule(expression: &str, message: &str) -> Rule {
    (expression.to_owned(), message.to_owned())
}

fn policy(name: &str, plurals: Vec<String>, variables: &[(&str, &str)], rules: &[Rule]) -> Policy {
    let list = |items: &[&str]| Some(items.iter().map(|item| (*item).to_owned()).collect());
    let constraints = MatchResources {
        resource_rules: Some(vec![NamedRuleWithOperations {
            api_groups: list(&[GROUP]),
            api_versions: list(&[VERSION]),
            operations: list(&["CREATE", "UPDATE"]),
            resources: Some(plurals),
            ..NamedRuleWithOperations::default()
        }]),
        ..MatchResources::default()
    };
    let condition = |name: &str, expression: &str| MatchCondition {
        name: name.to_owned(),
        expression: expression.to_owned(),
    };
    let spec = ValidatingAdmissionPolicySpec {
        failure_policy: Some("Fail".to_owned()),
        match_constraints: Some(constraints),
        // What is on its way out, or changes its metadata only, is left alone.
        match_conditions: Some(vec![
            condition("not-being-deleted", "!has(object.metadata.deletionTimestamp)"),
            condition("changes-the-spec", "oldObject == null || object.spec != oldObject.spec"),
        ]),
        variables: Some(variables.iter().map(variable).collect()),
        validations: Some(rules.iter().map(validation).collect()),
        ..ValidatingAdmissionPolicySpec::default()
    };
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let policy = ValidatingAdmissionPolicy { metadata: metadata.clone(), spec: Some(spec), status: None };
    let binding = ValidatingAdmissionPolicyBindingSpec {
        policy_name: name.to_owned(),
        validation_actions: vec!["Deny".to_owned()],
        ..ValidatingAdmissionPolicyBindingSpec::default()
    };
    (policy, ValidatingAdmissionPolicyBinding { metadata, spec: binding })
}

fn variable((name, expression): &(&str, &str)) -> Variable {
    Variable { name: (*name).to_owned(), expression: (*expression).to_owned() }
}

fn validation((expression, message): &Rule) -> Validation {
    Validation {
        expression: expression.clone(),
        message: Some(message.clone()),
        reason: Some("Invalid".to_owned()),
        ..Validation::default()
    }
}
