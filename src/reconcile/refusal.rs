//! What is said of a resource that can't be used: where its mistakes are, never its values, which
//! may be secrets.

use crate::validate::Findings;

/// The paths of the mistakes, for conditions and events.
pub fn of_findings(found: &Findings) -> String {
    let mut paths: Vec<String> = found.errors.iter().map(|error| error.path.to_string()).collect();
    paths.dedup();
    format!("the spec is invalid at {}: what runs stays as it was; kubectl apply tells why", paths.join(", "))
}

/// A resource that the types can't read.
pub fn unreadable() -> String {
    "the resource can't be read: its fields do not have the types of the installed CRD; what runs stays as it was".to_owned()
}
