//! Names that are similar to an unknown one.

/// Returns the known name that is most similar to an unknown one, if any is similar.
#[must_use]
pub fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // The cost of a comparison is the product of the lengths.
    if unknown.len() > 100 {
        return None;
    }
    let unknown = unknown.to_lowercase();
    known
        .map(|name| (strsim::jaro_winkler(&unknown, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// Returns the first name that differs from an unknown one by a letter or two, or by two that are swapped.
#[must_use]
pub(super) fn misspelled<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = unknown.chars().count();
    // Short names are similar by accident.
    if !(3..=100).contains(&length) {
        return None;
    }
    let most = if length < 7 { 1 } else { 2 };
    let distances =
        known.filter(|name| name.len() <= 400).map(|name| (strsim::osa_distance(unknown, name), name));
    let close = distances.filter(|(distance, _)| (1..=most).contains(distance));
    close.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}
