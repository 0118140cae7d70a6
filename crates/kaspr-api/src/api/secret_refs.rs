//! The Secrets that an app refers to by name and key.

use super::{
    AzureSecretRef, CaSecret, CertificateSecret, GcsSecretRef, KasprAppSpec, PackageSecretRef, S3SecretRef,
    defaults,
};

/// A reference to keys of a Secret in the app's namespace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SecretRef {
    /// The field that holds the reference, as names from `spec` down.
    pub field: &'static [&'static str],
    /// The name of the Secret.
    pub name: String,
    /// The keys that must exist.
    pub keys: Vec<String>,
}

impl CaSecret {
    /// Returns the key of the certificate authorities.
    #[must_use]
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or(defaults::CA_KEY)
    }
}

impl CertificateSecret {
    /// Returns the key of the certificate chain.
    #[must_use]
    pub fn certificate_key(&self) -> &str {
        self.certificate_key.as_deref().unwrap_or(defaults::CERTIFICATE_KEY)
    }

    /// Returns the key of the private key.
    #[must_use]
    pub fn private_key_key(&self) -> &str {
        self.private_key_key.as_deref().unwrap_or(defaults::PRIVATE_KEY_KEY)
    }
}

impl PackageSecretRef {
    /// Returns the key of the user name.
    #[must_use]
    pub fn username_key(&self) -> &str {
        self.username_key.as_deref().unwrap_or(defaults::INDEX_USERNAME_KEY)
    }

    /// Returns the key of the password.
    #[must_use]
    pub fn password_key(&self) -> &str {
        self.password_key.as_deref().unwrap_or(defaults::INDEX_PASSWORD_KEY)
    }
}

impl GcsSecretRef {
    /// Returns the key of the service account's key.
    #[must_use]
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or(defaults::GCS_KEY)
    }
}

impl S3SecretRef {
    /// Returns the key of the access key ID.
    #[must_use]
    pub fn access_key_id_key(&self) -> &str {
        self.access_key_id_key.as_deref().unwrap_or(defaults::S3_ACCESS_KEY_ID_KEY)
    }

    /// Returns the key of the secret access key.
    #[must_use]
    pub fn secret_access_key_key(&self) -> &str {
        self.secret_access_key_key.as_deref().unwrap_or(defaults::S3_SECRET_ACCESS_KEY_KEY)
    }
}

impl AzureSecretRef {
    /// Returns the key of the account's key.
    #[must_use]
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or(defaults::AZURE_ACCOUNT_KEY_KEY)
    }
}

impl KasprAppSpec {
    /// Returns every reference to a Secret, save for those in `template`, which are Kubernetes' own.
    /// References without a name are left out.
    #[must_use]
    pub fn secret_refs(&self) -> Vec<SecretRef> {
        let mut refs = Vec::new();
        let mut add = |field: &'static [&'static str], name: Option<&str>, keys: &[&str]| {
            if let Some(name) = name.filter(|name| !name.is_empty()) {
                let keys = keys.iter().filter(|key| !key.is_empty()).map(|key| (*key).to_owned());
                refs.push(SecretRef { field, name: name.to_owned(), keys: keys.collect() });
            }
        };
        if let Some(secret) = self.login().and_then(|login| login.password_secret.as_ref()) {
            let key = secret.password_key.as_deref().unwrap_or_default();
            add(&["authentication", "passwordSecret"], secret.secret_name.as_deref(), &[key]);
        }
        if let Some(secret) = self.tls.as_ref().and_then(|tls| tls.ca_secret.as_ref()) {
            add(&["tls", "caSecret"], Some(&secret.secret_name), &[secret.key()]);
        }
        if let Some(secret) = self.tls.as_ref().and_then(|tls| tls.certificate_secret.as_ref()) {
            let keys = [secret.certificate_key(), secret.private_key_key()];
            add(&["tls", "certificateSecret"], Some(&secret.secret_name), &keys);
        }
        let Some(packages) = &self.python_packages else { return refs };
        if let Some(secret) = packages.credentials.as_ref().map(|credentials| &credentials.secret_ref) {
            let keys = [secret.username_key(), secret.password_key()];
            add(&["pythonPackages", "credentials", "secretRef"], Some(&secret.name), &keys);
        }
        if let Some(secret) = &packages.ca_secret {
            add(&["pythonPackages", "caSecret"], Some(&secret.secret_name), &[secret.key()]);
        }
        let Some(cache) = &packages.cache else { return refs };
        let authorities: [(&'static [&'static str], _); 3] = [
            (&["pythonPackages", "cache", "gcs", "caSecret"], cache.gcs.as_ref().map(|gcs| &gcs.ca_secret)),
            (&["pythonPackages", "cache", "s3", "caSecret"], cache.s3.as_ref().map(|s3| &s3.ca_secret)),
            (
                &["pythonPackages", "cache", "azure", "caSecret"],
                cache.azure.as_ref().map(|azure| &azure.ca_secret),
            ),
        ];
        for (field, secret) in authorities {
            if let Some(secret) = secret.and_then(Option::as_ref) {
                add(field, Some(&secret.secret_name), &[secret.key()]);
            }
        }
        if let Some(secret) = cache.gcs.as_ref().and_then(|gcs| gcs.secret_ref.as_ref()) {
            add(&["pythonPackages", "cache", "gcs", "secretRef"], Some(&secret.name), &[secret.key()]);
        }
        if let Some(secret) = cache.s3.as_ref().and_then(|s3| s3.secret_ref.as_ref()) {
            let keys = [secret.access_key_id_key(), secret.secret_access_key_key()];
            add(&["pythonPackages", "cache", "s3", "secretRef"], Some(&secret.name), &keys);
        }
        if let Some(secret) = cache.azure.as_ref().and_then(|azure| azure.secret_ref.as_ref()) {
            add(&["pythonPackages", "cache", "azure", "secretRef"], Some(&secret.name), &[secret.key()]);
        }
        refs
    }
}
