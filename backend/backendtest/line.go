package backendtest

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"
)

// Patience is that of the links of tests: a server that says nothing is given up soon.
const Patience = 250 * time.Millisecond

// A Line is a TCP connection to a server that can be cut and frozen, for worlds
// whose servers can't be. Safe for concurrent use.
type Line struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	cond  *sync.Cond // of mood
	mood  Mood
	conns map[net.Conn]bool // both ends of each, while they are open
}

// NewLine makes a line on loopback to an address. It begins Well, and ends with
// the test. Closed and Narrow are Well to it: it reads nothing of what it carries.
func NewLine(t *testing.T, to string) *Line {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &Line{listener: listener, to: to, conns: map[net.Conn]bool{}}
	l.cond = sync.NewCond(&l.mu)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { l.carry(t.Context(), c) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		l.Be(Gone)
		all.Wait()
	})
	return l
}

// Addr is where to connect to instead of the server.
func (l *Line) Addr() string { return l.listener.Addr().String() }

// Be changes how it behaves, for the connections that there are too.
func (l *Line) Be(m Mood) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mood = m
	if m == Gone {
		for c := range l.conns {
			_ = c.Close()
		}
	}
	l.cond.Broadcast()
}

// carry serves one connection until an end of it is closed.
func (l *Line) carry(ctx context.Context, c net.Conn) {
	defer c.Close()
	if !l.passes(c) {
		return
	}
	server, err := new(net.Dialer).DialContext(ctx, "tcp", l.to)
	if err != nil {
		return
	}
	defer server.Close()
	if !l.passes(server) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { l.copy(c, server) })
	l.copy(server, c)
	both.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
	delete(l.conns, server)
}

// passes notes an end of a connection, and waits while the line is silent. It is
// false where the line is cut.
func (l *Line) passes(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.mood == Silent {
		l.cond.Wait()
	}
	if l.mood == Gone {
		return false
	}
	l.conns[c] = true
	return true
}

// copy passes on what comes, and closes both ends when there is no more.
func (l *Line) copy(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && l.passes(from) {
			_, err = to.Write(buf[:n])
		}
		if err != nil {
			break
		}
	}
	_ = to.Close()
	_ = from.Close()
}
