//! The environment variables by which the operator configures the install container. Both sides read
//! the names from here. Those of credentials are the clouds' own, which their identity webhooks use too.

/// Hash of the package set. Members have it too: a new set restarts them.
pub const PACKAGES_HASH: &str = "PACKAGES_HASH";
/// Other hashes of the same package set, separated by commas: archives under them are a hit.
pub const PACKAGES_EQUAL_HASHES: &str = "PACKAGES_EQUAL_HASHES";
/// Mount path of the packages volume.
pub const PACKAGES_DIR: &str = "PACKAGES_DIR";
/// Whether all members share the packages volume.
pub const PACKAGES_SHARED: &str = "PACKAGES_SHARED";
/// Directory for temporary files.
pub const SCRATCH_DIR: &str = "SCRATCH_DIR";
/// Name of the pod.
pub const POD_NAME: &str = "POD_NAME";
/// Package index in place of PyPI.
pub const INDEX_URL: &str = "INDEX_URL";
/// Additional package indexes, separated by commas.
pub const EXTRA_INDEX_URLS: &str = "EXTRA_INDEX_URLS";
/// Hosts whose certificates are not verified, separated by commas.
pub const TRUSTED_HOSTS: &str = "TRUSTED_HOSTS";
/// File with certificate authorities of the indexes.
pub const INDEX_CA_FILE: &str = "INDEX_CA_FILE";
/// File with certificate authorities of the bucket.
pub const BUCKET_CA_FILE: &str = "BUCKET_CA_FILE";
/// User name for the indexes.
pub const PYPI_USERNAME: &str = "PYPI_USERNAME";
/// Password for the indexes.
pub const PYPI_PASSWORD: &str = "PYPI_PASSWORD";
/// Hosts that receive user name and password in addition to that of the index, separated by commas.
pub const PYPI_HOSTS: &str = "PYPI_HOSTS";
/// Retries after the first attempt.
pub const INSTALL_RETRIES: &str = "INSTALL_RETRIES";
/// Seconds for all attempts together.
pub const INSTALL_TIMEOUT: &str = "INSTALL_TIMEOUT";
/// What happens when no attempt succeeds.
pub const INSTALL_ON_FAILURE: &str = "INSTALL_ON_FAILURE";
/// Largest archive to store, in bytes.
pub const MAX_ARCHIVE_SIZE: &str = "MAX_ARCHIVE_SIZE";
/// Google Cloud Storage bucket.
pub const GCS_BUCKET: &str = "GCS_BUCKET";
/// `PREFIX/APP/HASH.tar.gz`, as the Python operator names an archive.
pub const GCS_OBJECT_KEY: &str = "GCS_OBJECT_KEY";
/// File with the key of the Google service account.
pub const GCS_KEY_FILE: &str = "GCS_KEY_FILE";
/// S3 bucket.
pub const S3_BUCKET: &str = "S3_BUCKET";
/// The app's prefix in the S3 bucket.
pub const S3_PREFIX: &str = "S3_PREFIX";
/// Address of the S3 service, if it is not Amazon's.
pub const S3_ENDPOINT: &str = "S3_ENDPOINT";
/// Region of the S3 bucket.
pub const AWS_REGION: &str = "AWS_REGION";
/// ID of the S3 access key.
pub const AWS_ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
/// S3 secret access key.
pub const AWS_SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
/// Azure Blob Storage container.
pub const AZURE_CONTAINER: &str = "AZURE_CONTAINER";
/// The app's prefix in the Azure container.
pub const AZURE_PREFIX: &str = "AZURE_PREFIX";
/// Address of the Azure service, if it is not Microsoft's.
pub const AZURE_ENDPOINT: &str = "AZURE_ENDPOINT";
/// Azure storage account.
pub const AZURE_STORAGE_ACCOUNT_NAME: &str = "AZURE_STORAGE_ACCOUNT_NAME";
/// Key of the Azure storage account.
pub const AZURE_STORAGE_ACCOUNT_KEY: &str = "AZURE_STORAGE_ACCOUNT_KEY";

/// A variable in the text of a package or index, which the installer expands from its environment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Variable<'a> {
    /// Text before the variable.
    pub before: &'a str,
    /// Name of the variable.
    pub name: &'a str,
    /// Text after the variable.
    pub after: &'a str,
    /// Whether the name is in braces. Without braces it may as well be part of a password.
    pub in_braces: bool,
}

/// Finds the first `${NAME}` or `$NAME` of a text. Source: the shell of the Python operator expands both.
#[must_use]
pub fn first_variable(text: &str) -> Option<Variable<'_>> {
    text.match_indices('$').find_map(|(at, _)| {
        let (before, rest) = (&text[..at], &text[at + 1..]);
        let in_braces = rest.strip_prefix('{');
        let rest = in_braces.unwrap_or(rest);
        let (name, rest) = rest.split_at(rest.find(|c| !is_name_character(c)).unwrap_or(rest.len()));
        let after = if in_braces.is_some() { rest.strip_prefix('}')? } else { rest };
        let is_name = !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit());
        is_name.then_some(Variable { before, name, after, in_braces: in_braces.is_some() })
    })
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_with_and_without_braces() {
        for (text, expected) in [
            ("https://${TOKEN}@host", Some(("https://", "TOKEN", "@host"))),
            ("https://$TOKEN@host", Some(("https://", "TOKEN", "@host"))),
            ("$A$B", Some(("", "A", "$B"))),
            ("a$(date)$B", Some(("a$(date)", "B", ""))),
            ("${A B}", None),
            ("$1", None),
            ("cost: 5$", None),
        ] {
            let found = first_variable(text).map(|found| (found.before, found.name, found.after));
            assert_eq!(found, expected, "{text}");
        }
    }
}
