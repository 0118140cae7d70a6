//! Rules of `spec.pythonPackages`.

use std::str::FromStr;

use pep508_rs::{Requirement, VerbatimUrl};
use url::Url;

use super::{Findings, Path, Validate, rules};
use crate::api::{CacheType, GcsCache, PackageCache, PythonPackages};

/// The version control systems that pip can install from.
const VERSION_CONTROL: &[&str] = &["git+", "hg+", "svn+", "bzr+"];

impl Validate for PythonPackages {
    fn validate(&self, at: &Path, found: &mut Findings) {
        if self.packages.is_empty() {
            found.required(at.child("packages"), "must name at least one package");
        }
        for (i, package) in self.packages.iter().enumerate() {
            if let Err(why) = requirement(package) {
                found.invalid(at.child("packages").index(i), without_password(package), why);
            }
        }
        if let Some(url) = &self.index_url {
            self.index(url, at.child("indexUrl"), found);
        }
        for (i, url) in self.extra_index_urls.iter().flatten().enumerate() {
            self.index(url, at.child("extraIndexUrls").index(i), found);
        }
        for (i, host) in self.trusted_hosts.iter().flatten().enumerate() {
            if let Err(why) = rules::host_and_port(host) {
                let why = why.replace("host:port", "a host or host:port");
                found.invalid(at.child("trustedHosts").index(i), host.as_str(), why);
            }
        }
        self.credentials(&at.child("credentials"), found);
        if let Some(cache) = &self.cache {
            cache.validate(&at.child("cache"), found);
        }
        if let Some(resources) = &self.resources {
            rules::resources(resources, &at.child("resources"), found);
        }
        self.policy(&at.child("installPolicy"), found);
    }
}

impl PythonPackages {
    fn index(&self, url: &str, at: Path, found: &mut Findings) {
        match url_of(url) {
            Err(why) => found.invalid(at, without_password(url), why),
            Ok(parsed) if !matches!(parsed.scheme(), "http" | "https") => {
                found.invalid(at, without_password(url), "must start with http:// or https://");
            }
            Ok(parsed) => {
                if parsed.password().is_some() && !url.contains("${") {
                    found.warn(at.clone(), "holds a password that everybody can read: use credentials instead");
                }
                if parsed.scheme() == "http" && !self.trusts(&parsed) {
                    found.warn(at, "is not encrypted: pip uses it only if its host is in trustedHosts");
                }
            }
        }
    }

    fn trusts(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        self.trusted_hosts.iter().flatten().any(|trusted| trusted.split(':').next() == Some(host))
    }

    fn credentials(&self, at: &Path, found: &mut Findings) {
        let Some(credentials) = &self.credentials else { return };
        let secret = &credentials.secret_ref;
        let at_secret = at.child("secretRef");
        rules::secret_name(Some(&secret.name), at_secret.child("name"), found);
        for (field, key) in [("usernameKey", &secret.username_key), ("passwordKey", &secret.password_key)] {
            if let Some(key) = key {
                rules::secret_key(Some(key), at_secret.child(field), found);
            }
        }
        if self.index_url.is_none() && self.extra_index_urls.is_none() {
            found.warn(at.clone(), "have no effect without indexUrl or extraIndexUrls");
        }
    }

    /// The ranges of the schema, for callers that have no API server before them.
    fn policy(&self, at: &Path, found: &mut Findings) {
        let Some(policy) = &self.install_policy else { return };
        if let Some(retries) = policy.retries.filter(|retries| *retries < 0) {
            found.invalid(at.child("retries"), retries, "must be 0 or more");
        }
        if let Some(timeout) = policy.timeout.filter(|timeout| *timeout < 60) {
            found.invalid(at.child("timeout"), timeout, "must be 60 seconds or more");
        }
    }
}

impl Validate for PackageCache {
    fn validate(&self, at: &Path, found: &mut Findings) {
        if let Some(size) = &self.size {
            rules::positive_quantity(size, at.child("size"), found);
        }
        if let Some(class) = self.storage_class.as_ref().filter(|class| !rules::is_dns_1123_subdomain(class)) {
            found.invalid(at.child("storageClass"), class.as_str(), "must be the name of a StorageClass, or be left out");
        }
        match (self.r#type, &self.gcs) {
            (Some(CacheType::Gcs), None) => found.required(at.child("gcs"), "must be given when type is 'gcs'"),
            (Some(CacheType::Gcs), Some(gcs)) => gcs.validate(&at.child("gcs"), found),
            (_, Some(_)) => found.warn(at.child("gcs"), "has no effect unless type is 'gcs'"),
            (_, None) => {}
        }
        if self.r#type == Some(CacheType::Gcs) && self.enabled == Some(true) {
            found.warn(at.child("enabled"), "has no effect when type is 'gcs'");
        }
    }
}

impl Validate for GcsCache {
    fn validate(&self, at: &Path, found: &mut Findings) {
        if self.bucket.is_empty() {
            found.required(at.child("bucket"), "must name the bucket");
        } else if !is_bucket(&self.bucket) {
            found.invalid(
                at.child("bucket"),
                self.bucket.as_str(),
                "must be 3 to 63 lower-case letters, digits, '-', '_' or '.', and start and end with a letter or digit",
            );
        }
        if let Some(prefix) = &self.prefix
            && (prefix.starts_with('/') || prefix.split('/').any(|part| part == "..") || prefix.contains(char::is_control))
        {
            found.invalid(at.child("prefix"), prefix.as_str(), "must not start with '/' and not contain '..'");
        }
        if let Some(size) = &self.max_archive_size {
            rules::positive_quantity(size, at.child("maxArchiveSize"), found);
        }
        let at = at.child("secretRef");
        rules::secret_name(Some(&self.secret_ref.name), at.child("name"), found);
        if let Some(key) = &self.secret_ref.key {
            rules::secret_key(Some(key), at.child("key"), found);
        }
    }
}

/// Google's rule for bucket names; one with dots may be longer.
fn is_bucket(name: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let longest = if name.contains('.') { 222 } else { 63 };
    (3..=longest).contains(&name.len())
        && name.starts_with(alphanumeric)
        && name.ends_with(alphanumeric)
        && name.chars().all(|c| alphanumeric(c) || matches!(c, '-' | '_' | '.'))
}

/// One argument of `pip install`: a PEP 508 requirement or a direct reference.
///
/// `Err` says what is wrong and what is allowed. A variable of the install container may stand
/// anywhere in a URL: `https://${TOKEN}@host/pkg.whl`.
fn requirement(text: &str) -> Result<(), String> {
    const ALLOWED: &str = "must be a requirement such as 'pandas>=2', or a direct reference such as 'git+https://host/repo@v1'";
    if text.trim().is_empty() || text.trim() != text {
        return Err(format!("{ALLOWED}, without spaces around it"));
    }
    if text.starts_with('-') {
        return Err(format!("{ALLOWED}: options of pip are not allowed"));
    }
    if text.contains(|c: char| c.is_control() || matches!(c, '`' | '\\')) {
        return Err("must not contain '`', '\\' or control characters".to_owned());
    }
    let plain = without_variables(text)?;
    if let Some(system) = VERSION_CONTROL.iter().find(|system| plain.starts_with(**system)) {
        return reference(&plain[system.len()..]);
    }
    if let Some((name, url)) = plain.split_once('@').filter(|(name, url)| is_named_reference(name, url)) {
        Requirement::<VerbatimUrl>::from_str(name.trim()).map_err(|e| words_of(&e.to_string()))?;
        let url = url.trim();
        let (url, marker) = url.split_once(" ;").map_or((url, None), |(url, marker)| (url.trim(), Some(marker)));
        if let Some(marker) = marker {
            Requirement::<VerbatimUrl>::from_str(&format!("a ;{marker}")).map_err(|e| words_of(&e.to_string()))?;
        }
        let system = VERSION_CONTROL.iter().find(|system| url.starts_with(**system));
        return reference(system.map_or(url, |system| &url[system.len()..]));
    }
    if plain.contains("://") {
        return reference(&plain);
    }
    if plain.starts_with("git@") {
        return Err("must be written as 'git+ssh://git@host/org/repo'".to_owned());
    }
    Requirement::<VerbatimUrl>::from_str(&plain).map(drop).map_err(|e| words_of(&e.to_string()))
}

/// `name @ url`, as opposed to `git@host` or `scheme://user@host`.
fn is_named_reference(name: &str, url: &str) -> bool {
    !name.contains("://") && !name.contains(';') && url.contains("://")
}

/// A URL that pip can install from.
fn reference(text: &str) -> Result<(), String> {
    if let Some(bad) = text.chars().find(|c| c.is_whitespace() || "$\"'<>(){}|;^".contains(*c)) {
        return Err(format!("must not contain '{bad}' in a URL: write it percent-encoded"));
    }
    let url = Url::parse(text).map_err(|e| format!("must hold a URL: {e}"))?;
    let needs_host = !matches!(url.scheme(), "file");
    match url.scheme() {
        "http" | "https" | "ssh" | "git" | "file" => {}
        other => return Err(format!("must use one of http, https, ssh, git and file, not '{other}'")),
    }
    if needs_host && url.host_str().unwrap_or_default().is_empty() {
        return Err("must name a host".to_owned());
    }
    Ok(())
}

/// The URL of an index, with variables of the install container filled in.
fn url_of(text: &str) -> Result<Url, String> {
    let plain = without_variables(text)?;
    if plain.contains(|c: char| c.is_whitespace() || c.is_control() || "$`\\\"'<>(){}|;^".contains(c)) {
        return Err("must be a URL without spaces and shell characters".to_owned());
    }
    let url = Url::parse(&plain).map_err(|e| format!("must be a URL: {e}"))?;
    if url.host_str().unwrap_or_default().is_empty() {
        return Err("must name a host".to_owned());
    }
    Ok(url)
}

/// The text with each `${NAME}` replaced by a plain word; any other `$` is an error, because a
/// shell would run `$(…)`.
fn without_variables(text: &str) -> Result<String, String> {
    const WRONG: &str = "must not contain '$' other than in '${NAME}', a variable of the install container";
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        plain.push_str(before);
        let name_and_rest = after.strip_prefix('{').and_then(|after| after.split_once('}'));
        let (name, after) = name_and_rest.ok_or(WRONG)?;
        let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !first || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(WRONG.to_owned());
        }
        plain.push_str("variable");
        rest = after;
    }
    plain.push_str(rest);
    Ok(plain)
}

/// What the user wrote, without the user part of a URL: messages are logged and shown to others.
///
/// A URL that does not parse may hide a password anywhere before its last `@`.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let open = Url::parse(text).is_ok_and(|url| url.username().is_empty() && url.password().is_none());
    match rest.rfind('@') {
        Some(at) if !open => format!("{scheme}://***{}", &rest[at..]),
        _ => text.to_owned(),
    }
}

/// The first line of the library's message: the others draw a picture of the requirement.
fn words_of(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    format!("must be a requirement such as 'pandas>=2': {first}")
}
