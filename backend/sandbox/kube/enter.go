package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	"k8s.io/utils/exec"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/kube/shell"
)

// kubelet is what answers on the nodes: it starts commands in containers, shows what
// they write, and connects with their ports.
type kubelet struct{ cluster *Cluster }

// idle is after which a connection without anything on it is ended.
const idle = 4 * time.Hour

func (k kubelet) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", k.stream(func(w http.ResponseWriter, r *http.Request, p *corev1.Pod, o *remotecommand.Options) {
		remotecommand.ServeExec(w, r, k, p.Namespace+"/"+p.Name, string(p.UID), r.PathValue("container"), r.URL.Query()["command"], o, idle, remotecommand.DefaultStreamCreationTimeout, remotecommand.SupportedStreamingProtocols)
	}))
	mux.HandleFunc("/attach/{namespace}/{pod}/{container}", k.stream(func(w http.ResponseWriter, r *http.Request, p *corev1.Pod, o *remotecommand.Options) {
		remotecommand.ServeAttach(w, r, k, p.Namespace+"/"+p.Name, string(p.UID), r.PathValue("container"), o, idle, remotecommand.DefaultStreamCreationTimeout, remotecommand.SupportedStreamingProtocols)
	}))
	mux.HandleFunc("/portForward/{namespace}/{pod}", func(w http.ResponseWriter, r *http.Request) {
		p := k.pod(r.PathValue("namespace") + "/" + r.PathValue("pod"))
		if p == nil {
			http.Error(w, "pod does not exist", http.StatusNotFound)
			return
		}
		o, err := portforward.NewV4Options(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		portforward.ServePortForward(w, r, k, p.Namespace+"/"+p.Name, string(p.UID), o, idle, remotecommand.DefaultStreamCreationTimeout, portforward.SupportedProtocols)
	})
	return mux
}

// stream refuses what can't be entered, before anything is streamed.
func (k kubelet) stream(serve func(http.ResponseWriter, *http.Request, *corev1.Pod, *remotecommand.Options)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := k.pod(r.PathValue("namespace") + "/" + r.PathValue("pod"))
		if p == nil {
			http.Error(w, "pod does not exist", http.StatusNotFound)
			return
		}
		o, err := remotecommand.NewOptions(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		one := r.PathValue("container")
		switch proc, err := k.cluster.world.Process(k.cluster.id(p, one)); {
		case err != nil || proc.Began.IsZero() && proc.State != sandbox.Ended:
			http.Error(w, fmt.Sprintf("container not found (%q)", one), http.StatusInternalServerError)
		case proc.State == sandbox.Ended:
			http.Error(w, "container is in CONTAINER_EXITED state", http.StatusInternalServerError)
		default:
			serve(w, r, p, o)
		}
	}
}

// pod is the one that "namespace/name" means, or nil.
func (k kubelet) pod(path string) *corev1.Pod {
	namespace, name, _ := strings.Cut(path, "/")
	return Get[*corev1.Pod](k.cluster, namespace, name)
}

// within gives a context that ends with a container's run, and what is to be called
// in the end.
func (k kubelet) within(ctx context.Context, id sandbox.ProcessID) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	began, _ := k.cluster.world.Process(id)
	go func() {
		for {
			moved := k.cluster.world.Moved()
			if p, err := k.cluster.world.Process(id); err != nil || p.State != sandbox.Up || p.Run != began.Run {
				cancel(errEnded)
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-k.cluster.network.closed:
				cancel(errEnded)
				return
			case <-moved:
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

var errEnded = errors.New("the container has ended")

// ExecInContainer implements remotecommand.Executor.
func (k kubelet) ExecInContainer(ctx context.Context, pod, _, container string, cmd []string, in io.Reader, out, errs io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize, _ time.Duration) error {
	p := k.pod(pod)
	if p == nil {
		return errors.New("pod does not exist")
	}
	ctx, cancel := k.within(ctx, k.cluster.id(p, container))
	defer cancel()
	exit, err := shell.Run(ctx, k.place(p, container), cmd, shell.Terminal{In: in, Out: out, Err: errs, TTY: tty, Sizes: sizes(ctx, resize)})
	switch {
	case errors.Is(context.Cause(ctx), errEnded):
		exit = 137
	case err != nil:
		return fmt.Errorf("failed to exec in container: failed to start exec: OCI runtime exec failed: exec failed: unable to start container process: exec: %w: unknown", err)
	}
	if exit == 0 {
		return nil
	}
	return exec.CodeExitError{Err: fmt.Errorf("exit status %d", exit), Code: exit}
}

// sizes are those of a terminal, as the shell wants them.
func sizes(ctx context.Context, from <-chan remotecommand.TerminalSize) <-chan shell.Size {
	out := make(chan shell.Size)
	go func() {
		defer close(out)
		for {
			select {
			case <-ctx.Done():
				return
			case s, ok := <-from:
				if !ok {
					return
				}
				select {
				case out <- shell.Size{Width: int(s.Width), Height: int(s.Height)}:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out
}

// AttachContainer implements remotecommand.Attacher: the process reads nothing, and
// what it writes is shown from now on.
func (k kubelet) AttachContainer(ctx context.Context, pod, _, container string, _ io.Reader, out, _ io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize) error {
	p := k.pod(pod)
	if p == nil {
		return errors.New("pod does not exist")
	}
	id := k.cluster.id(p, container)
	ctx, cancel := k.within(ctx, id)
	defer cancel()
	last := int64(0)
	for _, l := range k.cluster.world.Log(id, false, 0) {
		last = l.Seq
	}
	for {
		moved := k.cluster.world.Moved()
		for _, l := range k.cluster.world.Log(id, false, last) {
			last = l.Seq
			if out == nil {
				continue
			}
			if _, err := io.WriteString(out, l.String()+"\n"); err != nil {
				return nil // nobody looks any more
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-moved:
		}
	}
}

// PortForward implements portforward.PortForwarder.
func (k kubelet) PortForward(ctx context.Context, pod, uid string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	p := k.pod(pod)
	if p == nil {
		return errors.New("pod does not exist")
	}
	to, err := k.cluster.network.dial(ctx, "tcp", net.JoinHostPort(p.Status.PodIP, strconv.Itoa(int(port))))
	if err != nil {
		return fmt.Errorf("failed to execute portforward in network namespace %q: failed to connect to localhost:%d inside namespace %q, IPv4: dial tcp4 127.0.0.1:%[2]d: connect: connection refused", "/var/run/netns/cni-"+uid, port, uid)
	}
	defer to.Close()
	stop := context.AfterFunc(ctx, func() { _ = to.Close() })
	defer stop()
	go func() {
		_, _ = io.Copy(to, stream) // whoever has gone is seen on the other way
		_ = to.Close()
	}()
	_, _ = io.Copy(stream, to)
	return nil
}

// place is what a shell in a container finds around it.
func (k kubelet) place(p *corev1.Pod, container string) shell.Place {
	out := shell.Place{World: k.cluster.world, ID: k.cluster.id(p, container), Host: p.Name, Address: p.Status.PodIP, Transport: k.cluster.network.around(p), Scratch: k.cluster.scratches.of(k.cluster.world, k.cluster.id(p, container))}
	if p.Spec.Hostname != "" {
		out.Host = p.Spec.Hostname
	}
	for _, one := range p.Spec.Containers {
		if one.Name != container {
			continue
		}
		for _, e := range one.Env {
			out.Env = append(out.Env, e.Name+"="+e.Value)
		}
		for _, m := range one.VolumeMounts {
			out.Mounts = append(out.Mounts, m.MountPath)
		}
	}
	for _, s := range All[*corev1.Service](k.cluster, p.Namespace) {
		if len(s.Spec.Ports) > 0 && s.Spec.ClusterIP != "" && s.Spec.ClusterIP != corev1.ClusterIPNone {
			name := strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
			out.Env = append(out.Env, name+"_SERVICE_HOST="+s.Spec.ClusterIP, fmt.Sprintf("%s_SERVICE_PORT=%d", name, s.Spec.Ports[0].Port))
		}
	}
	return out
}

// scratches are what containers have written for themselves.
type scratches struct {
	mu  sync.Mutex
	all map[sandbox.ProcessID]scratch
}

type scratch struct {
	run int // of the container that it is of
	*shell.Scratch
}

// of is that of a container as it runs now, with nothing in it where it is new.
func (s *scratches) of(w *sandbox.World, id sandbox.ProcessID) *shell.Scratch {
	p, err := w.Process(id)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if one, ok := s.all[id]; ok && one.run == p.Run {
		return one.Scratch
	}
	s.all[id] = scratch{p.Run, shell.NewScratch()}
	return s.all[id].Scratch
}

func (s *scratches) forget(id sandbox.ProcessID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, id)
}

// around is the network as a pod sees it: names are those of services.
func (n *network) around(p *corev1.Pod) http.RoundTripper {
	return &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		host, number, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("dial: %w", err)
		}
		to, err := n.resolve(p, host, number)
		if err != nil {
			return nil, err
		}
		return n.dial(ctx, network, to)
	}}
}

// resolve is where a host and a port lead from a pod.
func (n *network) resolve(p *corev1.Pod, host, number string) (string, error) {
	if host == "localhost" || host == "127.0.0.1" || host == p.Name {
		return net.JoinHostPort(p.Status.PodIP, number), nil
	}
	port, _ := strconv.Atoi(number)
	for _, s := range All[*corev1.Service](n.cluster, "") {
		if !called(s, host, p.Namespace) {
			continue
		}
		for _, one := range s.Spec.Ports {
			if to := n.cluster.behind(s, one.Name); int(one.Port) == port && to != "" {
				return to, nil
			}
		}
		return "", errors.New("connection refused")
	}
	if net.ParseIP(host) == nil {
		return "", &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return net.JoinHostPort(host, number), nil
}

// called says whether a host is a service's name, as it is known in a namespace, or its
// address.
func called(s *corev1.Service, host, within string) bool {
	if s.Spec.ClusterIP == host {
		return true
	}
	long := s.Name + "." + s.Namespace
	return slices.Contains([]string{long, long + ".svc", long + ".svc.cluster.local"}, host) || host == s.Name && within == s.Namespace
}

// silent writes nothing: what a client's connection ends with is no news.
func silent() *log.Logger { return log.New(io.Discard, "", 0) }
