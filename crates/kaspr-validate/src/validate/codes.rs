//! All code of a component, with the paths of its fields: for rules that depend on the app, and to find a block by
//! what a traceback says.

use super::{app_context::AppContext, findings::Findings, modules, path::Path, python, rule};
use crate::api::{
    Code, KasprAgent, KasprJoin, KasprTable, KasprTask, KasprWebView, Processors, TopicOut, WebResponse,
};

/// A field with code.
pub struct CodeField<'a> {
    code: &'a Code,
    at: Path,
    /// The operation that the code is part of.
    operation: Option<&'a str>,
    /// Whether the framework runs the code.
    runs: bool,
}

impl CodeField<'_> {
    /// Returns the source.
    #[must_use]
    pub fn python(&self) -> &str {
        &self.code.python
    }

    /// Returns the operation that the code is part of; `None` for `init` and for code outside of operations.
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        self.operation
    }

    /// Returns the path of the field.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.at
    }
}

/// Largest size of a definition in bytes.
///
/// Source: the API server refuses a ConfigMap with more data.
const LARGEST_DEFINITION: usize = 1 << 20;

/// A component with code.
pub trait HasCode {
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
    for CodeField { code, at, runs, .. } in component.codes() {
        python::check_image(code, &at, |module| modules::missing(module, app), found);
        if runs {
            python::check_annotations(code, &at, init, found);
        }
    }
}

fn processors<'a>(processors: &'a Processors, codes: &mut Vec<CodeField<'a>>) {
    let at = Path::root().child("spec").child("processors");
    codes.extend(processors.init.iter().map(|code| outside(code, at.child("init"))));
    for (i, each) in processors.operations.iter().flatten().enumerate() {
        let at = at.child("operations").index(i);
        let (operation, runs) = (each.name.as_deref(), processors.runs(each));
        let field = |code: &'a Code, at: Path| CodeField { code, at, operation, runs };
        codes.extend(each.map.iter().map(|code| field(code, at.child("map"))));
        codes.extend(each.filter.iter().map(|code| field(code, at.child("filter"))));
        let send = each.topic_send.iter().flat_map(|send| selectors(send, at.child("topicSend")));
        codes.extend(send.map(|(code, at)| field(code, at)));
    }
}

/// Returns code that is no part of an operation.
fn outside(code: &Code, at: Path) -> CodeField<'_> {
    CodeField { code, at, operation: None, runs: true }
}

fn selectors(topic: &TopicOut, at: Path) -> impl Iterator<Item = (&Code, Path)> {
    topic.selectors().into_iter().filter_map(move |(field, code)| Some((code?, at.child(field))))
}

impl HasCode for KasprAgent {
    fn codes(&self) -> Vec<CodeField<'_>> {
        let mut codes = Vec::new();
        self.spec.processors.iter().for_each(|all| processors(all, &mut codes));
        let at = Path::root().child("spec").child("output").child("topics");
        let topics = self.spec.output.iter().flat_map(|output| output.topics.iter().flatten());
        let selectors = topics.enumerate().flat_map(|(i, each)| selectors(each, at.index(i)));
        codes.extend(selectors.map(|(code, at)| outside(code, at)));
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
        codes.extend(selectors.map(|([field, case], code)| outside(code, at.child(field).child(case))));
        codes
    }

    fn processors(&self) -> Option<&Processors> {
        self.spec.processors.as_ref()
    }
}

impl HasCode for KasprTable {
    fn codes(&self) -> Vec<CodeField<'_>> {
        let at = Path::root().child("spec").child("defaultSelector");
        self.spec.default_selector.iter().map(|code| outside(code, at.clone())).collect()
    }
}

impl HasCode for KasprJoin {
    fn codes(&self) -> Vec<CodeField<'_>> {
        let at = Path::root().child("spec").child("extractor");
        vec![outside(&self.spec.extractor, at)]
    }
}
