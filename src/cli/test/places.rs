//! Places of exceptions and tests in files.

use super::{
    outcome::{ComponentName, Raised},
    plan::PlannedTest,
};
use crate::{
    cli::validate::{ManifestSet, Place},
    validate::Path,
};

/// A call that led to an exception.
#[derive(Debug)]
pub(super) struct TracedCall {
    /// The file, and the text of the line if it is a manifest.
    pub place: Place,
    /// Name of the function.
    pub function: String,
}

/// Returns the calls that led to an exception, the innermost last, in the files of the manifests where the code is
/// there.
#[must_use]
pub(super) fn calls(error: &Raised, test: &PlannedTest, manifests: &ManifestSet) -> Vec<TracedCall> {
    let calls = error.frames.iter().filter_map(|frame| {
        let of_library = frame.file.as_ref().map(|file| Place {
            file: file.clone(),
            line: frame.line,
            text: String::new(),
        });
        let of_code = frame
            .component
            .as_ref()
            .zip(frame.field.as_deref())
            .and_then(|(component, field)| place_of_code(component, field, frame.line, test, manifests));
        Some(TracedCall { place: of_code.or(of_library)?, function: frame.function.clone() })
    });
    let mut calls: Vec<TracedCall> = calls.collect();
    if calls.is_empty() {
        let place = error.component.as_ref().zip(error.field.as_deref()).and_then(|(component, field)| {
            place_of_code(component, field, error.line.unwrap_or(1), test, manifests)
        });
        calls.extend(place.map(|place| TracedCall { place, function: String::new() }));
    }
    calls
}

/// Returns the place of a line of a component's code.
#[must_use]
pub(super) fn place_of_code(
    component: &ComponentName,
    field: &str,
    line: usize,
    test: &PlannedTest,
    manifests: &ManifestSet,
) -> Option<Place> {
    let at = parse_field(field).child("python");
    manifests.place_of_code((&component.kind, &test.app.0, &component.name), &at, line)
}

/// Parses a path such as `spec.processors.operations[0].map`.
#[must_use]
pub(super) fn parse_field(field: &str) -> Path {
    field.split('.').fold(Path::root(), |path, step| {
        let (name, indexes) = step.split_once('[').unwrap_or((step, ""));
        let indexes = indexes.split(['[', ']']).filter_map(|index| index.parse().ok());
        indexes.fold(path.child(name.to_owned()), |path, index| path.index(index))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_parsed() {
        for field in
            ["spec.processors.operations[0].map", "spec.output.topics[12].predicate", "spec.extractor"]
        {
            assert_eq!(parse_field(field).to_string(), field);
        }
    }
}
