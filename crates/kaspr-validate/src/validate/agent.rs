//! Rules of agents.

use super::{
    app_context::AppContext,
    codes, cross_resource,
    findings::Findings,
    path::Path,
    processors::{Caller, check_processors},
    python::{Call, Init},
    rule, shared, topic,
    valid::{Validate, ValidateUpdate},
};
use crate::api::{AgentInput, KasprAgent};

impl Validate for KasprAgent {
    fn validate(&self, at: &Path, found: &mut Findings) {
        shared::component_metadata(&self.metadata, "-agent", &at.child("metadata"), found);
        let at = at.child("spec");
        codes::check_size(self, found);
        shared::spec_name(&self.metadata, self.spec.name.as_deref(), &at, found);
        self.spec.input.validate(&at.child("input"), found);
        let init = match &self.spec.processors {
            Some(processors) => check_processors(processors, &at.child("processors"), &Caller::Agent, found),
            None => {
                found.warn(
                    rule::PIPELINE_EMPTY,
                    at.child("processors"),
                    "is not given: nothing is done with the values",
                );
                Init::default()
            }
        };
        for (i, topic) in
            self.spec.output.iter().flat_map(|output| output.topics.iter().flatten()).enumerate()
        {
            let at = at.child("output").child("topics").index(i);
            topic::check_output(topic, &at, (&init, true), Some(&Call::value()), found);
        }
    }
}

impl ValidateUpdate for KasprAgent {
    fn register(&self, context: &mut AppContext) {
        context.add_agent(self);
    }

    fn validate_in_app(&self, context: &AppContext, found: &mut Findings) {
        cross_resource::validate_agent(self, context, found);
    }
}

impl Validate for AgentInput {
    fn validate(&self, at: &Path, found: &mut Findings) {
        topic::exactly_one(at, ("topic", self.topic.is_some()), ("channel", self.channel.is_some()), found);
        if let Some(topic) = &self.topic {
            topic.validate(&at.child("topic"), found);
        }
        if self.channel.as_ref().is_some_and(|channel| channel.name.is_empty()) {
            found.required(
                rule::REQUIRED,
                at.child("channel").child("name"),
                "must name the output channel of a KasprJoin",
            );
        }
        if let Some(take) = &self.take {
            let at = at.child("take");
            if take.max < 1 {
                found.invalid(rule::NUMBER, at.child("max"), take.max, "must be 1 or more");
            }
            if !shared::is_duration(&take.within) {
                found.invalid(rule::DURATION, at.child("within"), take.within.as_str(), shared::DURATION);
            }
        }
    }
}
