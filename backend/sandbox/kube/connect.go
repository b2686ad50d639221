package kube

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/proxy"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/filters"
	"k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	translator "k8s.io/apiserver/pkg/util/proxy"
	"k8s.io/streaming/pkg/httpstream/wsstream"
)

// connection is a subresource that leads into a pod: the server passes the request on
// to the kubelet of the pod's node, and what comes back to the client.
type connection struct {
	cluster *Cluster
	pods    *registry.Store
	options func() runtime.Object
	name    string // on the kubelet
}

// connections are those of pods, by the name of the subresource.
func (c *Cluster) connections(pods *registry.Store) map[string]rest.Storage {
	return map[string]rest.Storage{
		"exec":        connection{c, pods, func() runtime.Object { return &corev1.PodExecOptions{} }, "exec"},
		"attach":      connection{c, pods, func() runtime.Object { return &corev1.PodAttachOptions{} }, "attach"},
		"portforward": connection{c, pods, func() runtime.Object { return &corev1.PodPortForwardOptions{} }, "portForward"},
		"proxy":       passage{c, func() runtime.Object { return &corev1.PodProxyOptions{} }, c.podAddress},
	}
}

// New implements rest.Storage.
func (c connection) New() runtime.Object { return c.options() }

// Destroy implements rest.Storage.
func (connection) Destroy() {}

// NewConnectOptions implements rest.Connecter.
func (c connection) NewConnectOptions() (runtime.Object, bool, string) {
	return c.options(), false, ""
}

// ConnectMethods implements rest.Connecter.
func (connection) ConnectMethods() []string { return []string{http.MethodGet, http.MethodPost} }

// Connect implements rest.Connecter.
func (c connection) Connect(ctx context.Context, name string, opts runtime.Object, responder rest.Responder) (http.Handler, error) {
	if err := c.cluster.mayCreate(ctx); err != nil {
		return nil, err
	}
	obj, err := c.pods.Get(ctx, name, &metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	p := obj.(*corev1.Pod)
	to := &url.URL{Scheme: "http", Path: fmt.Sprintf("/%s/%s/%s", c.name, p.Namespace, p.Name)}
	streams, one, query := asked(opts)
	if _, forward := opts.(*corev1.PodPortForwardOptions); !forward {
		if one, err = container(p, one); err != nil {
			return nil, err
		}
		to.Path += "/" + one
	}
	if p.Spec.NodeName == "" {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("pod %s does not have a host assigned", name))
	}
	to.Host, to.RawQuery = net.JoinHostPort(c.cluster.addressOf(p.Spec.NodeName), strconv.Itoa(kubeletPort)), query.Encode()
	way := c.cluster.network.transport
	h := http.Handler(proxy.NewUpgradeAwareHandler(to, way, false, true, proxy.NewErrorResponder(responder)))
	if streams == nil {
		return translator.NewTranslatingHandler(h, translator.NewTunnelingHandler(h), wsstream.IsWebSocketRequestWithTunnelingProtocol), nil
	}
	return translator.NewTranslatingHandler(h, translator.NewStreamTranslatorHandler(to, way, 0, *streams), wsstream.IsWebSocketRequestWithStreamCloseProtocol), nil
}

// asked is what the options of a connection ask for, as the kubelet wants to hear it.
func asked(opts runtime.Object) (streams *translator.Options, container string, query url.Values) {
	query = url.Values{}
	switch o := opts.(type) {
	case *corev1.PodExecOptions:
		streams, container = &translator.Options{Stdin: o.Stdin, Stdout: o.Stdout, Stderr: o.Stderr, Tty: o.TTY}, o.Container
		query["command"] = o.Command
	case *corev1.PodAttachOptions:
		streams, container = &translator.Options{Stdin: o.Stdin, Stdout: o.Stdout, Stderr: o.Stderr, Tty: o.TTY}, o.Container
	case *corev1.PodPortForwardOptions:
		for _, port := range o.Ports {
			query.Add("port", strconv.Itoa(int(port)))
		}
	}
	if streams != nil {
		for name, on := range map[string]bool{
			corev1.ExecStdinParam: streams.Stdin, corev1.ExecStdoutParam: streams.Stdout, corev1.ExecStderrParam: streams.Stderr, corev1.ExecTTYParam: streams.Tty,
		} {
			if on {
				query.Set(name, "1")
			}
		}
	}
	return streams, container, query
}

// mayCreate refuses who may only get: what is begun over a WebSocket is a GET, and more
// than that.
func (c *Cluster) mayCreate(ctx context.Context) error {
	at, err := filters.GetAuthorizerAttributes(ctx)
	if err != nil {
		return err
	}
	if d, why, err := c.access.Authorize(ctx, creating{at}); err != nil || d != authorizer.DecisionAllow {
		return apierrors.NewForbidden(corev1.Resource(at.GetResource()), at.GetName(), errors.Join(err, errors.New(why)))
	}
	return nil
}

// creating is a request as if it created something.
type creating struct{ authorizer.Attributes }

// GetVerb implements authorizer.Attributes.
func (creating) GetVerb() string { return "create" }

// addressOf is where a node is reached; its name, where it has said nothing.
func (c *Cluster) addressOf(node string) string {
	if n := Get[*corev1.Node](c, "", node); n != nil && len(n.Status.Addresses) > 0 {
		return n.Status.Addresses[0].Address
	}
	return node
}

// passage is a subresource that passes requests on to a port of a pod.
type passage struct {
	cluster *Cluster
	options func() runtime.Object
	find    func(ctx context.Context, id string) (scheme, address string, err error)
}

// New implements rest.Storage.
func (p passage) New() runtime.Object { return p.options() }

// Destroy implements rest.Storage.
func (passage) Destroy() {}

// NewConnectOptions implements rest.Connecter.
func (p passage) NewConnectOptions() (runtime.Object, bool, string) { return p.options(), true, "path" }

// ConnectMethods implements rest.Connecter.
func (passage) ConnectMethods() []string {
	return []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodHead, http.MethodOptions}
}

// Connect implements rest.Connecter.
func (p passage) Connect(ctx context.Context, id string, opts runtime.Object, responder rest.Responder) (http.Handler, error) {
	scheme, address, err := p.find(ctx, id)
	if err != nil {
		return nil, err
	}
	if scheme == "" {
		scheme = "http"
	}
	to := &url.URL{Scheme: scheme, Host: address}
	switch o := opts.(type) {
	case *corev1.PodProxyOptions:
		to.Path = utilnet.JoinPreservingTrailingSlash("", o.Path)
	case *corev1.ServiceProxyOptions:
		to.Path = utilnet.JoinPreservingTrailingSlash("", o.Path)
	}
	return proxy.NewUpgradeAwareHandler(to, p.cluster.network.transport, true, false, proxy.NewErrorResponder(responder)), nil
}

// podAddress is the port of a pod that "name", "name:port" or "scheme:name:port" means.
func (c *Cluster) podAddress(ctx context.Context, id string) (scheme, address string, err error) {
	scheme, name, port, ok := utilnet.SplitSchemeNamePort(id)
	if !ok {
		return "", "", apierrors.NewBadRequest(fmt.Sprintf("invalid pod request %q", id))
	}
	p := Get[*corev1.Pod](c, namespaceOf(ctx), name)
	if p == nil {
		return "", "", apierrors.NewNotFound(corev1.Resource("pods"), name)
	}
	if i := slices.IndexFunc(p.Spec.Containers, func(one corev1.Container) bool { return len(one.Ports) > 0 }); port == "" && i >= 0 {
		port = strconv.Itoa(int(p.Spec.Containers[i].Ports[0].ContainerPort))
	}
	if port == "" {
		port = "80"
	}
	if p.Status.PodIP == "" {
		return "", "", apierrors.NewBadRequest("address not allowed")
	}
	return scheme, net.JoinHostPort(p.Status.PodIP, port), nil
}

// serviceAddress is a port of one of the pods behind a service.
func (c *Cluster) serviceAddress(ctx context.Context, id string) (scheme, address string, err error) {
	scheme, name, port, ok := utilnet.SplitSchemeNamePort(id)
	if !ok {
		return "", "", apierrors.NewBadRequest(fmt.Sprintf("invalid service request %q", id))
	}
	s := Get[*corev1.Service](c, namespaceOf(ctx), name)
	if s == nil {
		return "", "", apierrors.NewNotFound(corev1.Resource("services"), name)
	}
	if n, err := strconv.Atoi(port); err == nil {
		i := slices.IndexFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return int(p.Port) == n })
		if i < 0 {
			return "", "", apierrors.NewServiceUnavailable(fmt.Sprintf("no service port %d found for service %q", n, name))
		}
		port = s.Spec.Ports[i].Name
	}
	if address := c.behind(s, port); address != "" {
		return scheme, address, nil
	}
	return "", "", apierrors.NewServiceUnavailable(fmt.Sprintf("no endpoints available for service %q", id))
}

// behind is one of the pods behind a service's port, that port of a pod; the next one
// each time it is asked. Empty where there is none.
func (c *Cluster) behind(s *corev1.Service, port string) string {
	slice := Get[*discoveryv1.EndpointSlice](c, s.Namespace, s.Name+"-1")
	if slice == nil {
		return ""
	}
	ready := slices.DeleteFunc(slices.Clone(slice.Endpoints), func(e discoveryv1.Endpoint) bool { return e.Conditions.Ready == nil || !*e.Conditions.Ready })
	for _, p := range slice.Ports {
		if len(ready) > 0 && p.Port != nil && (p.Name == nil && port == "" || p.Name != nil && *p.Name == port) {
			return net.JoinHostPort(ready[c.network.next(len(ready))].Addresses[0], strconv.Itoa(int(*p.Port)))
		}
	}
	return ""
}
