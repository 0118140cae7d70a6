//! Secrets and ConfigMaps that an app refers to.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Volume;

use super::{Around, Findings, Path, across::one_of, rule};
use crate::api::{CaSecret, KasprApp, PackageCache};

/// What an app refers to that must be there before its pods start.
enum Kind {
    Secret,
    ConfigMap,
}

/// The Secrets and ConfigMaps that the app refers to, where all of them are known.
pub fn check(app: &KasprApp, around: &Around, found: &mut Findings) {
    let Some(objects) = &around.objects else { return };
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
    if let Some(secret) = &app.spec.authentication.password_secret {
        let at = spec.child("authentication").child("passwordSecret");
        add(Kind::Secret, secret.secret_name.as_ref(), secret.password_key.as_ref(), at);
    }
    if let Some(tls) = &app.spec.tls {
        let at = spec.child("tls");
        if let Some(CaSecret { secret_name, key }) = &tls.ca_secret {
            let key = key.clone().unwrap_or_else(|| "ca.crt".to_owned());
            add(Kind::Secret, Some(secret_name), Some(&key), at.child("caSecret"));
        }
        if let Some(secret) = &tls.certificate_secret {
            let at = at.child("certificateSecret");
            for (key, usual) in [(&secret.certificate_key, "tls.crt"), (&secret.private_key_key, "tls.key")] {
                let key = key.clone().unwrap_or_else(|| usual.to_owned());
                add(Kind::Secret, Some(&secret.secret_name), Some(&key), at.clone());
            }
        }
    }
    if let Some(packages) = &app.spec.python_packages {
        let at = spec.child("pythonPackages");
        if let Some(credentials) = &packages.credentials {
            let (secret, at) = (&credentials.secret_ref, at.child("credentials").child("secretRef"));
            for key in [&secret.username_key, &secret.password_key] {
                add(Kind::Secret, Some(&secret.name), key.as_ref(), at.clone());
            }
        }
        if let Some(cache) = &packages.cache {
            for (field, secret, key) in bucket_secrets(cache) {
                let at = at.child("cache").child(field).child("secretRef");
                add(Kind::Secret, Some(secret), key, at);
            }
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

/// The Secrets that open an app's buckets: the field, the name, and the key.
fn bucket_secrets(cache: &PackageCache) -> Vec<(&'static str, &String, Option<&String>)> {
    let mut secrets = Vec::new();
    if let Some(secret) = cache.gcs.as_ref().and_then(|gcs| gcs.secret_ref.as_ref()) {
        secrets.push(("gcs", &secret.name, secret.key.as_ref()));
    }
    if let Some(secret) = cache.s3.as_ref().and_then(|s3| s3.secret_ref.as_ref()) {
        secrets.push(("s3", &secret.name, secret.access_key_id_key.as_ref()));
        secrets.push(("s3", &secret.name, secret.secret_access_key_key.as_ref()));
    }
    if let Some(secret) = cache.azure.as_ref().and_then(|azure| azure.secret_ref.as_ref()) {
        secrets.push(("azure", &secret.name, secret.key.as_ref()));
    }
    secrets
}
