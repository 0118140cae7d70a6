//! Facts derived from the spec and the annotations of an app.

use kube::ResourceExt;

use crate::api::{
    CacheType, KasprApp, PythonPackages, RolloutFailure, StorageType, annotations, defaults, python_values,
};

/// Returns the maximum number of members.
#[must_use]
pub fn replicas(app: &KasprApp) -> i32 {
    app.spec.replicas.unwrap_or(defaults::REPLICAS)
}

/// Returns how the packages of an app are cached, as `status.pythonPackages.cacheMode` shows it.
#[must_use]
pub fn cache_mode(packages: &PythonPackages) -> &'static str {
    match packages.cache.as_ref().map(|cache| (cache.r#type, cache.enabled)) {
        Some((Some(CacheType::Gcs), _)) => "gcs",
        Some((Some(CacheType::S3), _)) => "s3",
        Some((Some(CacheType::Azure), _)) => "azure",
        Some((Some(CacheType::Pvc) | None, Some(true))) => "persistent",
        Some((Some(CacheType::Pvc) | None, Some(false) | None)) | None => "ephemeral",
    }
}

/// Returns whether tables outlive a pod.
#[must_use]
pub fn is_persistent(app: &KasprApp) -> bool {
    app.spec.storage.as_ref().is_some_and(|storage| storage.r#type == StorageType::PersistentClaim)
}

/// Returns whether an annotation is true. Source: the Python operator, which reads its words for true in
/// any case and takes everything else for false.
#[must_use]
pub fn is_annotated(app: &impl ResourceExt, annotation: &str) -> bool {
    annotation_flag(app, annotation) == Some(true)
}

/// Returns the value of an annotation that is true or false, if there is one.
#[must_use]
pub fn annotation_flag(app: &impl ResourceExt, annotation: &str) -> Option<bool> {
    app.annotations().get(annotation).map(|value| python_values::boolean(value) == Some(true))
}

/// Returns a description of each annotation that has a value of another form than the operator reads.
#[must_use]
pub fn unreadable_annotations(app: &impl ResourceExt) -> Vec<String> {
    let flags = [
        annotations::PAUSE,
        annotations::ROLL,
        annotations::AUTO_REBALANCE,
        annotations::HUNG_MEMBER_DETECTION,
        annotations::DISABLE_STATIC_MEMBERSHIP,
    ];
    let given = |key: &str| app.annotations().get(key);
    let flags = flags.iter().filter_map(|key| {
        let value = given(key).filter(|value| python_values::boolean(value).is_none())?;
        Some(format!("annotation {key}: '{value}' is read as false, it must be 'true' or 'false'"))
    });
    let key = annotations::HUNG_THRESHOLD_SECONDS;
    let number = given(key).filter(|value| python_values::whole_number(value).is_none());
    let number = number
        .map(|value| format!("annotation {key}: '{value}' is ignored, it must be a whole number of seconds"));
    let key = annotations::ROLLOUT_ON_FAILURE;
    let action = given(key).filter(|value| RolloutFailure::from_text(value).is_none());
    let action =
        action.map(|value| format!("annotation {key}: '{value}' is ignored, it must be 'return' or 'hold'"));
    flags.chain(number).chain(action).collect()
}

#[cfg(test)]
mod tests {
    use kube::core::ObjectMeta;

    use super::*;
    use crate::api::KasprAppSpec;

    fn annotated(key: &str, value: &str) -> KasprApp {
        let spec = serde_json::json!({ "bootstrapServers": "k:9092" });
        let mut app = KasprApp::new("a", serde_json::from_value::<KasprAppSpec>(spec).expect("a spec"));
        let annotation = (key.to_owned(), value.to_owned());
        app.metadata = ObjectMeta { annotations: Some([annotation].into()), ..ObjectMeta::default() };
        app
    }

    #[test]
    fn annotations_are_read_as_the_python_operator_reads_them() {
        let read = |value: &str| {
            let app = annotated(annotations::HUNG_MEMBER_DETECTION, value);
            let flag = annotation_flag(&app, annotations::HUNG_MEMBER_DETECTION);
            (flag, unreadable_annotations(&app).len())
        };
        for value in ["true", "True", "YES", "on", "1", "y", " true "] {
            assert_eq!(read(value), (Some(true), 0), "{value}");
        }
        for value in ["false", "no", "0", "off", ""] {
            assert_eq!(read(value), (Some(false), 0), "{value}");
        }
        assert_eq!(read("disabled"), (Some(false), 1));
    }

    #[test]
    fn an_action_that_does_not_exist_is_reported() {
        let read = |value: &str| unreadable_annotations(&annotated(annotations::ROLLOUT_ON_FAILURE, value));
        for value in ["return", "hold", " hold "] {
            assert_eq!(read(value), Vec::<String>::new(), "{value}");
        }
        for value in ["Return", "rollback", "true", ""] {
            let expected = format!(
                "annotation kaspr.io/rollout-on-failure: '{value}' is ignored, it must be 'return' or 'hold'"
            );
            assert_eq!(read(value), [expected]);
        }
    }
}
