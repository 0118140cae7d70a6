//! The container that installs Python packages before a member starts.

use k8s_openapi::api::core::v1::{Container, EnvVar, KeyToPath, SecretVolumeSource, Volume, VolumeMount};
use kube::ResourceExt;

use super::{cache_mode, environment, hash, image, names};
use crate::{
    api::{GcsCache, KasprApp, OnFailure, PythonPackages},
    settings::BuildSettings,
};

/// The install container, if the app has packages.
pub fn container(app: &KasprApp, settings: &BuildSettings) -> Option<Container> {
    let packages = app.spec.python_packages.as_ref()?;
    let template = app.spec.template.as_ref().and_then(|t| t.python_packages_init_container.as_ref());
    let mut mounts = vec![VolumeMount {
        mount_path: names::PACKAGES_DIR.to_owned(),
        name: names::packages_volume(&app.name_any()),
        ..VolumeMount::default()
    }];
    if gcs(packages).is_some() {
        mounts.push(VolumeMount {
            mount_path: names::GCS_KEY_DIR.to_owned(),
            name: names::GCS_KEY_VOLUME.to_owned(),
            read_only: Some(true),
            ..VolumeMount::default()
        });
    }
    mounts.extend(template.and_then(|t| t.volume_mounts.clone()).unwrap_or_default());
    Some(Container {
        name: names::INSTALL_CONTAINER.to_owned(),
        image: Some(image(app, settings)),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        command: Some(command(packages)),
        env: Some(environment::with_users(variables(app, packages), template.and_then(|t| t.env.as_deref()))),
        resources: packages.resources.clone(),
        security_context: template.and_then(|t| t.security_context.clone()),
        volume_mounts: Some(mounts),
        ..Container::default()
    })
}

/// What the container runs. No shell reads the packages, and pip reads the indexes and credentials
/// from its environment.
const INSTALL: &str = include_str!("install.py");

fn command(packages: &PythonPackages) -> Vec<String> {
    let mut command: Vec<String> = ["python3", "-c", INSTALL].map(str::to_owned).into();
    command.extend(packages.packages.iter().map(|package| variables_of_kubernetes(package)));
    command
}

/// `${NAME}` of the user's as `$(NAME)`, which Kubernetes fills in from the container's environment.
fn variables_of_kubernetes(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, tail)) = after.split_once('}') else { break };
        result.push_str(before);
        result.push_str(&format!("$({name})"));
        rest = tail;
    }
    result + rest
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
    if let Some(gcs) = gcs(packages) {
        let prefix = gcs.prefix.as_deref().unwrap_or("kaspr-packages/").trim_end_matches('/');
        let key = format!("{prefix}/{}/{hash}.tar.gz", names::app(&app.name_any()));
        variables.push(environment::plain("GCS_BUCKET", gcs.bucket.clone()));
        variables.push(environment::plain("GCS_OBJECT_KEY", key.trim_start_matches('/').to_owned()));
    }
    variables.extend(policy(packages));
    variables.extend(pip(packages));
    variables
}

/// How often and how long it is tried, and what happens then.
fn policy(packages: &PythonPackages) -> [EnvVar; 4] {
    let policy = packages.install_policy.clone().unwrap_or_default();
    let on_failure = match policy.on_failure {
        None | Some(OnFailure::Block) => "block",
        Some(OnFailure::Allow | OnFailure::Warn) => "allow",
    };
    [
        environment::plain("PACKAGES_DIR", names::PACKAGES_DIR.to_owned()),
        environment::plain("INSTALL_RETRIES", policy.retries.unwrap_or(3).to_string()),
        environment::plain("INSTALL_TIMEOUT", policy.timeout.unwrap_or(600).to_string()),
        environment::plain("INSTALL_ON_FAILURE", on_failure.to_owned()),
    ]
}

/// What pip itself reads. Kubernetes puts the credentials in when the container starts, so they
/// stand neither in the pod's spec nor in an argument.
fn pip(packages: &PythonPackages) -> Vec<EnvVar> {
    let url = |url: &String| {
        let url = variables_of_kubernetes(url);
        match (&packages.credentials, url.split_once("://")) {
            (Some(_), Some((scheme, rest))) if !rest.split('/').next().unwrap_or_default().contains('@') => {
                format!("{scheme}://$(PYPI_USERNAME):$(PYPI_PASSWORD)@{rest}")
            }
            _ => url,
        }
    };
    let joined = |list: &Option<Vec<String>>| list.as_ref().filter(|list| !list.is_empty()).cloned();
    [
        ("PIP_INDEX_URL", packages.index_url.as_ref().map(url)),
        (
            "PIP_EXTRA_INDEX_URL",
            joined(&packages.extra_index_urls).map(|urls| urls.iter().map(url).collect::<Vec<_>>().join(" ")),
        ),
        ("PIP_TRUSTED_HOST", joined(&packages.trusted_hosts).map(|hosts| hosts.join(" "))),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(environment::plain(name, value?)))
    .collect()
}

/// The bucket, if packages are kept in one.
pub fn gcs(packages: &PythonPackages) -> Option<&GcsCache> {
    packages.cache.as_ref().filter(|_| cache_mode(packages) == "gcs")?.gcs.as_ref()
}

/// The volume with the bucket's service-account key.
pub fn key_volume(gcs: &GcsCache) -> Volume {
    let item = KeyToPath {
        key: gcs.secret_ref.key.clone().unwrap_or_else(|| "sa.json".to_owned()),
        path: "sa.json".to_owned(),
        ..KeyToPath::default()
    };
    Volume {
        name: names::GCS_KEY_VOLUME.to_owned(),
        secret: Some(SecretVolumeSource {
            items: Some(vec![item]),
            secret_name: Some(gcs.secret_ref.name.clone()),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, process::Command};

    use super::*;

    #[test]
    fn variables_become_those_of_kubernetes() {
        for (text, expected) in [
            ("https://${TOKEN}@host/a.whl", "https://$(TOKEN)@host/a.whl"),
            ("${A}${B}", "$(A)$(B)"),
            ("pandas>=2", "pandas>=2"),
        ] {
            assert_eq!(variables_of_kubernetes(text), expected);
        }
        assert!(!INSTALL.contains("$("), "Kubernetes would fill it in");
    }

    /// Runs the script with the machine's Python and without an index. Gives whether it succeeded.
    fn run(folder: &Path, package: &str, on_failure: &str) -> bool {
        let output = Command::new("python3")
            .args(["-c", INSTALL, package])
            .env("PACKAGES_DIR", folder)
            .env("PACKAGES_HASH", "0123")
            .env("INSTALL_RETRIES", "0")
            .env("INSTALL_TIMEOUT", "120")
            .env("INSTALL_ON_FAILURE", on_failure)
            .env("PIP_NO_INDEX", "1")
            .output();
        output.expect("Python").status.success()
    }

    #[test]
    fn a_failed_install_blocks_or_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(!run(folder.path(), "no-such-package", "block"));
        assert!(run(folder.path(), "no-such-package", "allow"));
        assert!(!folder.path().join(".installed-0123").exists());
    }

    #[test]
    fn a_set_is_installed_once() {
        let (source, folder) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let wheel = source.path().join("tiny-1-py3-none-any.whl");
        let write = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1], 'w'); \
                     z.writestr('tiny.py', 'x = 1'); \
                     z.writestr('tiny-1.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: tiny\\nVersion: 1\\n'); \
                     z.writestr('tiny-1.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'); \
                     z.writestr('tiny-1.dist-info/RECORD', ''); z.close()";
        assert!(Command::new("python3").args(["-c", write]).arg(&wheel).status().expect("Python").success());
        let package = format!("file://{}", wheel.display());
        assert!(run(folder.path(), &package, "block"));
        assert!(folder.path().join("tiny.py").exists());
        fs::remove_file(&wheel).expect("removed");
        assert!(run(folder.path(), &package, "block"), "the marker says that it is installed");
    }
}
