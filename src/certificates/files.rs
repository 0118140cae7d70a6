//! A certificate in files that another program replaces, by rewriting them or, as the kubelet does with a
//! Secret volume, by switching a symbolic link.

use std::{fs, io, path::PathBuf, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{CertificateReloader, KeyPair};

/// Interval between two checks. A certificate is replaced long before it expires, so file system events,
/// which some volumes do not deliver, would gain nothing.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// The PEM files of a certificate.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// File with the certificate chain.
    pub certificate: PathBuf,
    /// File with the private key.
    pub key: PathBuf,
}

impl CertificateFiles {
    /// Reads both files, consistently.
    ///
    /// # Errors
    ///
    /// A file could not be read: its path, and why.
    pub fn read(&self) -> Result<KeyPair, (PathBuf, io::Error)> {
        let read = |path: &PathBuf| fs::read(path).map_err(|source| (path.clone(), source));
        loop {
            let pair = KeyPair { certificate: read(&self.certificate)?, key: read(&self.key)? };
            // The files may have been replaced between the two reads.
            if read(&self.certificate)? == pair.certificate {
                return Ok(pair);
            }
        }
    }

    /// Reloads the server's certificate whenever the files differ from `last`. A certificate that cannot be
    /// reloader is logged once; the server keeps the current one.
    pub async fn follow(self, mut last: KeyPair, reloader: CertificateReloader, stop: CancellationToken) {
        let mut reported = None;
        while stop.run_until_cancelled(tokio::time::sleep(CHECK_INTERVAL)).await.is_some() {
            let files = self.clone();
            let result = match tokio::task::spawn_blocking(move || files.read()).await {
                Ok(Ok(pair)) if pair == last => Ok(()),
                Ok(Ok(pair)) => reloader.replace(&pair).map_err(|error| error.to_string()).map(|not_after| {
                    tracing::info!(file = %self.certificate.display(), not_after, "serving a new certificate");
                    last = pair;
                }),
                Ok(Err((path, source))) => Err(format!("failed to read {}: {source}", path.display())),
                Err(error) => Err(error.to_string()),
            };
            let now = result.err();
            if let Some(error) = now.as_ref().filter(|error| Some(*error) != reported.as_ref()) {
                let file = self.certificate.display();
                tracing::warn!(error, %file, "new certificate rejected; keeping the current one");
            }
            reported = now;
        }
    }
}
