use std::{
    fs::File,
    io::Read,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{Stream, StreamExt, TryFutureExt, TryStreamExt, channel::mpsc, future::ready, stream};
use hyper::body::Bytes;
use object_store::{
    Error, GetResult, ObjectStore, ObjectStoreExt, PutMode, PutPayload, UpdateVersion, path::Path as Key,
};
use serde::{Deserialize, Serialize};
use tokio::{runtime::Handle, time::timeout};

use super::{
    Fetched, Store, StoreError,
    bucket_lease::{Held, version_of_object},
};
use crate::installer::{
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

/// The size of a part of an archive. Parts are objects of their own: they need no right but that to
/// create objects, and no store's own way of putting them together.
const PART: usize = 8 << 20;

/// Parts that are fetched at a time. With their size this bounds the memory.
const AT_A_TIME: usize = 4;

/// And sent: each has to arrive before the store is taken for dead.
const SENT_AT_A_TIME: usize = 2;

/// More than any set has to say of itself.
const ENTRY: u64 = 1 << 20;

/// Chunks of a part that wait to be unpacked. The network decides on their size; 64 KiB is usual.
const CHUNKS: usize = 128;

/// How long a store may take to begin an answer. It is asked for something small first, so this is
/// not the time for a part to be sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// A bucket of any cloud. Below the app's prefix:
///
/// - `SET.json` – what the set is and which archive it is in; made once, and only replaced by who found
///   that archive of no use
/// - `archives/SHA256/N.tar.zst` – the parts of an archive, by its content
/// - `SET.lease` – who installs
/// - `HASH-pyVERSION.tar.gz` – the published operator's; read, never written
pub struct Bucket {
    pub(super) store: Arc<dyn ObjectStore>,
    prefix: String,
    max_archive_size: u64,
    pub(super) token: String,
    /// The version of the entry that led to nothing of use.
    useless: Mutex<Option<UpdateVersion>>,
    /// It did not answer: it is not asked again, or a start would wait for it again and again.
    silent: AtomicBool,
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
    parts: usize,
}

impl Bucket {
    /// Of a store; `prefix` is the app's.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: String, max_archive_size: u64, token: String) -> Self {
        Self {
            store,
            prefix,
            max_archive_size,
            token,
            useless: Mutex::default(),
            silent: AtomicBool::default(),
        }
    }

    /// The key of something of the app's.
    pub(super) fn key(&self, name: &str) -> Key {
        Key::from(format!("{}/{name}", self.prefix))
    }

    fn limits(&self) -> Limits {
        Limits { bytes: self.max_archive_size.saturating_mul(RATIO), entries: ENTRIES }
    }

    fn useless(&self) -> Option<UpdateVersion> {
        self.useless.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for the begin of an answer, unless the store was silent before.
    async fn begun<T>(&self, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        self.is_heard()?;
        timeout(PATIENCE, answer).await.unwrap_or_else(|_| {
            self.silent.store(true, Ordering::Relaxed);
            Err(StoreError::Silent)
        })
    }

    fn is_heard(&self) -> Result<(), StoreError> {
        if self.silent.load(Ordering::Relaxed) { Err(StoreError::Silent) } else { Ok(()) }
    }

    /// An object; none where there is none.
    async fn object(&self, key: &Key) -> Result<Option<GetResult>, StoreError> {
        let got = async {
            match self.store.get(key).await {
                Ok(found) => Ok(Some(found)),
                Err(Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            }
        };
        self.begun(got).await
    }

    /// What is said of a set, and its version.
    async fn text(&self, set: &str) -> Result<Option<(Bytes, UpdateVersion)>, StoreError> {
        let Some(found) = self.object(&self.key(&format!("{set}.json"))).await? else { return Ok(None) };
        let version = version_of_object(&found.meta);
        // Too much is no entry either.
        let text = if found.meta.size > ENTRY { Bytes::new() } else { found.bytes().await? };
        Ok(Some((text, version)))
    }

    /// Unpacks an archive from a stream.
    async fn unpack(
        &self,
        name: &str,
        stream: impl Stream<Item = Result<Bytes, Error>> + Send + 'static,
        form: Form,
        into: &Path,
    ) -> Result<Archived, StoreError> {
        let (into, limits, runtime) = (into.to_owned(), self.limits(), Handle::current());
        let mut stream = Box::pin(stream);
        let chunks = std::iter::from_fn(move || runtime.block_on(stream.next()));
        let chunks = chunks.map(|bytes| bytes.map_err(std::io::Error::other));
        let unpacked = tokio::task::spawn_blocking(move || archive::unpack(chunks, form, &into, limits));
        let unpacked = unpacked.await.map_err(|_| StoreError::Ended)?;
        unpacked.map_err(|source| StoreError::Archive { name: name.to_owned(), source })
    }

    async fn ours(&self, set: &SetName, into: &Path) -> Result<Option<Fetched>, StoreError> {
        let name = set.to_string();
        let Some((text, version)) = self.text(&name).await? else { return Ok(None) };
        if self.useless().as_ref() == Some(&version) {
            return Ok(None);
        }
        let fetched = self.follow(&name, &text, into).await;
        if fetched.as_ref().is_err_and(StoreError::lasts) {
            *self.useless.lock().unwrap_or_else(PoisonError::into_inner) = Some(version);
        }
        fetched.map(Some)
    }

    /// Fetches what an entry leads to. Anybody may have written it.
    async fn follow(&self, name: &str, text: &[u8], into: &Path) -> Result<Fetched, StoreError> {
        let foreign = |why: String| StoreError::Foreign { name: format!("{name}.json"), why };
        let entry: Entry = serde_json::from_slice(text).map_err(|e| foreign(e.to_string()))?;
        if entry.info.name != name {
            return Err(foreign(format!("it tells of {}", entry.info.name)));
        }
        let folder = archive_folder(&entry.digest).ok_or_else(|| foreign("its digest is none".to_owned()))?;
        let (store, prefix) = (self.store.clone(), self.key(&folder));
        let parts = stream::iter(0..entry.parts)
            .map(move |part| ready(fetch(store.clone(), Key::from(part_name(prefix.as_ref(), part)))));
        let parts = parts.buffered(AT_A_TIME).flatten();
        let unpacked = self.unpack(&folder, parts, Form::Zstd, into).await?;
        if unpacked.digest != entry.digest {
            let source = ArchiveError::Digest { expected: entry.digest, found: unpacked.digest };
            return Err(StoreError::Archive { name: folder, source });
        }
        match installed::other(into, name) {
            Some(why) => Err(StoreError::Foreign { name: folder, why }),
            None => Ok(Fetched::Ours(entry.info)),
        }
    }

    async fn published(&self, set: &SetName, into: &Path) -> Result<Option<Fetched>, StoreError> {
        let name = format!("{}.tar.gz", set.published());
        let Some(found) = self.object(&self.key(&name)).await? else { return Ok(None) };
        self.unpack(&name, found.into_stream(), Form::Gzip, into).await?;
        match installed::foreign(into, &set.python) {
            Some(why) => Err(StoreError::Foreign { name, why }),
            None => Ok(Some(Fetched::Published)),
        }
    }

    /// Uploads an archive, part by part. Gives the number of parts.
    async fn upload(&self, archive: &Path, digest: &str, mode: &PutMode) -> Result<usize, StoreError> {
        let Some(folder) = archive_folder(digest) else { return Ok(0) };
        let mut file = File::open(archive)?;
        let parts = std::iter::from_fn(move || {
            let mut part = Vec::with_capacity(PART);
            let limit = u64::try_from(PART).unwrap_or(u64::MAX);
            match file.by_ref().take(limit).read_to_end(&mut part) {
                Ok(0) => None,
                Ok(_) => Some(Ok(part)),
                Err(error) => Some(Err(StoreError::Io(error))),
            }
        });
        let sent = parts.enumerate().map(|(number, part)| {
            let key = self.key(&part_name(&folder, number));
            async move {
                let put = self.store.put_opts(&key, PutPayload::from(part?), mode.clone().into()).await;
                match put {
                    // By its content: whatever has that name is the same.
                    Ok(_) | Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(()),
                    Err(error) => Err(StoreError::Store(error)),
                }
            }
        });
        stream::iter(sent)
            .buffered(SENT_AT_A_TIME)
            .try_fold(0, |parts, ()| async move { Ok(parts + 1) })
            .await
    }

    /// Makes the set known. The first one stands, unless it was of no use.
    async fn announce(&self, entry: &Entry) -> Result<(), StoreError> {
        let name = &entry.info.name;
        let key = self.key(&format!("{name}.json"));
        let text = serde_json::to_vec(entry).map_err(std::io::Error::from)?;
        let mode = self.useless().map_or(PutMode::Create, PutMode::Update);
        match self.store.put_opts(&key, PutPayload::from(text), mode.into()).await {
            Ok(_) => Ok(()),
            // Ours, after a try whose answer was lost, or another member's: as good.
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => match self.text(name).await? {
                Some(_) => Ok(()),
                None => {
                    Err(StoreError::Foreign { name: key.to_string(), why: "it came and went".to_owned() })
                }
            },
            Err(error) => Err(error.into()),
        }
    }
}

/// Fetches an object in a task of its own, which goes on while what came before is unpacked, until
/// so many chunks wait.
fn fetch(store: Arc<dyn ObjectStore>, key: Key) -> impl Stream<Item = Result<Bytes, Error>> {
    let (sender, chunks) = mpsc::channel(CHUNKS);
    tokio::spawn(async move {
        let body = store.get(&key).map_ok(GetResult::into_stream).try_flatten_stream();
        // Nobody takes more once the archive is of no use.
        _ = body.map(Ok).forward(sender).await;
    });
    chunks
}

/// None where a digest is none: it may come from an object that anybody wrote.
fn archive_folder(digest: &str) -> Option<String> {
    let is_digest = digest.len() == 64 && digest.chars().all(|c| c.is_ascii_hexdigit());
    is_digest.then(|| format!("archives/{digest}"))
}

fn part_name(folder: &str, part: usize) -> String {
    format!("{folder}/{part}.tar.zst")
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
        self.is_heard()?;
        let archive = tempfile::NamedTempFile::new_in(scratch)?.into_temp_path();
        let (from, to, limit) = (from.to_owned(), archive.to_path_buf(), self.max_archive_size);
        let packed = tokio::task::spawn_blocking(move || archive::pack(&from, &to, limit)).await;
        let packed = packed.map_err(|_| StoreError::Ended)?;
        let packed = packed.map_err(|source| StoreError::Archive {
            name: format!("the archive of {}", info.name),
            source,
        })?;
        // What stands in the place of one that was of no use may be the very parts that are broken.
        let mode = if self.useless().is_some() { PutMode::Overwrite } else { PutMode::Create };
        let parts = self.upload(&archive, &packed.digest, &mode).await?;
        let Archived { digest, size, unpacked } = packed;
        self.announce(&Entry { info: info.clone(), digest, size, unpacked, parts }).await
    }

    async fn lease(&self, set: &SetName, holds: Duration) -> Result<Asked<Held>, StoreError> {
        self.begun(self.ask(&format!("{set}.lease"), holds)).await
    }

    async fn renew(&self, held: &mut Held) -> Result<(), StoreError> {
        self.write(held, true).await
    }

    async fn release(&self, mut held: Held) -> Result<(), StoreError> {
        self.write(&mut held, false).await
    }
}
