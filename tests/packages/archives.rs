//! Archives that are not what they should be, and those of the published operator.

use std::{fs, io::Write, process::Command};

use flate2::{Compression, write::GzEncoder};
use futures::StreamExt;
use kaspr_operator::api::PackageSource;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, path::Path as Key};
use tokio::runtime::Runtime;

use crate::{
    index::Index,
    installer::{Ended, Tool, Volume},
    stores::{Cloud, PREFIX, Server},
    wheels::Wheel,
};

const WHEEL: Wheel = Wheel { ballast: 300_000, ..Wheel::new("kaspr-packed", "1.0") };

/// A bucket with what an installer left in it.
struct Bucket {
    server: Server,
    index: Index,
    runtime: Runtime,
}

impl Bucket {
    fn new() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        Self { server: Server::start(Cloud::S3), index: Index::with(&[WHEEL]), runtime }
    }

    fn start(&self, hash: &str) -> (Volume, Ended) {
        let volume = Volume::new();
        let container = volume.container("app-0", hash, Tool::Uv, &["kaspr-packed"]);
        let ended = self.server.give(container).env("INDEX_URL", self.index.url("open")).run();
        (volume, ended)
    }

    fn names(&self) -> Vec<String> {
        let all: Vec<_> = self.runtime.block_on(self.server.store().list(None).collect());
        all.into_iter().flatten().map(|object| object.location.to_string()).collect()
    }

    fn named(&self, end: &str) -> String {
        let names = self.names();
        names.iter().find(|name| name.ends_with(end)).unwrap_or_else(|| panic!("{end} in {names:?}")).clone()
    }

    fn get(&self, name: &str) -> Vec<u8> {
        let get = async { self.server.store().get(&Key::from(name)).await?.bytes().await };
        self.runtime.block_on(get).expect("an object").to_vec()
    }

    fn put(&self, name: &str, bytes: Vec<u8>) {
        let store: Box<dyn ObjectStore> = self.server.store();
        self.runtime.block_on(store.put(&Key::from(name), PutPayload::from(bytes))).expect("stored");
    }
}

#[test]
fn an_archive_that_was_changed_is_not_used() {
    type Change = fn(Vec<u8>) -> Vec<u8>;
    let cases: [(&str, &str, Change, &str); 6] = [
        (".tar.zst", "truncated", |bytes| bytes[..bytes.len() / 2].to_vec(), "archives/"),
        (".tar.zst", "tampered", |bytes| [&bytes[..], &[0]].concat(), "its digest is"),
        (".tar.zst", "empty", |_| Vec::new(), "archives/"),
        (".tar.zst", "no archive", |_| b"not an archive".to_vec(), "archives/"),
        (".json", "no entry", |_| b"{".to_vec(), ".json"),
        (
            ".json",
            "an entry that leads elsewhere",
            |bytes| {
                let mut entry: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
                entry["digest"] = "../../../etc".into();
                entry.to_string().into_bytes()
            },
            "its digest is none",
        ),
    ];
    for (end, what, change, words) in cases {
        let bucket = Bucket::new();
        bucket.start("changed").1.is_from(PackageSource::Index);
        let name = bucket.named(end);
        let changed = change(bucket.get(&name));
        bucket.put(&name, changed);
        let (volume, ended) = bucket.start("changed");
        ended.is_from(PackageSource::Index);
        let warnings = ended.report.warnings.join("\n");
        assert!(
            warnings.contains("the store is of no help") && warnings.contains(words),
            "{what}: {warnings}"
        );
        assert_eq!(volume.python("app-0", "import kaspr_packed.late as l; print(l.VERSION)"), "1.0");
        assert_eq!(volume.names("staging"), Vec::<String>::new(), "{what}");
    }
}

#[test]
fn the_same_set_gives_the_same_archive() {
    let digests = [0, 1].map(|_| {
        let bucket = Bucket::new();
        bucket.start("same").1.is_from(PackageSource::Index);
        bucket.named(".tar.zst")
    });
    assert_eq!(digests[0], digests[1]);
}

/// What the published operator keeps: `tar czf` of a folder that pip installed into.
fn published(wheel: &Wheel, tag: &str) -> Vec<u8> {
    let (wheels, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let file = wheel.make(wheels.path());
    let pip = ["-m", "pip", "install", "--quiet", "--no-index", "--target"];
    let mut install = Command::new("python3");
    install.args(pip).arg(folder.path()).arg(&file).env("PIP_CONFIG_FILE", "/dev/null");
    assert!(install.status().expect("Python").success());
    let wheel = format!("{}-{}.dist-info/WHEEL", wheel.name.replace('-', "_"), wheel.version);
    fs::write(folder.path().join(wheel), format!("Wheel-Version: 1.0\nTag: {tag}\n")).expect("written");
    fs::write(folder.path().join(".installed-published"), "{}").expect("written");
    let output =
        Command::new("tar").args(["czf", "-", "-C"]).arg(folder.path()).arg(".").output().expect("tar");
    output.stdout
}

fn python_version() -> String {
    let code = "import sys; print('%d.%d' % sys.version_info[:2])";
    let output = Command::new("python3").args(["-c", code]).output().expect("Python");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn the_published_operators_archives_are_hits() {
    let bucket = Bucket::new();
    let name = format!("{PREFIX}/published-py{}.tar.gz", python_version());
    bucket.put(&name, published(&WHEEL, "py3-none-any"));
    let (volume, ended) = bucket.start("published");
    ended.is_from(PackageSource::Cache);
    assert_eq!(ended.report.installed, ["kaspr-packed==1.0"]);
    assert_eq!(bucket.index.downloads(&WHEEL.file()), 0);
    assert_eq!(volume.python("app-0", "import kaspr_packed.late as l; print(l.VERSION)"), "1.0");
}

#[test]
fn an_archive_for_another_machine_is_foreign() {
    let bucket = Bucket::new();
    let name = format!("{PREFIX}/foreign-py{}.tar.gz", python_version());
    bucket.put(&name, published(&WHEEL, "cp311-cp311-manylinux_2_17_riscv64"));
    let (_, ended) = bucket.start("foreign");
    ended.is_from(PackageSource::Index);
    let warnings = ended.report.warnings.join("\n");
    assert!(warnings.contains("is for cp311-cp311-manylinux_2_17_riscv64"), "{warnings}");
}

/// A tar with one entry, as only an attacker writes it.
fn hostile(path: &[u8], kind: tar::EntryType, link: &str, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path);
    header.set_entry_type(kind);
    header.set_mode(0o4777);
    header.set_size(size);
    if !link.is_empty() {
        header.set_link_name(link).expect("a link");
    }
    header.set_cksum();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(header.as_bytes()).expect("written");
    let padded = usize::try_from(size.div_ceil(512) * 512).expect("a size");
    gzip.write_all(&vec![0; padded + 1024]).expect("written");
    gzip.finish().expect("written")
}

#[test]
fn a_hostile_archive_writes_nothing_anywhere() {
    use tar::EntryType::{Block, Fifo, Link, Regular, Symlink};
    let bucket = Bucket::new();
    let outside = tempfile::tempdir().expect("a folder");
    let target = outside.path().join("owned");
    let absolute = target.to_str().expect("a path");
    let cases: [(&str, Vec<u8>, &str); 7] = [
        ("above", hostile(b"../../../../owned", Regular, "", 4), "leaves the folder"),
        ("within", hostile(b"a/../../owned", Regular, "", 4), "leaves the folder"),
        ("absolute", hostile(absolute.as_bytes(), Regular, "", 4), "is an absolute path"),
        ("symlink", hostile(b"a", Symlink, "/etc", 0), "is a link"),
        ("hardlink", hostile(b"a", Link, "/etc/passwd", 0), "is a link"),
        ("fifo", hostile(b"a", Fifo, "", 0), "is neither a file nor a folder"),
        ("device", hostile(b"a", Block, "", 0), "is neither a file nor a folder"),
    ];
    for (hash, archive, words) in cases {
        bucket.put(&format!("{PREFIX}/{hash}-py{}.tar.gz", python_version()), archive);
        let (volume, ended) = bucket.start(hash);
        ended.is_from(PackageSource::Index);
        let warnings = ended.report.warnings.join("\n");
        assert!(warnings.contains(words), "{hash}: {warnings}");
        assert!(!target.exists(), "{hash}");
        assert_eq!(volume.names("staging"), Vec::<String>::new(), "{hash}");
    }
}

#[test]
fn an_archive_that_unpacks_without_end_is_stopped() {
    let bucket = Bucket::new();
    // Zeros pack to a thousandth.
    let archive = hostile(b"zeros", tar::EntryType::Regular, "", 64 << 20);
    assert!(archive.len() < 1 << 20);
    bucket.put(&format!("{PREFIX}/bomb-py{}.tar.gz", python_version()), archive);
    let volume = Volume::new();
    let container = volume.container("app-0", "bomb", Tool::Uv, &["kaspr-packed"]);
    let container = bucket.server.give(container).env("INDEX_URL", bucket.index.url("open"));
    let ended = container.env("MAX_ARCHIVE_SIZE", "1000000").run();
    ended.is_from(PackageSource::Index);
    let warnings = ended.report.warnings.join("\n");
    assert!(warnings.contains("it unpacks to more than 20000000 bytes"), "{warnings}");
}
