package kube

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
)

// readLimit bounds the read of one object; lists and watches have no such limit.
const readLimit = 10 * time.Second

// A resource is what a kind is called on the wire and in sentences.
type resource struct {
	word   string // "deployment"
	plural string // "deployments": the segment of the path
	gvk    schema.GroupVersionKind
	scoped bool
}

// resourceOf knows the kinds that a feed holds; ok is false for any other.
func resourceOf(kind string) (r resource, ok bool) {
	core, apps := schema.GroupVersion{Version: "v1"}, schema.GroupVersion{Group: "apps", Version: "v1"}
	switch kind {
	case cluster.KindPod:
		return resource{"pod", "pods", core.WithKind("Pod"), true}, true
	case cluster.KindNamespace:
		return resource{"namespace", "namespaces", core.WithKind("Namespace"), false}, true
	case cluster.KindDeployment:
		return resource{"deployment", "deployments", apps.WithKind("Deployment"), true}, true
	case cluster.KindStatefulSet:
		return resource{"statefulset", "statefulsets", apps.WithKind("StatefulSet"), true}, true
	case cluster.KindDaemonSet:
		return resource{"daemonset", "daemonsets", apps.WithKind("DaemonSet"), true}, true
	}
	return resource{}, false
}

// prefix is the path of the resource's group: "/api/v1", "/apis/apps/v1".
func (r resource) prefix() string {
	if r.gvk.Group == "" {
		return "/api/" + r.gvk.Version
	}
	return "/apis/" + r.gvk.Group + "/" + r.gvk.Version
}

// may is the permission to do verb to the resource, or to its part sub.
func (r resource) may(verb, sub string) backend.Permission {
	return backend.Permission{Verb: verb, Group: r.gvk.Group, Resource: r.plural, Sub: sub}
}

// path is how a Request line names the object: "deployments/shop/checkout/scale".
func (r resource) path(ref backend.Ref, sub string) string {
	p := r.plural
	for _, s := range []string{ref.Scope, ref.Name, sub} {
		if s != "" {
			p += "/" + s
		}
	}
	return p
}

// named is how sentences call the object: "deployment shop/checkout".
func (r resource) named(ref backend.Ref) string {
	if ref.Scope == "" {
		return r.word + " " + ref.Name
	}
	return r.word + " " + ref.Scope + "/" + ref.Name
}

// request begins a request on the object, whose names are checked by the
// client library before anything is sent. It speaks JSON, and it is tried once
// more only where the caller says so: by itself the library repeats whatever a
// server answered with Retry-After, a change that was done among them.
func (c *Cluster) request(method string, res resource, ref backend.Ref) (*rest.Request, error) {
	client, err := c.Client()
	if err != nil {
		return nil, err
	}
	return client.CoreV1().RESTClient().Verb(method).
		AbsPath(res.prefix()).
		NamespaceIfScoped(ref.Scope, res.scoped).
		Resource(res.plural).
		Name(ref.Name).
		SetHeader("Accept", "application/json").
		MaxRetries(0), nil
}

// read gives the object as the server's JSON has it: fields that this client
// does not know are kept, for a pre-image that is whole. The error is a
// *backend.Error.
func (c *Cluster) read(ctx context.Context, res resource, ref backend.Ref) (*unstructured.Unstructured, error) {
	refused := func(err error) error { return c.refused("read "+res.word, res, ref, res.may("get", ""), err) }
	req, err := c.request(http.MethodGet, res, ref)
	if err != nil {
		return nil, refused(err)
	}
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	answer := req.MaxRetries(1).Do(ctx)
	if err := answer.Error(); err != nil {
		return nil, refused(err)
	}
	body, err := answer.Raw()
	if err != nil {
		return nil, refused(err)
	}
	obj := &unstructured.Unstructured{}
	if err := obj.UnmarshalJSON(body); err != nil {
		return nil, refused(fmt.Errorf("decode: %w", err))
	}
	return obj, nil
}
