//! Answers an AdmissionReview. Pure: a dry run gets the same answer.

use std::collections::BTreeMap;

use kube::core::{
    DynamicObject, TypeMeta,
    admission::{AdmissionRequest, AdmissionResponse, AdmissionReview, Operation},
};
use serde::Deserialize;
use serde_json::json;
use thiserror::Error;

use super::{AdmittedObject, KindHandler, app_of, handler_for, response};
use crate::{
    api::{GROUP, Kind},
    naming,
    validate::AppContextProvider,
};

/// The supported API version of reviews.
const REVIEW_VERSION: &str = "admission.k8s.io/v1";

/// Which of the two webhooks is called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Fill in defaults.
    Default,
    /// Validate.
    Validate,
}

impl Phase {
    /// Returns the value of the metric label `webhook`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Validate => "validate",
        }
    }
}

/// A body that is not a review: the client is not an API server.
#[derive(Debug, Error)]
pub enum ReviewError {
    /// The body is not JSON, is truncated, or is nested too deeply.
    #[error("the body must be an AdmissionReview in JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The body is another object.
    #[error("the body must be an AdmissionReview of {REVIEW_VERSION}, not {kind} of {version}")]
    Version {
        /// Its kind.
        kind: String,
        /// Its API version.
        version: String,
    },
    /// The review has no request.
    #[error("the AdmissionReview must contain a request")]
    NoRequest,
}

/// A review. kube's own type keeps a copy of the whole body while it looks for two fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    kind: String,
    api_version: String,
    request: Option<AdmissionRequest<AdmittedObject>>,
}

/// Answers the review in `body`, with what is known about other resources.
///
/// # Errors
///
/// The body is not a review of a supported version.
pub fn answer(
    phase: Phase,
    body: &[u8],
    provider: Option<&dyn AppContextProvider>,
) -> Result<AdmissionReview<DynamicObject>, ReviewError> {
    let Review { kind, api_version, request } = serde_json::from_slice(body)?;
    if kind != "AdmissionReview" || api_version != REVIEW_VERSION {
        return Err(ReviewError::Version { kind, version: api_version });
    }
    let mut request = request.ok_or(ReviewError::NoRequest)?;
    // The answer has the type of the review.
    request.types = TypeMeta { kind, api_version };
    Ok(respond(phase, &request, provider).into_review())
}

fn respond(
    phase: Phase,
    request: &AdmissionRequest<AdmittedObject>,
    provider: Option<&dyn AppContextProvider>,
) -> AdmissionResponse {
    let kind = Kind::from_name(&request.kind.kind).filter(|_| request.kind.group == GROUP);
    let Some(handler) = kind.map(handler_for) else {
        let (group, kind) = (&request.kind.group, &request.kind.kind);
        let known = Kind::ALL.map(Kind::name).join(", ");
        let message = format!(
            "this webhook does not handle kind '{kind}' of group '{group}', only {known} of group {GROUP}"
        );
        return response::denied(request, &message);
    };
    let writes = matches!(request.operation, Operation::Create | Operation::Update);
    let object = request.object.as_ref().filter(|_| writes && request.sub_resource.is_none());
    let Some(object) = object.filter(|object| object.metadata.deletion_timestamp.is_none()) else {
        return AdmissionResponse::from(request);
    };
    match phase {
        Phase::Default => default(request, object, handler),
        Phase::Validate => validate(request, object, handler, provider),
    }
}

fn default(
    request: &AdmissionRequest<AdmittedObject>,
    object: &AdmittedObject,
    handler: &KindHandler,
) -> AdmissionResponse {
    let given = json!({ "spec": object.spec });
    let mut filled = given.clone();
    (handler.apply_defaults)(&mut filled);
    let patch = json_patch::diff(&given, &filled);
    let response = AdmissionResponse::from(request);
    if patch.0.is_empty() {
        return response;
    }
    response.with_patch(patch).unwrap_or_else(|e| {
        response::denied(request, &format!("failed to encode the defaults as a patch: {e}"))
    })
}

fn validate(
    request: &AdmissionRequest<AdmittedObject>,
    object: &AdmittedObject,
    handler: &KindHandler,
    provider: Option<&dyn AppContextProvider>,
) -> AdmissionResponse {
    let old = request.old_object.as_ref();
    // Labels and finalizers of an object stay editable, even if its spec violates a newer rule.
    if old.is_some_and(|old| old.spec == object.spec) {
        return AdmissionResponse::from(request);
    }
    let given = [&request.name, object.metadata.name.as_ref().unwrap_or(&request.name)];
    let name = given.into_iter().find(|name| !name.is_empty()).cloned();
    let name = name.or_else(|| object.metadata.generate_name.clone()).unwrap_or_default();
    let app = app_of(handler.kind, &object.metadata);
    let context =
        app.zip(request.namespace.as_ref()).zip(provider).and_then(|((app, namespace), provider)| {
            let mut context = provider.app_context(namespace, app)?;
            if handler.kind == Kind::App && old.is_some() {
                context.set_claims(provider.claims(namespace, app));
            }
            // The condition of a component that exists names the ConfigMap.
            if old.is_none()
                && let Some(why) = provider.other_owner(handler.kind, namespace, &name)
            {
                let config_map = naming::definition(handler.kind, &name);
                context.set_foreign_config_maps(BTreeMap::from([(config_map, why)]));
            }
            Some(context)
        });
    let mut found = (handler.validate)(object, old, context.as_ref());
    found.defer_missing_references();
    response::verdict(request, &name, &found)
}
