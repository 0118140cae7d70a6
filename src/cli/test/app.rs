//! The apps of manifests, as the harness takes them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    api::{Kind, PythonPackages},
    cli::validate::{AppKey, ManifestSet},
    naming::APP_LABEL,
};

/// An app with its components.
#[derive(Debug, Default)]
pub(super) struct App {
    /// Whether the manifests have the KasprApp itself.
    pub exists: bool,
    /// `spec.config` of the app.
    pub config: Value,
    /// `spec.pythonPackages` of the app.
    pub packages: Option<PythonPackages>,
    /// The components.
    pub components: Vec<AppComponent>,
}

/// A component.
#[derive(Debug)]
pub(super) struct AppComponent {
    /// Kind.
    pub kind: Kind,
    /// Name of the resource.
    pub name: String,
    /// The spec, with the defaults of the webhook.
    pub spec: Value,
}

/// Returns the apps of manifests, by namespace and name.
#[must_use]
pub(super) fn apps(manifests: &ManifestSet) -> BTreeMap<AppKey, App> {
    let mut apps = BTreeMap::<AppKey, App>::new();
    for (kind, mut value) in manifests.resources_with_defaults() {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let metadata = &value["metadata"];
        let (namespace, name) = (text(&metadata["namespace"]), text(&metadata["name"]));
        if kind == Kind::App {
            let app = apps.entry((namespace, name)).or_default();
            app.exists = true;
            app.config = value["spec"]["config"].take();
            app.packages = serde_json::from_value(value["spec"]["pythonPackages"].take()).ok();
        } else {
            let app = text(&metadata["labels"][APP_LABEL]);
            let spec = value["spec"].take();
            apps.entry((namespace, app)).or_default().components.push(AppComponent { kind, name, spec });
        }
    }
    apps
}

impl App {
    /// Returns the app as the harness takes it.
    #[must_use]
    pub(super) fn to_json(&self) -> Value {
        let components = self.components.iter().map(|component| {
            json!({ "kind": component.kind.name(), "name": component.name, "spec": component.spec })
        });
        json!({ "config": self.config, "components": components.collect::<Vec<_>>() })
    }

    /// Returns the names of the components of a kind.
    pub(super) fn names(&self, kind: Kind) -> impl Iterator<Item = &str> + Clone {
        let of_kind = self.components.iter().filter(move |component| component.kind == kind);
        of_kind.map(|component| component.name.as_str())
    }

    /// Returns the names of the topics that agents read.
    #[must_use]
    pub(super) fn input_topics(&self) -> Vec<&str> {
        let inputs = self
            .components
            .iter()
            .filter_map(|component| component.spec.pointer("/input/topic/name")?.as_str());
        inputs.flat_map(|names| names.split(',')).map(str::trim).filter(|name| !name.is_empty()).collect()
    }

    /// Returns the names of the topics that components send to, except those that code chooses.
    #[must_use]
    pub(super) fn output_topics(&self) -> Vec<&str> {
        let lists = |pointer: &'static str| {
            let lists = self.components.iter().filter_map(move |component| component.spec.pointer(pointer));
            lists.filter_map(Value::as_array).flatten()
        };
        let sent = lists("/processors/operations").map(|operation| &operation["topicSend"]["name"]);
        let outputs = lists("/output/topics").map(|topic| &topic["name"]);
        outputs.chain(sent).filter_map(Value::as_str).collect()
    }

    /// Returns the names of the channels that agents read or joins write.
    #[must_use]
    pub(super) fn channels(&self) -> Vec<&str> {
        let pointers = ["/input/channel/name", "/outputChannel"];
        let all = self.components.iter().flat_map(|component| {
            pointers.iter().filter_map(|pointer| component.spec.pointer(pointer)?.as_str())
        });
        all.collect()
    }
}
