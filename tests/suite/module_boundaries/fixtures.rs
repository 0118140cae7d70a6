//! The guard sees what it must see: trees with a forbidden import and with a circle.

use std::collections::BTreeMap;

use super::{cycles, documentation, imports::SourceTree, size, table::Boundaries};

const LIB: &str = "\
//! | module | may import |
//! |---|---|
//! | `api` | |
//! | `rules` | `api` |
//! | `web` | `api`, `rules` |
//!
//! | crate | only in |
//! |---|---|
//! | `axum` | `web` |
//! | `kube::Client` | |
";

fn sources(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(path, source)| ((*path).to_owned(), (*source).to_owned())).collect()
}

fn violations(files: &[(&str, &str)]) -> Vec<String> {
    Boundaries::parse(LIB).violations(&SourceTree::parse(&sources(files)))
}

#[test]
fn a_forbidden_import_is_seen_in_every_form() {
    let forms = [
        "use crate::{api::Kind, web::{Server, routes}};",
        "use crate::web as server;",
        "use super::web::Server;",
        "use kaspr_web::web::Server;",
        "fn f() -> crate::web::Server { todo!() }",
        "fn f() { assert!(crate::web::routes::is_up()) }",
        "pub use crate::web::Server;\nuse crate::web::Server as Hidden;",
    ];
    for form in forms {
        let found = violations(&[("api.rs", ""), ("rules.rs", form), ("web.rs", "")]);
        assert!(
            !found.is_empty() && found.iter().all(|found| found.starts_with("rules.rs imports crate::web")),
            "{form}: {found:?}"
        );
    }
    assert_eq!(violations(&[("api.rs", ""), ("rules.rs", "use crate::{api::Kind};")]), [""; 0]);
}

#[test]
fn a_crate_in_the_wrong_module_is_seen() {
    let found = violations(&[
        ("api.rs", "use kube::{Api, Client};"),
        ("rules.rs", "use axum::Router;"),
        ("web.rs", "use axum::Router;\nuse kube::Api;"),
    ]);
    assert_eq!(found, ["api.rs imports kube::Client", "rules.rs imports axum::Router"]);
}

#[test]
fn a_module_that_the_table_lacks_is_seen() {
    assert_eq!(violations(&[("new/mod.rs", "")]), ["the table in lib.rs lacks the module new"]);
}

#[test]
fn tests_may_import_anything() {
    let rules = "#[cfg(test)]\nmod tests { use crate::web::Server; }";
    assert_eq!(violations(&[("rules.rs", rules), ("rules/tests.rs", "use crate::web::Server;")]), [""; 0]);
}

#[test]
fn a_circle_is_seen_through_groups_and_re_exports() {
    let circles = |files: &[(&str, &str)]| cycles::find(&SourceTree::parse(&sources(files)).file_imports());
    let direct =
        [("api/a.rs", "use super::{b::B, c::C};"), ("api/b.rs", "use super::a::A;"), ("api/c.rs", "")];
    assert_eq!(circles(&direct), ["api/a.rs -> api/b.rs -> api/a.rs"]);
    // The facade re-exports `a`; `a` imports `b`, and `b` imports `a` through the facade.
    let facade = [
        ("api/mod.rs", "mod a;\nmod b;\npub use a::A;"),
        ("api/a.rs", "use super::b::B;"),
        ("api/b.rs", "use crate::api::A;"),
    ];
    assert_eq!(circles(&facade), ["api/a.rs -> api/b.rs -> api/a.rs"]);
    let none = [
        ("api/mod.rs", "mod a;\nmod b;\npub use a::A;"),
        ("api/a.rs", "use super::b::B;"),
        ("api/b.rs", "use std::fmt;"),
    ];
    assert_eq!(circles(&none), [""; 0]);
}

#[test]
fn public_types_of_one_name_are_seen() {
    let tree = SourceTree::parse(&sources(&[
        ("api.rs", "pub struct Kind;\nstruct Private;"),
        ("web.rs", "pub enum Kind {}\nstruct Private;"),
    ]));
    assert_eq!(tree.shared_type_names(), ["Kind is in api.rs and web.rs"]);
}

#[test]
fn public_items_without_doc_comments_are_seen() {
    let file = "//! Text.\npub struct A { pub b: u8 }\nimpl A { pub(crate) fn c() {} pub(super) fn d() {} pub fn new() {} }\nfn e() {}\n";
    let found = documentation::undocumented(&sources(&[("a.rs", file), ("b.rs", "pub fn f() {}")]));
    assert_eq!(
        found,
        ["a.rs: A has no doc comment", "a.rs: c has no doc comment", "b.rs: f has no doc comment"]
    );
}

#[test]
fn long_files_and_functions_are_seen() {
    let body = |lines| format!("fn f() {{\n{}}}\n", "g();\n".repeat(lines));
    let (allowed, long) = (body(58), body(59));
    let method = format!("impl A {{\n{long}}}\n");
    let file = format!("{allowed}{}", "// Text.\n".repeat(291));
    let files = [("a.rs", &*allowed), ("b.rs", &*long), ("c.rs", &*method), ("d.rs", &*file)];
    assert_eq!(
        size::too_long(&sources(&files)),
        ["b.rs: f has 61 lines", "c.rs: f has 61 lines", "d.rs has 351 lines"]
    );
}
