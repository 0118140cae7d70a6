//! Invalid archives, and archives of the Python operator.

use std::{fs, io::Write, process::Command};

use flate2::{Compression, write::GzEncoder};
use kaspr_operator::api::PackageSource;

use crate::{
    index::Index,
    installer::{Container, Outcome, Tool, Volume},
    server::{CLOUDS, Cloud, PREFIX, Server},
    tools,
    wheels::Wheel,
};

const WHEEL: Wheel = Wheel { ballast: 300_000, ..Wheel::new("kaspr-packed", "1.0") };

/// Warning of an archive that could not be used.
const UNUSABLE: &str = "could not fetch packages from the cache";

/// A store, and an index with the package.
struct Site {
    server: Server,
    index: Index,
}

impl Site {
    fn new(cloud: Cloud) -> Self {
        Self { server: Server::start(cloud), index: Index::new(&[WHEEL]) }
    }

    fn container(&self, volume: &Volume, hash: &str) -> Container {
        let container = volume.container("app-0", hash, Tool::Uv, &["kaspr-packed"]);
        self.server.configure(container).env("INDEX_URL", self.index.url("open"))
    }

    fn start(&self, hash: &str) -> (Volume, Outcome) {
        let volume = Volume::new();
        let outcome = self.container(&volume, hash).run();
        (volume, outcome)
    }

    /// Stores an archive as the Python operator does.
    fn put_legacy(&self, hash: &str, archive: Vec<u8>) {
        self.server.put(&format!("{PREFIX}/{hash}-py{}.tar.gz", python_version()), archive);
    }
}

/// Asserts that a start reports an archive that it could not use.
fn assert_warned(outcome: &Outcome, message: &str) {
    outcome.assert_from(PackageSource::Index);
    let warnings = outcome.report.warnings.join("\n");
    assert!(warnings.contains(UNUSABLE) && warnings.contains(message), "{message}: {warnings}");
}

/// Returns an entry with a different value in one field.
fn with_field(entry: &[u8], field: &str, value: serde_json::Value) -> Vec<u8> {
    let mut entry: serde_json::Value = serde_json::from_slice(entry).expect("JSON");
    entry[field] = value;
    entry.to_string().into_bytes()
}

#[test]
fn a_modified_archive_is_not_used() {
    type Change = fn(Vec<u8>) -> Vec<u8>;
    let cases: [(&str, &str, Change, &str); 7] = [
        (".tar.zst", "truncated", |bytes| bytes[..bytes.len() / 2].to_vec(), "archives/"),
        (".tar.zst", "tampered", |bytes| [&bytes[..], &[0]].concat(), "the digest is"),
        (".tar.zst", "empty", |_| Vec::new(), "archives/"),
        (".tar.zst", "not an archive", |_| b"not an archive".to_vec(), "archives/"),
        (".json", "not an entry", |_| b"{".to_vec(), ".json"),
        (
            ".json",
            "an entry that leads elsewhere",
            |bytes| with_field(&bytes, "digest", "../../../etc".into()),
            "invalid digest",
        ),
        (
            ".json",
            "an entry of another set",
            |bytes| with_field(&bytes, "name", "../../owned".into()),
            "entry is for ../../owned",
        ),
    ];
    for cloud in CLOUDS {
        let site = Site::new(cloud);
        site.start("changed").1.assert_from(PackageSource::Index);
        for (suffix, what, change, message) in cases {
            let name = site.server.named(suffix);
            site.server.put(&name, change(site.server.get(&name)));
            let (volume, outcome) = site.start("changed");
            assert_warned(&outcome, message);
            assert_eq!(volume.python("app-0", "import kaspr_packed.late as l; print(l.VERSION)"), "1.0");
            assert_eq!(volume.names("staging"), Vec::<String>::new(), "{cloud:?}: {what}");
            // The archive is read once, reported once, and replaced, so that the next member can use it.
            let reported = outcome.report.warnings.iter().filter(|warning| warning.contains(UNUSABLE));
            assert_eq!(reported.count(), 1, "{cloud:?}: {what}: {:?}", outcome.report.warnings);
            site.start("changed").1.assert_from(PackageSource::Cache);
        }
        // The digest is checked, not the number of parts in the entry.
        let name = site.server.named(".json");
        site.server.put(&name, with_field(&site.server.get(&name), "parts", u64::MAX.into()));
        site.start("changed").1.assert_from(PackageSource::Cache);
    }
}

#[test]
fn the_same_set_produces_the_same_archive() {
    let digests = CLOUDS.map(|cloud| {
        let site = Site::new(cloud);
        site.start("same").1.assert_from(PackageSource::Index);
        site.server.named(".tar.zst")
    });
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
}

/// Creates an archive of the Python operator: `tar czf` of a directory that pip installed into.
fn legacy_archive(wheel: &Wheel, tag: &str) -> Vec<u8> {
    let (wheels, folder) =
        (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let file = wheel.build(wheels.path());
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
fn archives_of_the_python_operator_are_used() {
    for cloud in CLOUDS {
        let site = Site::new(cloud);
        site.put_legacy("legacy", legacy_archive(&WHEEL, "py3-none-any"));
        let (volume, outcome) = site.start("legacy");
        outcome.assert_from(PackageSource::Cache);
        assert_eq!(outcome.report.installed, ["kaspr-packed==1.0"]);
        assert_eq!(site.index.downloads(&WHEEL.file()), 0);
        assert_eq!(volume.python("app-0", "import kaspr_packed.late as l; print(l.VERSION)"), "1.0");
    }
}

/// The Python operator may have stored the same packages under another hash, and so may this installer.
#[test]
fn archives_under_equal_hashes_are_used() {
    for cloud in CLOUDS {
        let site = Site::new(cloud);
        let start = |hash: &str, equal: &str| {
            let volume = Volume::new();
            let outcome = site.container(&volume, hash).env("PACKAGES_EQUAL_HASHES", equal).run();
            assert_eq!(volume.python("app-0", "import kaspr_packed.late as l; print(l.VERSION)"), "1.0");
            outcome
        };
        site.put_legacy("python", legacy_archive(&WHEEL, "py3-none-any"));
        start("new", "other,python").assert_from(PackageSource::Cache);
        start("stored", "other").assert_from(PackageSource::Index);
        start("without-defaults", "other,stored").assert_from(PackageSource::Cache);
    }
}

#[test]
fn an_archive_for_another_machine_is_not_used() {
    let archive = legacy_archive(&WHEEL, "cp311-cp311-manylinux_2_17_riscv64");
    for cloud in CLOUDS {
        let site = Site::new(cloud);
        site.put_legacy("foreign", archive.clone());
        assert_warned(&site.start("foreign").1, "is for cp311-cp311-manylinux_2_17_riscv64");
    }
}

/// Creates a tar archive with one entry, as only an attacker writes it.
fn malicious_archive(path: &[u8], kind: tar::EntryType, link: &str, size: u64) -> Vec<u8> {
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
fn a_malicious_archive_writes_nothing() {
    use tar::EntryType::{Block, Fifo, GNULongName, Link, Regular, Symlink};
    let outside = tempfile::tempdir().expect("a directory");
    let target = outside.path().join("owned");
    let absolute = target.to_str().expect("a path");
    let cases: [(&str, Vec<u8>, &str); 8] = [
        (
            "above",
            malicious_archive(b"../../../../owned", Regular, "", 4),
            "is outside of the target directory",
        ),
        ("within", malicious_archive(b"a/../../owned", Regular, "", 4), "is outside of the target directory"),
        ("absolute", malicious_archive(absolute.as_bytes(), Regular, "", 4), "is an absolute path"),
        (
            "symlink",
            malicious_archive(b"a", Symlink, "/etc", 0),
            "'a' is a symlink; package archives must not contain links",
        ),
        ("hardlink", malicious_archive(b"a", Link, "/etc/passwd", 0), "is a hard link"),
        ("fifo", malicious_archive(b"a", Fifo, "", 0), "is neither a file nor a directory"),
        ("device", malicious_archive(b"a", Block, "", 0), "is neither a file nor a directory"),
        (
            "name",
            malicious_archive(b"././@LongLink", GNULongName, "", 64 << 20),
            "contains a name that is too long",
        ),
    ];
    for cloud in CLOUDS {
        let site = Site::new(cloud);
        for (hash, archive, message) in &cases {
            site.put_legacy(hash, archive.clone());
            let (volume, outcome) = site.start(hash);
            assert_warned(&outcome, message);
            assert!(!target.exists(), "{cloud:?}: {hash}");
            assert_eq!(volume.names("staging"), Vec::<String>::new(), "{cloud:?}: {hash}");
        }
    }
}

#[test]
fn a_decompression_bomb_is_refused() {
    // Zeros compress to a thousandth.
    let archive = malicious_archive(b"zeros", tar::EntryType::Regular, "", 64 << 20);
    assert!(archive.len() < 1 << 20);
    for cloud in CLOUDS {
        let site = Site::new(cloud);
        site.put_legacy("bomb", archive.clone());
        let volume = Volume::new();
        let outcome = site.container(&volume, "bomb").env("MAX_ARCHIVE_SIZE", "1000000").run();
        assert_warned(&outcome, "the archive unpacks to more than 20000000 bytes");
    }
}
