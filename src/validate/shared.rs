//! Rules that several kinds share. The predicates are Kubernetes' own (apimachinery's
//! `validation` package) unless their comment names another source.

use std::collections::BTreeMap;

use k8s_openapi::{api::core::v1::ResourceRequirements, apimachinery::pkg::api::resource::Quantity};
use kube::core::ObjectMeta;
use serde_json::Value;

use super::{Findings, Path, rule};
use crate::naming::APP_LABEL;

/// The name that a resource has or will have, and the field that it comes from. The API server
/// appends five characters to a `generateName`.
pub fn name_of(metadata: &ObjectMeta) -> (&'static str, String) {
    match (&metadata.name, &metadata.generate_name) {
        (Some(name), _) if !name.is_empty() => ("name", name.clone()),
        (_, Some(prefix)) if !prefix.is_empty() => ("generateName", format!("{prefix}00000")),
        _ => ("name", String::new()),
    }
}

fn is_label_of(name: &str, first: fn(char) -> bool) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 63
        && name.starts_with(first)
        && name.ends_with(alphanumeric)
        && name.chars().all(|c| alphanumeric(c) || c == '-')
}

/// Names of Services.
pub fn is_dns_1035_label(name: &str) -> bool {
    is_label_of(name, |c| c.is_ascii_lowercase())
}

/// Names of volumes.
pub fn is_dns_1123_label(name: &str) -> bool {
    is_label_of(name, |c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

/// Names of most objects.
pub fn is_dns_1123_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_dns_1123_label)
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// Values of labels.
pub fn is_label_value(value: &str) -> bool {
    value.is_empty() || (value.len() <= 63 && is_word(value))
}

/// Keys of labels and annotations.
pub fn is_qualified_name(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_dns_1123_subdomain) && name.len() <= 63 && is_word(name)
}

/// Names of Kafka topics, consumer groups and changelogs (Kafka's own rule).
pub fn is_topic_name(name: &str) -> bool {
    (1..=249).contains(&name.len())
        && name != "."
        && name != ".."
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

/// A duration as the framework reads it: `^\d+[smhd]$`.
pub fn is_duration(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next_back().is_some_and(|unit| matches!(unit, 's' | 'm' | 'h' | 'd'))
        && !letters.as_str().is_empty()
        && letters.all(|c| c.is_ascii_digit())
}

/// The words for a duration that is none.
pub const DURATION: &str = "must be digits and one of 's', 'm', 'h', 'd', such as '5s'";

/// A quantity's value, in bytes, cores or whatever it counts.
///
/// Own code: kube_quantity refuses `1E` (exa) and takes a bare suffix for 0.
pub fn quantity(text: &str) -> Option<f64> {
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    if number.ends_with(['+', '-']) {
        return None;
    }
    let value = match binary_power(suffix) {
        Some(power) => number.parse::<f64>().ok()? * 1024_f64.powi(power),
        // Rust reads the decimal whole, so that 0.7 equals 700m.
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

/// The words for a quantity that is none.
const QUANTITY: &str = "must be a quantity, such as '500Mi' or '10Gi'";

/// A size of something that must hold something.
pub fn positive_quantity(text: &str, at: Path, found: &mut Findings) {
    match quantity(text) {
        None => found.invalid(rule::QUANTITY, at, text, QUANTITY),
        Some(value) if value <= 0.0 => found.invalid(rule::QUANTITY, at, text, "must be more than 0"),
        Some(_) => {}
    }
}

/// What a container may ask for: a node's own resources, or those of a device plugin.
fn is_resource(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage")
        || name.starts_with("hugepages-")
        || (name.contains('/') && is_qualified_name(name))
}

/// CPU and memory: every amount a quantity, no request above its limit.
pub fn resources(resources: &ResourceRequirements, at: &Path, found: &mut Findings) {
    let blocks = [("requests", &resources.requests), ("limits", &resources.limits)];
    for (block, amounts) in blocks {
        for (name, Quantity(amount)) in amounts.iter().flatten() {
            let at = at.child(block).key(name);
            if !is_resource(name) {
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

/// The name of a StorageClass; an empty one asks for a volume that was made by hand.
pub fn storage_class(class: Option<&str>, at: Path, found: &mut Findings) {
    if let Some(class) = class.filter(|class| !class.is_empty() && !is_dns_1123_subdomain(class)) {
        found.invalid(
            rule::STORAGE_CLASS,
            at,
            class,
            "must be the name of a StorageClass: lower-case letters, digits, '-' and '.'",
        );
    }
}

/// The name of a Secret that must be given.
pub fn secret_name(name: Option<&str>, at: Path, found: &mut Findings) {
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

/// The key of a Secret that must be given.
pub fn secret_key(key: Option<&str>, at: Path, found: &mut Findings) {
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

/// A broker or index host with an optional port. `Err` ends the sentence that starts with it.
pub fn host_and_port(text: &str) -> Result<(), &'static str> {
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

/// What the user wrote, without the user part of a URL: messages are logged and shown to others.
///
/// Text that is no URL may hold a password anywhere before its last `@`, unless that looks like the
/// one of `https://host.example/repo@v1`.
pub fn without_password(text: &str) -> String {
    let Some((before, after)) = text.rsplit_once('@') else { return text.to_owned() };
    let Some((scheme, rest)) = before.split_once("://") else {
        return format!("***@{after}");
    };
    let host = rest.split('/').next().unwrap_or_default();
    let open = rest.contains('/') && host.contains('.') && !rest.contains([':', '@', '?', '#']);
    if open { text.to_owned() } else { format!("{scheme}://***@{after}") }
}

/// The names that a message offers, in single quotes; a few, because messages are for people.
pub fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 10;
    let mut quoted: Vec<String> = names.take(MOST + 1).map(|name| format!("'{name}'")).collect();
    if quoted.len() > MOST {
        quoted[MOST] = "…".to_owned();
    }
    quoted.join(", ")
}

/// A value as it is written in an environment variable: a string without its quotes.
pub fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The known name that is nearest to an unknown one, if any is near.
pub fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Comparing costs the product of the lengths.
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

/// The metadata of a component: its app, and a name that fits where it is used. The pods' volume
/// is named after the component with its suffix, and a label's value is `kaspr-` and its name.
pub fn component_metadata(metadata: &ObjectMeta, suffix: &str, at: &Path, found: &mut Findings) {
    let (field, name) = name_of(metadata);
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

/// The name that the framework knows a component by.
pub fn component_name(name: &str, at: &Path, found: &mut Findings) {
    if name.trim().is_empty() {
        found.required(rule::REQUIRED, at.child("name"), "must not be empty");
    }
}
