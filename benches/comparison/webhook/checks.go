package main

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

func required(path *field.Path, value *string) field.ErrorList {
	if value != nil && *value != "" {
		return nil
	}
	return field.ErrorList{field.Required(path, "")}
}

func atLeast(path *field.Path, value *int32, least int32) field.ErrorList {
	if value == nil || *value >= least {
		return nil
	}
	return field.ErrorList{field.Invalid(path, *value, fmt.Sprintf("must be at least %d", least))}
}

func oneOf(path *field.Path, value *string, known []string) field.ErrorList {
	if value == nil || slices.Contains(known, *value) {
		return nil
	}
	return field.ErrorList{field.NotSupported(path, *value, known)}
}
