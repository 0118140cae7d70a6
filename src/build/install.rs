//! The containers that install Python packages before a member starts: the first one copies the
//! installer from the operator's image, the second one runs it in the app's image.

use k8s_openapi::api::core::v1::{Container, EnvVar, KeyToPath, SecretVolumeSource, Volume, VolumeMount};
use kube::ResourceExt;

use super::{cache_mode, environment, hash, image, names, operator_image};
use crate::{
    api::{AzureCache, Bucket, GcsCache, KasprApp, OnFailure, PackageCache, PythonPackages, S3Cache},
    settings::BuildSettings,
    validate,
};

/// The containers, if the app has packages.
pub fn containers(app: &KasprApp, settings: &BuildSettings) -> Option<Vec<Container>> {
    let packages = app.spec.python_packages.as_ref()?;
    Some(vec![copier(app, packages, settings), installer(app, packages, settings)])
}

fn copier(app: &KasprApp, packages: &PythonPackages, settings: &BuildSettings) -> Container {
    let template = app.spec.template.as_ref().and_then(|t| t.python_packages_init_container.as_ref());
    Container {
        name: names::COPY_CONTAINER.to_owned(),
        image: Some(operator_image(settings)),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        command: Some(["kaspr-operator", "copy-installer", names::INSTALLER_DIR].map(str::to_owned).into()),
        // Where quotas ask every container for its share, this one needs one too.
        resources: packages.resources.clone(),
        security_context: template.and_then(|t| t.security_context.clone()),
        volume_mounts: Some(vec![installer_mount(app)]),
        ..Container::default()
    }
}

fn installer(app: &KasprApp, packages: &PythonPackages, settings: &BuildSettings) -> Container {
    let template = app.spec.template.as_ref().and_then(|t| t.python_packages_init_container.as_ref());
    let mut mounts = vec![
        VolumeMount {
            mount_path: names::PACKAGES_DIR.to_owned(),
            name: names::packages_volume(&app.name_any()),
            ..VolumeMount::default()
        },
        installer_mount(app),
    ];
    if key_volume(packages).is_some() {
        mounts.push(VolumeMount {
            mount_path: names::GCS_KEY_DIR.to_owned(),
            name: names::GCS_KEY_VOLUME.to_owned(),
            read_only: Some(true),
            ..VolumeMount::default()
        });
    }
    mounts.extend(template.and_then(|t| t.volume_mounts.clone()).unwrap_or_default());
    Container {
        name: names::INSTALL_CONTAINER.to_owned(),
        image: Some(image(app, settings)),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        command: Some(command(packages)),
        env: Some(environment::with_users(variables(app, packages), template.and_then(|t| t.env.as_deref()))),
        resources: packages.resources.clone(),
        security_context: template.and_then(|t| t.security_context.clone()),
        // A container that is killed leaves no report; its last words then tell why.
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}

fn installer_mount(app: &KasprApp) -> VolumeMount {
    VolumeMount {
        mount_path: names::INSTALLER_DIR.to_owned(),
        name: names::installer_volume(&app.name_any()),
        ..VolumeMount::default()
    }
}

/// No shell reads the packages, and the installer fills in their variables.
fn command(packages: &PythonPackages) -> Vec<String> {
    let program = format!("{}/kaspr-operator", names::INSTALLER_DIR);
    let mut command = vec![program, "install-packages".to_owned(), "--".to_owned()];
    // Kubernetes would fill in `$(NAME)`.
    command.extend(packages.packages.iter().map(|package| package.replace("$(", "$$(")));
    command
}

fn variables(app: &KasprApp, packages: &PythonPackages) -> Vec<EnvVar> {
    let hash = hash::of_packages(packages);
    let mut variables = vec![environment::plain("PACKAGES_HASH", hash.clone())];
    let list =
        |list: &Option<Vec<String>>| list.as_ref().filter(|list| !list.is_empty()).map(|list| list.join(","));
    let indexes = [
        ("INDEX_URL", packages.index_url.clone()),
        ("EXTRA_INDEX_URLS", list(&packages.extra_index_urls)),
        ("TRUSTED_HOSTS", list(&packages.trusted_hosts)),
    ];
    variables.extend(indexes.into_iter().filter_map(|(name, value)| Some(environment::plain(name, value?))));
    if let Some(credentials) = &packages.credentials {
        let secret = &credentials.secret_ref;
        let key = |key: &Option<String>, default: &str| key.clone().unwrap_or_else(|| default.to_owned());
        let (username, password) =
            (key(&secret.username_key, "username"), key(&secret.password_key, "password"));
        variables.push(environment::from_secret("PYPI_USERNAME", &secret.name, &username));
        variables.push(environment::from_secret("PYPI_PASSWORD", &secret.name, &password));
    }
    variables.extend(store(app, packages, &hash));
    variables.extend(policy(packages));
    variables.extend([
        environment::plain("PACKAGES_DIR", names::PACKAGES_DIR.to_owned()),
        environment::plain("PACKAGES_SHARED", (cache_mode(packages) == "persistent").to_string()),
        environment::plain("SCRATCH_DIR", format!("{}/scratch", names::INSTALLER_DIR)),
        environment::from_field("POD_NAME", "metadata.name"),
    ]);
    variables
}

/// How often and how long it is tried, and what happens then.
fn policy(packages: &PythonPackages) -> [EnvVar; 3] {
    let policy = packages.install_policy.clone().unwrap_or_default();
    let on_failure = match policy.on_failure {
        None | Some(OnFailure::Block) => "block",
        Some(OnFailure::Allow) => "allow",
        Some(OnFailure::Warn) => "warn",
    };
    [
        environment::plain("INSTALL_RETRIES", policy.retries.unwrap_or(3).to_string()),
        environment::plain("INSTALL_TIMEOUT", policy.timeout.unwrap_or(600).to_string()),
        environment::plain("INSTALL_ON_FAILURE", on_failure.to_owned()),
    ]
}

/// The bucket, if packages are kept in one.
fn store(app: &KasprApp, packages: &PythonPackages, hash: &str) -> Vec<EnvVar> {
    let Some(cache) = packages.cache.as_ref() else { return Vec::new() };
    let place = |bucket: &Bucket| {
        let prefix = bucket.prefix.unwrap_or("kaspr-packages/").trim_matches('/');
        format!("{prefix}/{}", names::app(&app.name_any())).trim_start_matches('/').to_owned()
    };
    let limit = |bucket: &Bucket| {
        let bytes = bucket.max_archive_size.and_then(validate::quantity).unwrap_or(1_073_741_824.0);
        environment::plain("MAX_ARCHIVE_SIZE", format!("{bytes:.0}"))
    };
    match cache_mode(packages) {
        "gcs" => cache.gcs.as_ref().map(|gcs| {
            let bucket = gcs.bucket();
            let mut variables = vec![
                environment::plain("GCS_BUCKET", gcs.bucket.clone()),
                environment::plain("GCS_OBJECT_KEY", format!("{}/{hash}.tar.gz", place(&bucket))),
                limit(&bucket),
            ];
            if gcs.secret_ref.is_some() {
                variables.push(environment::plain("GCS_KEY_FILE", format!("{}/sa.json", names::GCS_KEY_DIR)));
            }
            variables
        }),
        "s3" => cache.s3.as_ref().map(|s3| s3_variables(s3, place(&s3.bucket()), limit(&s3.bucket()))),
        "azure" => cache
            .azure
            .as_ref()
            .map(|azure| azure_variables(azure, place(&azure.bucket()), limit(&azure.bucket()))),
        _ => None,
    }
    .unwrap_or_default()
}

/// The names of the credentials are Amazon's own, which its identity webhook uses too.
fn s3_variables(s3: &S3Cache, prefix: String, limit: EnvVar) -> Vec<EnvVar> {
    let mut variables = vec![
        environment::plain("S3_BUCKET", s3.bucket.clone()),
        environment::plain("S3_PREFIX", prefix),
        environment::plain("AWS_REGION", s3.region.clone().unwrap_or_else(|| "us-east-1".to_owned())),
        limit,
    ];
    variables.extend(s3.endpoint.clone().map(|endpoint| environment::plain("S3_ENDPOINT", endpoint)));
    if let Some(secret) = &s3.secret_ref {
        let id = secret.access_key_id_key.as_deref().unwrap_or("accessKeyId");
        let key = secret.secret_access_key_key.as_deref().unwrap_or("secretAccessKey");
        variables.push(environment::from_secret("AWS_ACCESS_KEY_ID", &secret.name, id));
        variables.push(environment::from_secret("AWS_SECRET_ACCESS_KEY", &secret.name, key));
    }
    variables
}

/// The names of the credentials are Microsoft's own, which its identity webhook uses too.
fn azure_variables(azure: &AzureCache, prefix: String, limit: EnvVar) -> Vec<EnvVar> {
    let mut variables = vec![
        environment::plain("AZURE_CONTAINER", azure.container.clone()),
        environment::plain("AZURE_PREFIX", prefix),
        environment::plain("AZURE_STORAGE_ACCOUNT_NAME", azure.account.clone()),
        limit,
    ];
    variables.extend(azure.endpoint.clone().map(|endpoint| environment::plain("AZURE_ENDPOINT", endpoint)));
    if let Some(secret) = &azure.secret_ref {
        let key = secret.key.as_deref().unwrap_or("accountKey");
        variables.push(environment::from_secret("AZURE_STORAGE_ACCOUNT_KEY", &secret.name, key));
    }
    variables
}

/// The volume with the bucket's service-account key, if there is one.
pub fn key_volume(packages: &PythonPackages) -> Option<Volume> {
    let in_use = |cache: &PackageCache| cache.gcs.clone().filter(|_| cache_mode(packages) == "gcs");
    let GcsCache { secret_ref, .. } = packages.cache.as_ref().and_then(in_use)?;
    let secret = secret_ref?;
    let item = KeyToPath {
        key: secret.key.unwrap_or_else(|| "sa.json".to_owned()),
        path: "sa.json".to_owned(),
        ..KeyToPath::default()
    };
    Some(Volume {
        name: names::GCS_KEY_VOLUME.to_owned(),
        secret: Some(SecretVolumeSource {
            items: Some(vec![item]),
            secret_name: Some(secret.name),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    })
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

    /// The variables of the install container that depend on where packages are kept.
    fn variables_of(cache: &str) -> String {
        const ALWAYS: [&str; 7] = [
            "PACKAGES_HASH",
            "PACKAGES_DIR",
            "SCRATCH_DIR",
            "POD_NAME",
            "INSTALL_RETRIES",
            "INSTALL_TIMEOUT",
            "INSTALL_ON_FAILURE",
        ];
        let app = app(cache);
        let packages = app.spec.python_packages.clone().expect("packages");
        let variables = variables(&app, &packages);
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
        let hash_of =
            |cache: &str| hash::of_packages(app(cache).spec.python_packages.as_ref().expect("packages"));
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
        ];
        for (cache, expected) in rows {
            assert_eq!(variables_of(cache), expected.replace("HASH", &hash_of(cache)), "{cache}");
        }
    }

    #[test]
    fn kubernetes_fills_in_nothing_of_the_users() {
        let app = app("{}");
        let packages = app.spec.python_packages.as_ref().expect("packages");
        assert_eq!(command(packages)[3..], ["a @ https://x/$$(id)", "b==${V}"]);
    }

    #[test]
    fn only_a_key_that_is_used_is_mounted() {
        let volume =
            |cache: &str| key_volume(app(cache).spec.python_packages.as_ref().expect("packages")).is_some();
        assert!(volume("{type: gcs, gcs: {bucket: b, secretRef: {name: s}}}"));
        assert!(!volume("{type: gcs, gcs: {bucket: b, workloadIdentity: true}}"));
        assert!(!volume("{type: pvc, gcs: {bucket: b, secretRef: {name: s}}}"));
    }
}
