//! Secrets and ConfigMaps that an app refers to.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Volume;

use super::{AppContext, Findings, Path, cross_resource::one_of, rule};
use crate::api::KasprApp;

/// What an app refers to that must be there before its pods start.
enum Kind {
    Secret,
    ConfigMap,
}

/// The Secrets and ConfigMaps that the app refers to, where all of them are known.
pub fn check(app: &KasprApp, context: &AppContext, found: &mut Findings) {
    let Some(objects) = &context.objects else { return };
    let mut missed = BTreeSet::new();
    for (kind, name, key, at) in references_of(app) {
        let (what, there, missing) = match kind {
            Kind::Secret => ("Secret", &objects.secrets, rule::SECRET_MISSING),
            Kind::ConfigMap => ("ConfigMap", &objects.config_maps, rule::CONFIG_MAP_MISSING),
        };
        match (there.get(&name), key) {
            (None, _) if missed.insert((what, name.clone())) => {
                found.warn(missing, at, format!("{what} '{name}' is not among these files"));
            }
            (Some(keys), Some(key)) if !keys.contains(&key) => {
                let known = one_of(keys.iter().map(String::as_str));
                let detail = format!("must be a key of {what} '{name}': {known}");
                found.not_found(rule::SECRET_KEY_MISSING, at, &key, detail);
            }
            _ => {}
        }
    }
}

type Reference = (Kind, String, Option<String>, Path);

fn references_of(app: &KasprApp) -> Vec<Reference> {
    let spec = Path::root().child("spec");
    let mut all = Vec::new();
    let mut add = |kind: Kind, name: Option<&String>, key: Option<&String>, at: Path| {
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            all.push((kind, name.clone(), key.filter(|key| !key.is_empty()).cloned(), at));
        }
    };
    for reference in app.spec.secret_refs() {
        let at = reference.field.iter().fold(spec.clone(), |at, field| at.child(*field));
        for key in &reference.keys {
            add(Kind::Secret, Some(&reference.name), Some(key), at.clone());
        }
        if reference.keys.is_empty() {
            add(Kind::Secret, Some(&reference.name), None, at);
        }
    }
    let Some(template) = &app.spec.template else { return all };
    let at = spec.child("template");
    let containers = [
        ("kasprContainer", &template.kaspr_container),
        ("pythonPackagesInitContainer", &template.python_packages_init_container),
    ];
    for (field, container) in containers {
        for (i, variable) in container.iter().flat_map(|container| container.env.iter().flatten()).enumerate()
        {
            let Some(from) = &variable.value_from else { continue };
            let at = at.child(field).child("env").index(i).child("valueFrom");
            if let Some(secret) = from.secret_key_ref.as_ref().filter(|secret| secret.optional != Some(true))
            {
                add(Kind::Secret, Some(&secret.name), Some(&secret.key), at.child("secretKeyRef"));
            }
            if let Some(map) = from.config_map_key_ref.as_ref().filter(|map| map.optional != Some(true)) {
                add(Kind::ConfigMap, Some(&map.name), Some(&map.key), at.child("configMapKeyRef"));
            }
        }
    }
    let Some(pod) = &template.pod else { return all };
    for (i, Volume { secret, config_map, .. }) in pod.volumes.iter().flatten().enumerate() {
        let at = at.child("pod").child("volumes").index(i);
        if let Some(secret) = secret.as_ref().filter(|secret| secret.optional != Some(true)) {
            add(Kind::Secret, secret.secret_name.as_ref(), None, at.child("secret").child("secretName"));
        }
        if let Some(map) = config_map.as_ref().filter(|map| map.optional != Some(true)) {
            add(Kind::ConfigMap, Some(&map.name), None, at.child("configMap").child("name"));
        }
    }
    for (i, secret) in pod.image_pull_secrets.iter().flatten().enumerate() {
        add(
            Kind::Secret,
            Some(&secret.name),
            None,
            at.child("pod").child("imagePullSecrets").index(i).child("name"),
        );
    }
    all
}
