use std::{fs::File, io::Read, path::Path, time::Duration};

use futures::StreamExt;
use object_store::{
    Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload, WriteMultipart, path::Path as Key,
};
use serde::{Deserialize, Serialize};
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::{Fetched, Store, StoreError, bucket_lease::Held};
use crate::packages::{
    archive::{self, ArchiveError, Archived, Form, Limits},
    installed,
    lease::Asked,
    set::{SetInfo, SetName},
};

/// How much larger than its archive a set may be. Python packs to a third; hostile archives to a
/// thousandth.
const RATIO: u64 = 20;

/// More files than any set has.
const ENTRIES: u64 = 2_000_000;

/// The size of a part of an upload: stores take 5 MiB and more.
const PART: usize = 8 << 20;

/// Parts under way at a time. With their size this bounds the memory.
const PARTS: usize = 3;

/// A bucket of any cloud. Below the app's prefix:
///
/// - `SET.json` – what the set is and which archive it is in; made once, never changed
/// - `archives/SHA256.tar.zst` – by its content
/// - `SET.lease` – who installs
/// - `HASH-pyVERSION.tar.gz` – the published operator's; read, never written
pub struct Bucket {
    pub(super) store: Box<dyn ObjectStore>,
    prefix: String,
    max_archive_size: u64,
    pub(super) token: String,
}

/// What stands in `SET.json`.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(flatten)]
    info: SetInfo,
    digest: String,
    size: u64,
    unpacked: u64,
}

impl Bucket {
    /// Of a store; `prefix` is the app's.
    pub fn new(store: Box<dyn ObjectStore>, prefix: String, max_archive_size: u64, token: String) -> Self {
        Self { store, prefix, max_archive_size, token }
    }

    /// The key of something of the app's.
    pub(super) fn key(&self, name: &str) -> Key {
        Key::from(format!("{}/{name}", self.prefix))
    }

    fn limits(&self) -> Limits {
        Limits { bytes: self.max_archive_size.saturating_mul(RATIO), entries: ENTRIES }
    }

    async fn entry(&self, set: &str) -> Result<Option<Entry>, StoreError> {
        let key = self.key(&format!("{set}.json"));
        let text = match self.store.get(&key).await {
            Ok(found) => found.bytes().await?,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let entry = serde_json::from_slice(&text);
        let foreign =
            |e: serde_json::Error| StoreError::Foreign { name: key.to_string(), why: e.to_string() };
        entry.map(Some).map_err(foreign)
    }

    /// Fetches an archive in a stream. None: the store has not got it.
    async fn unpack(&self, name: &str, form: Form, into: &Path) -> Result<Option<Archived>, StoreError> {
        let key = self.key(name);
        let found = match self.store.get(&key).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let stream = found.into_stream().map(|bytes| bytes.map_err(std::io::Error::other));
        let (into, limits) = (into.to_owned(), self.limits());
        let reader = SyncIoBridge::new(StreamReader::new(stream));
        let unpacked = tokio::task::spawn_blocking(move || archive::unpack(reader, form, &into, limits));
        let unpacked = unpacked.await.map_err(|_| StoreError::Ended)?;
        unpacked.map(Some).map_err(|source| StoreError::Archive { name: key.to_string(), source })
    }

    async fn ours(&self, set: &SetName, into: &Path) -> Result<Option<Fetched>, StoreError> {
        let name = set.to_string();
        let Some(entry) = self.entry(&name).await? else { return Ok(None) };
        let archive = archive_name(&entry.digest).ok_or_else(|| StoreError::Foreign {
            name: name.clone(),
            why: "its digest is none".to_owned(),
        })?;
        let Some(unpacked) = self.unpack(&archive, Form::Zstd, into).await? else {
            let why = format!("its archive {archive} is gone: delete {name}.json to have it made again");
            return Err(StoreError::Foreign { name, why });
        };
        if unpacked.digest != entry.digest {
            let source = ArchiveError::Digest { expected: entry.digest, found: unpacked.digest };
            return Err(StoreError::Archive { name: archive, source });
        }
        if let Some(why) = installed::other(into, &name) {
            return Err(StoreError::Foreign { name: archive, why });
        }
        Ok(Some(Fetched::Ours(entry.info)))
    }

    async fn published(&self, set: &SetName, into: &Path) -> Result<Option<Fetched>, StoreError> {
        let name = format!("{}.tar.gz", set.published());
        if self.unpack(&name, Form::Gzip, into).await?.is_none() {
            return Ok(None);
        }
        match installed::foreign(into, &set.python) {
            Some(why) => Err(StoreError::Foreign { name, why }),
            None => Ok(Some(Fetched::Published)),
        }
    }

    async fn upload(&self, archive: &Path, digest: &str) -> Result<(), StoreError> {
        let Some(name) = archive_name(digest) else { return Ok(()) };
        let key = self.key(&name);
        // By its content: whatever has that name is the same.
        if self.store.head(&key).await.is_ok() {
            return Ok(());
        }
        let mut upload = WriteMultipart::new_with_chunk_size(self.store.put_multipart(&key).await?, PART);
        let mut file = File::open(archive)?;
        let sent: Result<(), StoreError> = async {
            let mut part = vec![0; PART];
            loop {
                let read = file.read(&mut part)?;
                if read == 0 {
                    return Ok(());
                }
                upload.wait_for_capacity(PARTS).await?;
                upload.write(&part[..read]);
            }
        }
        .await;
        if let Err(error) = sent {
            // Parts that nobody puts together go by the bucket's own rules where this fails too.
            _ = upload.abort().await;
            return Err(error);
        }
        upload.finish().await?;
        Ok(())
    }

    /// Makes the set known. The first one stands.
    async fn announce(&self, entry: &Entry) -> Result<(), StoreError> {
        let name = &entry.info.name;
        let key = self.key(&format!("{name}.json"));
        let text = serde_json::to_vec(entry).map_err(std::io::Error::from)?;
        let put = self.store.put_opts(&key, PutPayload::from(text), PutMode::Create.into()).await;
        match put {
            Ok(_) => Ok(()),
            // Ours, after a try whose answer was lost, or another member's: as good.
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => match self.entry(name).await? {
                Some(_) => Ok(()),
                None => {
                    Err(StoreError::Foreign { name: key.to_string(), why: "it came and went".to_owned() })
                }
            },
            Err(error) => Err(error.into()),
        }
    }
}

/// None where a digest is none: it may come from an object that anybody wrote.
fn archive_name(digest: &str) -> Option<String> {
    let is_digest = digest.len() == 64 && digest.chars().all(|c| c.is_ascii_hexdigit());
    is_digest.then(|| format!("archives/{digest}.tar.zst"))
}

impl Store for Bucket {
    type Held = Held;

    async fn fetch(&self, set: &SetName, into: &Path) -> Result<Option<Fetched>, StoreError> {
        match self.ours(set, into).await? {
            Some(fetched) => Ok(Some(fetched)),
            None => self.published(set, into).await,
        }
    }

    async fn publish(&self, info: &SetInfo, from: &Path, scratch: &Path) -> Result<(), StoreError> {
        let archive = tempfile::NamedTempFile::new_in(scratch)?.into_temp_path();
        let (from, to, limit) = (from.to_owned(), archive.to_path_buf(), self.max_archive_size);
        let packed = tokio::task::spawn_blocking(move || archive::pack(&from, &to, limit)).await;
        let packed = packed.map_err(|_| StoreError::Ended)?;
        let packed = packed.map_err(|source| StoreError::Archive {
            name: format!("the archive of {}", info.name),
            source,
        })?;
        self.upload(&archive, &packed.digest).await?;
        let Archived { digest, size, unpacked } = packed;
        self.announce(&Entry { info: info.clone(), digest, size, unpacked }).await
    }

    async fn lease(&self, set: &SetName, holds: Duration) -> Result<Asked<Held>, StoreError> {
        self.ask(&format!("{set}.lease"), holds).await
    }

    async fn renew(&self, held: &mut Held) -> Result<(), StoreError> {
        self.write(held, true).await
    }

    async fn release(&self, mut held: Held) -> Result<(), StoreError> {
        self.write(&mut held, false).await
    }
}
