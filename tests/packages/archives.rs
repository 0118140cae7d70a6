//! Archives that are not what they should be, and those of the published operator.

use std::{fs, io::Write, process::Command};

use flate2::{Compression, write::GzEncoder};
use kaspr_operator::api::PackageSource;

use crate::{
    index::Index,
    installer::{Container, Ended, Tool, Volume},
    server::{CLOUDS, Cloud, PREFIX, Server},
    tools,
    wheels::Wheel,
};

const WHEEL: Wheel = Wheel { ballast: 300_000, ..Wheel::new("kaspr-packed", "1.0") };

/// A store, and an index that has the package.
struct Site {
    server: Server,
    index: Index,
}

impl Site {
    fn new(cloud: Cloud) -> Self {
        Self { server: Server::start(cloud), index: Index::with(&[WHEEL]) }
    }

    fn container(&self, volume: &Volume, hash: &str) -> Container {
        let container = volume.container("app-0", hash, Tool::Uv, &["kaspr-packed"]);
        self.server.give(container).env("INDEX_URL", self.index.url("open"))
    }

    fn start(&self, hash: &str) -> (Volume, Ended) {
        let volume = Volume::new();
        let ended = self.container(&volume, hash).run();
        (volume, ended)
    }

    /// Puts what the published operator would have kept.
    fn put_published(&self, hash: &str, archive: Vec<u8>) {
        self.server.put(&format!("{PREFIX}/{hash}-py{}.tar.gz", python_version()), archive);
    }
}

/// Of what a start could not use.
fn warned(ended: &Ended, words: &str) {
    ended.is_from(PackageSource::Index);
    let warnings = ended.report.warnings.join("\n");
    assert!(warnings.contains("the store is of no help") && warnings.contains(words), "{words}: {warnings}");
}

/// An entry with another value in one field.
fn changed(entry: &[u8], field: &str, value: serde_json::Value) -> Vec<u8> {
    let mut entry: serde_json::Value = serde_json::from_slice(entry).expect("JSON");
    entry[field] = value;
    entry.to_string().into_bytes()
}

#[test]
fn an_archive_that_was_changed_is_not_used() {
    type Change = fn(Vec<u8>) -> Vec<u8>;
    let cases: [(&str, &str, Change, &str); 7] = [
        (".tar.zst", "truncated", |bytes| bytes[..bytes.len() / 2].to_vec(), "archives/"),
        (".tar.zst", "tampered", |bytes| [&bytes[..], &[0]].concat(), "its digest is"),
        (".tar.zst", "empty", |_| Vec::new(), "archives/"),
        (".tar.zst", "no archive", |_| b"not an archive".to_vec(), "archives/"),
        (".json", "no entry", |_| b"{".to_vec(), ".json"),
        (
            ".json",
            "an entry that leads elsewhere",
            |bytes| changed(&bytes, "digest", "../../../etc".into()),
            "its digest is none",
        ),
        (
            ".json",
            "an entry of another set",
            |bytes| changed(&bytes, "name", "../../owned".into()),
            "it tells of ../../owned",
        ),
    ];
    for cloud in CLOUDS {
        let site = Site::new(cloud);
        site.start("changed").1.is_from(PackageSource::Index);
        for (end, what, change, words) in cases {
            let name = site.server.named(end);
            site.server.put(&name, change(site.server.get(&name)));
            let (volume, ended) = site.start("changed");
            warned(&ended, words);
            assert_eq!(volume.python("app-0", "import kaspr_packed.late as l; print(l.VERSION)"), "1.0");
            assert_eq!(volume.names("staging"), Vec::<String>::new(), "{cloud:?}: {what}");
            // Looked at once, told once, and replaced: the next one finds a whole one.
            let told = ended.report.warnings.iter().filter(|warning| warning.contains("of no help"));
            assert_eq!(told.count(), 1, "{cloud:?}: {what}: {:?}", ended.report.warnings);
            site.start("changed").1.is_from(PackageSource::Cache);
        }
        // The digest decides, not how many parts there are said to be.
        let name = site.server.named(".json");
        site.server.put(&name, changed(&site.server.get(&name), "parts", u64::MAX.into()));
        site.start("changed").1.is_from(PackageSource::Cache);
    }
}

#[test]
fn the_same_set_gives_the_same_archive() {
    let digests = CLOUDS.map(|cloud| {
        let site = Site::new(cloud);
        site.start("same").1.is_from(PackageSource::Index);
        site.server.named(".tar.zst")
    });
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
}

/// What the published operator keeps: `tar czf` of a folder that pip installed into.
fn published(wheel: &Wheel, tag: &str) -> Vec<u8> {
    let (wheels, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let file = wheel.make(wheels.path());
    let pip = ["-m", "pip", "install", "--quiet", "--no-index", "--target"];
    let mut install = Command::new("python3");
    install.args(pip).arg(folder.path()).arg(&file).env("PIP_CONFIG_FILE", "/dev/null");
    let ran = install.output().expect("Python");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let wheel = format!("{}-{}.dist-info/WHEEL", wheel.name.replace('-', "_"), wheel.version);
    fs::write(folder.path().join(wheel), format!("Wheel-Version: 1.0\nTag: {tag}\n")).expect("written");
    fs::write(folder.path().join(".installed-published"), "{}").expect("written");
    let output =
        Command::new("tar").args(["czf", "-", "-C"]).arg(folder.path()).arg(".").output().expect("tar");
    output.stdout
}

fn python_version() -> String {
    tools::python("import sys; print('%d.%d' % sys.version_info[:2])")
}

#[test]
fn the_published_operators_archives_are_hits() {
    for cloud in CLOUDS {
        let site = Site::new(cloud);
        site.put_published("published", published(&WHEEL, "py3-none-any"));
        let (volume, ended) = site.start("published");
        ended.is_from(PackageSource::Cache);
        assert_eq!(ended.report.installed, ["kaspr-packed==1.0"]);
        assert_eq!(site.index.downloads(&WHEEL.file()), 0);
        assert_eq!(volume.python("app-0", "import kaspr_packed.late as l; print(l.VERSION)"), "1.0");
    }
}

#[test]
fn an_archive_for_another_machine_is_foreign() {
    let archive = published(&WHEEL, "cp311-cp311-manylinux_2_17_riscv64");
    for cloud in CLOUDS {
        let site = Site::new(cloud);
        site.put_published("foreign", archive.clone());
        warned(&site.start("foreign").1, "is for cp311-cp311-manylinux_2_17_riscv64");
    }
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
    use tar::EntryType::{Block, Fifo, GNULongName, Link, Regular, Symlink};
    let outside = tempfile::tempdir().expect("a folder");
    let target = outside.path().join("owned");
    let absolute = target.to_str().expect("a path");
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("above", hostile(b"../../../../owned", Regular, "", 4), "leaves the folder"),
        ("within", hostile(b"a/../../owned", Regular, "", 4), "leaves the folder"),
        ("absolute", hostile(absolute.as_bytes(), Regular, "", 4), "is an absolute path"),
        ("symlink", hostile(b"a", Symlink, "/etc", 0), "is a link"),
        ("hardlink", hostile(b"a", Link, "/etc/passwd", 0), "is a link"),
        ("fifo", hostile(b"a", Fifo, "", 0), "is neither a file nor a folder"),
        ("device", hostile(b"a", Block, "", 0), "is neither a file nor a folder"),
        ("name", hostile(b"././@LongLink", GNULongName, "", 64 << 20), "a name in it is longer than any"),
    ];
    for cloud in CLOUDS {
        let site = Site::new(cloud);
        for (hash, archive, words) in &cases {
            site.put_published(hash, archive.clone());
            let (volume, ended) = site.start(hash);
            warned(&ended, words);
            assert!(!target.exists(), "{cloud:?}: {hash}");
            assert_eq!(volume.names("staging"), Vec::<String>::new(), "{cloud:?}: {hash}");
        }
    }
}

#[test]
fn an_archive_that_unpacks_without_end_is_stopped() {
    // Zeros pack to a thousandth.
    let archive = hostile(b"zeros", tar::EntryType::Regular, "", 64 << 20);
    assert!(archive.len() < 1 << 20);
    for cloud in CLOUDS {
        let site = Site::new(cloud);
        site.put_published("bomb", archive.clone());
        let volume = Volume::new();
        let ended = site.container(&volume, "bomb").env("MAX_ARCHIVE_SIZE", "1000000").run();
        warned(&ended, "it unpacks to more than 20000000 bytes");
    }
}
