//! The hashes in names, annotations and environment variables. They equal those of the Python
//! operator, so that no pod restarts and no package cache is lost when this operator takes over.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value, json, ser::Formatter};
use sha2::{Digest, Sha256};

use crate::api::{InstallPolicy, PythonPackages, defaults};

/// The first 16 hex digits of SHA-256.
fn short_sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The hash of text: SHA-256 over the decimal digits of its MurmurHash3 (x64, 128 bit).
#[must_use]
pub fn of_text(text: &str) -> String {
    // Reading from a slice does not fail.
    let murmur = murmur3::murmur3_x64_128(&mut text.as_bytes(), 0).unwrap_or_default();
    short_sha256(murmur.to_string().as_bytes())
}

/// The hash of a JSON value, whatever the order of its keys.
#[must_use]
pub fn of_json(value: &Value) -> String {
    of_text(&python_json(value, Separators { item: b", ", key: b": " }))
}

/// Returns the hashes that stand for a set of packages, the one without defaults first.
///
/// The Python operator hashes the spec as the user wrote it: a value that is written out counts, also if it
/// equals the default. Which values a user wrote out and which ones admission filled in can't be known, so
/// each default that is in force may be part of a hash or not.
#[must_use]
pub fn of_packages(packages: &PythonPackages) -> Vec<String> {
    let mut parts = Map::from_iter([("packages".to_owned(), sorted(&packages.packages))]);
    if let Some(url) = packages.index_url.as_ref().filter(|url| !url.is_empty()) {
        parts.insert("index_url".to_owned(), json!(url));
    }
    for (key, list) in
        [("extra_index_urls", &packages.extra_index_urls), ("trusted_hosts", &packages.trusted_hosts)]
    {
        if let Some(list) = list.as_ref().filter(|list| !list.is_empty()) {
            parts.insert(key.to_owned(), sorted(list));
        }
    }
    let policies = policy_parts(&packages.install_policy.clone().unwrap_or_default());
    let hash = |policy: Map<String, Value>| {
        let mut parts = parts.clone();
        if !policy.is_empty() {
            parts.insert("install_policy".to_owned(), Value::Object(policy));
        }
        short_sha256(python_json(&Value::Object(parts), Separators { item: b",", key: b":" }).as_bytes())
    };
    policies.into_iter().map(hash).collect()
}

/// Returns the install policy with each choice of written-out defaults, the one without any first.
fn policy_parts(policy: &InstallPolicy) -> Vec<Map<String, Value>> {
    let InstallPolicy { retries, timeout, on_failure } = policy;
    let fields = [
        ("retries", retries.map(|retries| json!(retries)), json!(defaults::INSTALL_RETRIES)),
        ("timeout", timeout.map(|timeout| json!(timeout)), json!(defaults::INSTALL_TIMEOUT)),
        ("on_failure", on_failure.map(|on_failure| json!(on_failure)), json!(defaults::INSTALL_ON_FAILURE)),
    ];
    let mut choices = vec![Map::new()];
    for (name, given, default) in fields {
        let value = given.unwrap_or_else(|| default.clone());
        let with = |mut parts: Map<String, Value>| {
            parts.insert(name.to_owned(), value.clone());
            parts
        };
        if value == default {
            choices.extend(choices.clone().into_iter().map(with));
        } else {
            choices = choices.into_iter().map(with).collect();
        }
    }
    choices
}

fn sorted(list: &[String]) -> Value {
    let mut list = list.to_vec();
    list.sort();
    json!(list)
}

/// How the Python operator's JSON separates items and keys.
struct Separators {
    item: &'static [u8],
    key: &'static [u8],
}

/// Formats JSON as the Python operator hashes it: sorted keys, ASCII only.
fn python_json(value: &Value, separators: Separators) -> String {
    let mut text = Vec::new();
    // Writing a JSON value into memory does not fail.
    let _ = value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, separators));
    String::from_utf8(text).unwrap_or_default()
}

impl Formatter for Separators {
    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(self.item) }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(self.item) }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(self.key)
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut units = [0; 2];
        for letter in fragment.chars() {
            if letter.is_ascii() {
                out.write_all(&[letter as u8])?;
            } else {
                for unit in letter.encode_utf16(&mut units) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;
    use crate::{api::KasprApp, defaults::apply_defaults};

    fn packages(yaml: &str) -> PythonPackages {
        serde_saphyr::from_str(yaml).expect("packages")
    }

    /// Values that the Python operator printed for these settings.
    #[test]
    fn hashes_are_those_of_the_python_operator() {
        let table = [
            ("{packages: [requests]}", "705ebf671c1c70ee"),
            (
                "{packages: [numpy, 'git+https://git.example.com/team/lib.git@v1.2'], cache: {type: gcs}}",
                "096cd8581d620f36",
            ),
            (
                "{packages: ['requests>=2.31', 'pandas==2.2.2', 'scipy[dev]'], indexUrl: https://pypi.example.com/simple, \
                 extraIndexUrls: [https://extra.example.com/simple], trustedHosts: [pypi.example.com], \
                 installPolicy: {retries: 5, timeout: 900, onFailure: allow}}",
                "99a33a0612aa1dd6",
            ),
        ];
        for (yaml, expected) in table {
            assert_eq!(of_packages(&packages(yaml))[0], expected, "{yaml}");
        }
    }

    /// The first is what the Python operator printed for the same spec with every default written out.
    #[test]
    fn each_choice_of_written_out_defaults_stands_for_the_same_packages() {
        let spec = |policy: &str| packages(&format!("{{packages: ['requests>=2.31', numpy]{policy}}}"));
        let absent = of_packages(&spec(""));
        assert!(absent.contains(&"bee7c5b3f90c67be".to_owned()), "{absent:?}");
        assert_eq!(absent.iter().collect::<std::collections::BTreeSet<_>>().len(), 8);
        let written = of_packages(&spec(", installPolicy: {retries: 3, timeout: 600, onFailure: block}"));
        assert_eq!(written, absent);
        let other = of_packages(&spec(", installPolicy: {timeout: 60}"));
        assert!(other.len() == 4 && other.iter().all(|hash| !absent.contains(hash)), "{other:?}");
    }

    #[test]
    fn order_of_keys_and_letters_beyond_ascii_do_not_matter() {
        let value = json!({"b": "ü😀", "a": [1, null]});
        let text = python_json(&value, Separators { item: b", ", key: b": " });
        assert_eq!(text, r#"{"a": [1, null], "b": "\u00fc\ud83d\ude00"}"#);
    }
    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// The hash is the name of a package set in every cache, so defaults must not change it.
        #[test]
        fn packages_keep_their_hash(
            names in prop::collection::vec("[a-z]{1,3}", 1..4),
            index in prop::option::of("https://[a-z]{1,3}"),
            extra in prop::option::of(prop::collection::vec("https://[a-z]{1,3}", 0..3)),
            retries in prop::option::of(0..5),
            timeout in prop::option::of(select(vec![60, 600, 900])),
            on_failure in prop::option::of(select(vec!["block", "allow", "warn"])),
            policy in any::<bool>(),
        ) {
            let mut given = json!({ "packages": names, "indexUrl": index, "extraIndexUrls": extra });
            if policy {
                given["installPolicy"] = json!({ "retries": retries, "timeout": timeout, "onFailure": on_failure });
            }
            let hash_of = |packages: &Value| {
                of_packages(&serde_json::from_value::<PythonPackages>(packages.clone()).expect("packages"))
            };
            let mut app = json!({ "spec": { "pythonPackages": given } });
            let before = hash_of(&app["spec"]["pythonPackages"]);
            apply_defaults::<KasprApp>(&mut app);
            prop_assert_eq!(hash_of(&app["spec"]["pythonPackages"]), before);
        }
    }
}
