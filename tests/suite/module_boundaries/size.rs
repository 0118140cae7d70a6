//! Files and functions that are too long to read at once. Tests are exempt, because their tables are long.

use std::collections::BTreeMap;

use syn::{Attribute, Block, ImplItemFn, ItemFn, ItemMod, Signature, visit, visit::Visit};

use super::imports::{is_test, is_test_only};

const LONGEST_FILE: usize = 350;
const LONGEST_FUNCTION: usize = 60;

struct Long<'a> {
    file: &'a str,
    found: Vec<String>,
}

impl Long<'_> {
    fn check(&mut self, attributes: &[Attribute], signature: &Signature, block: &Block) {
        let lines = block.brace_token.span.close().end().line - signature.fn_token.span.start().line + 1;
        if lines > LONGEST_FUNCTION && !is_test_only(attributes) {
            self.found.push(format!("{}: {} has {lines} lines", self.file, signature.ident));
        }
    }
}

impl<'ast> Visit<'ast> for Long<'_> {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.check(&function.attrs, &function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.check(&function.attrs, &function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_test_only(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }
}

/// The files and functions that have more lines than is allowed.
pub(crate) fn too_long(sources: &BTreeMap<String, String>) -> Vec<String> {
    let mut all = Vec::new();
    for (file, text) in sources.iter().filter(|(file, _)| !is_test(file)) {
        let lines = text.lines().count();
        if lines > LONGEST_FILE {
            all.push(format!("{file} has {lines} lines"));
        }
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut visitor = Long { file, found: Vec::new() };
        visitor.visit_file(&parsed);
        all.append(&mut visitor.found);
    }
    all
}
