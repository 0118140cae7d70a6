//! What is made of an app: the complete list of its Kubernetes objects.
//!
//! Pure: a checked app, its checked components and the operator's settings in, objects out. What
//! is not in the list does not exist.

mod account;
mod autoscaler;
mod claim;
pub mod definition;
mod disruption_budget;
pub mod environment;
pub mod hash;
mod install;
pub mod labels;
mod linked;
mod metadata;
pub mod names;
mod object;
mod pod;
mod probe;
mod published;
pub mod rollout;
mod service;
mod settings_map;
mod statefulset;
mod tls;

use kube::ResourceExt;

pub use linked::{Link, Linked, by_name};
pub use object::{BuildError, Object, OwnedKind};

use crate::{
    api::{CacheType, KasprApp, KasprTable, PythonPackages, versions},
    settings::BuildSettings,
    validate::Valid,
};
use definition::Component;

/// Every object of an app, in the order in which they are applied: what pods mount and refer to
/// before the StatefulSet, and the StatefulSet last.
///
/// `given` is the app without defaults, whoever filled them in: only what the user says differently
/// is a change of his.
///
/// Errors: a definition or an object that can't be serialised.
pub fn app(
    app: &Valid<KasprApp>,
    given: &KasprApp,
    linked: &Linked,
    settings: &BuildSettings,
) -> Result<Vec<Object>, BuildError> {
    let config = settings_map::config_map(app);
    let mut objects = vec![Object::of(&account::service_account(app))?, Object::of(&config)?];
    // Where one of them is frozen, the file that is there goes on.
    if !linked.joins.is_empty() && linked.joins_are_valid() {
        objects.push(Object::of(&joins(app, linked)?)?);
    }
    if let Some(claim) = claim::packages(app) {
        objects.push(Object::of(&claim)?);
    }
    objects.push(Object::of(&service::headless(app))?);
    objects.push(Object::of(&service::api(app))?);
    if replicas(app) > 0 {
        objects.push(Object::of(&autoscaler::autoscaler(app, settings))?);
    }
    if let Some(budget) = disruption_budget::disruption_budget(app) {
        objects.push(Object::of(&budget)?);
    }
    let mut set = statefulset::statefulset(app, linked, &config, settings);
    rollout::mark(&mut set, given, linked, settings)?;
    objects.push(Object::of(&set)?);
    objects.into_iter().map(Object::stamped).collect()
}

/// The one object of a component: the ConfigMap with its definition.
///
/// Errors: a definition or an object that can't be serialised.
pub fn component<C: Component>(component: &Valid<C>) -> Result<Object, BuildError> {
    Object::of(&definition::config_map(component)?)?.stamped()
}

fn joins(app: &KasprApp, linked: &Linked) -> Result<k8s_openapi::api::core::v1::ConfigMap, BuildError> {
    let tables: Vec<_> = linked.joined_tables().map(|table: &KasprTable| table.definition()).collect();
    let joins: Vec<_> = linked.joins.iter().map(|join| join.definition()).collect();
    Ok(definition::joins(app, &tables, &joins)?)
}

/// The most members that an app may have.
pub fn replicas(app: &KasprApp) -> i32 {
    app.spec.replicas.unwrap_or(1)
}

/// The image of an app's members.
pub fn image(app: &KasprApp, settings: &BuildSettings) -> String {
    let version = app.spec.version.as_deref().unwrap_or(versions::DEFAULT);
    match (&app.spec.image, &settings.image_registry) {
        (Some(image), _) => image.clone(),
        (None, Some(registry)) => format!("{}/kasprio/kaspr:{version}", registry.trim_end_matches('/')),
        (None, None) => format!("kasprio/kaspr:{version}"),
    }
}

/// The image that the package installer comes from.
pub fn operator_image(settings: &BuildSettings) -> String {
    let image = &settings.operator_image;
    // An image with a host of its own is not the default registry's.
    let has_host =
        image.split_once('/').is_some_and(|(host, _)| host.contains(['.', ':']) || host == "localhost");
    match settings.image_registry.as_deref().filter(|_| !has_host) {
        Some(registry) => format!("{}/{image}", registry.trim_end_matches('/')),
        None => image.clone(),
    }
}

/// The version of the framework that an image holds, by its tag.
pub fn version_of(image: &str) -> &str {
    let tagged = image.split('@').next().unwrap_or(image);
    match tagged.rsplit_once(':') {
        Some((_, tag)) if !tag.contains('/') => tag,
        _ => "latest",
    }
}

/// How the packages of an app are kept: `persistent`, `ephemeral`, or by the type of their bucket.
pub fn cache_mode(packages: &PythonPackages) -> &'static str {
    match packages.cache.as_ref().map(|cache| (cache.r#type, cache.enabled)) {
        Some((Some(CacheType::Gcs), _)) => "gcs",
        Some((Some(CacheType::S3), _)) => "s3",
        Some((Some(CacheType::Azure), _)) => "azure",
        Some((_, Some(true))) => "persistent",
        _ => "ephemeral",
    }
}

/// Whether an annotation of the app, or of its metadata alone, says true.
pub fn annotated(app: &impl ResourceExt, annotation: &str) -> bool {
    app.annotations().get(annotation).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}
