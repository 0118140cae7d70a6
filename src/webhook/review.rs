//! From the body of a review to the body of the answer. Pure: dry run or not, the answer is the same.

use kube::core::{
    DynamicObject, TypeMeta,
    admission::{AdmissionRequest, AdmissionResponse, AdmissionReview, Operation},
};
use serde::Deserialize;
use serde_json::json;
use thiserror::Error;

use super::response;
use crate::{
    api::GROUP,
    kinds::{self, Object},
    validate::Surroundings,
};

/// The API version of the reviews that are answered.
const REVIEW_VERSION: &str = "admission.k8s.io/v1";

/// Which of the two webhooks is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Fill in defaults.
    Default,
    /// Say what is wrong.
    Validate,
}

impl Phase {
    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Validate => "validate",
        }
    }
}

/// A body that is no review at all: the sender is not an API server.
#[derive(Debug, Error)]
pub enum NotAReview {
    /// It is not JSON, is cut off, or is nested too deeply.
    #[error("the body must be an AdmissionReview in JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It is another object.
    #[error("the body must be an AdmissionReview of {REVIEW_VERSION}, not {kind} of {version}")]
    Version {
        /// What it is.
        kind: String,
        /// The version of that.
        version: String,
    },
    /// It asks nothing.
    #[error("the AdmissionReview must hold a request")]
    NoRequest,
}

/// A review as it is read: kube's own keeps a copy of the whole while it looks for two fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    kind: String,
    api_version: String,
    request: Option<AdmissionRequest<Object>>,
}

/// Answers the review in the body, with what is known of other resources.
///
/// Errors: the body is no review of a version that is understood.
pub fn answer(
    phase: Phase,
    body: &[u8],
    surroundings: Option<&dyn Surroundings>,
) -> Result<AdmissionReview<DynamicObject>, NotAReview> {
    let Review { kind, api_version, request } = serde_json::from_slice(body)?;
    if kind != "AdmissionReview" || api_version != REVIEW_VERSION {
        return Err(NotAReview::Version { kind, version: api_version });
    }
    let mut request = request.ok_or(NotAReview::NoRequest)?;
    // The answer's type is that of the review.
    request.types = TypeMeta { kind, api_version };
    Ok(judge(phase, &request, surroundings).into_review())
}

fn judge(
    phase: Phase,
    request: &AdmissionRequest<Object>,
    surroundings: Option<&dyn Surroundings>,
) -> AdmissionResponse {
    let handler = kinds::of(&request.kind.kind).filter(|_| request.kind.group == GROUP);
    let Some(handler) = handler else {
        let (group, kind) = (&request.kind.group, &request.kind.kind);
        let known = kinds::names().collect::<Vec<_>>().join(", ");
        return response::denied(
            request,
            &format!("this webhook knows no kind '{kind}' of group '{group}': it is for {known} of {GROUP}"),
        );
    };
    let writes = matches!(request.operation, Operation::Create | Operation::Update);
    let object = request.object.as_ref().filter(|_| writes && request.sub_resource.is_none());
    let Some(object) = object.filter(|object| object.metadata.deletion_timestamp.is_none()) else {
        return AdmissionResponse::from(request);
    };
    match phase {
        Phase::Default => fill(request, object, handler),
        Phase::Validate => validate(request, object, handler, surroundings),
    }
}

fn fill(request: &AdmissionRequest<Object>, object: &Object, handler: &kinds::Handler) -> AdmissionResponse {
    let given = json!({ "spec": object.spec });
    let mut filled = given.clone();
    (handler.fill)(&mut filled);
    let patch = json_patch::diff(&given, &filled);
    let response = AdmissionResponse::from(request);
    if patch.0.is_empty() {
        return response;
    }
    response
        .with_patch(patch)
        .unwrap_or_else(|e| response::denied(request, &format!("the defaults can't be written: {e}")))
}

fn validate(
    request: &AdmissionRequest<Object>,
    object: &Object,
    handler: &kinds::Handler,
    surroundings: Option<&dyn Surroundings>,
) -> AdmissionResponse {
    let old = request.old_object.as_ref();
    // An object that a rule of today refuses must still get its labels and finalizers changed.
    if old.is_some_and(|old| old.spec == object.spec) {
        return AdmissionResponse::from(request);
    }
    let given = [&request.name, object.metadata.name.as_ref().unwrap_or(&request.name)];
    let name = given.into_iter().find(|name| !name.is_empty()).cloned();
    let name = name.or_else(|| object.metadata.generate_name.clone()).unwrap_or_default();
    let app = kinds::app_of(handler.kind, &object.metadata);
    let around =
        app.zip(request.namespace.as_ref()).and_then(|(app, namespace)| surroundings?.of(namespace, app));
    let mut found = (handler.validate)(object, old, around.as_ref());
    found.allow_any_order();
    response::verdict(request, &name, &found)
}
