package kube

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	utilexec "k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"

	"wheelhouse/backend/sandbox"
)

// ways are those in which a pod is entered.
func ways() map[string]func(*rest.Config, *url.URL) (remotecommand.Executor, error) {
	return map[string]func(*rest.Config, *url.URL) (remotecommand.Executor, error){
		"WebSocket": func(c *rest.Config, u *url.URL) (remotecommand.Executor, error) {
			return remotecommand.NewWebSocketExecutor(c, http.MethodGet, u.String())
		},
		"SPDY": func(c *rest.Config, u *url.URL) (remotecommand.Executor, error) {
			return remotecommand.NewSPDYExecutor(c, http.MethodPost, u)
		},
	}
}

// exec is where a command is started in a container.
func (s *site) exec(pod string, o corev1.PodExecOptions) *url.URL {
	return s.client("admin").CoreV1().RESTClient().Post().Namespace("shop").Resource("pods").Name(pod).SubResource("exec").VersionedParams(&o, scheme.ParameterCodec).URL()
}

// keys is somebody who types when they have seen something.
type keys struct {
	io.Reader
	to   *io.PipeWriter
	seen chan string
}

// Write implements io.Writer: it takes what is shown.
func (k *keys) Write(b []byte) (int, error) {
	k.seen <- string(b)
	return len(b), nil
}

// sizesOf is a terminal that has one size, then another.
type sizesOf chan remotecommand.TerminalSize

// Next implements remotecommand.TerminalSizeQueue.
func (s sizesOf) Next() *remotecommand.TerminalSize {
	size, ok := <-s
	if !ok {
		return nil
	}
	return &size
}

// TestTerminal: a shell shows what is typed, lets it be mended, and is interrupted.
func TestTerminal(t *testing.T) {
	s := newSite(t)
	pod := s.pod("cart").Name
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			e, err := way(s.config("admin"), s.exec(pod, corev1.PodExecOptions{Command: []string{"sh"}, Stdin: true, Stdout: true, TTY: true}))
			if err != nil {
				t.Fatal(err)
			}
			r, w := io.Pipe()
			k := &keys{Reader: r, to: w, seen: make(chan string, 100)}
			sizes := make(sizesOf, 1)
			sizes <- remotecommand.TerminalSize{Width: 30, Height: 4}
			done := make(chan error, 1)
			go func() {
				done <- e.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdin: k, Stdout: k, Tty: true, TerminalSizeQueue: sizes})
			}()
			shown := ""
			expect := func(what string) {
				t.Helper()
				for !strings.Contains(shown, what) {
					select {
					case more := <-k.seen:
						shown += more
					case err := <-done:
						t.Fatalf("it ended with %v, having shown %q instead of %q", err, shown, what)
					}
				}
				shown = shown[strings.Index(shown, what)+len(what):]
			}
			for _, step := range [][2]string{
				{"", "/ # "},
				{"hostnamex\x7f\r", "\b \b\r\n" + pod + "\r\n/ # "},
				{"top\r", "Mem:"},
				{"\x03", "^C\r\n"}, // what top was showing may come before the prompt
				{"", "/ # "},
				{"nonsense\x15echo $?\r", "130\r\n/ # "},
				{"nosuch\r", "sh: nosuch: not found\r\n/ # "},
				{"sleep 1000\r", "sleep 1000\r\n"},
				{"\x03", "/ # "},
				{"exit 7\r", ""},
			} {
				_, _ = io.WriteString(w, step[0]) // what comes of it is seen below
				expect(step[1])
			}
			var code utilexec.CodeExitError
			if err := <-done; !errors.As(err, &code) || code.Code != 7 {
				t.Errorf("it ended with %v", err)
			}
			_ = w.Close()
			close(sizes)
		})
	}
}

// TestEndsWithin: who is in a container is put out when that ends, and who looks on
// sees it.
func TestEndsWithin(t *testing.T) {
	s := newSite(t)
	for name, way := range ways() {
		pod := s.pod("cart")
		e, err := way(s.config("admin"), s.exec(pod.Name, corev1.PodExecOptions{Command: []string{"sleep", "1000"}, Stdout: true}))
		if err != nil {
			t.Fatal(err)
		}
		looks, err := way(s.config("admin"), s.client("admin").CoreV1().RESTClient().Post().Namespace("shop").Resource("pods").Name(pod.Name).SubResource("attach").
			VersionedParams(&corev1.PodAttachOptions{Stdout: true}, scheme.ParameterCodec).URL())
		if err != nil {
			t.Fatal(err)
		}
		done, attached := make(chan error, 1), make(chan error, 1)
		shown := &screen{}
		go func() {
			done <- e.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdout: io.Discard})
		}()
		go func() {
			attached <- looks.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdout: shown})
		}()
		s.until("it writes something", func() bool { return strings.Contains(shown.String(), "200 in") })
		s.world.Kill(sandbox.ProcessID{Cluster: "one", Namespace: "shop", Pod: pod.Name, Container: "app"})
		var code utilexec.CodeExitError
		if err := <-done; !errors.As(err, &code) || code.Code != 137 {
			t.Errorf("%s: a command in it ended with %v", name, err)
		}
		if err := <-attached; err != nil || !strings.Contains(shown.String(), "200 in") {
			t.Errorf("%s: who looked on saw %q, %v", name, shown, err)
		}
	}
}

// TestRefusedEntrance: where nobody can be, nobody comes in.
func TestRefusedEntrance(t *testing.T) {
	s := newSite(t)
	pod := s.pod("cart")
	in := func(pod string) string {
		e, err := remotecommand.NewSPDYExecutor(s.config("admin"), http.MethodPost, s.exec(pod, corev1.PodExecOptions{Command: []string{"hostname"}, Stdout: true}))
		if err == nil {
			err = e.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdout: io.Discard})
		}
		return fmt.Sprint(err)
	}
	lonely := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "lonely"}, Spec: corev1.PodSpec{SchedulerName: "nobody", Containers: []corev1.Container{{Name: "app", Image: "app"}}}}
	s.Create(lonely)
	if got := in("lonely"); !strings.Contains(got, "pod lonely does not have a host assigned") {
		t.Errorf("a pod without a node: %s", got)
	}
	s.Create(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "broken"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "cart:9"}}}})
	s.until("its image is not to be had", func() bool { return podWord(Get[*corev1.Pod](s.Cluster, "shop", "broken")) == "ImagePullBackOff" })
	if got := in("broken"); !strings.Contains(got, `container not found ("app")`) {
		t.Errorf("a pod that does not run: %s", got)
	}
	if err := s.world.Halt(sandbox.MachineID{Cluster: "one", Name: pod.Spec.NodeName}); err != nil {
		t.Fatal(err)
	}
	if got := in(pod.Name); !strings.Contains(got, "dial tcp "+pod.Status.HostIP+":10250: connect: no route to host") {
		t.Errorf("a pod whose machine is off: %s", got)
	}
}

// TestPortForward: a port of a pod is one of this machine, over both protocols; one on
// which nobody listens says so.
func TestPortForward(t *testing.T) {
	s := newSite(t)
	pod := s.pod("cart").Name
	u := s.client("admin").CoreV1().RESTClient().Post().Namespace("shop").Resource("pods").Name(pod).SubResource("portforward").URL()
	way, upgrader, err := spdy.RoundTripperFor(s.config("admin"))
	if err != nil {
		t.Fatal(err)
	}
	tunnel, err := portforward.NewSPDYOverWebsocketDialerForStreaming(u, s.config("admin"))
	if err != nil {
		t.Fatal(err)
	}
	for name, dialer := range map[string]httpstream.Dialer{"SPDY": spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: way}, http.MethodPost, u), "WebSocket": tunnel} {
		t.Run(name, func(t *testing.T) {
			stop, ready, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			errs := &screen{}
			f, err := portforward.NewOnAddressesForStreaming(dialer, []string{"127.0.0.1"}, []string{"0:8080", "0:9999"}, stop, ready, io.Discard, errs)
			if err != nil {
				t.Fatal(err)
			}
			go func() { done <- f.ForwardPorts() }()
			<-ready
			ports, err := f.GetPorts()
			if err != nil {
				t.Fatal(err)
			}
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			for range 3 {
				if got := fetch(t, client, ports[0].Local); got != "GET /there of "+pod {
					t.Errorf("the port answers %q", got)
				}
			}
			if got := fetch(t, client, ports[1].Local); !strings.Contains(got, "EOF") && !strings.Contains(got, "reset") {
				t.Errorf("where nobody listens there is %q", got)
			}
			s.until("it is told why", func() bool { return strings.Contains(errs.String(), "connection refused") || len(done) > 0 })
			close(stop)
			if err := <-done; err != nil && !strings.Contains(err.Error(), "lost connection to pod") {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}

// fetch is what a port answers, or why it does not.
func fetch(t *testing.T, c *http.Client, port uint16) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/there", port), nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(r)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
