//! When pods may be replaced: with what the user changes, and never because this program builds a
//! pod differently than the one before it.
//!
//! The StatefulSet carries two hashes. The first is of its inputs: what the user and the platform
//! gave. The second is of the template that was built from them. Same inputs and another template
//! mean that another program built the running one: it stays, until the user changes something or
//! asks for it.

use k8s_openapi::api::apps::v1::StatefulSet;
use kube::{ResourceExt, core::DynamicObject};
use serde_json::{Value, json};

use super::{BuildError, Linked, Object, hash, linked::hash_of_all, metadata, names};
use crate::{api::KasprApp, settings::BuildSettings};

/// The annotation with the hash of what a StatefulSet was made from.
const INPUTS: &str = "kaspr.io/input-hash";

/// The annotation with the hash of the pod template as it was built.
const TEMPLATE: &str = "kaspr.io/template-hash";

/// The annotation of an app that asks for the newer template.
pub const ROLL: &str = "kaspr.io/roll";

/// Variables whose values are the published operator's, hash by hash.
const COMPARABLE: [&str; 2] = ["CONFIG_HASH", "PACKAGES_HASH"];

/// Marks a StatefulSet with its hashes.
pub fn mark(
    set: &mut StatefulSet,
    app: &KasprApp,
    linked: &Linked,
    settings: &BuildSettings,
) -> Result<(), BuildError> {
    let template = serde_json::to_value(set.spec.as_ref().map(|spec| &spec.template))?;
    metadata::annotate(&mut set.metadata, TEMPLATE, hash::of_json(&template));
    metadata::annotate(&mut set.metadata, INPUTS, inputs(app, linked, settings)?);
    Ok(())
}

/// The hash of what reaches the pods.
fn inputs(app: &KasprApp, linked: &Linked, settings: &BuildSettings) -> Result<String, BuildError> {
    let mut spec = serde_json::to_value(&app.spec)?;
    for (block, field) in [
        ("", "replicas"),
        ("/storage", "size"),
        ("/storage", "deleteClaim"),
        ("/template", "podDisruptionBudget"),
    ] {
        if let Some(block) = spec.pointer_mut(block).and_then(Value::as_object_mut) {
            block.remove(field);
        }
    }
    Ok(hash::of_json(&json!({
        "spec": spec,
        "annotations": app.annotations().get(super::environment::NO_STATIC_MEMBERSHIP),
        "agents": hash_of_all(&linked.agents),
        "webviews": hash_of_all(&linked.webviews),
        "tables": hash_of_all(&linked.tables),
        "tasks": hash_of_all(&linked.tasks),
        "joins": hash_of_all(&linked.joins),
        "registry": settings.image_registry,
    })))
}

/// Leaves the running template in the desired StatefulSet, where nothing asks for another one.
///
/// Gives whether a newer template waits.
///
/// Errors: the object can't be written again.
pub fn keep_running(desired: &mut Object, live: &DynamicObject) -> Result<bool, BuildError> {
    let wanted = |object: &Value, annotation: &str| {
        object["metadata"]["annotations"][annotation].as_str().map(str::to_owned)
    };
    let of_live = |annotation: &str| live.annotations().get(annotation).cloned();
    let Some(running) = live.data.pointer("/spec/template").cloned() else { return Ok(false) };
    let built_here = of_live(TEMPLATE) == wanted(&desired.value, TEMPLATE);
    let same_inputs = match of_live(INPUTS) {
        Some(inputs) => Some(inputs) == wanted(&desired.value, INPUTS),
        None => made_by_the_published_operator(&running, &desired.value["spec"]["template"]),
    };
    if built_here || !same_inputs {
        return Ok(false);
    }
    let mark = of_live(TEMPLATE).unwrap_or_else(|| hash::of_json(&running));
    desired.value["spec"]["template"] = running;
    desired.value["metadata"]["annotations"][TEMPLATE] = Value::String(mark);
    *desired = desired.clone().stamped()?;
    Ok(true)
}

/// Whether the published operator made the template from the same inputs: what both write in the
/// same form must be the same.
fn made_by_the_published_operator(running: &Value, built: &Value) -> bool {
    let container = |template: &Value| -> Option<Value> {
        let containers = template.pointer("/spec/containers")?.as_array()?;
        containers.iter().find(|container| container["name"] == names::CONTAINER).cloned()
    };
    let (Some(running), Some(built)) = (container(running), container(built)) else { return false };
    let variable = |container: &Value, name: &str| -> Option<Value> {
        let env = container["env"].as_array()?;
        Some(env.iter().find(|variable| variable["name"] == name)?["value"].clone())
    };
    running["image"] == built["image"]
        && COMPARABLE.iter().all(|name| variable(&running, name) == variable(&built, name))
}
