//! Answers in the form of the API server's own.

use kube::core::{
    admission::{AdmissionRequest, AdmissionResponse},
    dynamic::DynamicObject,
    response::{Status, StatusCause, StatusDetails},
};

use crate::{api::GROUP, validate::Findings};

/// The answer to a review of an object with these findings.
pub fn verdict(request: &AdmissionRequest<DynamicObject>, name: &str, found: &Findings) -> AdmissionResponse {
    let mut response = AdmissionResponse::from(request);
    if !found.warnings.is_empty() {
        response.warnings = Some(found.warnings.iter().map(ToString::to_string).collect());
    }
    if !found.errors.is_empty() {
        response.allowed = false;
        response.result = invalid(&request.kind.kind, name, found);
    }
    response
}

/// What the API server says of an invalid object: 422, with a cause for each field.
fn invalid(kind: &str, name: &str, found: &Findings) -> Status {
    let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
    let list = match errors.as_slice() {
        [error] => error.clone(),
        errors => format!("[{}]", errors.join(", ")),
    };
    let causes = found.errors.iter().map(|error| StatusCause {
        reason: error.problem.reason().to_owned(),
        message: error.problem.to_string(),
        field: error.path.to_string(),
    });
    Status::failure(&format!("{kind}.{GROUP} \"{name}\" is invalid: {list}"), "Invalid")
        .with_code(422)
        .with_details(StatusDetails {
            name: name.to_owned(),
            group: GROUP.to_owned(),
            kind: kind.to_owned(),
            causes: causes.collect(),
            uid: String::new(),
            retry_after_seconds: 0,
        })
}

/// A denial of a request that can't be judged.
pub fn denied(request: &AdmissionRequest<DynamicObject>, message: &str) -> AdmissionResponse {
    let mut response = AdmissionResponse::from(request);
    response.allowed = false;
    response.result = Status::failure(message, "BadRequest").with_code(400);
    response
}
