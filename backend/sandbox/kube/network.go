package kube

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"

	"wheelhouse/backend/sandbox"
)

// network is what lies between the API server, the nodes and the pods: connections
// without a port on this machine, on which whoever is dialled answers in HTTP. An
// address that nobody has is refused as a network refuses it.
type network struct {
	cluster   *Cluster
	transport *http.Transport
	kubelet   http.Handler
	server    *http.Server
	arriving  chan net.Conn

	mu     sync.Mutex
	ended  bool
	wires  map[*wire]bool
	closed chan struct{}
	turn   int // counts who was sent to a pod of a service
}

// wire is the near or the far end of a connection.
type wire struct {
	net.Conn
	network *network
	to      http.Handler // that answers; nil on the near end
}

// answers is the key of who answers on a connection.
type answers struct{}

func newNetwork(c *Cluster) *network {
	n := &network{cluster: c, arriving: make(chan net.Conn), wires: map[*wire]bool{}, closed: make(chan struct{})}
	n.kubelet = kubelet{c}.handler()
	n.transport = &http.Transport{DialContext: n.dial, DisableKeepAlives: true}
	n.server = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Context().Value(answers{}).(http.Handler).ServeHTTP(w, r)
		}),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, answers{}, c.(*wire).to)
		},
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          silent(),
	}
	return n
}

// serve answers what is dialled until ctx ends, and cuts then what is still connected.
func (n *network) serve(ctx context.Context) {
	stop := context.AfterFunc(ctx, n.end)
	defer stop()
	_ = n.server.Serve(n) // it ends with ctx, and in no other way
}

func (n *network) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ended {
		return
	}
	n.ended = true
	close(n.closed)
	for w := range n.wires {
		_ = w.Conn.Close()
	}
	go n.server.Close() // it asks for our lock
}

// next is whose turn it is among so many.
func (n *network) next(of int) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.turn++
	return n.turn % of
}

// Accept implements net.Listener.
func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.arriving:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (*network) Close() error { return nil }

// Addr implements net.Listener.
func (*network) Addr() net.Addr { return &net.TCPAddr{} }

// Close implements net.Conn.
func (w *wire) Close() error {
	w.network.mu.Lock()
	delete(w.network.wires, w)
	w.network.mu.Unlock()
	return w.Conn.Close()
}

// dial connects with a node's kubelet or with a port of a pod.
func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	to, err := n.find(address)
	if err != nil {
		return nil, err
	}
	a, b := net.Pipe()
	near, far := &wire{a, n, nil}, &wire{b, n, to}
	n.mu.Lock()
	if n.ended {
		n.mu.Unlock()
		return nil, net.ErrClosed
	}
	n.wires[near], n.wires[far] = true, true
	n.mu.Unlock()
	select {
	case n.arriving <- far:
		return near, nil
	case <-n.closed:
		err = net.ErrClosed
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, errors.Join(err, near.Close(), far.Close())
}

// find is who listens at an address.
func (n *network) find(address string) (http.Handler, error) {
	refused := func(why syscall.Errno) (http.Handler, error) {
		ip, number, _ := net.SplitHostPort(address)
		port, _ := strconv.Atoi(number)
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.ParseIP(ip), Port: port}, Err: os.NewSyscallError("connect", why)}
	}
	host, number, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	port, err := strconv.Atoi(number)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	for _, m := range n.cluster.world.Machines(n.cluster.o.Name) {
		switch {
		case m.Address != host:
		case !m.Up:
			return refused(syscall.EHOSTUNREACH)
		case port == kubeletPort:
			return n.kubelet, nil
		default:
			return refused(syscall.ECONNREFUSED)
		}
	}
	for _, p := range All[*corev1.Pod](n.cluster, "") {
		switch {
		case p.Status.PodIP != host || over(p):
		case n.cluster.unreachable(p.Spec.NodeName):
			return refused(syscall.EHOSTUNREACH)
		default:
			if h := n.cluster.listener(p, port); h != nil {
				return h, nil
			}
			return refused(syscall.ECONNREFUSED)
		}
	}
	return refused(syscall.EHOSTUNREACH)
}

const kubeletPort = 10250

// over says whether a pod has ended, and its address with it.
func over(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}

// listener is what listens on a port of a pod; nil: nothing does.
func (c *Cluster) listener(p *corev1.Pod, port int) http.Handler {
	if c.o.Ports == nil {
		return nil
	}
	for _, one := range p.Spec.Containers {
		id := c.id(p, one.Name)
		was, err := c.world.Process(id)
		if err != nil || was.State != sandbox.Up {
			continue
		}
		if h := c.o.Ports(id, port); h != nil {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if now, err := c.world.Process(id); err != nil || now.State != sandbox.Up || now.Run != was.Run {
					panic(http.ErrAbortHandler) // its connections have ended with it
				}
				h.ServeHTTP(w, r)
			})
		}
	}
	return nil
}
