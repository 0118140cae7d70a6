package main

import (
	"context"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

type agentDefaulter struct{}

// Default fills in what the operator fills in.
func (agentDefaulter) Default(_ context.Context, agent *KasprAgent) error {
	set(&agent.Spec.IsolatedPartitions, false)
	return nil
}

type agentValidator struct{}

func (agentValidator) ValidateCreate(_ context.Context, agent *KasprAgent) (admission.Warnings, error) {
	return nil, invalid("KasprAgent", agent.Name, checkAgent(&agent.Spec))
}

func (agentValidator) ValidateUpdate(_ context.Context, _, agent *KasprAgent) (admission.Warnings, error) {
	return nil, invalid("KasprAgent", agent.Name, checkAgent(&agent.Spec))
}

func (agentValidator) ValidateDelete(context.Context, *KasprAgent) (admission.Warnings, error) {
	return nil, nil
}

var serializers = []string{"raw", "json", "pickle", "binary"}

func checkAgent(spec *KasprAgentSpec) (found field.ErrorList) {
	path := field.NewPath("spec")
	input := path.Child("input")
	if (spec.Input.Topic == nil) == (spec.Input.Channel == nil) {
		found = append(found, field.Invalid(input, "", "exactly one of topic and channel must be given"))
	}
	if topic := spec.Input.Topic; topic != nil {
		found = append(found, checkTopic(input.Child("topic"), topic)...)
	}
	if take := spec.Input.Take; take != nil {
		found = append(found, atLeast(input.Child("take", "max"), &take.Max, 1)...)
		found = append(found, required(input.Child("take", "within"), &take.Within)...)
	}
	if spec.Output != nil {
		for i := range spec.Output.Topics {
			found = append(found, checkTopic(path.Child("output", "topics").Index(i), &spec.Output.Topics[i].Topic)...)
		}
	}
	if spec.Processors != nil {
		found = append(found, checkProcessors(path.Child("processors"), spec.Processors)...)
	}
	return found
}

func checkTopic(path *field.Path, topic *Topic) (found field.ErrorList) {
	found = append(found, oneOf(path.Child("keySerializer"), topic.KeySerializer, serializers)...)
	found = append(found, oneOf(path.Child("valueSerializer"), topic.ValueSerializer, serializers)...)
	return append(found, atLeast(path.Child("partitions"), topic.Partitions, 1)...)
}

func checkProcessors(path *field.Path, processors *Processors) (found field.ErrorList) {
	names := sets.New[string]()
	for i, operation := range processors.Operations {
		at := path.Child("operations").Index(i)
		found = append(found, required(at.Child("name"), operation.Name)...)
		if operation.Name != nil {
			if names.Has(*operation.Name) {
				found = append(found, field.Duplicate(at.Child("name"), *operation.Name))
			}
			names.Insert(*operation.Name)
		}
		found = append(found, checkStep(at, &operation)...)
	}
	for i, name := range processors.Pipeline {
		if !names.Has(name) {
			found = append(found, field.NotFound(path.Child("pipeline").Index(i), name))
		}
	}
	return found
}

func checkStep(path *field.Path, operation *Operation) (found field.ErrorList) {
	steps := 0
	if operation.Map != nil {
		steps++
		found = append(found, required(path.Child("map", "python"), &operation.Map.Python)...)
	}
	if operation.Filter != nil {
		steps++
		found = append(found, required(path.Child("filter", "python"), &operation.Filter.Python)...)
	}
	if operation.TopicSend != nil {
		steps++
		found = append(found, checkTopic(path.Child("topicSend"), &operation.TopicSend.Topic)...)
	}
	if steps != 1 {
		found = append(found, field.Invalid(path, "", "exactly one of map, filter and topicSend must be given"))
	}
	return found
}
