//! The containers that install Python packages before a member starts: the first one copies the
//! installer from the operator's image, the second one runs it in the app's image.

use k8s_openapi::api::core::v1::{Container, EnvVar, VolumeMount};
use kube::ResourceExt;

use super::{
    BuildInputs,
    env_var::{from_field, from_secret, literal, with_user_variables},
    hash,
    image::{image, operator_image},
    spec_view::cache_mode,
    volume,
};
use crate::{
    api::{AzureCache, BucketConfig, KasprApp, OnFailure, PackageCache, PythonPackages, S3Cache, defaults},
    install_contract as variable, naming, pod_layout,
    settings::BuildSettings,
    validate,
};

/// Returns the containers, if the app has packages.
pub(super) fn containers(inputs: BuildInputs<'_>) -> Option<Vec<Container>> {
    let (app, settings) = (inputs.app, inputs.settings);
    let packages = app.spec.python_packages.as_ref()?;
    let hash = inputs.packages_hash()?;
    Some(vec![copy_container(app, packages, settings), install_container(app, packages, &hash, settings)])
}

fn copy_container(app: &KasprApp, packages: &PythonPackages, settings: &BuildSettings) -> Container {
    let template = app.spec.template.as_ref().and_then(|t| t.python_packages_init_container.as_ref());
    let installer = naming::installer_volume(&app.name_any());
    let mount = install_mounts(app).into_iter().find(|mount| mount.name == installer);
    Container {
        name: naming::COPY_CONTAINER.to_owned(),
        image: Some(operator_image(settings)),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        command: Some(["kaspr-operator", "copy-installer", naming::INSTALLER_DIR].map(str::to_owned).into()),
        // A quota may require every container to state its resources.
        resources: packages.resources.clone(),
        security_context: template.and_then(|t| t.security_context.clone()),
        volume_mounts: Some(mount.into_iter().collect()),
        ..Container::default()
    }
}

fn install_container(
    app: &KasprApp,
    packages: &PythonPackages,
    hash: &str,
    settings: &BuildSettings,
) -> Container {
    let template = app.spec.template.as_ref().and_then(|t| t.python_packages_init_container.as_ref());
    let mut mounts = install_mounts(app);
    mounts.extend(template.and_then(|t| t.volume_mounts.clone()).unwrap_or_default());
    Container {
        name: naming::INSTALL_CONTAINER.to_owned(),
        image: Some(image(app, settings)),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        command: Some(command(packages)),
        env: Some(with_user_variables(
            variables(app, packages, hash),
            template.and_then(|t| t.env.as_deref()),
        )),
        resources: packages.resources.clone(),
        security_context: template.and_then(|t| t.security_context.clone()),
        // A container that is killed leaves no report; the end of its log then shows why.
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}

fn install_mounts(app: &KasprApp) -> Vec<VolumeMount> {
    pod_layout::packages(app).into_iter().filter_map(volume::install_mount).collect()
}

/// No shell reads the packages, and the installer expands their variables.
fn command(packages: &PythonPackages) -> Vec<String> {
    let program = format!("{}/kaspr-operator", naming::INSTALLER_DIR);
    let mut command = vec![program, "install-packages".to_owned(), "--".to_owned()];
    // Kubernetes would expand `$(NAME)`.
    command.extend(packages.packages.iter().map(|package| package.replace("$(", "$$(")));
    command
}

fn variables(app: &KasprApp, packages: &PythonPackages, hash: &str) -> Vec<EnvVar> {
    let mut variables = vec![literal(variable::PACKAGES_HASH, hash)];
    let equal: Vec<String> = hash::of_packages(packages).into_iter().filter(|equal| equal != hash).collect();
    if !equal.is_empty() {
        variables.push(literal(variable::PACKAGES_EQUAL_HASHES, equal.join(",")));
    }
    let list =
        |list: &Option<Vec<String>>| list.as_ref().filter(|list| !list.is_empty()).map(|list| list.join(","));
    let indexes = [
        (variable::INDEX_URL, packages.index_url.clone()),
        (variable::EXTRA_INDEX_URLS, list(&packages.extra_index_urls)),
        (variable::TRUSTED_HOSTS, list(&packages.trusted_hosts)),
    ];
    variables.extend(indexes.into_iter().filter_map(|(name, value)| Some(literal(name, value?))));
    if let Some(credentials) = &packages.credentials {
        let secret = &credentials.secret_ref;
        variables.push(from_secret(variable::PYPI_USERNAME, &secret.name, secret.username_key()));
        variables.push(from_secret(variable::PYPI_PASSWORD, &secret.name, secret.password_key()));
        variables.extend(list(&credentials.hosts).map(|hosts| literal(variable::PYPI_HOSTS, hosts)));
    }
    variables.extend(store_settings(app, packages, hash));
    variables.extend(authorities(packages));
    variables.extend(policy(packages));
    variables.extend([
        literal(variable::PACKAGES_DIR, naming::PACKAGES_DIR),
        literal(variable::PACKAGES_SHARED, (cache_mode(packages) == "persistent").to_string()),
        literal(variable::SCRATCH_DIR, format!("{}/scratch", naming::INSTALLER_DIR)),
        from_field(variable::POD_NAME, "metadata.name"),
    ]);
    variables
}

/// Returns the variables with the files of certificate authorities.
fn authorities(packages: &PythonPackages) -> impl Iterator<Item = EnvVar> {
    let of_bucket =
        packages.cache.as_ref().and_then(PackageCache::bucket).and_then(|bucket| bucket.ca_secret);
    let files = [
        (variable::INDEX_CA_FILE, pod_layout::INDEX_CA_DIR, packages.ca_secret.as_ref()),
        (variable::BUCKET_CA_FILE, pod_layout::BUCKET_CA_DIR, of_bucket),
    ];
    let files = files.into_iter().filter(|(.., secret)| secret.is_some());
    files.map(|(name, folder, _)| literal(name, format!("{folder}/{}", pod_layout::CA_FILE)))
}

/// Returns the variables of the install policy.
fn policy(packages: &PythonPackages) -> [EnvVar; 3] {
    let policy = packages.install_policy.clone().unwrap_or_default();
    let on_failure = policy.on_failure.map_or(defaults::INSTALL_ON_FAILURE, OnFailure::as_str);
    [
        literal(variable::INSTALL_RETRIES, policy.retries.unwrap_or(defaults::INSTALL_RETRIES).to_string()),
        literal(variable::INSTALL_TIMEOUT, policy.timeout.unwrap_or(defaults::INSTALL_TIMEOUT).to_string()),
        literal(variable::INSTALL_ON_FAILURE, on_failure),
    ]
}

/// Returns the variables of the bucket, if packages are cached in one.
fn store_settings(app: &KasprApp, packages: &PythonPackages, hash: &str) -> Vec<EnvVar> {
    let Some(cache) = packages.cache.as_ref() else { return Vec::new() };
    let prefix = |bucket: &BucketConfig| {
        let base = bucket.prefix.unwrap_or(defaults::BUCKET_PREFIX).trim_matches('/');
        format!("{base}/{}", naming::app(&app.name_any())).trim_start_matches('/').to_owned()
    };
    let limit = |bucket: &BucketConfig| {
        let size = bucket.max_archive_size.unwrap_or(defaults::MAX_ARCHIVE_SIZE);
        // The rules refuse what is not a quantity.
        let bytes = validate::quantity(size).unwrap_or(defaults::MAX_ARCHIVE_BYTES as f64);
        literal(variable::MAX_ARCHIVE_SIZE, format!("{bytes:.0}"))
    };
    match cache_mode(packages) {
        "gcs" => cache.gcs.as_ref().map(|gcs| {
            let bucket = gcs.bucket();
            let mut variables = vec![
                literal(variable::GCS_BUCKET, gcs.bucket.clone()),
                literal(variable::GCS_OBJECT_KEY, format!("{}/{hash}.tar.gz", prefix(&bucket))),
                limit(&bucket),
            ];
            if gcs.secret_ref.is_some() {
                variables.push(literal(
                    variable::GCS_KEY_FILE,
                    format!("{}/{}", pod_layout::GCS_KEY_DIR, pod_layout::GCS_KEY_FILE),
                ));
            }
            variables
        }),
        "s3" => cache.s3.as_ref().map(|s3| s3_variables(s3, prefix(&s3.bucket()), limit(&s3.bucket()))),
        "azure" => cache
            .azure
            .as_ref()
            .map(|azure| azure_variables(azure, prefix(&azure.bucket()), limit(&azure.bucket()))),
        _ => None,
    }
    .unwrap_or_default()
}

fn s3_variables(s3: &S3Cache, prefix: String, limit: EnvVar) -> Vec<EnvVar> {
    let mut variables = vec![
        literal(variable::S3_BUCKET, s3.bucket.clone()),
        literal(variable::S3_PREFIX, prefix),
        literal(variable::AWS_REGION, s3.region.as_deref().unwrap_or(defaults::S3_REGION)),
        limit,
    ];
    variables.extend(s3.endpoint.clone().map(|endpoint| literal(variable::S3_ENDPOINT, endpoint)));
    if let Some(secret) = &s3.secret_ref {
        let (id, key) = (secret.access_key_id_key(), secret.secret_access_key_key());
        variables.push(from_secret(variable::AWS_ACCESS_KEY_ID, &secret.name, id));
        variables.push(from_secret(variable::AWS_SECRET_ACCESS_KEY, &secret.name, key));
    }
    variables
}

fn azure_variables(azure: &AzureCache, prefix: String, limit: EnvVar) -> Vec<EnvVar> {
    let mut variables = vec![
        literal(variable::AZURE_CONTAINER, azure.container.clone()),
        literal(variable::AZURE_PREFIX, prefix),
        literal(variable::AZURE_STORAGE_ACCOUNT_NAME, azure.account.clone()),
        limit,
    ];
    variables.extend(azure.endpoint.clone().map(|endpoint| literal(variable::AZURE_ENDPOINT, endpoint)));
    if let Some(secret) = &azure.secret_ref {
        variables.push(from_secret(variable::AZURE_STORAGE_ACCOUNT_KEY, &secret.name, secret.key()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(cache: &str) -> KasprApp {
        let text = format!(
            "{{apiVersion: kaspr.io/v1alpha1, kind: KasprApp, metadata: {{name: clicks, namespace: n}}, \
             spec: {{bootstrapServers: 'k:9092', authentication: {{type: plain}}, \
             pythonPackages: {{packages: ['a @ https://x/$(id)', 'b==${{V}}'], cache: {cache}}}}}}}"
        );
        serde_saphyr::from_str(&text).expect("an app")
    }

    /// Returns the variables of the install container that depend on where packages are cached.
    fn store_variables(cache: &str) -> String {
        const ALWAYS: [&str; 8] = [
            "PACKAGES_HASH",
            "PACKAGES_EQUAL_HASHES",
            "PACKAGES_DIR",
            "SCRATCH_DIR",
            "POD_NAME",
            "INSTALL_RETRIES",
            "INSTALL_TIMEOUT",
            "INSTALL_ON_FAILURE",
        ];
        let app = app(cache);
        let packages = app.spec.python_packages.clone().expect("packages");
        let variables = variables(&app, &packages, &hash::of_packages(&packages)[0]);
        let shown = variables.iter().filter(|variable| !ALWAYS.contains(&variable.name.as_str())).map(|v| {
            let secret = v.value_from.as_ref().and_then(|from| from.secret_key_ref.as_ref());
            let value = secret.map_or_else(
                || v.value.clone().unwrap_or_default(),
                |secret| format!("{}/{}", secret.name, secret.key),
            );
            format!("{}={value}", v.name)
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_store_has_its_variables() {
        let hash_of = |cache: &str| {
            hash::of_packages(app(cache).spec.python_packages.as_ref().expect("packages")).swap_remove(0)
        };
        let rows = [
            ("{}", "PACKAGES_SHARED=false"),
            ("{enabled: true}", "PACKAGES_SHARED=true"),
            (
                "{type: gcs, gcs: {bucket: b, secretRef: {name: s}}}",
                "GCS_BUCKET=b GCS_OBJECT_KEY=kaspr-packages/clicks-app/HASH.tar.gz MAX_ARCHIVE_SIZE=1073741824 \
                 GCS_KEY_FILE=/var/run/secrets/gcs/sa.json PACKAGES_SHARED=false",
            ),
            (
                "{type: gcs, gcs: {bucket: b, prefix: '', maxArchiveSize: 500Mi, workloadIdentity: true}}",
                "GCS_BUCKET=b GCS_OBJECT_KEY=clicks-app/HASH.tar.gz MAX_ARCHIVE_SIZE=524288000 PACKAGES_SHARED=false",
            ),
            (
                "{type: s3, s3: {bucket: b, endpoint: 'http://m', secretRef: {name: s}}}",
                "S3_BUCKET=b S3_PREFIX=kaspr-packages/clicks-app AWS_REGION=us-east-1 MAX_ARCHIVE_SIZE=1073741824 \
                 S3_ENDPOINT=http://m AWS_ACCESS_KEY_ID=s/accessKeyId AWS_SECRET_ACCESS_KEY=s/secretAccessKey \
                 PACKAGES_SHARED=false",
            ),
            (
                "{type: azure, azure: {account: a, container: c, prefix: /p/, secretRef: {name: s, key: k}}}",
                "AZURE_CONTAINER=c AZURE_PREFIX=p/clicks-app AZURE_STORAGE_ACCOUNT_NAME=a MAX_ARCHIVE_SIZE=1073741824 \
                 AZURE_STORAGE_ACCOUNT_KEY=s/k PACKAGES_SHARED=false",
            ),
            (
                "{type: gcs, gcs: {bucket: b, workloadIdentity: true, caSecret: {secretName: c}}, s3: {bucket: b, workloadIdentity: true, caSecret: {secretName: other}}}",
                "GCS_BUCKET=b GCS_OBJECT_KEY=kaspr-packages/clicks-app/HASH.tar.gz MAX_ARCHIVE_SIZE=1073741824 \
                 BUCKET_CA_FILE=/var/run/secrets/packages-bucket-ca/ca.crt PACKAGES_SHARED=false",
            ),
        ];
        for (cache, expected) in rows {
            assert_eq!(store_variables(cache), expected.replace("HASH", &hash_of(cache)), "{cache}");
        }
    }

    #[test]
    fn kubernetes_expands_nothing_of_the_users() {
        let app = app("{}");
        let packages = app.spec.python_packages.as_ref().expect("packages");
        assert_eq!(command(packages)[3..], ["a @ https://x/$$(id)", "b==${V}"]);
    }

    #[test]
    fn certificate_authorities_are_mounted_for_the_installer_only() {
        let mut app =
            app("{type: s3, s3: {bucket: b, workloadIdentity: true, caSecret: {secretName: c, key: k}}}");
        let packages = app.spec.python_packages.as_mut().expect("packages");
        packages.ca_secret =
            serde_json::from_value(serde_json::json!({ "secretName": "i" })).expect("a Secret");
        let secrets = pod_layout::packages(&app).into_iter().filter_map(|volume| match volume.source {
            pod_layout::PodVolumeSource::Secret { name, items } if volume.member_mount.is_none() => Some(
                format!("{name}/{} {}/{}", items[0].0, volume.install_mount.unwrap_or_default(), items[0].1),
            ),
            _ => None,
        });
        let expected = [
            "i/ca.crt /var/run/secrets/packages-index-ca/ca.crt",
            "c/k /var/run/secrets/packages-bucket-ca/ca.crt",
        ];
        assert_eq!(secrets.collect::<Vec<_>>(), expected);
        let packages = app.spec.python_packages.as_ref().expect("packages");
        let variables: Vec<_> =
            authorities(packages).map(|v| (v.name, v.value.unwrap_or_default())).collect();
        assert_eq!(
            variables[0],
            ("INDEX_CA_FILE".to_owned(), "/var/run/secrets/packages-index-ca/ca.crt".to_owned())
        );
        let refs = app.spec.secret_refs();
        assert!(refs.iter().any(|r| r.name == "i") && refs.iter().any(|r| r.name == "c"), "{refs:?}");
    }

    #[test]
    fn only_a_key_in_use_is_mounted() {
        let volume = |cache: &str| {
            install_mounts(&app(cache)).iter().any(|mount| mount.name == pod_layout::GCS_KEY_VOLUME)
        };
        assert!(volume("{type: gcs, gcs: {bucket: b, secretRef: {name: s}}}"));
        assert!(!volume("{type: gcs, gcs: {bucket: b, workloadIdentity: true}}"));
        assert!(!volume("{type: pvc, gcs: {bucket: b, secretRef: {name: s}}}"));
    }
}
