//! Rules of `spec.pythonPackages`.

use std::collections::BTreeSet;

use url::Url;

use super::{findings::Findings, path::Path, requirement, rule, shared, valid::Validate};
use crate::{
    api::{
        AzureCache, BucketConfig, CacheType, GcsCache, NO_BUCKET_CREDENTIALS, PackageCache, PythonPackages,
        S3Cache,
    },
    install_contract::first_variable,
};

impl Validate for PythonPackages {
    fn validate(&self, at: &Path, found: &mut Findings) {
        if self.packages.is_empty() {
            found.required(rule::REQUIRED, at.child("packages"), "must name at least one package");
        }
        for (i, package) in self.packages.iter().enumerate() {
            let at = at.child("packages").index(i);
            match requirement::check(package) {
                Err(why) => found.invalid(rule::PACKAGE, at, shared::without_password(package), why),
                Ok(()) if shows_password(package) => found.warn(rule::PASSWORD_SHOWN, at, PASSWORD),
                Ok(()) => {}
            }
        }
        check_indexes(self, at, found);
        for (i, host) in self.trusted_hosts.iter().flatten().enumerate() {
            if let Err(why) = shared::check_host_and_port(host) {
                let why = why.replace("host:port", "a host or host:port");
                found.invalid(
                    rule::TRUSTED_HOST,
                    at.child("trustedHosts").index(i),
                    shared::without_password(host),
                    why,
                );
            }
        }
        shared::ca_secret(self.ca_secret.as_ref(), &at.child("caSecret"), found);
        check_credentials(self, &at.child("credentials"), found);
        if let Some(cache) = &self.cache {
            cache.validate(&at.child("cache"), found);
        }
        if let Some(resources) = &self.resources {
            shared::resources(resources, &at.child("resources"), found);
        }
        check_policy(self, &at.child("installPolicy"), found);
    }
}

fn check_indexes(packages: &PythonPackages, at: &Path, found: &mut Findings) {
    let trusted: BTreeSet<String> =
        packages.trusted_hosts.iter().flatten().map(|host| host.to_lowercase()).collect();
    let extra = packages.extra_index_urls.iter().flatten().enumerate();
    let extra = extra.map(|(i, url)| (url, at.child("extraIndexUrls").index(i)));
    for (url, at) in packages.index_url.iter().map(|url| (url, at.child("indexUrl"))).chain(extra) {
        match parse_url(url) {
            Err(why) => found.invalid(rule::INDEX_URL, at, shared::without_password(url), why),
            Ok(parsed) => {
                if shows_password(url) {
                    found.warn(rule::PASSWORD_SHOWN, at.clone(), PASSWORD);
                }
                if parsed.scheme() == "http" && !is_trusted(&parsed, &trusted) {
                    found.warn(
                        rule::INDEX_UNENCRYPTED,
                        at,
                        "is not encrypted: pip uses it only if its host is in trustedHosts",
                    );
                }
            }
        }
    }
}

fn check_credentials(packages: &PythonPackages, at: &Path, found: &mut Findings) {
    let Some(credentials) = &packages.credentials else { return };
    let secret = &credentials.secret_ref;
    let at_secret = at.child("secretRef");
    shared::secret_name(Some(&secret.name), at_secret.child("name"), found);
    for (field, key) in [("usernameKey", &secret.username_key), ("passwordKey", &secret.password_key)] {
        if let Some(key) = key {
            shared::secret_key(Some(key), at_secret.child(field), found);
        }
    }
    if packages.index_url.is_none() && packages.extra_index_urls.is_none() {
        found.warn(rule::NO_EFFECT, at.clone(), "has no effect without indexUrl or extraIndexUrls");
    }
    let host = |url: &String| Url::parse(url).ok()?.host_str().map(str::to_owned);
    let of_index = packages.index_url.as_ref().and_then(host);
    let mut extra = packages.extra_index_urls.iter().flatten().filter_map(host);
    if credentials.hosts.is_none() && extra.any(|extra| Some(extra) != of_index) {
        let text = if packages.index_url.is_some() {
            "are sent to the host of indexUrl only: list further hosts of extraIndexUrls that need them in hosts"
        } else {
            "are sent to every index of extraIndexUrls: list the hosts that need them in hosts"
        };
        found.warn(rule::CREDENTIALS_HOSTS, at.clone(), text);
    }
}

/// Checks the ranges of the schema, for callers without an API server.
fn check_policy(packages: &PythonPackages, at: &Path, found: &mut Findings) {
    let Some(policy) = &packages.install_policy else { return };
    if let Some(retries) = policy.retries.filter(|retries| *retries < 0) {
        found.invalid(rule::NUMBER, at.child("retries"), retries, "must be 0 or more");
    }
    if let Some(timeout) = policy.timeout.filter(|timeout| *timeout < 60) {
        found.invalid(rule::NUMBER, at.child("timeout"), timeout, "must be 60 seconds or more");
    }
}

impl Validate for PackageCache {
    fn validate(&self, at: &Path, found: &mut Findings) {
        if let Some(size) = &self.size {
            shared::positive_quantity(size, at.child("size"), found);
        }
        shared::storage_class(self.storage_class.as_deref(), at.child("storageClass"), found);
        let buckets = [
            (CacheType::Gcs, "gcs", self.gcs.as_ref().map(GcsCache::bucket)),
            (CacheType::S3, "s3", self.s3.as_ref().map(S3Cache::bucket)),
            (CacheType::Azure, "azure", self.azure.as_ref().map(AzureCache::bucket)),
        ];
        for (kind, field, bucket) in &buckets {
            match (self.r#type == Some(*kind), bucket) {
                (true, None) => {
                    found.required(
                        rule::REQUIRED,
                        at.child(*field),
                        &format!("must be given when type is '{field}'"),
                    );
                }
                (true, Some(bucket)) => check_bucket(self, bucket, &at.child(*field), found),
                (false, Some(_)) => {
                    found.warn(
                        rule::NO_EFFECT,
                        at.child(*field),
                        format!("has no effect unless type is '{field}'"),
                    );
                }
                (false, None) => {}
            }
            if self.r#type == Some(*kind) && self.enabled == Some(true) {
                found.warn(
                    rule::NO_EFFECT,
                    at.child("enabled"),
                    format!("has no effect when type is '{field}'"),
                );
            }
        }
    }
}

fn check_bucket(cache: &PackageCache, bucket: &BucketConfig, at: &Path, found: &mut Findings) {
    let BucketConfig { field, name, prefix, max_archive_size, secret, workload_identity, ca_secret } =
        *bucket;
    let (name_field, shape, is_name): (_, _, fn(&str) -> bool) = match field {
        "gcs" => ("bucket", GCS_NAME, is_gcs_bucket),
        "s3" => ("bucket", S3_NAME, is_s3_bucket),
        _ => ("container", AZURE_NAME, is_azure_container),
    };
    if name.is_empty() {
        found.required(rule::BUCKET, at.child(name_field), &format!("must name the {name_field}"));
    } else if !is_name(name) {
        found.invalid(rule::BUCKET, at.child(name_field), name, shape);
    }
    if let Some(prefix) = prefix
        && (prefix.split('/').any(|part| part == "..") || prefix.contains(char::is_control))
    {
        let why = "must not contain '..' or control characters";
        found.invalid(rule::BUCKET, at.child("prefix"), prefix, why);
    }
    if let Some(size) = max_archive_size {
        shared::positive_quantity(size, at.child("maxArchiveSize"), found);
    }
    match (secret, workload_identity) {
        (None, false) => found.required(rule::BUCKET_KEY, at.child("secretRef"), NO_BUCKET_CREDENTIALS),
        (Some(_), true) => {
            let why = "must not be given together with secretRef";
            found.forbidden(rule::BUCKET_KEY, at.child("workloadIdentity"), why);
        }
        _ => {}
    }
    shared::ca_secret(ca_secret, &at.child("caSecret"), found);
    check_secrets(cache, at, found);
    check_addresses(cache, at, found);
}

/// Checks the Secret of the bucket that is used, and its keys.
fn check_secrets(cache: &PackageCache, at: &Path, found: &mut Findings) {
    let at = at.child("secretRef");
    let mut check = |name: &String, keys: &[(&'static str, &Option<String>)]| {
        shared::secret_name(Some(name), at.child("name"), found);
        for (field, key) in keys.iter().filter(|(_, key)| key.is_some()) {
            shared::secret_key(key.as_deref(), at.child(*field), found);
        }
    };
    match cache.r#type {
        Some(CacheType::Gcs) => {
            if let Some(secret) = cache.gcs.as_ref().and_then(|gcs| gcs.secret_ref.as_ref()) {
                check(&secret.name, &[("key", &secret.key)]);
            }
        }
        Some(CacheType::S3) => {
            if let Some(secret) = cache.s3.as_ref().and_then(|s3| s3.secret_ref.as_ref()) {
                check(
                    &secret.name,
                    &[
                        ("accessKeyIdKey", &secret.access_key_id_key),
                        ("secretAccessKeyKey", &secret.secret_access_key_key),
                    ],
                );
            }
        }
        Some(CacheType::Azure) => {
            if let Some(secret) = cache.azure.as_ref().and_then(|azure| azure.secret_ref.as_ref()) {
                check(&secret.name, &[("key", &secret.key)]);
            }
        }
        Some(CacheType::Pvc) | None => {}
    }
}

/// Checks the address of the bucket that is used.
fn check_addresses(cache: &PackageCache, at: &Path, found: &mut Findings) {
    let endpoint = match cache.r#type {
        Some(CacheType::S3) => cache.s3.as_ref().and_then(|s3| s3.endpoint.as_ref()),
        Some(CacheType::Azure) => {
            let azure = cache.azure.as_ref();
            if let Some(azure) = azure.filter(|azure| !is_azure_account(&azure.account)) {
                let why = "must be 3 to 24 lower-case letters and digits";
                found.invalid(rule::BUCKET, at.child("account"), azure.account.as_str(), why);
            }
            azure.and_then(|azure| azure.endpoint.as_ref())
        }
        _ => None,
    };
    if let Some(endpoint) = endpoint
        && let Err(why) = parse_url(endpoint)
    {
        found.invalid(rule::BUCKET, at.child("endpoint"), shared::without_password(endpoint), why);
    }
}

const GCS_NAME: &str =
    "must be 3 to 63 lower-case letters, digits, '-', '_' or '.', and start and end with a letter or digit";
const S3_NAME: &str =
    "must be 3 to 63 lower-case letters, digits, '-' or '.', and start and end with a letter or digit";
const AZURE_NAME: &str =
    "must be 3 to 63 lower-case letters, digits and single '-', and start and end with a letter or digit";

/// Whether a text is a valid bucket name. Source: Google's rule; a name with dots may be longer.
fn is_gcs_bucket(name: &str) -> bool {
    let longest = if name.contains('.') { 222 } else { 63 };
    is_store_name(name, longest, "-_.")
}

/// Whether a text is a valid bucket name. Source: Amazon's rule.
fn is_s3_bucket(name: &str) -> bool {
    is_store_name(name, 63, "-.") && !name.contains("..")
}

/// Whether a text is a valid container name. Source: Microsoft's rule.
fn is_azure_container(name: &str) -> bool {
    is_store_name(name, 63, "-") && !name.contains("--")
}

/// Whether a text is a valid name of a storage account. Source: Microsoft's rule.
fn is_azure_account(name: &str) -> bool {
    is_store_name(name, 24, "")
}

fn is_store_name(name: &str, longest: usize, others: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=longest).contains(&name.len())
        && name.starts_with(alphanumeric)
        && name.ends_with(alphanumeric)
        && name.chars().all(|c| alphanumeric(c) || others.contains(c))
}

/// Message about a password in a URL.
const PASSWORD: &str = "contains a password in clear text: use credentials or '${NAME}'";

/// Whether a URL has a password or a token that is not a variable. The user `git` of an SSH URL is not a
/// token.
fn shows_password(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    let Some((user, _)) = authority.rsplit_once('@') else { return false };
    match user.split_once(':') {
        Some((_, password)) => !password.is_empty() && !is_variable(password),
        None => scheme.contains("http") && !user.is_empty() && !is_variable(user),
    }
}

/// Whether a part of a login is a variable: `$NAME` alone, or `${NAME}` with other text.
fn is_variable(text: &str) -> bool {
    first_variable(text).is_some_and(|found| found.in_braces || found.name.len() + 1 == text.len())
}

/// Whether a URL is trusted. Source: pip's rule; a host is trusted at every port, `host:port` only if the
/// URL has that port.
fn is_trusted(url: &Url, trusted: &BTreeSet<String>) -> bool {
    let host = url.host_str().unwrap_or_default();
    trusted.contains(host) || url.port().is_some_and(|port| trusted.contains(&format!("{host}:{port}")))
}

/// Parses the URL of an index, with variables replaced. Commas are not allowed, because the installer
/// receives several URLs separated by commas.
fn parse_url(text: &str) -> Result<Url, String> {
    const SCHEME: &str = "must start with 'http://' or 'https://'";
    let plain = requirement::without_variables(text)?;
    if plain.contains(|c: char| c.is_whitespace() || c.is_control() || "$`\\\"'<>(){}|;^,".contains(c)) {
        return Err("must be a URL without spaces, commas and shell characters".to_owned());
    }
    if !["http://", "https://"].iter().any(|scheme| plain.starts_with(scheme)) {
        return Err(SCHEME.to_owned());
    }
    Url::parse(&plain).map_err(|e| format!("must be a URL: {e}"))
}
