package main

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

type appDefaulter struct{}

// Default fills in what the operator fills in.
func (appDefaulter) Default(_ context.Context, app *KasprApp) error {
	set(&app.Spec.Replicas, 1)
	packages := app.Spec.PythonPackages
	if packages == nil {
		return nil
	}
	if packages.InstallPolicy == nil {
		packages.InstallPolicy = &InstallPolicy{}
	}
	set(&packages.InstallPolicy.Retries, 3)
	set(&packages.InstallPolicy.Timeout, 600)
	set(&packages.InstallPolicy.OnFailure, "block")
	if packages.Credentials != nil {
		set(&packages.Credentials.SecretRef.UsernameKey, "username")
		set(&packages.Credentials.SecretRef.PasswordKey, "password")
	}
	if cache := packages.Cache; cache != nil {
		set(&cache.Type, "pvc")
		set(&cache.Enabled, false)
		set(&cache.AccessMode, "ReadWriteMany")
		set(&cache.Size, "256Mi")
		set(&cache.DeleteClaim, true)
	}
	return nil
}

func set[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}

type appValidator struct{}

func (appValidator) ValidateCreate(_ context.Context, app *KasprApp) (admission.Warnings, error) {
	return nil, invalid("KasprApp", app.Name, checkApp(&app.Spec))
}

func (appValidator) ValidateUpdate(_ context.Context, _, app *KasprApp) (admission.Warnings, error) {
	return nil, invalid("KasprApp", app.Name, checkApp(&app.Spec))
}

func (appValidator) ValidateDelete(context.Context, *KasprApp) (admission.Warnings, error) {
	return nil, nil
}

func invalid(kind, name string, found field.ErrorList) error {
	if len(found) == 0 {
		return nil
	}
	return apierrors.NewInvalid(groupVersion.WithKind(kind).GroupKind(), name, found)
}

func checkApp(spec *KasprAppSpec) (found field.ErrorList) {
	path := field.NewPath("spec")
	found = append(found, required(path.Child("bootstrapServers"), &spec.BootstrapServers)...)
	found = append(found, atLeast(path.Child("replicas"), spec.Replicas, 0)...)
	found = append(found, checkAuthentication(path.Child("authentication"), &spec.Authentication)...)
	found = append(found, checkProbe(path.Child("livenessProbe"), spec.LivenessProbe)...)
	found = append(found, checkProbe(path.Child("readinessProbe"), spec.ReadinessProbe)...)
	if spec.Storage != nil {
		found = append(found, checkStorage(path.Child("storage"), spec.Storage)...)
	}
	if policy := spec.PythonPackages; policy != nil && policy.InstallPolicy != nil {
		at := path.Child("pythonPackages", "installPolicy")
		found = append(found, atLeast(at.Child("retries"), policy.InstallPolicy.Retries, 0)...)
		found = append(found, atLeast(at.Child("timeout"), policy.InstallPolicy.Timeout, 60)...)
		found = append(found, oneOf(at.Child("onFailure"), policy.InstallPolicy.OnFailure, onFailures)...)
	}
	if spec.Template != nil && spec.Template.Pod != nil {
		at := path.Child("template", "pod", "volumes")
		names := sets.New[string]()
		found = append(found, checkVolumes(at, spec.Template.Pod.Volumes, names)...)
		if container := spec.Template.KasprContainer; container != nil {
			at := path.Child("template", "kasprContainer", "volumeMounts")
			for i, mount := range container.VolumeMounts {
				if !names.Has(mount.Name) {
					found = append(found, field.NotFound(at.Index(i).Child("name"), mount.Name))
				}
			}
		}
	}
	return found
}

var (
	mechanisms   = []string{"scram-sha-256", "scram-sha-512", "plain"}
	storageTypes = []string{"ephemeral", "persistent-claim"}
	onFailures   = []string{"block", "allow", "warn"}
)

func checkAuthentication(path *field.Path, login *Authentication) (found field.ErrorList) {
	found = append(found, oneOf(path.Child("type"), &login.Type, mechanisms)...)
	found = append(found, required(path.Child("username"), login.Username)...)
	if login.PasswordSecret == nil {
		return append(found, field.Required(path.Child("passwordSecret"), ""))
	}
	at := path.Child("passwordSecret")
	found = append(found, required(at.Child("secretName"), login.PasswordSecret.SecretName)...)
	return append(found, required(at.Child("passwordKey"), login.PasswordSecret.PasswordKey)...)
}

func checkProbe(path *field.Path, probe *Probe) (found field.ErrorList) {
	if probe == nil {
		return nil
	}
	found = append(found, atLeast(path.Child("failureThreshold"), probe.FailureThreshold, 1)...)
	found = append(found, atLeast(path.Child("initialDelaySeconds"), probe.InitialDelaySeconds, 0)...)
	found = append(found, atLeast(path.Child("periodSeconds"), probe.PeriodSeconds, 1)...)
	return append(found, atLeast(path.Child("timeoutSeconds"), probe.TimeoutSeconds, 1)...)
}

func checkStorage(path *field.Path, storage *Storage) (found field.ErrorList) {
	found = append(found, oneOf(path.Child("type"), &storage.Type, storageTypes)...)
	if storage.Size == nil {
		if storage.Type == "persistent-claim" {
			found = append(found, field.Required(path.Child("size"), ""))
		}
		return found
	}
	if _, err := resource.ParseQuantity(*storage.Size); err != nil {
		found = append(found, field.Invalid(path.Child("size"), *storage.Size, err.Error()))
	}
	return found
}

func checkVolumes(path *field.Path, volumes []corev1.Volume, names sets.Set[string]) (found field.ErrorList) {
	for i, volume := range volumes {
		if names.Has(volume.Name) {
			found = append(found, field.Duplicate(path.Index(i).Child("name"), volume.Name))
		}
		names.Insert(volume.Name)
	}
	return found
}
