//! Rules that several kinds share.
//!
//! Source: the predicates are those of Kubernetes (apimachinery's package `validation`), unless their
//! comment names another source.

use std::collections::BTreeMap;

use k8s_openapi::{api::core::v1::ResourceRequirements, apimachinery::pkg::api::resource::Quantity};
use kube::core::ObjectMeta;
use serde_json::Value;

use super::{findings::Findings, path::Path, rule};
use crate::{api::CaSecret, naming::APP_LABEL};

/// Returns the name that a resource has or will have, after the field that it comes from. The API server
/// appends five characters to a `generateName`.
pub(super) fn field_and_name(metadata: &ObjectMeta) -> (&'static str, String) {
    match (&metadata.name, &metadata.generate_name) {
        (Some(name), _) if !name.is_empty() => ("name", name.clone()),
        (_, Some(prefix)) if !prefix.is_empty() => ("generateName", format!("{prefix}00000")),
        _ => ("name", String::new()),
    }
}

fn is_dns_label(name: &str, first: fn(char) -> bool) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 63
        && name.starts_with(first)
        && name.ends_with(alphanumeric)
        && name.chars().all(|c| alphanumeric(c) || c == '-')
}

/// Whether a text is a DNS-1035 label, such as the name of a Service.
pub(super) fn is_dns_1035_label(name: &str) -> bool {
    is_dns_label(name, |c| c.is_ascii_lowercase())
}

/// Whether a text is a DNS-1123 label, such as the name of a volume.
pub(super) fn is_dns_1123_label(name: &str) -> bool {
    is_dns_label(name, |c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

/// Whether a text is a DNS-1123 subdomain, such as the name of most objects.
pub(super) fn is_dns_1123_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_dns_1123_label)
}

fn is_name_segment(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// Whether a text is valid as the value of a label.
pub(super) fn is_label_value(value: &str) -> bool {
    value.is_empty() || (value.len() <= 63 && is_name_segment(value))
}

/// Whether a text is valid as the key of a label or annotation.
pub(super) fn is_qualified_name(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_dns_1123_subdomain) && name.len() <= 63 && is_name_segment(name)
}

/// Whether a text is valid as the name of a Kafka topic or consumer group. Source: Kafka's own rule.
pub(super) fn is_topic_name(name: &str) -> bool {
    (1..=249).contains(&name.len())
        && name != "."
        && name != ".."
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

/// Whether a text is a duration. Source: the framework's pattern, `^\d+[smhd]$`.
pub(super) fn is_duration(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next_back().is_some_and(|unit| matches!(unit, 's' | 'm' | 'h' | 'd'))
        && !letters.as_str().is_empty()
        && letters.all(|c| c.is_ascii_digit())
}

/// Message about an invalid duration.
pub(super) const DURATION: &str = "must be digits and one of 's', 'm', 'h', 'd', such as '5s'";

/// Parses a Kubernetes quantity. Returns its value in the unit that it counts, such as bytes or cores.
///
/// The crate `kube_quantity` is not used: it rejects `1E` (exa), and parses a suffix alone as 0.
#[must_use]
pub fn quantity(text: &str) -> Option<f64> {
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    if number.ends_with(['+', '-']) {
        return None;
    }
    let value = match binary_power(suffix) {
        Some(power) => number.parse::<f64>().ok()? * 1024_f64.powi(power),
        // The whole decimal is parsed at once, so that 0.7 equals 700m.
        None => format!("{number}e{}", decimal_power(suffix)?).parse().ok()?,
    };
    value.is_finite().then_some(value)
}

fn binary_power(suffix: &str) -> Option<i32> {
    const SUFFIXES: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    (1..).zip(SUFFIXES).find(|(_, known)| *known == suffix).map(|(power, _)| power)
}

fn decimal_power(suffix: &str) -> Option<i32> {
    const SUFFIXES: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
    let known = (-3..).zip(SUFFIXES).find(|(_, known)| *known == suffix).map(|(power, _)| power * 3);
    known.or_else(|| suffix.strip_prefix(['e', 'E'])?.parse().ok())
}

/// Message about an invalid quantity.
const QUANTITY: &str = "must be a quantity, such as '500Mi' or '10Gi'";

/// Checks a size that must be greater than 0.
pub(super) fn positive_quantity(text: &str, at: Path, found: &mut Findings) {
    match quantity(text) {
        None => found.invalid(rule::QUANTITY, at, text, QUANTITY),
        Some(value) if value <= 0.0 => found.invalid(rule::QUANTITY, at, text, "must be more than 0"),
        Some(_) => {}
    }
}

/// Whether a text is the name of a compute resource of a node or of a device plugin.
fn is_resource_name(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage")
        || name.starts_with("hugepages-")
        || (name.contains('/') && is_qualified_name(name))
}

/// Checks resource requirements: every amount is a quantity, and no request exceeds its limit.
pub(super) fn resources(resources: &ResourceRequirements, at: &Path, found: &mut Findings) {
    let blocks = [("requests", &resources.requests), ("limits", &resources.limits)];
    for (block, amounts) in blocks {
        for (name, Quantity(amount)) in amounts.iter().flatten() {
            let at = at.child(block).key(name);
            if !is_resource_name(name) {
                let detail = "must be 'cpu', 'memory', 'ephemeral-storage', 'hugepages-SIZE' or a name such as 'example.com/gpu'";
                found.invalid(rule::RESOURCE_NAME, at.clone(), name.as_str(), detail);
            }
            match quantity(amount) {
                None => found.invalid(
                    rule::QUANTITY,
                    at,
                    amount.as_str(),
                    "must be a quantity, such as '250m' or '512Mi'",
                ),
                Some(value) if value < 0.0 => {
                    found.invalid(rule::QUANTITY, at, amount.as_str(), "must be 0 or more")
                }
                Some(_) => {}
            }
        }
    }
    let no_limits = BTreeMap::new();
    let limits = resources.limits.as_ref().unwrap_or(&no_limits);
    for (name, Quantity(request)) in resources.requests.iter().flatten() {
        let Some(Quantity(limit)) = limits.get(name) else { continue };
        if let (Some(request_value), Some(limit_value)) = (quantity(request), quantity(limit))
            && request_value > limit_value
        {
            let detail = format!("must be less than or equal to the {name} limit of {limit}");
            found.invalid(
                rule::REQUEST_ABOVE_LIMIT,
                at.child("requests").key(name),
                request.as_str(),
                detail,
            );
        }
    }
}

/// Checks the name of a StorageClass. An empty name selects volumes without a class.
pub(super) fn storage_class(class: Option<&str>, at: Path, found: &mut Findings) {
    if let Some(class) = class.filter(|class| !class.is_empty() && !is_dns_1123_subdomain(class)) {
        found.invalid(
            rule::STORAGE_CLASS,
            at,
            class,
            "must be the name of a StorageClass: lower-case letters, digits, '-' and '.'",
        );
    }
}

/// Checks the name of a Secret, which is required.
pub(super) fn secret_name(name: Option<&str>, at: Path, found: &mut Findings) {
    match name.unwrap_or_default() {
        "" => found.required(rule::SECRET_REFERENCE, at, "must name a Secret in the app's namespace"),
        name if !is_dns_1123_subdomain(name) => {
            found.invalid(
                rule::SECRET_REFERENCE,
                at,
                name,
                "must be the name of a Secret: lower-case letters, digits, '-' and '.'",
            );
        }
        _ => {}
    }
}

/// Checks a Secret with certificate authorities.
pub(super) fn ca_secret(secret: Option<&CaSecret>, at: &Path, found: &mut Findings) {
    let Some(CaSecret { secret_name: name, key }) = secret else { return };
    secret_name(Some(name), at.child("secretName"), found);
    if key.is_some() {
        secret_key(key.as_deref(), at.child("key"), found);
    }
}

/// Checks the key of a Secret, which is required.
pub(super) fn secret_key(key: Option<&str>, at: Path, found: &mut Findings) {
    match key.unwrap_or_default() {
        "" => found.required(rule::SECRET_REFERENCE, at, "must name a key of the Secret"),
        key if !key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) => {
            found.invalid(
                rule::SECRET_REFERENCE,
                at,
                key,
                "must be a key of a Secret: letters, digits, '-', '_' and '.'",
            );
        }
        _ => {}
    }
}

/// Checks a host of a broker or index with an optional port.
///
/// # Errors
///
/// Returns the message about the host.
pub(super) fn check_host_and_port(text: &str) -> Result<(), &'static str> {
    if text.contains("://") {
        return Err("must be host:port without a scheme");
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let plain = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let host_fits = match plain {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        }
    };
    if !host_fits {
        return Err("must be host:port");
    }
    let port_fits = |port: &str| {
        port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    if port.is_none_or(port_fits) { Ok(()) } else { Err("must have a port from 1 to 65535") }
}

/// Masks the user part of a URL, because messages are logged and shown to others.
///
/// A text that is not a valid URL may contain a password anywhere before the last `@`, unless the text
/// looks like `https://host.example/repo@v1`.
pub(super) fn without_password(text: &str) -> String {
    let Some((before, after)) = text.rsplit_once('@') else { return text.to_owned() };
    let Some((scheme, rest)) = before.split_once("://") else {
        // `name@1.0` means `name==1.0` and has no login.
        let is_version = after.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit());
        let is_name = before.chars().all(|c| c.is_ascii_alphanumeric() || "._-[], ".contains(c));
        if is_version && is_name {
            return text.to_owned();
        }
        return format!("***@{after}");
    };
    let host = rest.split('/').next().unwrap_or_default();
    let open = rest.contains('/') && host.contains('.') && !rest.contains([':', '@', '?', '#']);
    if open { text.to_owned() } else { format!("{scheme}://***@{after}") }
}

/// Lists names in single quotes for a message; at most ten, so that the message stays readable.
pub(super) fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 10;
    let mut quoted: Vec<String> = names.take(MOST + 1).map(|name| format!("'{name}'")).collect();
    if quoted.len() > MOST {
        quoted[MOST] = "…".to_owned();
    }
    quoted.join(", ")
}

/// Describes the valid names for a message.
pub(super) fn one_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names = quoted(names);
    if names.is_empty() { "none exist".to_owned() } else { format!("one of {names}") }
}

/// Converts a value to the text of an environment variable: a string without its quotes.
pub(super) fn to_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Checks the metadata of a component: the label with its app, and its name. Pods have a volume with the
/// name of the component and a suffix, and a label with the value `kaspr-` and the name.
pub(super) fn component_metadata(metadata: &ObjectMeta, suffix: &str, at: &Path, found: &mut Findings) {
    let (field, name) = field_and_name(metadata);
    let longest = 63 - suffix.len().max("kaspr-".len());
    if !name.is_empty() && (!is_dns_1123_label(&name) || name.len() > longest) {
        let detail = format!(
            "must be at most {longest} lower-case letters, digits and '-': the pods' volumes are named after it"
        );
        found.invalid(rule::COMPONENT_NAME, at.child(field), name, detail);
    }
    let app = metadata.labels.as_ref().and_then(|labels| labels.get(APP_LABEL));
    let at = at.child("labels").key(APP_LABEL);
    match app.map_or("", String::as_str) {
        "" => found.required(rule::COMPONENT_APP, at, "must name the KasprApp that runs the component"),
        app if !is_dns_1035_label(app) => {
            found.invalid(rule::COMPONENT_APP, at, app, "must be the name of a KasprApp")
        }
        _ => {}
    }
}

/// Warns about a `spec.name` that differs from the name of the resource.
///
/// Source: the Python operator writes the name of the resource into the definition.
pub(super) fn spec_name(metadata: &ObjectMeta, name: Option<&str>, spec: &Path, found: &mut Findings) {
    let (Some(name), Some(resource)) = (name, &metadata.name) else { return };
    if name != resource && !resource.is_empty() {
        let text = format!("has no effect: the app calls the component '{resource}', its metadata.name");
        found.warn(rule::NO_EFFECT, spec.child("name"), text);
    }
}
