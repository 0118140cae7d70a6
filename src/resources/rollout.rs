//! When pods may be replaced: with a change by the user, never because a new operator version builds the
//! pod template differently.
//!
//! The StatefulSet carries two hashes: that of its inputs, which the user and the platform gave, and that
//! of the template built from them. Equal inputs with another template mean that another operator version
//! built the running one: it stays until the user changes something or requests the new one.

use k8s_openapi::api::apps::v1::StatefulSet;
use kube::{ResourceExt, core::DynamicObject};
use serde_json::{Value, json};

use super::{
    AppComponents, BuildError, BuildInputs, OwnedObject, components::hash_of_all, hash, image::registry,
    metadata, running::is_written_here,
};
use crate::{
    api::{
        KasprApp,
        annotations::{ACCEPTED_ERRORS, DISABLE_STATIC_MEMBERSHIP, INPUT_HASH, TEMPLATE_HASH},
    },
    install_contract, naming,
    settings::BuildSettings,
};

/// Variables whose values the Python operator computes in the same way.
const COMPARABLE: [&str; 2] = ["CONFIG_HASH", install_contract::PACKAGES_HASH];

/// Adds both hashes to a StatefulSet.
///
/// # Errors
///
/// The template could not be serialized.
pub fn mark(
    set: &mut StatefulSet,
    BuildInputs { app, user_spec, components, settings, .. }: BuildInputs<'_>,
) -> Result<(), BuildError> {
    let template = serde_json::to_value(set.spec.as_ref().map(|spec| &spec.template))?;
    metadata::annotate(&mut set.metadata, TEMPLATE_HASH, hash::of_json(&template));
    let accepted: Vec<String> = app.accepted().iter().map(|error| hash::of_text(&error.identity())).collect();
    if !accepted.is_empty() {
        metadata::annotate(&mut set.metadata, ACCEPTED_ERRORS, accepted.join(","));
    }
    metadata::annotate(&mut set.metadata, INPUT_HASH, input_hash(user_spec, components, settings)?);
    Ok(())
}

/// Returns the hash of what reaches the pods.
fn input_hash(
    app: &KasprApp,
    components: &AppComponents,
    settings: &BuildSettings,
) -> Result<String, BuildError> {
    let mut spec = serde_json::to_value(&app.spec)?;
    for (block, field) in [
        ("", "replicas"),
        ("", "rollout"),
        ("/storage", "size"),
        ("/storage", "deleteClaim"),
        ("/template", "podDisruptionBudget"),
    ] {
        if let Some(block) = spec.pointer_mut(block).and_then(Value::as_object_mut) {
            block.remove(field);
        }
    }
    let mut inputs = json!({
        "spec": spec,
        "annotations": app.annotations().get(DISABLE_STATIC_MEMBERSHIP),
        "agents": hash_of_all(&components.agents),
        "webviews": hash_of_all(&components.webviews),
        "tables": hash_of_all(&components.tables),
        "tasks": hash_of_all(&components.tasks),
        "joins": hash_of_all(&components.joins),
        "registry": registry(settings),
    });
    // The default is left out, so that hashes of earlier versions stay valid.
    if settings.cluster_domain != naming::CLUSTER_DOMAIN {
        inputs["domain"] = json!(settings.cluster_domain);
    }
    Ok(hash::of_json(&inputs))
}

/// Keeps the running template in the desired StatefulSet, unless the inputs changed. Returns whether a
/// newer template waits.
///
/// # Errors
///
/// The object could not be serialized again.
pub fn keep_running_template(desired: &mut OwnedObject, live: &DynamicObject) -> Result<bool, BuildError> {
    let wanted = |object: &Value, annotation: &str| {
        object["metadata"]["annotations"][annotation].as_str().map(str::to_owned)
    };
    let of_live = |annotation: &str| live.annotations().get(annotation).cloned();
    let Some(running) = live.data.pointer("/spec/template").cloned() else { return Ok(false) };
    // If the Python operator wrote last, our hashes say nothing about the template.
    let ours = is_written_here(live);
    let built_here = ours && of_live(TEMPLATE_HASH) == wanted(&desired.value, TEMPLATE_HASH);
    let same_inputs = match of_live(INPUT_HASH).filter(|_| ours) {
        Some(inputs) => Some(inputs) == wanted(&desired.value, INPUT_HASH),
        None => is_python_template(&running, &desired.value["spec"]["template"]),
    };
    if built_here || !same_inputs {
        return Ok(false);
    }
    let mark = of_live(TEMPLATE_HASH).filter(|_| ours).unwrap_or_else(|| hash::of_json(&running));
    desired.value["spec"]["template"] = running;
    desired.value["metadata"]["annotations"][TEMPLATE_HASH] = Value::String(mark);
    desired.restamp()?;
    Ok(true)
}

/// Returns whether the Python operator made the running template from the same inputs: what both
/// operators write in the same form must be equal. The hash of packages is built with the running one
/// where that stands for the same packages.
fn is_python_template(running: &Value, built: &Value) -> bool {
    let container = |template: &Value| -> Option<Value> {
        let containers = template.pointer("/spec/containers")?.as_array()?;
        containers.iter().find(|container| container["name"] == naming::CONTAINER).cloned()
    };
    let (Some(running), Some(built)) = (container(running), container(built)) else { return false };
    let variable = |container: &Value, name: &str| -> Option<Value> {
        let env = container["env"].as_array()?;
        Some(env.iter().find(|variable| variable["name"] == name)?["value"].clone())
    };
    running["image"] == built["image"]
        && COMPARABLE.iter().all(|name| variable(&running, name) == variable(&built, name))
}
