//! A bucket of a cloud.

use std::{
    fs::File,
    io::Read,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{Stream, StreamExt, TryFutureExt, TryStreamExt, channel::mpsc, future::ready, stream};
use hyper::body::Bytes;
use object_store::{
    Error, GetResult, ObjectStore, ObjectStoreExt, PutMode, PutPayload, UpdateVersion, path::Path as Key,
};
use tokio::{runtime::Handle, time::timeout};

use super::{
    bucket_layout::{Entry, archive_folder, part_name},
    bucket_lease::{BucketLease, BucketLeases, object_key},
    conditional::ConditionalStore,
    error::StoreError,
    interface::{Fetched, Store},
    lease_outcome::LeaseOutcome,
    object_version::version_of_object,
};
use crate::{
    installer::{
        archive::{self, ArchiveError, ArchiveInfo, ArchiveLimits, Compression},
        package_set::{SetInfo, SetName, name_mismatch},
        tool::dist_info,
    },
    sync::lock,
};

/// Largest ratio of the size of a set to the maximum size of its archive. Python code compresses to a third,
/// a decompression bomb to a thousandth.
const RATIO: u64 = 20;

/// Upper bound of the number of files of a set.
const ENTRIES: u64 = 2_000_000;

/// Size of a part of an archive in bytes. Each part is an object, so uploads need only the permission to
/// create objects, and no multipart API of a particular store.
const PART: usize = 8 << 20;

/// Number of parts that are fetched concurrently. With their size this limits the memory.
const CONCURRENT_FETCHES: usize = 4;

/// Number of parts that are uploaded concurrently. Each must complete within the read timeout, so the
/// number is small.
const CONCURRENT_UPLOADS: usize = 2;

/// Upper bound of the size of `SET.json`, in bytes.
const LARGEST_ENTRY: u64 = 1 << 20;

/// Number of chunks of a part that may wait to be unpacked. The size of a chunk depends on the network;
/// 64 KiB is usual.
const CHUNKS: usize = 128;

/// Time limit for the first byte of a response. The first request is small, so the limit does not include
/// the upload of a part.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// A bucket of any cloud, with the objects that `bucket_layout` describes.
pub(crate) struct Bucket {
    store: Arc<dyn ObjectStore>,
    writer: Arc<ConditionalStore>,
    prefix: String,
    max_archive_size: u64,
    leases: BucketLeases,
    /// Version of an entry whose archive is unusable.
    unusable: Mutex<Option<UpdateVersion>>,
    /// Set when the store did not respond. It receives no further requests; otherwise a start would wait for
    /// it repeatedly.
    unresponsive: AtomicBool,
}

impl Bucket {
    /// Creates a bucket; `prefix` is the app's prefix, and `token` identifies this process.
    pub(crate) fn new(
        store: Arc<dyn ObjectStore>,
        prefix: String,
        max_archive_size: u64,
        token: String,
    ) -> Self {
        let writer = Arc::new(ConditionalStore::new(store.clone()));
        let leases = BucketLeases::new(writer.clone(), prefix.clone(), token);
        Self {
            store,
            writer,
            prefix,
            max_archive_size,
            leases,
            unusable: Mutex::default(),
            unresponsive: AtomicBool::default(),
        }
    }

    fn key(&self, name: &str) -> Key {
        object_key(&self.prefix, name)
    }

    fn limits(&self) -> ArchiveLimits {
        ArchiveLimits { bytes: self.max_archive_size.saturating_mul(RATIO), entries: ENTRIES }
    }

    fn unusable_version(&self) -> Option<UpdateVersion> {
        lock(&self.unusable).clone()
    }

    /// Waits for a response with a time limit. Fails at once if the store did not respond earlier.
    async fn with_timeout<T>(
        &self,
        response: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.check_responsive()?;
        timeout(RESPONSE_TIMEOUT, response).await.unwrap_or_else(|_| {
            self.unresponsive.store(true, Ordering::Relaxed);
            Err(StoreError::Unresponsive)
        })
    }

    fn check_responsive(&self) -> Result<(), StoreError> {
        if self.unresponsive.load(Ordering::Relaxed) { Err(StoreError::Unresponsive) } else { Ok(()) }
    }

    /// Requests an object. Returns `None` if the object does not exist.
    async fn get_object(&self, key: &Key) -> Result<Option<GetResult>, StoreError> {
        let response = async {
            match self.store.get(key).await {
                Ok(found) => Ok(Some(found)),
                Err(Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            }
        };
        self.with_timeout(response).await
    }

    /// Reads the entry of a set, and its version.
    async fn read_entry(&self, set: &str) -> Result<Option<(Bytes, UpdateVersion)>, StoreError> {
        let Some(found) = self.get_object(&self.key(&format!("{set}.json"))).await? else { return Ok(None) };
        let version = version_of_object(&found.meta);
        // An object of this size is not a valid entry; empty text leads to that error.
        let text = if found.meta.size > LARGEST_ENTRY { Bytes::new() } else { found.bytes().await? };
        Ok(Some((text, version)))
    }

    /// Unpacks an archive from a stream.
    async fn unpack(
        &self,
        name: &str,
        stream: impl Stream<Item = Result<Bytes, Error>> + Send + 'static,
        compression: Compression,
        into: &Path,
    ) -> Result<ArchiveInfo, StoreError> {
        let (into, limits, runtime) = (into.to_owned(), self.limits(), Handle::current());
        let mut stream = Box::pin(stream);
        let chunks = std::iter::from_fn(move || runtime.block_on(stream.next()));
        let chunks = chunks.map(|bytes| bytes.map_err(std::io::Error::other));
        let unpacked =
            tokio::task::spawn_blocking(move || archive::unpack(chunks, compression, &into, limits));
        let unpacked = unpacked.await.map_err(|_| StoreError::TaskFailed)?;
        unpacked.map_err(|source| StoreError::Archive { name: name.to_owned(), source })
    }

    /// Fetches a set of this installer.
    async fn fetch_current(&self, set: &SetName, into: &Path) -> Result<Option<Fetched>, StoreError> {
        let name = set.to_string();
        let Some((text, version)) = self.read_entry(&name).await? else { return Ok(None) };
        if self.unusable_version().as_ref() == Some(&version) {
            return Ok(None);
        }
        let fetched = self.fetch_entry(&name, &text, into).await;
        if fetched.as_ref().is_err_and(StoreError::is_permanent) {
            *lock(&self.unusable) = Some(version);
        }
        fetched.map(Some)
    }

    /// Fetches the archive that an entry names. The entry is not trusted: other clients can write to the
    /// bucket.
    async fn fetch_entry(&self, name: &str, text: &[u8], into: &Path) -> Result<Fetched, StoreError> {
        let mismatch = |why: String| StoreError::Mismatch { name: format!("{name}.json"), why };
        let entry: Entry = serde_json::from_slice(text).map_err(|e| mismatch(e.to_string()))?;
        if entry.info.name != name {
            return Err(mismatch(format!("entry is for {}", entry.info.name)));
        }
        let folder = archive_folder(&entry.digest).ok_or_else(|| mismatch("invalid digest".to_owned()))?;
        let (store, prefix) = (self.store.clone(), self.key(&folder));
        let parts = stream::iter(0..entry.parts)
            .map(move |part| ready(fetch_object(store.clone(), Key::from(part_name(prefix.as_ref(), part)))));
        let parts = parts.buffered(CONCURRENT_FETCHES).flatten();
        let unpacked = self.unpack(&folder, parts, Compression::Zstd, into).await?;
        if unpacked.digest != entry.digest {
            let source = ArchiveError::Digest { expected: entry.digest, found: unpacked.digest };
            return Err(StoreError::Archive { name: folder, source });
        }
        match name_mismatch(into, name) {
            Some(why) => Err(StoreError::Mismatch { name: folder, why }),
            None => Ok(Fetched::Current(entry.info)),
        }
    }

    /// Fetches a set of the Python operator.
    async fn fetch_legacy(&self, set: &SetName, into: &Path) -> Result<Option<Fetched>, StoreError> {
        let name = format!("{}.tar.gz", set.legacy_name());
        let Some(found) = self.get_object(&self.key(&name)).await? else { return Ok(None) };
        self.unpack(&name, found.into_stream(), Compression::Gzip, into).await?;
        match dist_info::find_incompatible(into, &set.python) {
            Some(why) => Err(StoreError::Mismatch { name, why }),
            None => Ok(Some(Fetched::Legacy)),
        }
    }

    /// Uploads an archive in parts. Returns the number of parts.
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
                let put = self.writer.put(&key, PutPayload::from(part?), mode.clone()).await;
                match put {
                    // Keys are digests, so an existing object has the same content.
                    Ok(_) | Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(()),
                    Err(error) => Err(StoreError::Store(error)),
                }
            }
        });
        stream::iter(sent)
            .buffered(CONCURRENT_UPLOADS)
            .try_fold(0, |parts, ()| async move { Ok(parts + 1) })
            .await
    }

    /// Writes the entry of a set. An existing entry is kept, unless its archive is unusable.
    async fn write_entry(&self, entry: &Entry) -> Result<(), StoreError> {
        let name = &entry.info.name;
        let key = self.key(&format!("{name}.json"));
        let text = serde_json::to_vec(entry).map_err(std::io::Error::from)?;
        let mode = self.unusable_version().map_or(PutMode::Create, PutMode::Update);
        match self.writer.put(&key, PutPayload::from(text), mode).await {
            Ok(_) => Ok(()),
            // Either this process wrote the entry but did not receive the response, or another member
            // wrote it. Both are fine.
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
                match self.read_entry(name).await? {
                    Some(_) => Ok(()),
                    None => Err(StoreError::Mismatch {
                        name: key.to_string(),
                        why: "entry disappeared after being written".to_owned(),
                    }),
                }
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Fetches an object in a task of its own. The task continues while earlier objects are unpacked, until the
/// channel is full.
fn fetch_object(store: Arc<dyn ObjectStore>, key: Key) -> impl Stream<Item = Result<Bytes, Error>> {
    let (sender, chunks) = mpsc::channel(CHUNKS);
    tokio::spawn(async move {
        let body = store.get(&key).map_ok(GetResult::into_stream).try_flatten_stream();
        // The receiver is dropped when the archive turns out to be unusable.
        _ = body.map(Ok).forward(sender).await;
    });
    chunks
}

impl Store for Bucket {
    type Lease = BucketLease;

    async fn fetch(&self, set: &SetName, into: &Path) -> Result<Option<Fetched>, StoreError> {
        match self.fetch_current(set, into).await? {
            Some(fetched) => Ok(Some(fetched)),
            None => self.fetch_legacy(set, into).await,
        }
    }

    async fn publish(&self, info: &SetInfo, from: &Path, scratch: &Path) -> Result<(), StoreError> {
        self.check_responsive()?;
        let archive = tempfile::NamedTempFile::new_in(scratch)?.into_temp_path();
        let (from, to, limit) = (from.to_owned(), archive.to_path_buf(), self.max_archive_size);
        let packed = tokio::task::spawn_blocking(move || archive::pack(&from, &to, limit)).await;
        let packed = packed.map_err(|_| StoreError::TaskFailed)?;
        let packed = packed.map_err(|source| StoreError::Archive {
            name: format!("the archive of {}", info.name),
            source,
        })?;
        // If the previous archive was unusable, existing parts may be the broken ones.
        let mode = if self.unusable_version().is_some() { PutMode::Overwrite } else { PutMode::Create };
        let parts = self.upload(&archive, &packed.digest, &mode).await?;
        let ArchiveInfo { digest, size, unpacked } = packed;
        self.write_entry(&Entry { info: info.clone(), digest, size, unpacked, parts }).await
    }

    async fn acquire(
        &self,
        set: &SetName,
        duration: Duration,
    ) -> Result<LeaseOutcome<BucketLease>, StoreError> {
        self.with_timeout(self.leases.acquire(&format!("{set}.lease"), duration)).await
    }

    async fn renew(&self, lease: &mut BucketLease) -> Result<(), StoreError> {
        self.leases.renew(lease).await
    }

    async fn release(&self, lease: BucketLease) -> Result<(), StoreError> {
        self.leases.release(lease).await
    }
}
