package kubeapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"wheelhouse/backend"
)

// readLimit bounds the read of one object; lists and watches have no such limit.
const readLimit = 10 * time.Second

// A Resource is what a kind is called on the wire and in sentences.
type Resource struct {
	Word   string // "deployment"
	Plural string // "deployments": the segment of the path
	GVK    schema.GroupVersionKind
	Scoped bool
}

// Kinds are the resources of an adapter by the kind that refs carry.
type Kinds map[string]Resource

// prefix is the path of the resource's group: "/api/v1", "/apis/apps/v1".
func (r Resource) prefix() string {
	if r.GVK.Group == "" {
		return "/api/" + r.GVK.Version
	}
	return "/apis/" + r.GVK.Group + "/" + r.GVK.Version
}

// May is the permission to do verb to the resource, or to its part sub.
func (r Resource) May(verb, sub string) backend.Permission {
	return backend.Permission{Verb: verb, Group: r.GVK.Group, Resource: r.Plural, Sub: sub}
}

// path is how a Request line names the object: "deployments/shop/checkout/scale".
func (r Resource) path(ref backend.Ref, sub string) string {
	p := r.Plural
	for _, s := range []string{ref.Scope, ref.Name, sub} {
		if s != "" {
			p += "/" + s
		}
	}
	return p
}

// Named is how sentences call the object: "deployment shop/checkout".
func (r Resource) Named(ref backend.Ref) string {
	if ref.Scope == "" {
		return r.Word + " " + ref.Name
	}
	return r.Word + " " + ref.Scope + "/" + ref.Name
}

// request begins a request on the object, whose names are checked by the
// client library before anything is sent. It speaks JSON, and it is tried once
// more only where the caller says so: by itself the library repeats whatever a
// server answered with Retry-After, a change that was done among them.
func (c *Client) request(method string, res Resource, ref backend.Ref) (*rest.Request, error) {
	client, err := c.Typed()
	if err != nil {
		return nil, err
	}
	return client.CoreV1().RESTClient().Verb(method).
		AbsPath(res.prefix()).
		NamespaceIfScoped(ref.Scope, res.Scoped).
		Resource(res.Plural).
		Name(ref.Name).
		SetHeader("Accept", "application/json").
		MaxRetries(0), nil
}

// Read gives the object as the server's JSON has it: fields that this client
// does not know are kept, for a pre-image that is whole. The error is a
// *backend.Error.
func (c *Client) Read(ctx context.Context, res Resource, ref backend.Ref) (*unstructured.Unstructured, error) {
	refused := func(err error) error { return c.Refused("read "+res.Word, res, ref, res.May("get", ""), err) }
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
