use super::{APP, LONGEST_WARNING, compare, cross_resource::context, errors, patched, warnings};
use crate::{
    api::{KasprAgent, KasprApp},
    validate::{Findings, review},
};

/// Asserts the errors of changes. A row has the patch of the old app, that of the new one, and the errors.
fn assert_changes(rows: &[(&str, &str, &str)]) {
    for (old, new, expected) in rows {
        compare(&[(new, expected)], |new| errors(&review_change(old, new)));
    }
}

fn review_change(old: &str, new: &str) -> Findings {
    review::<KasprApp>(&patched(APP, new), Some(&patched(APP, old)), None)
}

#[test]
fn partitions_are_immutable() {
    assert_changes(&[
        (
            "spec: {config: {topicPartitions: 4}}",
            "spec: {config: {topicPartitions: 8}}",
            "spec.config.topicPartitions: Invalid value: 8: field is immutable: it was '4' when the app's topics were created",
        ),
        (
            "{}",
            "spec: {config: {topicPartitions: 8}}",
            "spec.config.topicPartitions: Invalid value: 8: field is immutable: it was unset when the app's topics were created",
        ),
        (
            "spec: {config: {topicPartitions: 4}}",
            "spec: {config: {webPort: 80}}",
            "spec.config.topicPartitions: Invalid value: null: field is immutable: it was '4' when the app's topics were created",
        ),
        ("spec: {config: {topicPartitions: 4}}", "spec: {config: {topicPartitions: '4'}}", ""),
        ("spec: {config: {topicPartitions: null}}", "{}", ""),
    ]);
}

/// A row has the claims, the old and the new size, and the errors.
#[test]
fn the_size_of_the_claims_counts_more_than_the_old_size() {
    let refused = |size: &str, live: &str| {
        format!(
            "spec.storage.size: Invalid value: \"{size}\": StorageClass 'local' does not allow volume expansion: must be '{live}', the size of the claims"
        )
    };
    let cases = [
        // The claims could not grow: the old size is allowed again.
        ("{size: 10Gi, class: local, canGrow: false}", "20Gi", "10Gi", String::new()),
        ("{size: 10Gi, class: gone}", "20Gi", "10Gi", String::new()),
        ("{size: 20Gi, class: local, canGrow: true}", "20Gi", "10Gi",
            "spec.storage.size: Invalid value: \"10Gi\": must not be less than before ('20Gi'): a claim can only grow".to_owned()),
        ("{size: 10Gi, class: local, canGrow: false}", "20Gi", "9Gi",
            "spec.storage.size: Invalid value: \"9Gi\": must not be less than before ('20Gi'): a claim can only grow".to_owned()),
        ("{size: 10Gi, class: local, canGrow: false}", "10Gi", "20Gi", refused("20Gi", "10Gi")),
        ("{size: 10Gi, class: local, canGrow: false}", "20Gi", "30Gi", refused("30Gi", "10Gi")),
        // An unchanged size stays allowed, so that other changes are possible.
        ("{size: 10Gi, class: local, canGrow: false}", "20Gi", "20Gi", String::new()),
        ("{size: 10Gi, class: local, canGrow: true}", "10Gi", "20Gi", String::new()),
        ("{size: 10Gi}", "10Gi", "20Gi", String::new()),
    ];
    for (claims, old, new, expected) in cases {
        let size = |size: &str| patched(APP, &format!("spec: {{storage: {{size: {size}}}}}"));
        let context = context(&format!("claims {claims}"));
        let found = review::<KasprApp>(&size(new), Some(&size(old)), Some(&context));
        assert_eq!(errors(&found).join("\n"), expected, "{claims} {old} -> {new}");
    }
}

#[test]
fn claims_only_grow() {
    assert_changes(&[
        (
            "{}",
            "spec: {storage: {type: ephemeral, size: null}}",
            "spec.storage.type: Invalid value: \"ephemeral\": field is immutable: it was 'persistent-claim'",
        ),
        (
            "spec: {storage: null}",
            "{}",
            "spec.storage.type: Invalid value: \"persistent-claim\": field is immutable: it was 'ephemeral'",
        ),
        ("spec: {storage: null}", "spec: {storage: {type: ephemeral, size: null}}", ""),
        (
            "spec: {storage: {class: slow}}",
            "spec: {storage: {class: fast}}",
            "spec.storage.class: Invalid value: \"fast\": field is immutable: it was 'slow'",
        ),
        (
            "spec: {storage: {class: slow}}",
            "{}",
            "spec.storage.class: Invalid value: null: field is immutable: it was 'slow'",
        ),
        (
            "{}",
            "spec: {storage: {class: fast}}",
            "spec.storage.class: Invalid value: \"fast\": field is immutable: it was unset",
        ),
        (
            "{}",
            "spec: {storage: {size: 9Gi}}",
            "spec.storage.size: Invalid value: \"9Gi\": must not be less than before ('10Gi'): a claim can only grow",
        ),
        (
            "{}",
            "spec: {storage: {size: 10G}}",
            "spec.storage.size: Invalid value: \"10G\": must not be less than before ('10Gi'): a claim can only grow",
        ),
        ("{}", "spec: {storage: {size: 10240Mi, deleteClaim: true}}", ""),
        ("{}", "spec: {storage: {size: 11Gi}}", ""),
        (
            "spec: {storage: {type: ephemeral, size: 2Gi}}",
            "spec: {storage: {type: ephemeral, size: 1Gi}}",
            "",
        ),
    ]);
}

#[test]
fn the_claim_of_packages() {
    let cache = |cache: &str| format!("spec: {{pythonPackages: {{packages: [a], cache: {{{cache}}}}}}}");
    for (old, new, line) in [
        (
            "enabled: true, storageClass: slow",
            "enabled: true, storageClass: fast",
            "spec.pythonPackages.cache.storageClass: Invalid value: \"fast\": field is immutable while the cache is enabled: disable the cache, delete its claim, then enable it",
        ),
        (
            "enabled: true, size: 2Gi",
            "enabled: true, size: 1Gi",
            "spec.pythonPackages.cache.size: Invalid value: \"1Gi\": must not be less than before ('2Gi'): a claim can only grow",
        ),
        ("enabled: true, size: 1Gi", "enabled: true, size: 2Gi", ""),
        ("enabled: true, size: 2Gi", "enabled: false, size: 1Gi, storageClass: fast", ""),
        ("enabled: true, size: 2Gi", "type: gcs, size: 1Gi, gcs: {bucket: abc, secretRef: {name: sa}}", ""),
    ] {
        assert_changes(&[(&cache(old), &cache(new), line)]);
    }
}

/// An error that the old app had too is a warning, even if its message depends on other fields.
#[test]
fn existing_errors_are_ratcheted() {
    let bad = "spec: {bootstrapServers: 'kafka://a:9092'}";
    let found = review_change(bad, "spec: {bootstrapServers: 'kafka://a:9092', replicas: 3}");
    assert_eq!(errors(&found), Vec::<String>::new());
    assert_eq!(
        warnings(&found),
        ["spec.bootstrapServers: Invalid value: \"kafka://a:9092\": must be host:port without a scheme"]
    );
    assert_changes(&[(
        bad,
        "spec: {bootstrapServers: 'kafka://b:9092'}",
        "spec.bootstrapServers: Invalid value: \"kafka://b:9092\": must be host:port without a scheme",
    )]);
}

#[test]
fn another_operation_does_not_restore_an_old_error() {
    const AGENT: &str = "
metadata: {name: counter, labels: {kaspr.io/app: orders}}
spec: {input: {topic: {name: orders}}, processors: {pipeline: [gone], operations: [{name: a, map: {python: 'def f(v): return v'}}]}}
";
    let new = "spec: {processors: {operations: [{name: b, map: {python: 'def f(v): return v'}}]}}";
    let found = review::<KasprAgent>(&patched(AGENT, new), Some(&patched(AGENT, "{}")), None);
    assert_eq!(errors(&found), Vec::<String>::new());
    assert_eq!(
        warnings(&found),
        ["spec.processors.pipeline[0]: Invalid value: \"gone\": must name an operation: one of 'b'"]
    );
}

#[test]
fn ratcheted_errors_are_short() {
    let bad =
        "metadata: {name: 2fast}\nspec: {version: 9.9.9, template: {pod: {metadata: {labels: {'a b': c}}}}}";
    let found = review_change(bad, bad);
    assert_eq!((found.errors.len(), found.warnings.len()), (0, 3));
    for warning in warnings(&found) {
        assert_eq!(warning.chars().count(), LONGEST_WARNING, "{warning}");
        assert!(warning.ends_with('…'), "{warning}");
    }
}

/// Both the old and the new app have an error in each of many places.
#[test]
fn many_existing_errors_are_ratcheted_quickly() {
    let volumes: Vec<String> = (0..20_000).map(|i| format!("{{name: v{i}}}")).collect();
    let bad = format!("spec: {{template: {{pod: {{volumes: [{}]}}}}}}", volumes.join(","));
    let found = review_change(&bad, &bad);
    assert_eq!((found.errors.len(), found.warnings.len()), (0, 20_000));
}
