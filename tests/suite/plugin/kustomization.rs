//! Patches of a kustomization are not resources.

use std::fs;

use super::{alone, within};
use crate::harness::Namespace;

const PATCH: &str = "examples/kustomize/production/replicas.yaml";

#[test]
fn patches_are_skipped_with_a_message() {
    let folder = "examples/kustomize";
    let namespace = Namespace::new("kustomization");
    for (args, code) in [
        (&["validate", folder][..], 0),
        (&["validate", PATCH, "examples/kustomize/base"], 0),
        (&["render", folder], 0),
        (&["graph", folder], 0),
        (&["diff", folder], 1),
    ] {
        let ran = if args[0] == "diff" { within(&namespace, args, "") } else { alone(args, "") };
        assert_eq!(ran.code, code, "{ran:?}");
        let expected =
            format!("as patches or settings: {PATCH}. To read the result, pipe 'kubectl kustomize ");
        assert!(ran.noted.contains(&expected), "{args:?}: {}", ran.noted);
        assert!(args[0] != "validate" || ran.said == "1 document, 0 errors, 0 warnings\n", "{}", ran.said);
    }
}

/// Each way in which a kustomization can name a file that is not a resource.
#[test]
fn every_list_of_a_kustomization_is_read() {
    let incomplete =
        "apiVersion: kaspr.io/v1alpha1\nkind: KasprApp\nmetadata: {name: shop}\nspec: {replicas: 2}\n";
    for (name, list) in [
        ("kustomization.yaml", "patches: [{path: p.yaml, target: {kind: KasprApp}}]"),
        ("kustomization.yml", "patches: [{patch: '- op: remove'}, {path: ./p.yaml}]"),
        ("Kustomization", "patchesStrategicMerge: ['kind: X', sub/../p.yaml]"),
        ("kustomization.yaml", "patchesJson6902: [{path: p.yaml}]"),
        ("kustomization.yaml", "transformers: [p.yaml]"),
        ("kustomization.yaml", "generators: [p.yaml]"),
        ("kustomization.yaml", "validators: [p.yaml]"),
        ("kustomization.yaml", "configurations: [p.yaml]"),
        ("kustomization.yaml", "crds: [p.yaml]"),
        ("kustomization.yaml", "replacements: [{path: p.yaml}]"),
        ("kustomization.yaml", "openapi: {path: p.yaml}"),
        ("kustomization.yaml", "helmCharts: [{valuesFile: p.yaml}]"),
        ("kustomization.yaml", "configMapGenerator: [{name: a, files: [p.yaml]}]"),
        ("kustomization.yaml", "secretGenerator: [{name: a, files: [key=p.yaml]}]"),
        ("sub/kustomization.yaml", "kind: Component\npatches: [{path: ../p.yaml}]"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("sub")).expect("a folder");
        fs::write(folder.path().join("p.yaml"), incomplete).expect("written");
        let path = folder.path().display().to_string();
        assert_eq!(alone(&["validate", &path], "").code, 1);
        fs::write(folder.path().join(name), list).expect("written");
        let ran = alone(&["validate", &path], "");
        assert_eq!((ran.code, ran.noted.contains("p.yaml")), (0, true), "{list}: {ran:?}");
    }
}
