// Package kubeapi is what all kinds of an API server have in common, whoever
// made them: rows of them are read as they come (Source), one of them is read and
// shown (Faces) or changed safely (Actor, Change). It rides on a link, and every
// adapter for something that lives in a cluster rides on it.
//
// It knows no kind: which there are, what a row shows, what a verb sends and what
// speaks against it are the adapter's.
package kubeapi

import (
	"sync"
	"sync/atomic"

	"k8s.io/client-go/kubernetes"

	"wheelhouse/backend/link"
)

// Client speaks to one API server. Adapters of the same cluster share one. Safe
// for concurrent use.
type Client struct {
	link  *link.Link
	rules rulebook
	typed func() (kubernetes.Interface, error)
	wire  func() (*wire, error)
	paged atomic.Bool // the server can't stream a list: it is asked for pages
}

// New makes the client of a link. Nothing is sent, and no connection made, before
// it is needed: both cost what a first screen takes.
func New(l *link.Link) *Client {
	c := &Client{link: l}
	c.typed = sync.OnceValues(func() (kubernetes.Interface, error) { return kubernetes.NewForConfig(l.REST()) })
	c.wire = sync.OnceValues(func() (*wire, error) { return newWire(l.Stream()) })
	return c
}

// Link is the link that it rides on.
func (c *Client) Link() *link.Link { return c.link }

// Typed is the client library's own client, for what is not streamed.
func (c *Client) Typed() (kubernetes.Interface, error) { return c.typed() }
