//! `render`: the objects that the operator would make of files.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{
    document, note, print,
    resources::{AppSet, Resources, kind_of},
};
use crate::{
    admission,
    cli::{Error, validate::Files},
    reconcile::{self, Plan},
    resources::OwnedObject,
    settings::BuildSettings,
};

/// Something could not be read.
const UNREAD: u8 = 2;

/// Arguments of `render`.
#[derive(Args, Debug)]
pub struct RenderArgs {
    /// Files and folders of manifests; '-' for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Namespace of the resources that name none
    #[arg(short, long, default_value = "default", value_name = "NAME")]
    namespace: String,
    /// How the objects are written
    #[arg(short, long, value_enum, default_value_t = Form::Yaml, value_name = "FORMAT")]
    output: Form,
    /// The settings of the operator that would make them.
    #[command(flatten)]
    settings: BuildSettings,
}

/// How objects are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Form {
    /// A document each
    Yaml,
    /// A List
    Json,
}

/// Prints the objects, namespace by namespace and app by app, in the order in which they are applied.
///
/// The exit code is 1 where a resource is refused, with the findings of `validate`, and 2 where a file
/// can't be read. What only waits for something is left out with a warning.
pub fn render(args: RenderArgs) -> Result<ExitCode, Error> {
    let RenderArgs { files, namespace, output, settings } = args;
    let files = Files::read(&files, &namespace);
    if files.unread() || files.refused() {
        let findings = files.print(io::stderr().is_terminal(), &mut io::stderr().lock());
        findings.map_err(Error::Output)?;
        return Ok(ExitCode::from(if files.unread() { UNREAD } else { 1 }));
    }
    let mut objects = Vec::new();
    for set in filled(&files).sets() {
        if set.app.is_none() {
            note(&format!(
                "warning: {} is not among the files; only its components' definitions are",
                set.shown()
            ));
        }
        let plan = reconcile::plan_app(set.app.as_ref(), &set.components, |_, _| None, &settings)?;
        warn_of_withheld(set, &plan);
        objects.extend(plan.definitions.into_iter().chain(plan.objects).map(|object| shown(object, set)));
    }
    print(&written(&objects, output)?)?;
    Ok(ExitCode::SUCCESS)
}

/// The resources as the webhook would leave them: with what is absent filled in.
fn filled(files: &Files) -> Resources {
    let mut resources = Resources::default();
    for mut value in files.resources() {
        if let Some(kind) = kind_of(&value) {
            (admission::handler_for(kind).apply_defaults)(&mut value);
            resources.add_or_tell(kind, value);
        }
    }
    resources
}

/// Says which components the members would not get, and why.
pub fn warn_of_withheld(set: &AppSet, plan: &Plan) {
    for (key, waiting) in &plan.withheld {
        note(&format!(
            "warning: {} {}/{} is left out: {}",
            key.kind, set.namespace, key.name, waiting.message
        ));
    }
}

/// An object without what depends on its owner's identity in a cluster.
fn shown(object: OwnedObject, set: &AppSet) -> Value {
    let mut value = object.without_own_hashes().value;
    if let Some(metadata) = value["metadata"].as_object_mut() {
        metadata.retain(|_, value| value.as_object().is_none_or(|block| !block.is_empty()));
    }
    value["metadata"]["namespace"] = json!(set.namespace);
    value
}

fn written(objects: &[Value], form: Form) -> Result<String, Error> {
    match form {
        Form::Json => document(&json!({ "apiVersion": "v1", "kind": "List", "items": objects }), true),
        Form::Yaml => {
            let documents: Result<Vec<String>, Error> =
                objects.iter().map(|object| document(object, false)).collect();
            Ok(documents?.join("---\n"))
        }
    }
}
