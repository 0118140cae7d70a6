//! From a frame of a traceback to the operation whose code it is in. Pure.

use kube::ResourceExt;

use super::log::CodeFrame;
use crate::{
    api::KasprResource,
    resources::AppComponents,
    validate::{HasCode, has_frame},
};

/// The blocks of a component.
pub(crate) struct ComponentCode {
    /// The component, such as `KasprAgent orders`.
    component: String,
    blocks: Vec<Block>,
}

struct Block {
    place: Place,
    python: String,
}

/// Where in a component a block is.
#[derive(Clone, Debug, PartialEq)]
enum Place {
    /// The name of an operation.
    Operation(String),
    /// The path of another field.
    Field(String),
}

impl ComponentCode {
    /// Collects the blocks of all components of an app.
    pub(crate) fn of_all(components: &AppComponents) -> Vec<Self> {
        let AppComponents { agents, webviews, tables, tasks, joins } = components;
        let agents = agents.iter().map(|agent| Self::of(&**agent));
        let webviews = webviews.iter().map(|webview| Self::of(&**webview));
        let tables = tables.iter().map(|table| Self::of(&**table));
        let tasks = tasks.iter().map(|task| Self::of(&**task));
        let joins = joins.iter().map(|join| Self::of(&**join));
        agents.chain(webviews).chain(tables).chain(tasks).chain(joins).collect()
    }

    /// Collects the blocks of a component.
    pub(crate) fn of<C: HasCode + KasprResource>(component: &C) -> Self {
        let block = |field: &crate::validate::CodeField<'_>| Block {
            place: match field.operation() {
                Some(operation) => Place::Operation(operation.to_owned()),
                None => Place::Field(field.path().to_string()),
            },
            python: field.python().to_owned(),
        };
        Self {
            component: format!("{} {}", C::KIND, component.name_any()),
            blocks: component.codes().iter().map(block).collect(),
        }
    }
}

/// Returns where a frame is: `operation 'x', line 3`. If several blocks define its function with that line inside, all
/// of them are named; if none does, the frame is of no block.
pub(crate) fn blame(
    frame: &CodeFrame,
    components: &[ComponentCode],
    names_component: bool,
) -> Option<String> {
    let defines = |block: &&Block| has_frame(&block.python, &frame.function, frame.line);
    let mut suspects: Vec<(&str, &Place)> = Vec::new();
    for ComponentCode { component, blocks } in components {
        for block in blocks.iter().filter(defines) {
            if !suspects.contains(&(component, &block.place)) {
                suspects.push((component, &block.place));
            }
        }
    }
    let place = match suspects.as_slice() {
        [] => return None,
        [suspect] => described(*suspect, names_component),
        several => one_of(several, names_component),
    };
    Some(format!("{place}, line {}", frame.line))
}

fn described((component, place): (&str, &Place), names_component: bool) -> String {
    let place = match place {
        Place::Operation(name) => format!("operation '{name}'"),
        Place::Field(path) => path.clone(),
    };
    if names_component { format!("{place} of {component}") } else { place }
}

fn one_of(suspects: &[(&str, &Place)], names_component: bool) -> String {
    let operations: Option<Vec<String>> = suspects.iter().map(|(_, place)| operation(place)).collect();
    match operations {
        Some(names) if !names_component => format!("one of operations {}", names.join(", ")),
        _ => {
            let all: Vec<String> =
                suspects.iter().map(|suspect| described(*suspect, names_component)).collect();
            format!("one of {}", all.join(", "))
        }
    }
}

fn operation(place: &Place) -> Option<String> {
    match place {
        Place::Operation(name) => Some(format!("'{name}'")),
        Place::Field(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::{KasprAgent, KasprTask};

    const MAP: &str = "def f(v):\n    return v\n";

    fn agent() -> ComponentCode {
        let spec = json!({
            "input": { "topic": { "name": "orders" } },
            "output": { "topics": [{ "name": "out", "valueSelector": { "python": "def pick(v):\n    return v.x\n" } }] },
            "processors": {
                "pipeline": ["a", "b", "c"],
                "init": { "python": "import json\n\ndef helper(v):\n    return v\n" },
                "operations": [
                    { "name": "a", "map": { "python": MAP } },
                    { "name": "b", "filter": { "python": format!("\n{MAP}") } },
                    { "name": "c", "topicSend": { "name": "out", "keySelector": { "python": "by = lambda v: v.id" } } },
                ],
            },
        });
        ComponentCode::of(&resource::<KasprAgent>("KasprAgent", &spec))
    }

    fn task() -> ComponentCode {
        let spec = json!({ "name": "n", "processors": { "operations": [{ "name": "t", "map": { "python": MAP } }] } });
        ComponentCode::of(&resource::<KasprTask>("KasprTask", &spec))
    }

    fn resource<C: serde::de::DeserializeOwned>(kind: &str, spec: &Value) -> C {
        let text = json!({ "apiVersion": "kaspr.io/v1alpha1", "kind": kind, "metadata": { "name": "n" }, "spec": spec });
        serde_json::from_value(text).expect("a component")
    }

    fn found(function: &str, line: usize, components: &[ComponentCode]) -> Option<String> {
        blame(&CodeFrame { function: function.to_owned(), line }, components, components.len() > 1)
    }

    #[test]
    fn a_frame_names_the_operations_that_define_its_function_there() {
        for (function, line, expected) in [
            ("f", 1, Some("operation 'a', line 1")),
            ("f", 2, Some("one of operations 'a', 'b', line 2")),
            ("f", 3, Some("operation 'b', line 3")),
            ("f", 4, None),
            ("helper", 4, Some("spec.processors.init, line 4")),
            ("pick", 2, Some("spec.output.topics[0].valueSelector, line 2")),
            ("<lambda>", 1, Some("operation 'c', line 1")),
            (
                "<module>",
                1,
                Some(
                    "one of spec.processors.init, operation 'a', operation 'c', \
              spec.output.topics[0].valueSelector, line 1",
                ),
            ),
            ("other", 1, None),
        ] {
            assert_eq!(found(function, line, &[agent()]).as_deref(), expected, "{function}:{line}");
        }
    }

    #[test]
    fn among_several_components_the_component_is_named() {
        let all = [agent(), task()];
        let expected = "one of operation 'a' of KasprAgent n, operation 't' of KasprTask n, line 1";
        assert_eq!(found("f", 1, &all).as_deref(), Some(expected));
        assert_eq!(found("f", 3, &all).as_deref(), Some("operation 'b' of KasprAgent n, line 3"));
    }
}
