//! Certificate authorities that the installer and its tools trust: the web's, those of the image, and those of the
//! spec. Each source adds to the others, so that no source has to contain all of them.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use pem::{EncodeConfig, LineEnding, Pem};
use rustls::RootCertStore;
use rustls_native_certs::CertificateResult;

/// Certificates, in DER format.
pub(super) type Certificates = BTreeSet<Vec<u8>>;

/// Variables of the image that name a file or a directory with certificate authorities, in addition to
/// `SSL_CERT_FILE` and `SSL_CERT_DIR`.
const VARIABLES: [&str; 3] = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"];

/// Returns the trusted authorities, and why files cannot be read; `files` are those of the spec and of pip.
pub(super) fn authorities(files: &[PathBuf]) -> (Certificates, Vec<String>) {
    let web = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|root| root.to_vec());
    let mut certificates: Certificates = web.collect();
    // Without a store in the image, this returns only errors. SSL_CERT_FILE may name a file that no longer exists.
    certificates.extend(valid(&rustls_native_certs::load_native_certs()));
    let of_variables = VARIABLES.iter().filter_map(std::env::var_os).map(PathBuf::from);
    let mut errors = Vec::new();
    for path in of_variables.filter(|path| !path.as_os_str().is_empty()).chain(files.iter().cloned()) {
        match read(&path) {
            Ok(found) => certificates.extend(found),
            Err(error) => errors.push(error),
        }
    }
    (certificates, errors)
}

fn read(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let (file, directory) = if path.is_dir() { (None, Some(path)) } else { (Some(path), None) };
    let found = rustls_native_certs::load_certs_from_paths(file, directory);
    let certificates = valid(&found);
    if certificates.is_empty() {
        let why = found.errors.first().map_or("it has none in PEM format".to_owned(), ToString::to_string);
        return Err(format!("failed to read certificate authorities from {}: {why}", path.display()));
    }
    Ok(certificates)
}

/// Returns the certificates that can be parsed. Some programs accept no others in a file.
fn valid(found: &CertificateResult) -> Vec<Vec<u8>> {
    let valid =
        found.certs.iter().filter(|certificate| RootCertStore::empty().add((*certificate).clone()).is_ok());
    valid.map(|certificate| certificate.to_vec()).collect()
}

/// Formats certificates as a PEM file.
pub(super) fn to_pem(certificates: &Certificates) -> String {
    let certificates: Vec<Pem> =
        certificates.iter().map(|der| Pem::new("CERTIFICATE", der.clone())).collect();
    pem::encode_many_config(&certificates, EncodeConfig::new().set_line_ending(LineEnding::LF))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_add_to_each_other() {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("ca.crt");
        let own = rcgen::generate_simple_self_signed(["ca".to_owned()]).expect("a certificate").cert;
        let (own, broken) = (own.der().to_vec(), vec![48, 1, 2]);
        let both = BTreeSet::from([own.clone(), broken.clone()]);
        std::fs::write(&file, to_pem(&both)).expect("written");
        let missing = folder.path().join("missing.crt");
        let (found, errors) = authorities(&[missing, file]);
        assert!(found.contains(&own) && !found.contains(&broken));
        assert!(found.len() > webpki_root_certs::TLS_SERVER_ROOT_CERTS.len());
        assert!(errors.len() == 1 && errors[0].contains("missing.crt"), "{errors:?}");
    }
}
