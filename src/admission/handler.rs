//! What admission does with each kind. The command line does the same with files.

use kube::core::ObjectMeta;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::AdmittedObject;
use crate::{
    api::{KasprAgent, KasprApp, KasprJoin, KasprResource, KasprTable, KasprTask, KasprWebView, Kind},
    defaults::{self, Defaults},
    naming::APP_LABEL,
    validate::{self, AppContext, FieldError, Findings, Path, Problem, ValidateUpdate, rule},
};

/// What the webhooks do with a kind.
pub struct KindHandler {
    /// The kind.
    pub kind: Kind,
    /// Fills in absent fields of a whole object.
    pub apply_defaults: fn(&mut Value),
    /// Adds an object to what is known about its app.
    pub register: fn(&AdmittedObject, &mut AppContext),
    /// Validates a new object, given the old one and what is known about its app.
    pub validate: fn(&AdmittedObject, Option<&AdmittedObject>, Option<&AppContext>) -> Findings,
}

/// Returns the handler of a kind.
#[must_use]
pub fn handler_for(kind: Kind) -> &'static KindHandler {
    const fn handler<T>() -> KindHandler
    where
        T: Defaults + DeserializeOwned + KasprResource + ValidateUpdate,
    {
        KindHandler {
            kind: T::KIND,
            apply_defaults: defaults::apply_defaults::<T>,
            register: register::<T>,
            validate: review::<T>,
        }
    }
    match kind {
        Kind::App => const { &handler::<KasprApp>() },
        Kind::Agent => const { &handler::<KasprAgent>() },
        Kind::Table => const { &handler::<KasprTable>() },
        Kind::Task => const { &handler::<KasprTask>() },
        Kind::WebView => const { &handler::<KasprWebView>() },
        Kind::Join => const { &handler::<KasprJoin>() },
    }
}

/// Returns the name of the app that a resource is, or belongs to by its label.
#[must_use]
pub fn app_of(kind: Kind, metadata: &ObjectMeta) -> Option<&String> {
    if kind == Kind::App { metadata.name.as_ref() } else { metadata.labels.as_ref()?.get(APP_LABEL) }
}

/// Adds an app to what is known about another one of its name.
pub fn register_namesake(app: &AdmittedObject, context: &mut AppContext) {
    if let Ok(app) = typed::<KasprApp>(app) {
        context.add_namesake(&app);
    }
}

fn register<T: Defaults + DeserializeOwned + ValidateUpdate>(
    object: &AdmittedObject,
    context: &mut AppContext,
) {
    if let Ok(resource) = typed::<T>(object) {
        resource.register(context);
    }
}

fn review<T: Defaults + DeserializeOwned + ValidateUpdate>(
    new: &AdmittedObject,
    old: Option<&AdmittedObject>,
    context: Option<&AppContext>,
) -> Findings {
    match typed::<T>(new) {
        // An old object that does not parse cannot excuse a problem of the new one.
        Ok(new) => validate::review(&new, old.and_then(|old| typed(old).ok()).as_ref(), context),
        Err(error) => Findings { errors: vec![error], ..Findings::default() },
    }
}

/// Parses an object, with defaults filled in. The API server checks the schema before it calls the webhook,
/// so this fails only with an older CRD.
fn typed<T: Defaults + DeserializeOwned>(object: &AdmittedObject) -> Result<T, FieldError> {
    // Tracking the path takes longer than everything else, so only a failure pays for it.
    T::deserialize(with_defaults::<T>(object))
        .or_else(|_| serde_path_to_error::deserialize(with_defaults::<T>(object)))
        .map_err(schema_error)
}

fn with_defaults<T: Defaults>(object: &AdmittedObject) -> Value {
    let mut whole = Map::new();
    whole.insert("metadata".to_owned(), json!(object.metadata));
    whole.insert("spec".to_owned(), object.spec.clone());
    let mut whole = Value::Object(whole);
    defaults::apply_defaults::<T>(&mut whole);
    whole
}

/// Returns why metadata does not parse, if it does not.
#[must_use]
pub fn metadata_error(object: &Value) -> Option<FieldError> {
    #[derive(serde::Deserialize)]
    struct Envelope {
        #[serde(default, rename = "metadata")]
        _metadata: ObjectMeta,
    }
    serde_path_to_error::deserialize::<_, Envelope>(object).err().map(schema_error)
}

fn schema_error(error: serde_path_to_error::Error<serde_json::Error>) -> FieldError {
    let path = error.path().iter().fold(Path::root(), |path, segment| match segment {
        serde_path_to_error::Segment::Seq { index } => path.index(*index),
        other => path.child(other.to_string()),
    });
    let detail = error.into_inner().to_string();
    FieldError {
        rule: rule::SCHEMA,
        path,
        problem: Problem::Invalid { value: Value::Null, detail },
        within: None,
    }
}
