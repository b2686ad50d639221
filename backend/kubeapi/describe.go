package kubeapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/restmapper"
	"k8s.io/kubectl/pkg/describe"

	"wheelhouse/backend"
)

// describeEvents is how many events kubectl's describer asks for at a time.
const describeEvents = 200

// find gives the resource of any kind: what is not among kinds the server is
// asked about.
func (c *Client) find(kinds Kinds, r backend.Ref) (Resource, error) {
	if res, ok := kinds[r.Kind]; ok {
		return res, nil
	}
	word, group, _ := strings.Cut(r.Kind, ".")
	res := Resource{Word: word}
	client, err := c.Typed()
	if err != nil {
		return res, c.Refused("find "+word, res, r, backend.Permission{}, err)
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	gvk, err := mapper.KindFor(schema.GroupVersionResource{Group: group, Resource: word})
	if err == nil {
		var m *meta.RESTMapping
		if m, err = mapper.RESTMapping(gvk.GroupKind(), gvk.Version); err == nil {
			return Resource{word, m.Resource.Resource, gvk, m.Scope.Name() == meta.RESTScopeNameNamespace}, nil
		}
	}
	if meta.IsNoMatchError(err) {
		err = &backend.Error{
			Code: backend.NotFound, Op: "find " + word, Ref: r, Err: err,
			Human: backend.T(fmt.Sprintf("%s has no kind %s. See what it has: %s", c.link.Alias(), r.Kind, c.Kubectl(backend.Ref{}, []string{"api-resources"}))).Safe(),
		}
	}
	return res, c.Refused("find "+word, res, r, backend.Permission{}, err)
}

// describe is what kubectl describe prints. kubectl's describers take no
// context and follow pointers that a server should have filled in; the context
// goes in by the transport, and a panic of theirs is an error here.
func (c *Client) describe(ctx context.Context, res Resource, r backend.Ref) (lines []backend.Line, err error) {
	defer func() {
		if err != nil {
			err = c.Refused("describe "+res.Word, res, r, res.May("get", ""), err)
		}
	}()
	defer backend.Caught(&err)
	config := c.link.REST()
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return bounded{ctx, next} })
	describer, known := describe.DescriberFor(res.GVK.GroupKind(), config)
	if !known {
		scope := meta.RESTScopeRoot
		if res.Scoped {
			scope = meta.RESTScopeNamespace
		}
		mapping := &meta.RESTMapping{Resource: res.GVK.GroupVersion().WithResource(res.Plural), GroupVersionKind: res.GVK, Scope: scope}
		if describer, known = describe.GenericDescriberFor(mapping, config); !known {
			return nil, fmt.Errorf("no describer for %s", res.GVK)
		}
	}
	out, err := describer.Describe(r.Scope, r.Name, describe.DescriberSettings{ShowEvents: true, ChunkSize: describeEvents})
	if err != nil {
		return nil, err
	}
	return textLines(out), nil
}

// bounded ends all requests of a client when its context ends.
type bounded struct {
	ctx  context.Context
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	return b.next.RoundTrip(req.WithContext(b.ctx))
}
