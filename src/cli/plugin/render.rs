//! `render`: prints the objects that the operator would create from files.

use std::{
    io::{self, IsTerminal},
    mem,
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{
    output::{print, print_message, to_json},
    resources::{AppSet, Resources},
};
use crate::{
    cli::{
        error::Error,
        output::to_yaml,
        parallel::map_in_parallel,
        validate::{ManifestSet, with_defaults},
    },
    reconcile::{self, Plan},
    resources::OwnedObject,
    settings::BuildSettings,
};

/// Exit code if a resource is invalid.
const EXIT_INVALID: u8 = 1;

/// Exit code if a file cannot be read.
const EXIT_UNREADABLE: u8 = 2;

/// Objects whose text is in memory at the same time.
const PART: usize = 1024;

/// Arguments of `render`.
#[derive(Args, Debug)]
pub(crate) struct RenderArgs {
    /// Files and directories with manifests; '-' for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Namespace of the resources that do not set one
    #[arg(short, long, default_value = "default", value_name = "NAME")]
    namespace: String,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = ManifestFormat::Yaml, value_name = "FORMAT")]
    output: ManifestFormat,
    /// Settings of the operator that would create the objects.
    #[command(flatten)]
    settings: BuildSettings,
}

/// Output format of objects.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum ManifestFormat {
    /// One YAML document for each object
    Yaml,
    /// A List in JSON
    Json,
}

/// Prints the objects by namespace and app, in the order in which the operator applies them.
///
/// The exit code is 1 if a resource is invalid, with the findings of `validate`, and 2 if a file cannot be
/// read. Components that wait for other resources are withheld with a warning.
pub(super) fn render(args: RenderArgs) -> Result<ExitCode, Error> {
    let RenderArgs { files, namespace, output, settings } = args;
    let manifests = ManifestSet::read(&files, &namespace);
    if manifests.has_unreadable() || manifests.has_errors() {
        let printed = manifests.print_findings(io::stderr().is_terminal(), &mut io::stderr().lock());
        printed.map_err(Error::Output)?;
        let code = if manifests.has_unreadable() { EXIT_UNREADABLE } else { EXIT_INVALID };
        return Ok(ExitCode::from(code));
    }
    let mut resources = Resources::default();
    resources.extend(manifests.into_resources().filter_map(with_defaults));
    let sets: Vec<&AppSet> = resources.app_sets().collect();
    let planned = map_in_parallel(&sets, |set| plan_objects(set, &settings));
    let mut objects = Vec::new();
    for (set, planned) in sets.into_iter().zip(planned) {
        if set.app.is_none() {
            print_message(&format!(
                "warning: {} is not in the files; only the definitions of its components are rendered",
                set.display_name()
            ));
        }
        let (plan, planned) = planned?;
        warn_of_withheld(set, &plan);
        objects.extend(planned);
    }
    print_objects(&objects, output)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the plan of an app, and its objects as they are printed.
fn plan_objects(set: &AppSet, settings: &BuildSettings) -> Result<(Plan, Vec<Value>), Error> {
    let mut plan = reconcile::plan_app(set.app.as_ref(), &set.components, |_, _| None, settings)?;
    let definitions = mem::take(&mut plan.definitions).into_iter();
    let objects = definitions.chain(mem::take(&mut plan.objects));
    let objects = objects.map(|object| without_owner_identity(object, set)).collect();
    Ok((plan, objects))
}

/// Prints a warning for each component that the operator would withhold from the members.
pub(super) fn warn_of_withheld(set: &AppSet, plan: &Plan) {
    for (key, waiting) in &plan.withheld {
        print_message(&format!(
            "warning: {} {}/{} is withheld: {}",
            key.kind, set.namespace, key.name, waiting.message
        ));
    }
}

/// Returns an object without the fields that depend on the owner's identity in a cluster.
fn without_owner_identity(object: OwnedObject, set: &AppSet) -> Value {
    let mut value = object.without_own_hashes().value;
    if let Some(metadata) = value["metadata"].as_object_mut() {
        metadata.retain(|_, value| value.as_object().is_none_or(|block| !block.is_empty()));
    }
    value["metadata"]["namespace"] = json!(set.namespace);
    value
}

fn print_objects(objects: &[Value], format: ManifestFormat) -> Result<(), Error> {
    if format == ManifestFormat::Json {
        return print(&to_json(&json!({ "apiVersion": "v1", "kind": "List", "items": objects }))?);
    }
    for (i, part) in objects.chunks(PART).enumerate() {
        let documents: Result<Vec<String>, Error> = map_in_parallel(part, to_yaml).into_iter().collect();
        let separator = if i > 0 { "---\n" } else { "" };
        print(&(separator.to_owned() + &documents?.join("---\n")))?;
    }
    Ok(())
}
