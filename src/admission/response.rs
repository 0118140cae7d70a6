//! Builds answers in the form of the API server's own.

use kube::core::{
    admission::{AdmissionRequest, AdmissionResponse},
    response::{Status, StatusCause, StatusDetails},
};

use super::AdmittedObject;
use crate::{
    api::GROUP,
    validate::{FieldError, Findings, Warning},
};

/// The maximum number of errors, and of warnings, in an answer: it must stay readable, and small enough
/// for the API server.
const MAX_ITEMS: usize = 50;

/// Returns the answer to a review with these findings.
pub(super) fn verdict(
    request: &AdmissionRequest<AdmittedObject>,
    name: &str,
    found: &Findings,
) -> AdmissionResponse {
    let mut response = AdmissionResponse::from(request);
    if !found.warnings.is_empty() {
        response.warnings = Some(found.warnings.iter().take(MAX_ITEMS).map(warning_header).collect());
    }
    if !found.errors.is_empty() {
        response.allowed = false;
        response.result = invalid(&request.kind.kind, name, found);
    }
    response
}

/// Formats a warning. The API server forwards it in an HTTP header, which cannot contain control
/// characters.
fn warning_header(warning: &Warning) -> String {
    warning.to_string().replace(char::is_control, " ")
}

/// Returns the status of an invalid object, as the API server would: 422, with a cause for each field.
fn invalid(kind: &str, name: &str, found: &Findings) -> Status {
    let listed = &found.errors[..found.errors.len().min(MAX_ITEMS)];
    let omitted = found.errors.len() - listed.len();
    let mut list: Vec<String> = listed.iter().map(FieldError::to_string).collect();
    let mut causes: Vec<StatusCause> = listed.iter().map(cause).collect();
    if omitted > 0 {
        let more = format!("{omitted} more errors are not shown");
        causes.push(StatusCause { reason: String::new(), message: more.clone(), field: "spec".to_owned() });
        list.push(more);
    }
    let list = if list.len() == 1 { list.concat() } else { format!("[{}]", list.join(", ")) };
    Status::failure(&format!("{kind}.{GROUP} \"{name}\" is invalid: {list}"), "Invalid")
        .with_code(422)
        .with_details(StatusDetails {
            name: name.to_owned(),
            group: GROUP.to_owned(),
            kind: kind.to_owned(),
            causes,
            uid: String::new(),
            retry_after_seconds: 0,
        })
}

fn cause(error: &FieldError) -> StatusCause {
    StatusCause {
        reason: error.problem.reason().to_owned(),
        message: error.problem.to_string(),
        field: error.path.to_string(),
    }
}

/// Returns the denial of a request that cannot be validated.
pub(super) fn denied(request: &AdmissionRequest<AdmittedObject>, message: &str) -> AdmissionResponse {
    let mut response = AdmissionResponse::from(request);
    response.allowed = false;
    response.result = Status::failure(message, "BadRequest").with_code(400);
    response
}
