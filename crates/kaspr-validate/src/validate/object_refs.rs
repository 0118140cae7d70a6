//! Secrets and ConfigMaps that an app references.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{EnvVar, Volume};

use super::{app_context::AppContext, findings::Findings, path::Path, rule, shared::one_of};
use crate::api::{ContainerTemplate, KasprApp, PodTemplate};

/// Kind of a referenced object, which must exist before the pods start.
enum ReferencedKind {
    Secret,
    ConfigMap,
}

/// A reference to an object, and optionally to a key of it.
struct Reference {
    kind: ReferencedKind,
    name: String,
    key: Option<String>,
    at: Path,
}

/// Checks the Secrets and ConfigMaps that the app references, if all objects of the namespace are known.
pub(super) fn check(app: &KasprApp, context: &AppContext, found: &mut Findings) {
    let Some(objects) = &context.objects else { return };
    let mut reported = BTreeSet::new();
    for Reference { kind, name, key, at } in references_of(app) {
        let (label, existing, rule) = match kind {
            ReferencedKind::Secret => ("Secret", &objects.secrets, rule::SECRET_MISSING),
            ReferencedKind::ConfigMap => ("ConfigMap", &objects.config_maps, rule::CONFIG_MAP_MISSING),
        };
        match (existing.get(&name), key) {
            (None, _) if reported.insert((label, name.clone())) => {
                found.warn(rule, at, format!("{label} '{name}' is not among these files"));
            }
            (Some(keys), Some(key)) if !keys.contains(&key) => {
                let known = one_of(keys.iter().map(String::as_str));
                let detail = format!("must be a key of {label} '{name}': {known}");
                found.not_found(rule::SECRET_KEY_MISSING, at, &key, detail);
            }
            _ => {}
        }
    }
}

/// Lists all references of an app, in the order of its fields.
fn references_of(app: &KasprApp) -> Vec<Reference> {
    let spec = Path::root().child("spec");
    let mut references = References::default();
    references.add_spec(app, &spec);
    if let Some(template) = &app.spec.template {
        let at = spec.child("template");
        references.add_container(template.kaspr_container.as_ref(), &at.child("kasprContainer"));
        references.add_container(
            template.python_packages_init_container.as_ref(),
            &at.child("pythonPackagesInitContainer"),
        );
        if let Some(pod) = &template.pod {
            references.add_pod(pod, &at.child("pod"));
        }
    }
    references.all
}

/// Collects references.
#[derive(Default)]
struct References {
    all: Vec<Reference>,
}

impl References {
    /// Adds a reference, unless the name is empty, which is an error of its own.
    fn add(&mut self, kind: ReferencedKind, name: &str, key: Option<&str>, at: Path) {
        if !name.is_empty() {
            let key = key.filter(|key| !key.is_empty()).map(str::to_owned);
            self.all.push(Reference { kind, name: name.to_owned(), key, at });
        }
    }

    fn add_spec(&mut self, app: &KasprApp, spec: &Path) {
        for reference in app.spec.secret_refs() {
            let at = reference.field.iter().fold(spec.clone(), |at, field| at.child(*field));
            for key in &reference.keys {
                self.add(ReferencedKind::Secret, &reference.name, Some(key), at.clone());
            }
            if reference.keys.is_empty() {
                self.add(ReferencedKind::Secret, &reference.name, None, at);
            }
        }
    }

    fn add_container(&mut self, container: Option<&ContainerTemplate>, at: &Path) {
        let variables = container.iter().flat_map(|container| container.env.iter().flatten());
        for (i, variable) in variables.enumerate() {
            self.add_variable(variable, &at.child("env").index(i).child("valueFrom"));
        }
    }

    fn add_variable(&mut self, variable: &EnvVar, at: &Path) {
        let Some(from) = &variable.value_from else { return };
        if let Some(secret) = from.secret_key_ref.as_ref().filter(|secret| secret.optional != Some(true)) {
            self.add(ReferencedKind::Secret, &secret.name, Some(&secret.key), at.child("secretKeyRef"));
        }
        if let Some(map) = from.config_map_key_ref.as_ref().filter(|map| map.optional != Some(true)) {
            self.add(ReferencedKind::ConfigMap, &map.name, Some(&map.key), at.child("configMapKeyRef"));
        }
    }

    fn add_pod(&mut self, pod: &PodTemplate, at: &Path) {
        for (i, Volume { secret, config_map, .. }) in pod.volumes.iter().flatten().enumerate() {
            let at = at.child("volumes").index(i);
            if let Some(secret) = secret.as_ref().filter(|secret| secret.optional != Some(true)) {
                let name = secret.secret_name.as_deref().unwrap_or_default();
                self.add(ReferencedKind::Secret, name, None, at.child("secret").child("secretName"));
            }
            if let Some(map) = config_map.as_ref().filter(|map| map.optional != Some(true)) {
                self.add(ReferencedKind::ConfigMap, &map.name, None, at.child("configMap").child("name"));
            }
        }
        for (i, secret) in pod.image_pull_secrets.iter().flatten().enumerate() {
            let at = at.child("imagePullSecrets").index(i).child("name");
            self.add(ReferencedKind::Secret, &secret.name, None, at);
        }
    }
}
