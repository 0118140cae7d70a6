//! All code of a component, with the paths of its fields, for rules that depend on the app.

use super::{
    app_context::AppContext,
    findings::Findings,
    modules,
    path::Path,
    python::{self, CodeFacts},
    rule,
};
use crate::api::{Code, KasprAgent, KasprJoin, KasprTable, KasprTask, KasprWebView, Processors, TopicOut};

/// Code with the path of its field.
type LocatedCode<'a> = (&'a Code, Path);

/// Largest size of a definition in bytes.
///
/// Source: the API server refuses a ConfigMap with more data.
const LARGEST_DEFINITION: usize = 1 << 20;

/// A component with code.
pub(super) trait HasCode {
    /// Returns all code, each with the path of its field.
    fn codes(&self) -> Vec<LocatedCode<'_>>;
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
    for (code, at) in component.codes() {
        let Some(facts) = python::facts_of(&code.python) else { continue };
        let at = at.child("python");
        let CodeFacts { newer_syntax, imports } = facts;
        for line in newer_syntax {
            found.invalid_line(rule::PYTHON_VERSION, at.clone(), line);
        }
        for (module, line) in imports {
            if let Some(distribution) = modules::missing(&module, app) {
                let text = format!("line {line}: add '{distribution}' to pythonPackages of the app");
                found.warn_shortened(rule::PYTHON_PACKAGE, at.clone(), &text);
            }
        }
    }
}

fn processors<'a>(processors: &'a Processors, codes: &mut Vec<LocatedCode<'a>>) {
    let at = Path::root().child("spec").child("processors");
    codes.extend(processors.init.iter().map(|code| (code, at.child("init"))));
    for (i, operation) in processors.operations.iter().flatten().enumerate() {
        let at = at.child("operations").index(i);
        codes.extend(operation.map.iter().map(|code| (code, at.child("map"))));
        codes.extend(operation.filter.iter().map(|code| (code, at.child("filter"))));
        operation.topic_send.iter().for_each(|send| topic(send, &at.child("topicSend"), codes));
    }
}

fn topic<'a>(topic: &'a TopicOut, at: &Path, codes: &mut Vec<LocatedCode<'a>>) {
    let selectors = [
        ("nameSelector", &topic.name_selector),
        ("keySelector", &topic.key_selector),
        ("valueSelector", &topic.value_selector),
        ("partitionSelector", &topic.partition_selector),
        ("headersSelector", &topic.headers_selector),
        ("predicate", &topic.predicate),
    ];
    let given = selectors.into_iter().filter_map(|(field, code)| Some((code.as_ref()?, at.child(field))));
    codes.extend(given);
}

impl HasCode for KasprAgent {
    fn codes(&self) -> Vec<LocatedCode<'_>> {
        let mut codes = Vec::new();
        self.spec.processors.iter().for_each(|all| processors(all, &mut codes));
        let at = Path::root().child("spec").child("output").child("topics");
        let topics = self.spec.output.iter().flat_map(|output| output.topics.iter().flatten());
        topics.enumerate().for_each(|(i, each)| topic(each, &at.index(i), &mut codes));
        codes
    }
}

impl HasCode for KasprTask {
    fn codes(&self) -> Vec<LocatedCode<'_>> {
        let mut codes = Vec::new();
        processors(&self.spec.processors, &mut codes);
        codes
    }
}

impl HasCode for KasprWebView {
    fn codes(&self) -> Vec<LocatedCode<'_>> {
        let mut codes = Vec::new();
        self.spec.processors.iter().for_each(|all| processors(all, &mut codes));
        let at = Path::root().child("spec").child("response");
        if let Some(response) = &self.spec.response {
            let selectors = [
                ("bodySelector", &response.body_selector),
                ("statusCodeSelector", &response.status_code_selector),
                ("headersSelector", &response.headers_selector),
            ];
            for (field, selector) in selectors {
                let at = at.child(field);
                let codes_of = selector.iter().flat_map(|selector| {
                    [("onSuccess", &selector.on_success), ("onError", &selector.on_error)]
                });
                codes.extend(codes_of.filter_map(|(field, code)| Some((code.as_ref()?, at.child(field)))));
            }
        }
        codes
    }
}

impl HasCode for KasprTable {
    fn codes(&self) -> Vec<LocatedCode<'_>> {
        let at = Path::root().child("spec").child("defaultSelector");
        self.spec.default_selector.iter().map(|code| (code, at.clone())).collect()
    }
}

impl HasCode for KasprJoin {
    fn codes(&self) -> Vec<LocatedCode<'_>> {
        vec![(&self.spec.extractor, Path::root().child("spec").child("extractor"))]
    }
}
