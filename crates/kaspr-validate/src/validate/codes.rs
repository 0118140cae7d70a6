//! All code of a component, with the paths of its fields, for rules that depend on the app.

use super::{app_context::AppContext, findings::Findings, modules, path::Path, python, rule};
use crate::api::{
    Code, KasprAgent, KasprJoin, KasprTable, KasprTask, KasprWebView, Processors, TopicOut, WebResponse,
};

/// A field with code.
pub(super) struct CodeField<'a> {
    code: &'a Code,
    at: Path,
    /// Whether the framework runs the code.
    runs: bool,
}

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
    let size: usize = component.codes().iter().map(|field| field.code.python.len()).sum();
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
    let init = component.processors().and_then(|processors| processors.init.as_ref());
    for CodeField { code, at, runs } in component.codes() {
        python::check_image(code, &at, |module| modules::missing(module, app), found);
        if runs {
            python::check_annotations(code, &at, init, found);
        }
    }
}

fn processors<'a>(processors: &'a Processors, codes: &mut Vec<CodeField<'a>>) {
    let at = Path::root().child("spec").child("processors");
    codes.extend(processors.init.iter().map(|code| CodeField { code, at: at.child("init"), runs: true }));
    for (i, operation) in processors.operations.iter().flatten().enumerate() {
        let at = at.child("operations").index(i);
        let runs = processors.runs(operation);
        codes.extend(operation.map.iter().map(|code| CodeField { code, at: at.child("map"), runs }));
        codes.extend(operation.filter.iter().map(|code| CodeField { code, at: at.child("filter"), runs }));
        operation.topic_send.iter().for_each(|send| topic(send, &at.child("topicSend"), runs, codes));
    }
}

fn topic<'a>(topic: &'a TopicOut, at: &Path, runs: bool, codes: &mut Vec<CodeField<'a>>) {
    let selectors = topic.selectors().into_iter();
    codes.extend(
        selectors.filter_map(|(field, code)| Some(CodeField { code: code?, at: at.child(field), runs })),
    );
}

impl HasCode for KasprAgent {
    fn codes(&self) -> Vec<CodeField<'_>> {
        let mut codes = Vec::new();
        self.spec.processors.iter().for_each(|all| processors(all, &mut codes));
        let at = Path::root().child("spec").child("output").child("topics");
        let topics = self.spec.output.iter().flat_map(|output| output.topics.iter().flatten());
        topics.enumerate().for_each(|(i, each)| topic(each, &at.index(i), true, &mut codes));
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
        codes.extend(selectors.map(|([field, case], code)| CodeField {
            code,
            at: at.child(field).child(case),
            runs: true,
        }));
        codes
    }

    fn processors(&self) -> Option<&Processors> {
        self.spec.processors.as_ref()
    }
}

impl HasCode for KasprTable {
    fn codes(&self) -> Vec<CodeField<'_>> {
        let at = Path::root().child("spec").child("defaultSelector");
        self.spec.default_selector.iter().map(|code| CodeField { code, at: at.clone(), runs: true }).collect()
    }
}

impl HasCode for KasprJoin {
    fn codes(&self) -> Vec<CodeField<'_>> {
        let at = Path::root().child("spec").child("extractor");
        vec![CodeField { code: &self.spec.extractor, at, runs: true }]
    }
}
