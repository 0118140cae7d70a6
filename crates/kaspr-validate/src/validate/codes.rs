//! All code of a component, with the paths of its fields, for rules that depend on the app.

use super::{app_context::AppContext, findings::Findings, modules, path::Path, python, rule};
use crate::api::{
    Code, KasprAgent, KasprJoin, KasprTable, KasprTask, KasprWebView, Operation, Processors, TopicOut,
    WebResponse,
};

/// Code, and the path of its field.
type CodeField<'a> = (&'a Code, Path);

/// Largest size of a definition in bytes.
///
/// Source: the API server refuses a ConfigMap with more data.
const LARGEST_DEFINITION: usize = 1 << 20;

/// A component with code.
pub(super) trait HasCode {
    /// Returns all code, each with the path of its field.
    fn codes(&self) -> Vec<CodeField<'_>>;

    /// Returns the pipeline, for a component that has one.
    fn processors(&self) -> Option<&Processors> {
        None
    }
}

/// Checks that the code of a component fits into its definition, which has all of it.
pub(super) fn check_size(component: &impl HasCode, found: &mut Findings) {
    let size: usize = component.codes().iter().map(|(code, _)| code.python.len()).sum();
    if size > LARGEST_DEFINITION {
        let detail = format!(
            "must have at most {} KiB of code in all, but has {}: a ConfigMap holds it",
            LARGEST_DEFINITION / 1024,
            size / 1024
        );
        found.forbidden(rule::DEFINITION_SIZE, Path::root().child("spec"), detail);
    }
}

/// Checks what code needs of the image of the members.
pub(super) fn check_image(component: &impl HasCode, context: &AppContext, found: &mut Findings) {
    let Some(app) = context.app.as_ref().filter(|app| app.is_known && !app.has_own_image) else { return };
    let codes = component.codes();
    let is_init = |at: &Path| at.to_string() == "spec.processors.init";
    let init = codes.iter().find(|(_, at)| is_init(at)).map(|(code, _)| *code);
    let idle = component.processors().map(idle_operations).unwrap_or_default();
    for (code, at) in &codes {
        python::check_image(code, at, |module| modules::missing(module, app), found);
        let field = at.to_string();
        if !idle.iter().any(|operation| field.starts_with(operation)) {
            python::check_annotations(code, at, init.filter(|_| !is_init(at)), found);
        }
    }
}

/// Returns the paths of the operations that are not in the pipeline, with a dot at their ends.
fn idle_operations(processors: &Processors) -> Vec<String> {
    let runs = |operation: &Operation| {
        let names = processors.pipeline.iter().flatten();
        operation.name.as_ref().is_some_and(|name| names.into_iter().any(|step| step == name))
    };
    let operations = processors.operations.iter().flatten().enumerate();
    let idle = operations.filter(|(_, operation)| !runs(operation));
    idle.map(|(i, _)| format!("spec.processors.operations[{i}].")).collect()
}

fn processors<'a>(processors: &'a Processors, codes: &mut Vec<CodeField<'a>>) {
    let at = Path::root().child("spec").child("processors");
    codes.extend(processors.init.iter().map(|code| (code, at.child("init"))));
    for (i, operation) in processors.operations.iter().flatten().enumerate() {
        let at = at.child("operations").index(i);
        codes.extend(operation.map.iter().map(|code| (code, at.child("map"))));
        codes.extend(operation.filter.iter().map(|code| (code, at.child("filter"))));
        operation.topic_send.iter().for_each(|send| topic(send, &at.child("topicSend"), codes));
    }
}

fn topic<'a>(topic: &'a TopicOut, at: &Path, codes: &mut Vec<CodeField<'a>>) {
    let given = topic.selectors().into_iter().filter_map(|(field, code)| Some((code?, at.child(field))));
    codes.extend(given);
}

impl HasCode for KasprAgent {
    fn codes(&self) -> Vec<CodeField<'_>> {
        let mut codes = Vec::new();
        self.spec.processors.iter().for_each(|all| processors(all, &mut codes));
        let at = Path::root().child("spec").child("output").child("topics");
        let topics = self.spec.output.iter().flat_map(|output| output.topics.iter().flatten());
        topics.enumerate().for_each(|(i, each)| topic(each, &at.index(i), &mut codes));
        codes
    }

    fn processors(&self) -> Option<&Processors> {
        self.spec.processors.as_ref()
    }
}

impl HasCode for KasprTask {
    fn codes(&self) -> Vec<CodeField<'_>> {
        let mut codes = Vec::new();
        processors(&self.spec.processors, &mut codes);
        codes
    }

    fn processors(&self) -> Option<&Processors> {
        Some(&self.spec.processors)
    }
}

impl HasCode for KasprWebView {
    fn codes(&self) -> Vec<CodeField<'_>> {
        let mut codes = Vec::new();
        self.spec.processors.iter().for_each(|all| processors(all, &mut codes));
        let at = Path::root().child("spec").child("response");
        let selectors = self.spec.response.iter().flat_map(WebResponse::selectors);
        codes.extend(selectors.map(|([field, case], code)| (code, at.child(field).child(case))));
        codes
    }

    fn processors(&self) -> Option<&Processors> {
        self.spec.processors.as_ref()
    }
}

impl HasCode for KasprTable {
    fn codes(&self) -> Vec<CodeField<'_>> {
        let at = Path::root().child("spec").child("defaultSelector");
        self.spec.default_selector.iter().map(|code| (code, at.clone())).collect()
    }
}

impl HasCode for KasprJoin {
    fn codes(&self) -> Vec<CodeField<'_>> {
        vec![(&self.spec.extractor, Path::root().child("spec").child("extractor"))]
    }
}
