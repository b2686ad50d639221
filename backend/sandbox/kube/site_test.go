package kube

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/kubectl/pkg/cmd"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"

	"wheelhouse/backend/sandbox"
)

// A site is a plant that is served, in which a second goes by every few milliseconds.
type site struct {
	*plant
	url, kubeconfig string
	authority       []byte
	end             func()     // of the server, and of time
	still           sync.Mutex // no time goes by while somebody holds it
}

// people are who may log in at a site.
func people() []User {
	return []User{{Name: "admin", Token: "a", Groups: []string{"platform"}}, {Name: "developer", Token: "d"}, {Name: "reader", Token: "r"}}
}

// allow lets somebody do that and nothing else, in a namespace or, where that is "", in
// all and beside them.
func (p *plant) allow(who, namespace string, rules ...rbacv1.PolicyRule) {
	m, whom := metav1.ObjectMeta{Namespace: namespace, Name: who}, []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: who}}
	if namespace == "" {
		p.Create(&rbacv1.ClusterRole{ObjectMeta: m, Rules: rules})
		p.Create(&rbacv1.ClusterRoleBinding{ObjectMeta: m, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: who}, Subjects: whom})
		return
	}
	p.Create(&rbacv1.Role{ObjectMeta: m, Rules: rules})
	p.Create(&rbacv1.RoleBinding{ObjectMeta: m, RoleRef: rbacv1.RoleRef{Kind: "Role", Name: who}, Subjects: whom})
}

// newSite serves a plant for as long as a test takes.
func newSite(t *testing.T) *site {
	t.Helper()
	certificate, key := identity(t)
	s := &site{plant: newPlantOf(t, time.Now().Add(-time.Hour), Options{Users: people(), Ports: ports, Certificate: certificate, Key: key})}
	s.furnish()
	ctx, cancel := context.WithCancel(context.Background())
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url, s.authority = "https://"+l.Addr().String(), s.o.Certificate
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := s.Serve(ctx, l); err != nil && ctx.Err() == nil {
			t.Errorf("serve: %v", err)
		}
	})
	wait.Go(func() {
		for ctx.Err() == nil {
			s.still.Lock()
			s.pass(time.Second)
			s.still.Unlock()
			time.Sleep(4 * time.Millisecond) // a second of the world's
		}
	})
	s.end = func() {
		cancel()
		wait.Wait()
	}
	t.Cleanup(s.end)
	s.write()
	s.answers()
	return s
}

// identity is a certificate that holds on loopback, with its key.
func identity(t *testing.T) (certificate, key []byte) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	der, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// furnish is what there is beside a plant's deployment.
func (s *site) furnish() {
	one, two, class := intstr.FromInt32(1), int32(2), "local"
	template := func(name string) corev1.PodTemplateSpec {
		return corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": name}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: name, Image: name + ":1"}}},
		}
	}
	at := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "shop", Name: name} }
	of := func(name string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}
	}
	for _, obj := range []runtime.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default"}},
		&corev1.Service{ObjectMeta: at("cart"), Spec: corev1.ServiceSpec{Selector: of("cart").MatchLabels, Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080)}}}},
		&corev1.ConfigMap{ObjectMeta: at("words"), Data: map[string]string{"hello": "world"}},
		&corev1.Secret{ObjectMeta: at("key"), Data: map[string][]byte{"token": []byte("hidden")}},
		&corev1.ServiceAccount{ObjectMeta: at("robot")},
		&policyv1.PodDisruptionBudget{ObjectMeta: at("cart"), Spec: policyv1.PodDisruptionBudgetSpec{MaxUnavailable: &one, Selector: of("cart")}},
		&appsv1.StatefulSet{ObjectMeta: at("db"), Spec: appsv1.StatefulSetSpec{
			Replicas: &two, ServiceName: "db", Selector: of("db"), Template: template("db"),
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "data"}, Spec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: &class,
				Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
			}}},
		}},
		&appsv1.DaemonSet{ObjectMeta: at("agent"), Spec: appsv1.DaemonSetSpec{Selector: of("agent"), Template: template("agent")}},
		&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "local"}, Provisioner: "kubernetes.io/no-provisioner"},
		&networkingv1.Ingress{ObjectMeta: at("cart"), Spec: networkingv1.IngressSpec{DefaultBackend: &networkingv1.IngressBackend{
			Service: &networkingv1.IngressServiceBackend{Name: "cart", Port: networkingv1.ServiceBackendPort{Number: 80}},
		}}},
	} {
		s.Create(obj)
	}
	all := []string{"*"}
	look := rbacv1.PolicyRule{Verbs: []string{"get", "list", "watch"}, APIGroups: all, Resources: []string{"pods", "pods/log", "nodes", "namespaces", "services", "events", "deployments", "replicasets"}}
	s.allow("admin", "", rbacv1.PolicyRule{Verbs: all, APIGroups: all, Resources: all}, rbacv1.PolicyRule{Verbs: all, NonResourceURLs: all})
	s.allow("developer", "", look)
	s.allow("developer", "shop", rbacv1.PolicyRule{Verbs: all, APIGroups: all, Resources: all})
	s.allow("reader", "", look)
	s.pass(30 * time.Second)
}

// write makes a kubeconfig with a context for everybody, of their names.
func (s *site) write() {
	k := clientcmdapi.NewConfig()
	k.Clusters["one"] = &clientcmdapi.Cluster{Server: s.url, CertificateAuthorityData: s.authority}
	for _, u := range people() {
		k.AuthInfos[u.Name] = &clientcmdapi.AuthInfo{Token: u.Token}
		k.Contexts[u.Name] = &clientcmdapi.Context{Cluster: "one", AuthInfo: u.Name, Namespace: "shop"}
	}
	k.CurrentContext = "admin"
	s.kubeconfig = filepath.Join(s.t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*k, s.kubeconfig); err != nil {
		s.t.Fatal(err)
	}
}

// config is somebody's way to the server.
func (s *site) config(who string) *rest.Config {
	for _, u := range people() {
		if u.Name == who {
			return &rest.Config{Host: s.url, BearerToken: u.Token, TLSClientConfig: rest.TLSClientConfig{CAData: s.authority}, QPS: -1}
		}
	}
	s.t.Fatalf("nobody is called %s", who)
	return nil
}

func (s *site) client(who string) kubernetes.Interface {
	c, err := kubernetes.NewForConfig(s.config(who))
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// answers waits until the server does.
func (s *site) answers() {
	s.until("the server answers", func() bool {
		_, err := s.client("admin").Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(s.t.Context())
		return err == nil
	})
}

// until waits for something that comes about in the world.
func (s *site) until(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(end) {
			s.t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(2 * time.Millisecond) // it is looked at again
	}
}

// pod is one of a deployment's that takes calls.
func (s *site) pod(app string) *corev1.Pod {
	s.t.Helper()
	var out *corev1.Pod
	s.until("a pod of "+app+" is ready", func() bool {
		for _, p := range All[*corev1.Pod](s.Cluster, "shop") {
			if p.Labels["app"] == app && Ready(p) && p.DeletionTimestamp == nil {
				out = p
			}
		}
		return out != nil
	})
	return out
}

// seen is thrown to end a command that would go on for ever.
type seen struct{}

// screen is what a command writes to, which ends it when it has shown something.
type screen struct {
	mu    sync.Mutex
	b     bytes.Buffer
	until string
}

// Write implements io.Writer.
func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.Write(b)
	if s.until != "" && strings.Contains(s.b.String(), s.until) {
		panic(seen{})
	}
	return len(b), nil
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// said is how kubectl has failed.
type said struct {
	text string
	code int
}

// kubectl runs a command as somebody, with something to read, until it has shown
// something; it gives what it writes, and its code.
func (s *site) kubectl(who string, in io.Reader, until string, args ...string) (out string, code int) {
	w := &screen{until: until}
	defer func() {
		e := recover()
		out = w.String()
		if failed, ok := e.(said); ok {
			out, code = out+failed.text, failed.code
		} else if e != nil && (until == "" || !strings.Contains(out, until)) {
			panic(e)
		}
	}()
	cmdutil.BehaviorOnFatal(func(text string, code int) { panic(said{text, code}) })
	args = append([]string{"--kubeconfig", s.kubeconfig, "--context", who, "--cache-dir", filepath.Join(filepath.Dir(s.kubeconfig), "cache")}, args...)
	flags := genericclioptions.NewConfigFlags(true).WithDeprecatedPasswordFlag().WithDiscoveryBurst(300).WithDiscoveryQPS(50)
	c := cmd.NewKubectlCommand(cmd.KubectlOptions{Arguments: append([]string{"kubectl"}, args...), ConfigFlags: flags, IOStreams: genericiooptions.IOStreams{In: in, Out: w, ErrOut: w}})
	c.SetArgs(args)
	c.SetOut(w)
	c.SetErr(w)
	if err := c.Execute(); err != nil {
		return w.String() + err.Error(), 1
	}
	return w.String(), 0
}

// file is one of a test's.
func (s *site) file(name, content string) string {
	at := filepath.Join(filepath.Dir(s.kubeconfig), name)
	if err := os.WriteFile(at, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return at
}

// ports is what listens in the pods of a site: who is asked says what it was asked.
func ports(id sandbox.ProcessID, port int) http.Handler {
	if port != 8080 {
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s of %s", r.Method, r.URL.Path, id.Pod)
	})
}
