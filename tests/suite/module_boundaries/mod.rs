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

/// Returns the folders of the crates' sources, the operator's first.
fn source_folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = fs::read_dir(root.join("crates")).expect("a folder");
    let others = crates.map(|entry| entry.expect("an entry").path().join("src"));
    std::iter::once(root.join("src")).chain(others).collect()
}

/// Returns the source files of all crates by their paths below `src`. Only the operator's `lib.rs` is among
/// them: the other crates' have no code.
fn sources() -> BTreeMap<String, String> {
    fn collect(folder: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                collect(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).expect("a path below src").display().to_string();
                let text = fs::read_to_string(&path).expect("a source file");
                found.entry(name).or_insert(text);
            }
        }
    }
    let mut found = BTreeMap::new();
    for folder in source_folders() {
        collect(&folder, &folder, &mut found);
    }
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
    for folder in source_folders() {
        let manifest = fs::read_to_string(folder.with_file_name("Cargo.toml")).expect("a manifest");
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}", folder.display());
        assert!(!manifest.contains("[workspace]") || manifest.contains("unsafe_code = \"forbid\""));
    }
}
