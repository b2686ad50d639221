// Package kube serves what runs in the embedded world as a Kubernetes cluster: the
// generic API server over a memory of ours, and below it what Kubernetes does with its
// own kinds: deployments have replica sets, replica sets pods, pods processes.
//
// Other controllers bring their kinds (see Kind and Loose) and act on the objects as
// those here do. What a process does, and what becomes of it, is the world's business.
package kube

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"path"
	"reflect"
	"slices"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/apiserver/pkg/authentication/authenticatorfactory"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/openapi"
	"k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	genericfilters "k8s.io/apiserver/pkg/server/filters"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	restclient "k8s.io/client-go/rest"
	basecompatibility "k8s.io/component-base/compatibility"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"

	"wheelhouse/backend/sandbox"
)

// Options say what a cluster is called, what it knows, and who may log in.
type Options struct {
	Name        string // of the cluster in the world
	Users       []User
	Kinds       []Kind       // besides those that every cluster has
	Controllers []Controller // the same
	// Ports is what listens on a port of a container; nil where nothing does.
	Ports func(id sandbox.ProcessID, port int) http.Handler
	// Certificate and Key are those that the server shows, in PEM.
	Certificate, Key []byte
	// Changes are so many that a watch may go back; 0: 8192.
	Changes int
}

// Version is what the server calls itself.
const Version = "1.36.3"

// A Cluster is one API server with what it knows.
type Cluster struct {
	world  *sandbox.World
	o      Options
	kinds  []Kind
	scheme *runtime.Scheme
	memory *memory

	access    access
	admits    sync.Mutex // held while something is written that a quota lets be
	network   *network
	scratches scratches

	mu          sync.Mutex // held while controllers act
	controllers []Controller
	later       map[string]reminder // what is to be looked at again, by key
	chronicle   *chronicle
	names       int // pods that were given a name

	looked   time.Time // at the machines
	fleet    int       // the world's, then
	turn     int       // the node that the next pod is offered to first
	machines map[string]sandbox.Machine
	promised map[string]sandbox.Usage // by node
	placed   map[string]placement     // by pod
	running  map[string]started       // what of a pod was started
	waits    map[string]time.Duration // before a container is started again
	doomed   map[string]time.Time     // since when pods are on a node that bears them for a while only
	scalings map[string]*scaling      // by autoscaler
	holds    map[string]hold          // by set
}

// New makes a cluster without any objects.
func New(w *sandbox.World, o Options) *Cluster {
	c := &Cluster{
		world: w, o: o, kinds: slices.Concat(Kinds(), o.Kinds), scheme: runtime.NewScheme(), memory: newMemory(cmp.Or(o.Changes, 8192)), later: map[string]reminder{},
		promised: map[string]sandbox.Usage{}, placed: map[string]placement{}, running: map[string]started{}, waits: map[string]time.Duration{}, doomed: map[string]time.Time{},
		scalings: map[string]*scaling{}, holds: map[string]hold{},
	}
	c.controllers = slices.Concat(controllers(), o.Controllers)
	c.scratches.all = map[sandbox.ProcessID]scratch{}
	c.access, c.network, c.chronicle = access{c}, newNetwork(c), newChronicle(w)
	utilruntime.Must(clientgoscheme.AddToScheme(c.scheme))
	metav1.AddToGroupVersion(c.scheme, schema.GroupVersion{Version: "v1"})
	c.scheme.AddUnversionedTypes(schema.GroupVersion{Version: "v1"}, &metav1.Status{}, &metav1.APIVersions{}, &metav1.APIGroupList{}, &metav1.APIGroup{}, &metav1.APIResourceList{})
	for _, k := range c.kinds {
		internal := schema.GroupVersion{Group: k.Group, Version: runtime.APIVersionInternal}
		for _, gv := range []schema.GroupVersion{k.GroupVersion, internal} {
			c.scheme.AddKnownTypeWithName(gv.WithKind(k.Kind), k.Object)
			c.scheme.AddKnownTypeWithName(gv.WithKind(k.Kind+"List"), k.List)
		}
		metav1.AddToGroupVersion(c.scheme, k.GroupVersion)
		utilruntime.Must(c.scheme.AddFieldLabelConversionFunc(k.gvk(), k.label))
	}
	utilruntime.Must(metricsv1beta1.AddToScheme(c.scheme))
	others := []runtime.Object{&autoscalingv1.Scale{}, &policyv1.Eviction{}}
	for _, r := range c.reviews() {
		others = append(others, r.kind)
	}
	for _, m := range c.metered() {
		others = append(others, m.of, m.list)
	}
	for _, obj := range others {
		kinds, _, err := c.scheme.ObjectKinds(obj)
		utilruntime.Must(err)
		c.scheme.AddKnownTypeWithName(schema.GroupVersionKind{Group: kinds[0].Group, Version: runtime.APIVersionInternal, Kind: kinds[0].Kind}, obj)
	}
	params(c.scheme)
	c.bootstrap()
	return c
}

// label says by which fields a kind can be selected.
func (k Kind) label(label, value string) (string, string, error) {
	if _, ok := k.Fields[label]; ok || label == "metadata.name" || label == "metadata.namespace" {
		return label, value, nil
	}
	return "", "", fmt.Errorf("%q is not a known field selector: only \"metadata.name\", \"metadata.namespace\"", label)
}

func (c *Cluster) reviews() []review {
	a := c.access
	return []review{
		{&authorizationv1.SelfSubjectAccessReview{}, "selfsubjectaccessreview", a.mayI},
		{&authorizationv1.SelfSubjectRulesReview{}, "selfsubjectrulesreview", a.rules},
		{&authenticationv1.SelfSubjectReview{}, "selfsubjectreview", whoAmI},
	}
}

// Serve answers on a listener until ctx ends.
func (c *Cluster) Serve(ctx context.Context, l net.Listener) error {
	cert, err := dynamiccertificates.NewStaticCertKeyContent("serving", c.o.Certificate, c.o.Key)
	if err != nil {
		return fmt.Errorf("cluster %s: certificate: %w", c.o.Name, err)
	}
	open := newLine(l)
	codecs := serializer.NewCodecFactory(c.scheme)
	conf := genericapiserver.NewConfig(codecs)
	conf.ExternalAddress = l.Addr().String()
	conf.LoopbackClientConfig = &restclient.Config{Host: l.Addr().String()}
	conf.EffectiveVersion = released{basecompatibility.NewEffectiveVersionFromString(Version, "", "")}
	conf.SecureServing = &genericapiserver.SecureServingInfo{Listener: open, Cert: cert}
	conf.Authorization.Authorizer = c.access
	conf.Authentication.Authenticator = authenticatorfactory.NewFromTokens(c.tokens(), nil)
	conf.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(definitions(c.scheme), openapi.NewDefinitionNamer(c.scheme))
	conf.OpenAPIV3Config.Info.Title = "Kubernetes"
	conf.LongRunningFunc = genericfilters.BasicLongRunningRequestCheck(sets.NewString("watch", "proxy"), sets.NewString("attach", "exec", "proxy", "log", "portforward"))
	conf.MaxRequestsInFlight, conf.MaxMutatingRequestsInFlight = 0, 0
	conf.RequestTimeout = 30 * time.Second
	conf.EnableProfiling = false
	server, err := conf.Complete(nil).New(c.o.Name, genericapiserver.NewEmptyDelegate())
	if err != nil {
		return fmt.Errorf("cluster %s: %w", c.o.Name, err)
	}
	if err := c.install(server, codecs); err != nil {
		return fmt.Errorf("cluster %s: %w", c.o.Name, err)
	}
	server.ShutdownTimeout = time.Second
	stop := context.AfterFunc(ctx, open.cut)
	defer stop()
	go c.network.serve(ctx)
	return server.PrepareRun().RunWithContext(ctx)
}

func (c *Cluster) tokens() map[string]*user.DefaultInfo {
	out := map[string]*user.DefaultInfo{}
	for _, u := range c.o.Users {
		out[u.Token] = &user.DefaultInfo{Name: u.Name, UID: u.Name, Groups: append(slices.Clone(u.Groups), user.AllAuthenticated)}
	}
	return out
}

// install brings every kind into the API.
func (c *Cluster) install(server *genericapiserver.GenericAPIServer, codecs serializer.CodecFactory) error {
	groups := map[string]*genericapiserver.APIGroupInfo{}
	at := func(gv schema.GroupVersion, resource string, s rest.Storage) {
		g := groups[gv.Group]
		if g == nil {
			info := genericapiserver.NewDefaultAPIGroupInfo(gv.Group, c.scheme, runtime.NewParameterCodec(c.scheme), codecs)
			info.PrioritizedVersions = nil
			g = &info
			groups[gv.Group] = g
		}
		if !slices.Contains(g.PrioritizedVersions, gv) {
			g.PrioritizedVersions = append(g.PrioritizedVersions, gv)
			g.VersionedResourcesStorageMap[gv.Version] = map[string]rest.Storage{}
		}
		g.VersionedResourcesStorageMap[gv.Version][resource] = s
	}
	for _, k := range c.kinds {
		s := k.store(c.memory, c.scheme)
		c.guard(k, s)
		at(k.GroupVersion, k.Resource, whole{s, k})
		for name, sub := range c.below(k, s) {
			at(k.GroupVersion, k.Resource+"/"+name, sub)
		}
		if k.JSON {
			groups[k.Group].NegotiatedSerializer = onlyJSON{codecs}
		}
	}
	for _, r := range c.reviews() {
		kinds, _, err := c.scheme.ObjectKinds(r.kind)
		if err != nil {
			return fmt.Errorf("review: %w", err)
		}
		for _, k := range kinds {
			if k.Version != runtime.APIVersionInternal {
				at(k.GroupVersion(), r.name+"s", r)
			}
		}
	}
	for _, m := range c.metered() {
		at(metricsv1beta1.SchemeGroupVersion, m.name+"s", m)
	}
	for name, g := range groups {
		if name == "" {
			if err := server.InstallLegacyAPIGroup(genericapiserver.DefaultLegacyAPIPrefix, g); err != nil {
				return err
			}
			continue
		}
		if err := server.InstallAPIGroup(g); err != nil {
			return err
		}
	}
	return nil
}

// below are the subresources of a kind, by name.
func (c *Cluster) below(k Kind, s *registry.Store) map[string]rest.Storage {
	out := map[string]rest.Storage{}
	switch k.Resource {
	case "pods":
		out = c.connections(s)
		out["log"], out["eviction"] = podLog{c, s}, eviction{c, s}
	case "services":
		out["proxy"] = passage{c, func() runtime.Object { return &corev1.ServiceProxyOptions{} }, c.serviceAddress}
	}
	if k.Status {
		out["status"] = k.statusOf(s)
	}
	if k.Scale {
		out["scale"] = scale{s}
	}
	return out
}

// released is a version that calls itself by its name, which else only the linker knows.
type released struct {
	basecompatibility.EffectiveVersion
}

// Info implements basecompatibility.EffectiveVersion.
func (r released) Info() *version.Info {
	info := *r.EffectiveVersion.Info()
	info.GitVersion = "v" + Version
	return &info
}

// onlyJSON speaks no protobuf: there is none for kinds that a definition has brought.
type onlyJSON struct{ runtime.NegotiatedSerializer }

// SupportedMediaTypes implements runtime.NegotiatedSerializer.
func (o onlyJSON) SupportedMediaTypes() []runtime.SerializerInfo {
	return slices.DeleteFunc(slices.Clone(o.NegotiatedSerializer.SupportedMediaTypes()), func(i runtime.SerializerInfo) bool {
		return i.MediaType == runtime.ContentTypeProtobuf
	})
}

// kindOf finds the kind of an object by its Go type.
func (c *Cluster) kindOf(obj runtime.Object) Kind {
	for _, k := range c.kinds {
		if reflect.TypeOf(k.Object) == reflect.TypeOf(obj) {
			return k
		}
	}
	panic(fmt.Sprintf("%T is no kind of cluster %s", obj, c.o.Name)) // a controller's mistake
}

// Put writes an object as a controller does: it is taken as it is. It belongs to the
// cluster from then on.
func (c *Cluster) Put(obj runtime.Object) {
	m, k := metaOf(obj), c.kindOf(obj)
	if at := m.GetCreationTimestamp(); at.IsZero() {
		m.SetCreationTimestamp(c.now())
	}
	if m.GetGeneration() == 0 {
		k.begin(obj)
	}
	c.memory.write(k.key(m.GetNamespace(), m.GetName()), obj)
}

func (c *Cluster) now() metav1.Time { return metav1.NewTime(c.world.Now().Truncate(time.Second)) }

// Name is what the cluster is called.
func (c *Cluster) Name() string { return c.o.Name }

// Create writes an object as a client does: what was left out is filled in.
func (c *Cluster) Create(obj runtime.Object) {
	if k := c.kindOf(obj); k.Default != nil {
		k.Default(obj)
	}
	c.Put(obj)
}

// Remove takes an object out.
func (c *Cluster) Remove(obj runtime.Object) {
	m := metaOf(obj)
	c.memory.remove(c.kindOf(obj).key(m.GetNamespace(), m.GetName()))
}

// Get is one object of a cluster, or nil. It must be copied before it is changed.
func Get[T runtime.Object](c *Cluster, namespace, name string) T {
	var of T
	obj, _ := c.memory.get(c.kindOf(of).key(namespace, name)).(T)
	return obj
}

// All are the objects of a kind, of one namespace or of all, by namespace and name.
// They must be copied before they are changed.
func All[T runtime.Object](c *Cluster, namespace string) []T {
	var of T
	var out []T
	prefix := c.kindOf(of).prefix() + "/"
	if namespace != "" {
		prefix = path.Join(prefix, namespace) + "/"
	}
	for _, e := range c.memory.under(prefix) {
		out = append(out, e.obj.(T))
	}
	return out
}
