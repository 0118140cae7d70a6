//! Answers in the form of the API server's own.

use kube::core::{
    admission::{AdmissionRequest, AdmissionResponse},
    response::{Status, StatusCause, StatusDetails},
};

use crate::{
    api::GROUP,
    kinds::Object,
    validate::{FieldError, Findings, Warning},
};

/// How many mistakes, and how many warnings, an answer holds at most: it has to stay readable, and
/// small enough for the API server.
const LONGEST_LIST: usize = 50;

/// The answer to a review of an object with these findings.
pub fn verdict(request: &AdmissionRequest<Object>, name: &str, found: &Findings) -> AdmissionResponse {
    let mut response = AdmissionResponse::from(request);
    if !found.warnings.is_empty() {
        response.warnings = Some(found.warnings.iter().take(LONGEST_LIST).map(header).collect());
    }
    if !found.errors.is_empty() {
        response.allowed = false;
        response.result = invalid(&request.kind.kind, name, found);
    }
    response
}

/// A warning as the API server sends it on, in a header, where it takes no control characters.
fn header(warning: &Warning) -> String {
    warning.to_string().replace(char::is_control, " ")
}

/// What the API server says of an invalid object: 422, with a cause for each field.
fn invalid(kind: &str, name: &str, found: &Findings) -> Status {
    let told = &found.errors[..found.errors.len().min(LONGEST_LIST)];
    let untold = found.errors.len() - told.len();
    let mut list: Vec<String> = told.iter().map(FieldError::to_string).collect();
    let mut causes: Vec<StatusCause> = told.iter().map(cause).collect();
    if untold > 0 {
        let more = format!("{untold} more mistakes are not shown");
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

/// A denial of a request that can't be judged.
pub fn denied(request: &AdmissionRequest<Object>, message: &str) -> AdmissionResponse {
    let mut response = AdmissionResponse::from(request);
    response.allowed = false;
    response.result = Status::failure(message, "BadRequest").with_code(400);
    response
}
