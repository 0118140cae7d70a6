//! Public items that lack a doc comment. The lint `missing_docs` would also force comments on fields, which
//! then repeat the name of the field.

use std::collections::BTreeMap;

use syn::{Attribute, ImplItem, ImplItemFn, Item, ItemImpl, ItemMod, Visibility, visit::Visit};

use super::imports::{is_test, is_test_only};

struct Undocumented<'a> {
    file: &'a str,
    found: Vec<String>,
}

impl Undocumented<'_> {
    fn check(&mut self, visibility: &Visibility, attributes: &[Attribute], name: &syn::Ident) {
        let public = match visibility {
            Visibility::Public(_) => true,
            Visibility::Restricted(to) => to.path.is_ident("crate"),
            Visibility::Inherited => false,
        };
        let documented = name == "new" || attributes.iter().any(|attribute| attribute.path().is_ident("doc"));
        if public && !documented {
            self.found.push(format!("{}: {name} has no doc comment", self.file));
        }
    }
}

impl<'ast> Visit<'ast> for Undocumented<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Const(item) => self.check(&item.vis, &item.attrs, &item.ident),
            Item::Enum(item) => self.check(&item.vis, &item.attrs, &item.ident),
            Item::Fn(item) => self.check(&item.vis, &item.attrs, &item.sig.ident),
            Item::Static(item) => self.check(&item.vis, &item.attrs, &item.ident),
            Item::Struct(item) => self.check(&item.vis, &item.attrs, &item.ident),
            Item::Trait(item) => self.check(&item.vis, &item.attrs, &item.ident),
            Item::Type(item) => self.check(&item.vis, &item.attrs, &item.ident),
            _ => {}
        }
        syn::visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_test_only(&module.attrs) {
            syn::visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_impl(&mut self, block: &'ast ItemImpl) {
        for item in &block.items {
            if let ImplItem::Fn(ImplItemFn { vis, attrs, sig, .. }) = item {
                self.check(vis, attrs, &sig.ident);
            }
        }
    }
}

/// The items without a doc comment that the crate or its users can see. A constructor `new` needs none: its type has one.
pub(crate) fn undocumented(sources: &BTreeMap<String, String>) -> Vec<String> {
    let mut all = Vec::new();
    for (file, text) in sources.iter().filter(|(file, _)| !is_test(file)) {
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut visitor = Undocumented { file, found: Vec::new() };
        visitor.visit_file(&parsed);
        all.append(&mut visitor.found);
    }
    all
}
