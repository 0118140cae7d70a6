// Command webhook is the yardstick of the admission bench: a minimal webhook server on
// controller-runtime that decodes, defaults and validates KasprApp and KasprAgent the way a Go
// operator does, with a handful of representative checks. It needs no API server, has no manager and
// no caches, and does not read the embedded Python: it does less than the operator, never more.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager/signals"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

var groupVersion = schema.GroupVersion{Group: "kaspr.io", Version: "v1alpha1"}

func main() {
	port := flag.Int("port", 9443, "port on 127.0.0.1")
	certDir := flag.String("cert-dir", "", "folder with tls.crt and tls.key")
	flag.Parse()
	log.SetLogger(zap.New())

	// The benchmark holds its input open, so the server ends with the benchmark.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	if err := serve(signals.SetupSignalHandler(), *port, *certDir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve answers reviews until the context ends; all that can be set is left as it is by default.
func serve(ctx context.Context, port int, certDir string) error {
	scheme := runtime.NewScheme()
	scheme.AddKnownTypes(groupVersion, &KasprApp{}, &KasprAgent{})

	server := webhook.NewServer(webhook.Options{Host: "127.0.0.1", Port: port, CertDir: certDir})
	server.Register("/default", byKind(map[string]*admission.Webhook{
		"KasprApp":   admission.WithDefaulter[*KasprApp](scheme, appDefaulter{}),
		"KasprAgent": admission.WithDefaulter[*KasprAgent](scheme, agentDefaulter{}),
	}))
	server.Register("/validate", byKind(map[string]*admission.Webhook{
		"KasprApp":   admission.WithValidator[*KasprApp](scheme, appValidator{}),
		"KasprAgent": admission.WithValidator[*KasprAgent](scheme, agentValidator{}),
	}))
	return server.Start(ctx)
}

// byKind hands a review to the webhook of its kind: the paths are those of the operator, which has
// one for all kinds.
func byKind(webhooks map[string]*admission.Webhook) http.Handler {
	return &admission.Webhook{
		Handler: admission.HandlerFunc(func(ctx context.Context, request admission.Request) admission.Response {
			if webhook, known := webhooks[request.Kind.Kind]; known {
				return webhook.Handler.Handle(ctx, request)
			}
			return admission.Errored(http.StatusBadRequest, fmt.Errorf("unknown kind %q", request.Kind.Kind))
		}),
	}
}
