package link

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"

	"wheelhouse/backend"
)

func TestKubernetesReads(t *testing.T) {
	upgrade := http.Header{"Connection": {"Upgrade"}, "Upgrade": {"SPDY/3.1"}}
	for _, c := range []struct {
		method, path string
		header       http.Header
		want         bool
	}{
		{"GET", "/api/v1/pods", nil, true},
		{"GET", "/api/v1/namespaces/n/pods?watch=true", nil, true},
		{"GET", "/api/v1/namespaces/n/pods/p/log?follow=true", nil, true},
		{"GET", "/apis/apps/v1/namespaces/n/deployments/proxy", nil, true},
		{"GET", "/api/v1/namespaces/exec", nil, true},
		{"GET", "/api/v1/namespaces/attach/pods/exec", nil, true},
		{"GET", "/livez", nil, true},
		{"GET", "/", nil, true},
		{"HEAD", "/version", nil, true},
		{"OPTIONS", "/openapi/v3", nil, true},
		{"GET", "/k8s/clusters/c-1/api/v1/pods", nil, true},
		{"GET", "/api/v1/namespaces/n/pods/p/exec?command=sh", nil, false},
		{"GET", "/api/v1/namespaces/n/pods/p/attach", nil, false},
		{"GET", "/api/v1/namespaces/n/pods/p/portforward", nil, false},
		{"GET", "/api/v1/namespaces/n/pods/p/proxy/metrics", nil, false},
		{"GET", "/api/v1/namespaces/n/services/s/proxy", nil, false},
		{"GET", "/api/v1/nodes/n/proxy/run", nil, false},
		{"GET", "/api/v1/proxy/nodes/n/run", nil, false},
		{"GET", "/k8s/clusters/c-1/api/v1/namespaces/n/pods/p/exec", nil, false},
		{"GET", "/api/v1/namespaces/n/pods/p//exec", nil, false},
		{"GET", "/api/v1/namespaces/n/pods/x/../p/exec", nil, false},
		{"GET", "/api/v1/pods", upgrade, false},
		{"GET", "/api/v1/pods", http.Header{"Sec-Websocket-Protocol": {"v5.channel.k8s.io"}}, false},
		{"POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", nil, true},
		{"POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", nil, true},
		{"POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", nil, true},
		{"POST", "/apis/authorization.k8s.io/v1/namespaces/n/localsubjectaccessreviews", nil, true},
		{"POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", nil, true},
		{"POST", "/apis/authentication.k8s.io/v1/tokenreviews", nil, false},
		{"POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews/x", nil, false},
		{"POST", "/apis/example.org/v1/selfsubjectaccessreviews", nil, false},
		{"POST", "/api/v1/namespaces/n/services/s/proxy/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", nil, false},
		{"POST", "/api/v1/namespaces/n/pods?dryRun=All", nil, false},
		{"POST", "/api/v1/namespaces/n/pods/p/exec", nil, false},
		{"POST", "/api/v1/namespaces/n/pods/p/eviction", nil, false},
		{"PUT", "/api/v1/namespaces/n/pods/p", nil, false},
		{"PATCH", "/apis/apps/v1/namespaces/n/deployments/d/scale", nil, false},
		{"DELETE", "/api/v1/namespaces/n/pods/p", nil, false},
		{"CONNECT", "/api/v1/pods", nil, false},
		{"", "/api/v1/pods", nil, false},
	} {
		u, err := url.Parse("https://h" + c.path)
		if err != nil {
			t.Fatal(err)
		}
		if got := KubernetesReads(&http.Request{Method: c.method, URL: u, Header: c.header}); got != c.want {
			t.Errorf("%s %s %v: reads is %v", c.method, c.path, c.header, got)
		}
	}
}

// A deaf server counts the connections that are made to it.
func deaf(t *testing.T) (address string, connections *atomic.Int64) {
	t.Helper()
	var n atomic.Int64
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			n.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL, &n
}

func TestReadOnlySendsNothingThatChanges(t *testing.T) {
	address, connections := deaf(t)
	var seen []Request
	s := load(t, oneContext(address, nil), Options{ReadOnly: true, Record: func(r Request) { seen = append(seen, r) }})
	l := only(t, s)
	clients, err := kubernetes.NewForConfig(l.REST())
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	pods := clients.CoreV1().Pods("n")
	exec := func(spdyToo bool) error {
		u := clients.CoreV1().RESTClient().Post().Resource("pods").Namespace("n").Name("p").SubResource("exec").
			VersionedParams(&corev1.PodExecOptions{Command: []string{"sh", "-c", "hunter2"}, Stdout: true}, metav1.ParameterCodec).URL()
		x, err := remotecommand.NewWebSocketExecutor(l.REST(), http.MethodGet, u.String())
		if spdyToo {
			x, err = remotecommand.NewSPDYExecutor(l.Stream(), http.MethodPost, u)
		}
		if err != nil {
			return err
		}
		return x.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: io.Discard})
	}
	for name, do := range map[string]func() error{
		"delete": func() error { return pods.Delete(ctx, "p", metav1.DeleteOptions{}) },
		"create": func() error {
			_, err := pods.Create(ctx, &corev1.Pod{}, metav1.CreateOptions{DryRun: []string{"All"}})
			return err
		},
		"exec by websocket": func() error { return exec(false) },
		"exec by SPDY":      func() error { return exec(true) },
		"port-forward": func() error {
			rt, upgrader, err := spdy.RoundTripperFor(l.REST())
			if err != nil {
				return err
			}
			u := clients.CoreV1().RESTClient().Post().Resource("pods").Namespace("n").Name("p").SubResource("portforward").URL()
			f, err := portforward.New(spdy.NewDialer(upgrader, &http.Client{Transport: rt}, http.MethodPost, u), []string{"0:80"}, make(chan struct{}), make(chan struct{}), io.Discard, io.Discard)
			if err != nil {
				return err
			}
			return f.ForwardPorts()
		},
		"another client": func() error {
			c, err := rest.HTTPClientFor(l.REST())
			if err != nil {
				return err
			}
			_, err = c.Post(l.REST().Host+"/api/v1/namespaces", "application/json", strings.NewReader("{}"))
			return err
		},
	} {
		err := do()
		if err == nil || !strings.Contains(err.Error(), "dev is read-only here") {
			t.Errorf("%s: error is %v", name, err)
		}
		var refused *backend.Error
		typed := name != "exec by SPDY" && name != "port-forward" // its dialer keeps the words only
		if typed && (!errors.As(err, &refused) || refused.Code != backend.Denied) {
			t.Errorf("%s: error is %#v", name, err)
		}
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
	for _, r := range seen {
		if !r.Refused || strings.Contains(r.Query, "hunter2") {
			t.Errorf("recorded as %+v", r)
		}
	}
	if _, err := pods.Get(ctx, "p", metav1.GetOptions{}); backend.CodeOf(err) == backend.Denied {
		t.Errorf("a read is refused: %v", err)
	}
}

func TestFreezeHoldsForClientsThatExist(t *testing.T) {
	a := newAPI(t)
	l := only(t, load(t, oneContext(a.URL, a.ca()), Options{}))
	clients, err := kubernetes.NewForConfig(l.REST())
	if err != nil {
		t.Fatal(err)
	}
	remove := func() error {
		return clients.CoreV1().Pods("n").Delete(t.Context(), "p", metav1.DeleteOptions{})
	}
	if err := remove(); err != nil {
		t.Fatalf("refused before: %v", err)
	}
	l.Freeze()
	if err := remove(); backend.CodeOf(err) != backend.Denied {
		t.Errorf("error is %v", err)
	}
	if !l.Info().ReadOnly {
		t.Error("Info does not say so")
	}
}

func TestRequestsCarryWhoWeAre(t *testing.T) {
	a := newAPI(t)
	k := oneContext(a.URL, a.ca())
	var recorded []Request
	l := only(t, load(t, k, Options{As: "root", AsGroups: []string{"g1", "g2"}, UserAgent: "console/1", Record: func(r Request) { recorded = append(recorded, r) }}))
	for name, cfg := range map[string]*rest.Config{"shared": l.REST(), "stream": l.Stream()} {
		c, err := rest.HTTPClientFor(cfg)
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.Get(cfg.Host + "/api?token=hunter2&limit=5")
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		all := a.requests()
		r := all[len(all)-1]
		got := map[string]any{"auth": r.Header.Get("Authorization"), "as": r.Header.Get("Impersonate-User"), "groups": r.Header["Impersonate-Group"], "agent": r.UserAgent(), "http": r.ProtoMajor}
		want := map[string]any{"auth": "Bearer hunter2", "as": "root", "groups": []string{"g1", "g2"}, "agent": "console/1", "http": map[string]int{"shared": 2, "stream": 1}[name]}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if strings.Contains(cfg.String(), "hunter2") || cfg.BearerToken != "" {
			t.Error("credentials are handed out")
		}
	}
	want := Request{Link: "dev", Method: "GET", Path: "/api", Query: "limit=5&token=%E2%80%A6"}
	if diff := cmp.Diff([]Request{want, want}, recorded); diff != "" {
		t.Error(diff)
	}
}

func TestClientsShareConnections(t *testing.T) {
	var n atomic.Int64
	a := &api{}
	a.livez.Store(http.StatusOK)
	a.token.Store("")
	a.Server = httptest.NewUnstartedServer(a)
	a.EnableHTTP2 = true
	a.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			n.Add(1)
		}
	}
	a.StartTLS()
	t.Cleanup(a.Close)
	l := only(t, load(t, oneContext(a.URL, a.ca()), Options{}))
	for range 5 {
		c, err := rest.HTTPClientFor(l.REST())
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.Get(a.URL + "/api")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	if _, err := l.probe(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n.Load() != 1 {
		t.Errorf("%d connections, want one", n.Load())
	}
}
