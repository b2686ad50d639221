package kube

import (
	"net"
	"sync"
)

// line is a listener whose connections end with it: whoever watches would hold the
// server up.
type line struct {
	net.Listener

	mu    sync.Mutex
	ended bool
	conns map[*lineConn]bool
}

type lineConn struct {
	net.Conn
	line *line
}

func newLine(l net.Listener) *line { return &line{Listener: l, conns: map[*lineConn]bool{}} }

// Accept implements net.Listener.
func (l *line) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if out := l.take(c); out != nil {
			return out, nil
		}
		_ = c.Close() // the server ends by itself, and calls it a crash when the listener is faster
	}
}

// take keeps a connection to cut it; nil where that is over.
func (l *line) take(c net.Conn) net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return nil
	}
	out := &lineConn{c, l}
	l.conns[out] = true
	return out
}

// cut ends every connection, and those that are still to come.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	for c := range l.conns {
		_ = c.Conn.Close() // it is given up
	}
}

// Close implements net.Conn.
func (c *lineConn) Close() error {
	c.line.mu.Lock()
	delete(c.line.conns, c)
	c.line.mu.Unlock()
	return c.Conn.Close()
}
