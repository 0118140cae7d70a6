//! A certificate in files that somebody else replaces, by writing them anew or by swapping a symbolic
//! link, as kubelet does with the volume of a Secret.

use std::{fs, io, path::PathBuf, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{Pair, Served};

/// The pause between two looks: a certificate is replaced long before it ends, so nothing is gained by
/// events of the file system, which some volumes do not give.
const PAUSE: Duration = Duration::from_secs(5);

/// The files of a certificate, both PEM.
#[derive(Clone, Debug)]
pub struct Files {
    /// The chain.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Files {
    /// Reads both.
    ///
    /// Errors: the file that can't be read, and why.
    pub fn read(&self) -> Result<Pair, (PathBuf, io::Error)> {
        let read = |path: &PathBuf| fs::read(path).map_err(|source| (path.clone(), source));
        loop {
            let pair = Pair { certificate: read(&self.certificate)?, key: read(&self.key)? };
            // They may have been replaced between the two.
            if read(&self.certificate)? == pair.certificate {
                return Ok(pair);
            }
        }
    }

    /// Has the server serve what the files hold, whenever that is something else than `last`. What
    /// can't be served is logged, once, and the certificate before it stays.
    pub async fn follow(self, mut last: Pair, served: Served, stop: CancellationToken) {
        let mut trouble = None;
        while stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_some() {
            let files = self.clone();
            let result = match tokio::task::spawn_blocking(move || files.read()).await {
                Ok(Ok(pair)) if pair == last => Ok(()),
                Ok(Ok(pair)) => served.replace(&pair).map_err(|error| error.to_string()).map(|ends| {
                    tracing::info!(file = %self.certificate.display(), ends, "serving a new certificate");
                    last = pair;
                }),
                Ok(Err((path, source))) => Err(format!("can't read {}: {source}", path.display())),
                Err(error) => Err(error.to_string()),
            };
            let now = result.err();
            if let Some(error) = now.as_ref().filter(|error| Some(*error) != trouble.as_ref()) {
                let file = self.certificate.display();
                tracing::warn!(error, %file, "the new certificate is refused, the one before stays");
            }
            trouble = now;
        }
    }
}
