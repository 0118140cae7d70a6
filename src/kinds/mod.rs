//! What admission does with each kind; the command line does the same with files.

mod object;

pub use object::Object;

use kube::{Resource, core::ObjectMeta};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::{
    api::{APP_LABEL, KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView},
    defaults::{self, Defaults},
    validate::{self, Around, FieldError, Findings, Path, Problem, ValidateUpdate, rule},
};

/// What the webhooks do with a kind.
pub struct Handler {
    /// Its name.
    pub kind: &'static str,
    /// Fills in what is absent.
    pub fill: fn(&mut Value),
    /// Makes an object known to the others of its app.
    pub show: fn(&Object, &mut Around),
    /// Says what is wrong with a new object, given the old one and the resources of its app.
    pub validate: fn(&Object, Option<&Object>, Option<&Around>) -> Findings,
}

/// The handlers of the six kinds.
static HANDLERS: [Handler; 6] = [
    handler::<KasprApp>("KasprApp"),
    handler::<KasprAgent>("KasprAgent"),
    handler::<KasprTable>("KasprTable"),
    handler::<KasprTask>("KasprTask"),
    handler::<KasprWebView>("KasprWebView"),
    handler::<KasprJoin>("KasprJoin"),
];

/// The handler of a kind.
pub fn of(kind: &str) -> Option<&'static Handler> {
    HANDLERS.iter().find(|handler| handler.kind == kind)
}

/// The app that a resource belongs to, or is.
pub fn app_of<'a>(kind: &str, metadata: &'a ObjectMeta) -> Option<&'a String> {
    if kind == "KasprApp" { metadata.name.as_ref() } else { metadata.labels.as_ref()?.get(APP_LABEL) }
}

/// The names of the kinds, for messages.
pub fn names() -> impl Iterator<Item = &'static str> {
    HANDLERS.iter().map(|handler| handler.kind)
}

/// Makes an app known to another of its name.
pub fn show_namesake(app: &Object, around: &mut Around) {
    if let Ok(app) = typed::<KasprApp>(app) {
        around.add_namesake(&app);
    }
}

const fn handler<T>(kind: &'static str) -> Handler
where
    T: Resource<DynamicType = ()> + Defaults + DeserializeOwned + ValidateUpdate,
{
    Handler { kind, fill: defaults::fill::<T>, show: show::<T>, validate: review::<T> }
}

fn show<T: Defaults + DeserializeOwned + ValidateUpdate>(object: &Object, around: &mut Around) {
    if let Ok(resource) = typed::<T>(object) {
        resource.show(around);
    }
}

fn review<T: Defaults + DeserializeOwned + ValidateUpdate>(
    new: &Object,
    old: Option<&Object>,
    around: Option<&Around>,
) -> Findings {
    match typed::<T>(new) {
        // An old object that the types can't read had no rule to obey.
        Ok(new) => validate::review(&new, old.and_then(|old| typed(old).ok()).as_ref(), around),
        Err(error) => Findings { errors: vec![error], ..Findings::default() },
    }
}

/// The object in the type model, with defaults filled in. The API server checks the schema before
/// it asks, so this fails only where an older CRD is installed.
fn typed<T: Defaults + DeserializeOwned>(object: &Object) -> Result<T, FieldError> {
    // Only a failure needs to know its path, which takes longer to find out than all the rest.
    T::deserialize(filled::<T>(object))
        .or_else(|_| serde_path_to_error::deserialize(filled::<T>(object)))
        .map_err(mistake)
}

fn filled<T: Defaults>(object: &Object) -> Value {
    let mut whole = Map::new();
    whole.insert("metadata".to_owned(), json!(object.metadata));
    whole.insert("spec".to_owned(), object.spec.clone());
    let mut whole = Value::Object(whole);
    defaults::fill::<T>(&mut whole);
    whole
}

/// Why metadata can't be read, if it can't.
pub fn metadata_mistake(object: &Value) -> Option<FieldError> {
    #[derive(serde::Deserialize)]
    struct Envelope {
        #[serde(default, rename = "metadata")]
        _metadata: ObjectMeta,
    }
    serde_path_to_error::deserialize::<_, Envelope>(object).err().map(mistake)
}

fn mistake(error: serde_path_to_error::Error<serde_json::Error>) -> FieldError {
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
