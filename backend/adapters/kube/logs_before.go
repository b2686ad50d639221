package kube

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
)

// How older lines are read. A log is read by its end alone: the end is made longer
// until it has what is wanted, and read up to where that ends.
const (
	firstTail  = 4        // times the lines that are wanted
	longerTail = 4        // times the one before
	mostTail   = 1 << 24  // lines
	mostOlder  = 32 << 20 // bytes of a log that are read for one answer
	olderAt    = 8        // containers that are read at once
	mostPods   = 500      // of one ref that are looked at
)

// Before implements backend.Lines.
func (c *Cluster) Before(ctx context.Context, q backend.LogQuery, cur backend.Cursor, n int) ([]backend.LogLine, backend.Cursor, error) {
	if err := checkLogs(q); err != nil {
		return nil, backend.Cursor{}, err
	}
	if cur.Oldest.At == 0 {
		return nil, backend.Cursor{}, &backend.Error{Code: backend.Invalid, Op: "read log", Human: "The first line does not say when it was written, so none can be said to be older. Read from the beginning again."}
	}
	of, left, err := c.readable(ctx, q)
	if err != nil {
		return nil, backend.Cursor{}, err
	}
	tail, err := strconv.Atoi(cur.State)
	if err != nil {
		tail = firstTail * n
	}
	for i := range of {
		of[i].before, of[i].n, of[i].tail = cur.Oldest, n, tail
	}
	var g errgroup.Group
	g.SetLimit(olderAt)
	for i := range of {
		g.Go(func() (err error) {
			defer backend.Caught(&err)
			return of[i].grow(ctx)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, backend.Cursor{}, err
	}
	lines, next := merged(of, n)
	return lines, next, left.told(q.Of[0])
}

// leftOut is who writes into a log and is not read.
type leftOut struct {
	containers int
	pods       bool // there are pods that were not even looked at
}

// told is nil where nobody is left out.
func (l leftOut) told(ref backend.Ref) error {
	var who string
	switch {
	case l.pods:
		who = fmt.Sprintf("%d containers, and all pods after the first %d,", l.containers, mostPods)
	case l.containers > 0:
		who = fmt.Sprintf("%d of %d containers", l.containers, mostLogs+l.containers)
	default:
		return nil
	}
	return &backend.Error{Code: backend.Partly, Op: "read log", Ref: ref, Human: fmt.Sprintf("What %s wrote is not among them: %d at once are the most. l on one pod reads it.", who, mostLogs)}
}

// merged gives the newest n of what several had before the cursor, and the cursor
// for what is before those.
func merged(of []olderLog, n int) ([]backend.LogLine, backend.Cursor) {
	var all []backend.LogLine
	tail, whole := 0, true
	for i := range of {
		all = append(all, of[i].lines...)
		tail, whole = max(tail, of[i].tail), whole && of[i].whole
	}
	slices.SortStableFunc(all, func(a, b backend.LogLine) int {
		return cmp.Or(cmp.Compare(a.At, b.At), strings.Compare(a.From, b.From))
	})
	if whole && len(all) <= n {
		return all, backend.Cursor{}
	}
	all = slices.Clone(all[max(0, len(all)-n):])
	if len(all) == 0 {
		return nil, backend.Cursor{}
	}
	return all, backend.Cursor{Oldest: all[0], State: strconv.Itoa(tail)}
}

// readable gives the containers of a query that have a log, as many as are read.
func (c *Cluster) readable(ctx context.Context, q backend.LogQuery) (out []olderLog, left leftOut, err error) {
	client, err := c.Typed()
	if err != nil {
		return nil, left, err
	}
	for _, ref := range q.Of {
		which, err := c.selected(ctx, ref)
		if err != nil {
			return nil, left, err
		}
		list, err := client.CoreV1().Pods(ref.Scope).List(ctx, metav1.ListOptions{LabelSelector: which.labels, FieldSelector: which.fields, Limit: mostPods})
		if err != nil {
			res := kinds()[cluster.KindPod]
			return nil, left, c.Refused("list pods", res, ref, res.May("list", ""), err)
		}
		left.pods = left.pods || list.Continue != ""
		for i := range list.Items {
			p := &list.Items[i]
			for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses) {
				switch {
				case ref.Sub != "" && ref.Sub != s.Name || !ran(s):
				case len(out) == mostLogs:
					left.containers++
				default:
					pod := backend.Ref{Link: ref.Link, Kind: cluster.KindPod, Scope: p.Namespace, Name: p.Name, UID: string(p.UID)}
					out = append(out, olderLog{c: c, pod: pod, container: s.Name, from: fromOf(q, p.Name, s.Name), previous: q.Previous})
				}
			}
		}
	}
	return out, left, nil
}

func ran(s corev1.ContainerStatus) bool {
	return s.State.Running != nil || s.State.Terminated != nil || s.LastTerminationState.Terminated != nil
}

// fromOf is who writes, as a query's lines say it.
func fromOf(q backend.LogQuery, pod, container string) string {
	if len(q.Of) > 1 || q.Of[0].Kind != cluster.KindPod {
		return pod + "/" + container
	}
	return container
}

// olderLog is what of one container's log is before a line.
type olderLog struct {
	c               *Cluster
	pod             backend.Ref
	container, from string
	previous        bool
	before          backend.LogLine
	n, tail         int
	lines           []backend.LogLine // the newest n of those before
	first           int64             // time of the first line of the tail
	whole           bool              // there are no others before
}

// grow reads longer and longer ends of the log, until there are n lines, or it is
// the whole log: the longer one has no more.
func (o *olderLog) grow(ctx context.Context) error {
	for first := int64(-1); ; o.tail = min(o.tail*longerTail, mostTail) {
		if err := o.read(ctx); err != nil {
			return err
		}
		o.lines = o.lines[max(0, len(o.lines)-o.n):]
		o.whole = o.first == first || o.first == 0
		if o.whole || len(o.lines) == o.n || o.tail == mostTail {
			o.whole = o.whole && len(o.lines) < o.n
			return nil
		}
		first = o.first
	}
}

// read reads one end of the log up to the line before which it is.
func (o *olderLog) read(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o.lines, o.first = nil, 0
	res := kinds()[cluster.KindPod]
	body, err := o.c.Log(ctx, o.pod, kubeapi.LogOptions{Container: o.container, Previous: o.previous, Last: o.tail, Most: mostOlder})
	if err != nil {
		return o.c.Refused("read log", res, o.pod, res.May("get", "log"), err)
	}
	defer body.Close()
	counted := &counter{from: body}
	r := newLogReader(counted, o.from)
	for {
		lines, err := r.next()
		for i := range lines {
			if o.past(lines[i]) {
				return nil
			}
		}
		switch {
		case err == nil:
		case brokeOff(err):
			return o.c.Refused("read log", res, o.pod, res.May("get", "log"), readError{err})
		case counted.n >= mostOlder:
			human := fmt.Sprintf("More than %d MB lie between the lines that are shown and what %s wrote before. kubectl logs --since-time saves them.", mostOlder>>20, o.from)
			return &backend.Error{Code: backend.Failed, Op: "read log", Ref: o.pod, Human: backend.T(human).Safe()}
		default:
			return nil
		}
	}
}

// past takes a line that is older; it says whether all are that are.
func (o *olderLog) past(l backend.LogLine) bool {
	if o.first == 0 {
		o.first = l.At
	}
	b := o.before
	switch {
	case l.At == b.At && l.From == b.From && l.Text == b.Text:
		return true
	case l.At > b.At+int64(time.Second): // some are a little out of order
		return true
	case l.At > b.At || l.At == b.At && l.From > b.From:
		return false
	}
	if o.lines = append(o.lines, l); len(o.lines) >= 2*o.n {
		o.lines = slices.Delete(o.lines, 0, len(o.lines)-o.n)
	}
	return false
}

// counter counts what is read.
type counter struct {
	from io.Reader
	n    int
}

// Read implements io.Reader.
func (c *counter) Read(b []byte) (int, error) {
	n, err := c.from.Read(b)
	c.n += n
	return n, err
}
