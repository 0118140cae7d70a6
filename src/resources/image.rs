//! The images of members and of the package installer.

use crate::{
    api::{KasprApp, versions},
    settings::BuildSettings,
};

/// Returns the image of an app's members.
#[must_use]
pub fn image(app: &KasprApp, settings: &BuildSettings) -> String {
    let version = app.spec.version.as_deref().unwrap_or(versions::DEFAULT);
    let image = app.spec.image.clone().unwrap_or_else(|| format!("kasprio/kaspr:{version}"));
    match registry(settings) {
        Some(registry) => format!("{registry}/{image}"),
        None => image,
    }
}

/// The registry that goes before every image of members, also before `spec.image`, as with the Python
/// operator. An empty value counts as unset.
pub(super) fn registry(settings: &BuildSettings) -> Option<&str> {
    settings
        .image_registry
        .as_deref()
        .map(|registry| registry.trim_end_matches('/'))
        .filter(|r| !r.is_empty())
}

/// Returns the image that the package installer is copied from.
#[must_use]
pub(super) fn operator_image(settings: &BuildSettings) -> String {
    let image = &settings.operator_image;
    // An image with a registry host does not come from the default registry.
    let has_host =
        image.split_once('/').is_some_and(|(host, _)| host.contains(['.', ':']) || host == "localhost");
    match registry(settings).filter(|_| !has_host) {
        Some(registry) => format!("{registry}/{image}"),
        None => image.clone(),
    }
}

/// Returns the framework version of an image, by its tag.
#[must_use]
pub fn version_of(image: &str) -> &str {
    let tagged = image.split('@').next().unwrap_or(image);
    match tagged.rsplit_once(':') {
        Some((_, tag)) if !tag.contains('/') => tag,
        _ => "latest",
    }
}
