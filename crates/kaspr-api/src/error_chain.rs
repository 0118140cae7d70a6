//! One-line descriptions of errors with their causes.

use std::error::Error;

use kube::core::Status;

/// Describes an error with its causes: the outer errors often say only where it was noticed. A cause
/// that the text already contains is not repeated. Of an answer of the API server, only its message is shown.
#[must_use]
pub fn describe(error: &dyn Error) -> String {
    let mut layers = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(status) = status_of(cause) {
            // The client's own error repeats the whole answer as a debug dump.
            layers.pop_if(|layer| layer.contains(" (Status {"));
            layers.push(if status.message.is_empty() { status.to_string() } else { status.message.clone() });
        } else {
            layers.push(cause.to_string());
        }
        source = cause.source();
    }
    layers
        .into_iter()
        .reduce(|text, layer| if text.contains(&layer) { text } else { format!("{text}: {layer}") })
        .unwrap_or_default()
}

fn status_of<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a Status> {
    cause.downcast_ref::<Status>().or_else(|| cause.downcast_ref::<Box<Status>>().map(|status| &**status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_the_api_server_are_shown_once() {
        let status = Status::failure("secrets \"a\" is forbidden", "Forbidden").with_code(403);
        let error = kube::Error::Api(Box::new(status));
        assert_eq!(describe(&error), "secrets \"a\" is forbidden");
    }
}
