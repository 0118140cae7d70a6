//! Which module of the source may import which, and that no files import each other in a circle.

mod cycles;
mod documentation;
mod fixtures;
mod imports;
mod size;
mod table;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use imports::SourceTree;
use table::Boundaries;

/// Every source file by its path below `src`.
fn sources() -> BTreeMap<String, String> {
    fn collect(folder: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                collect(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).expect("a path below src").display().to_string();
                found.insert(name, fs::read_to_string(&path).expect("a source file"));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    collect(&root, &root, &mut found);
    found
}

#[test]
fn modules_import_only_what_lib_rs_allows() {
    let sources = sources();
    let boundaries = Boundaries::parse(&sources["lib.rs"]);
    let tree = SourceTree::parse(&sources);
    let violations = boundaries.violations(&tree);
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let cycles = cycles::find(&SourceTree::parse(&sources()).file_imports());
    assert!(cycles.is_empty(), "{}", cycles.join("\n"));
}

#[test]
fn public_types_have_unique_names() {
    let shared = SourceTree::parse(&sources()).shared_type_names();
    assert!(shared.is_empty(), "{}", shared.join("\n"));
}

#[test]
fn public_items_have_doc_comments() {
    let undocumented = documentation::undocumented(&sources());
    assert!(undocumented.is_empty(), "{}", undocumented.join("\n"));
}

#[test]
fn files_and_functions_are_short() {
    let long = size::too_long(&sources());
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn unsafe_code_is_forbidden() {
    let manifest =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("a manifest");
    assert!(manifest.contains("unsafe_code = \"forbid\""));
}
