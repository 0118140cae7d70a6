//! Reads the imports of source files with a parser: `use` trees and paths in code and macros.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, File, Item, UseTree, Visibility,
    visit::{self, Visit},
};

/// The source files of the workspace's crates, parsed.
pub(super) struct SourceTree {
    files: BTreeMap<String, SourceFile>,
}

struct SourceFile {
    /// The file's path below `src`.
    path: String,
    imports: Vec<Vec<String>>,
    /// Where a re-exported name comes from.
    exports: BTreeMap<String, Vec<String>>,
    public_types: Vec<String>,
}

/// One imported path, resolved as far as it starts in the crate.
pub(super) struct Import {
    /// The importing file.
    pub file: String,
    /// The top-level module of that file.
    pub top_level: String,
    /// The path: starts with `crate` for one of the crate.
    path: Vec<String>,
}

impl Import {
    /// Returns the top-level module of the crate that the path starts with.
    pub(super) fn module(&self) -> Option<&String> {
        (self.path.first()? == "crate").then(|| self.path.get(1))?
    }

    /// Returns the path as it is written in code.
    pub(super) fn shown(&self) -> String {
        self.path.join("::")
    }

    /// Returns whether the path is the crate or item, or below it.
    pub(super) fn names_crate_item(&self, name: &str) -> bool {
        let name: Vec<&str> = name.split("::").collect();
        self.path.len() >= name.len() && self.path.iter().zip(&name).all(|(segment, name)| segment == name)
    }
}

impl SourceTree {
    /// Parses source files, by their paths below `src`.
    pub(super) fn parse(sources: &BTreeMap<String, String>) -> Self {
        let files = sources.iter().filter(|(path, _)| *path != "main.rs" && !is_test(path));
        let files = files.map(|(path, source)| {
            let module = module_of(path);
            let parsed = syn::parse_file(source).unwrap_or_else(|error| panic!("{path}: {error}"));
            (module.join("::"), SourceFile::read(path, &module, &parsed))
        });
        Self { files: files.collect() }
    }

    /// Returns the top-level modules.
    pub(super) fn top_level_modules(&self) -> BTreeSet<String> {
        self.files.keys().filter_map(|module| module.split("::").nth(1)).map(str::to_owned).collect()
    }

    /// Returns every import of every file but `lib.rs`.
    pub(super) fn imports(&self) -> impl Iterator<Item = Import> {
        self.files.iter().filter(|(module, _)| *module != "crate").flat_map(|(module, file)| {
            let top_level = module.split("::").nth(1).unwrap_or_default().to_owned();
            file.imports.iter().map(move |path| Import {
                file: file.path.clone(),
                top_level: top_level.clone(),
                path: path.clone(),
            })
        })
    }

    /// Returns the files that each file imports. A re-export counts as an import from where the item is
    /// defined.
    pub(super) fn file_imports(&self) -> BTreeMap<String, BTreeSet<String>> {
        let imports = self.files.iter().map(|(module, file)| {
            let imported = file.imports.iter().filter_map(|path| self.defining_module(path));
            let others = imported.filter(|other| other != module);
            (file.path.clone(), others.map(|other| self.files[&other].path.clone()).collect())
        });
        imports.collect()
    }

    /// Returns the module that defines what a path names.
    fn defining_module(&self, path: &[String]) -> Option<String> {
        let mut path = path.to_vec();
        // A chain of re-exports is short; a circle of them would not compile.
        for _ in 0..8 {
            let length =
                (1..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length].join("::")))?;
            let module = path[..length].join("::");
            match path.get(length).and_then(|item| self.files[&module].exports.get(item)) {
                Some(origin) if path[0] == "crate" => {
                    path = origin.iter().chain(&path[length + 1..]).cloned().collect();
                }
                _ => return Some(module),
            }
        }
        None
    }

    /// Returns the names that several public types have, with their files.
    pub(super) fn shared_type_names(&self) -> Vec<String> {
        let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for file in self.files.values() {
            for name in &file.public_types {
                by_name.entry(name).or_default().push(&file.path);
            }
        }
        let shared = by_name.into_iter().filter(|(_, files)| files.len() > 1);
        shared.map(|(name, files)| format!("{name} is in {}", files.join(" and "))).collect()
    }
}

/// Tests may import what they need.
pub(super) fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

/// The module of a file: `reconcile/cache/mod.rs` is `crate::reconcile::cache`.
fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_end_matches(".rs");
    let parts = path.split('/').filter(|part| *part != "mod" && *part != "lib");
    std::iter::once("crate").chain(parts).map(str::to_owned).collect()
}

impl SourceFile {
    fn read(path: &str, module: &[String], file: &File) -> Self {
        let children = file.items.iter().filter_map(|item| match item {
            Item::Mod(child) if !is_test_only(&child.attrs) => Some(child.ident.to_string()),
            _ => None,
        });
        let mut reader = Reader {
            module: module.to_vec(),
            children: children.collect(),
            imports: Vec::new(),
            exports: BTreeMap::new(),
            public_types: Vec::new(),
        };
        reader.visit_file(file);
        let Reader { imports, exports, public_types, .. } = reader;
        Self { path: path.to_owned(), imports, exports, public_types }
    }
}

struct Reader {
    module: Vec<String>,
    children: BTreeSet<String>,
    imports: Vec<Vec<String>>,
    exports: BTreeMap<String, Vec<String>>,
    public_types: Vec<String>,
}

impl Reader {
    /// Returns the path from the crate's root, or from another crate.
    fn resolve(&self, path: &[String]) -> Vec<String> {
        let mut base = self.module.clone();
        let mut rest = path;
        match path.first().map(String::as_str) {
            Some("crate") => return path.to_vec(),
            // The crates of the workspace are one tree of modules.
            Some(name) if name.starts_with("kaspr_") => {
                rest = &path[1..];
                base.truncate(1);
            }
            Some("self") => rest = &path[1..],
            Some("super") => {
                while let Some((first, after)) = rest.split_first()
                    && first == "super"
                {
                    base.pop();
                    rest = after;
                }
            }
            Some(first) if self.children.contains(first) => {}
            _ => return path.to_vec(),
        }
        base.extend_from_slice(rest);
        base
    }

    fn add(&mut self, path: &[String]) {
        let path = self.resolve(path);
        self.imports.push(path);
    }

    fn expand(&mut self, tree: &UseTree, prefix: &[String], exported: bool) {
        let joined = |name: String| prefix.iter().cloned().chain([name]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(path) => self.expand(&path.tree, &joined(path.ident.to_string()), exported),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.expand(tree, prefix, exported)),
            UseTree::Glob(_) => self.finish_use(prefix.to_vec(), None),
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                let path = if name == "self" { prefix.to_vec() } else { joined(name) };
                let exported = path.last().cloned().filter(|_| exported);
                self.finish_use(path, exported);
            }
            UseTree::Rename(rename) => {
                let name = rename.ident.to_string();
                let path = if name == "self" { prefix.to_vec() } else { joined(name) };
                let exported = Some(rename.rename.to_string()).filter(|_| exported);
                self.finish_use(path, exported);
            }
        }
    }

    fn finish_use(&mut self, path: Vec<String>, exported: Option<String>) {
        match exported {
            Some(name) => {
                let origin = self.resolve(&path);
                self.exports.insert(name, origin);
            }
            None => self.add(&path),
        }
    }

    /// Finds paths in the tokens of a macro, which the parser leaves alone.
    fn scan(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut i = 0;
        while i < tokens.len() {
            if let TokenTree::Group(group) = &tokens[i] {
                self.scan(group.stream());
            }
            let mut path = Vec::new();
            while let Some(TokenTree::Ident(ident)) = tokens.get(i) {
                path.push(ident.to_string());
                let colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
                if !(colon(tokens.get(i + 1)) && colon(tokens.get(i + 2))) {
                    break;
                }
                i += 3;
            }
            if path.len() > 1 {
                self.add(&path);
            }
            i += 1;
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, public_type): (&[Attribute], _) = match item {
            Item::Fn(item) => (&item.attrs, None),
            Item::Impl(item) => (&item.attrs, None),
            Item::Mod(item) => (&item.attrs, None),
            Item::Use(item) => (&item.attrs, None),
            Item::Struct(item) => (&item.attrs, Some((&item.vis, &item.ident))),
            Item::Enum(item) => (&item.attrs, Some((&item.vis, &item.ident))),
            Item::Trait(item) => (&item.attrs, Some((&item.vis, &item.ident))),
            Item::Type(item) => (&item.attrs, Some((&item.vis, &item.ident))),
            _ => (&[], None),
        };
        if is_test_only(attributes) {
            return;
        }
        if let Some((visibility, name)) = public_type
            && !matches!(visibility, Visibility::Inherited)
        {
            self.public_types.push(name.to_string());
        }
        visit::visit_item(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let exported = !matches!(item.vis, Visibility::Inherited);
        self.expand(&item.tree, &[], exported);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.add(&names);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.scan(called.tokens.clone());
        visit::visit_macro(self, called);
    }
}

/// Whether an item is compiled for tests only.
pub(super) fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let test = |list: &syn::MetaList| list.path.is_ident("cfg") && list.tokens.to_string() == "test";
        attribute.meta.require_list().is_ok_and(test)
    })
}
