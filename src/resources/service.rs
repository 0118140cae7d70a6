use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::ResourceExt;

use super::{environment, labels, legacy_hash, metadata};
use crate::api::KasprApp;
use crate::naming;

/// Provides a DNS name for each member. Publishes members that are not ready too: they must find
/// each other to become so.
pub(super) fn headless(app: &KasprApp) -> Service {
    let spec = ServiceSpec {
        cluster_ip: Some("None".to_owned()),
        publish_not_ready_addresses: Some(true),
        ..spec(app)
    };
    service(app, naming::app(&app.name_any()), spec)
}

/// The address of the app's web views for others.
pub(super) fn api(app: &KasprApp) -> Service {
    let spec = ServiceSpec { type_: Some("ClusterIP".to_owned()), ..spec(app) };
    let mut service = service(app, naming::api_service(&app.name_any()), spec);
    legacy_hash::stamp_service(&mut service, &template_labels(app));
    service
}

fn service(app: &KasprApp, name: String, spec: ServiceSpec) -> Service {
    let own = labels::merged(Some(app.labels()), labels::app(&app.name_any()));
    let mut metadata = metadata::owned(app, name, labels::merged(Some(&template_labels(app)), own));
    metadata.annotations = template(app).and_then(|template| template.annotations.clone());
    Service { metadata, spec: Some(spec), ..Service::default() }
}

fn spec(app: &KasprApp) -> ServiceSpec {
    let port = environment::web_port(app);
    let port = ServicePort {
        name: Some(naming::WEB_PORT_NAME.to_owned()),
        port,
        protocol: Some("TCP".to_owned()),
        target_port: Some(IntOrString::Int(port)),
        ..ServicePort::default()
    };
    ServiceSpec {
        ports: Some(vec![port]),
        selector: Some(labels::selector(&app.name_any())),
        ..ServiceSpec::default()
    }
}

fn template(app: &KasprApp) -> Option<&crate::api::TemplateMetadata> {
    app.spec.template.as_ref()?.service.as_ref()?.metadata.as_ref()
}

fn template_labels(app: &KasprApp) -> BTreeMap<String, String> {
    template(app).and_then(|template| template.labels.clone()).unwrap_or_default()
}
