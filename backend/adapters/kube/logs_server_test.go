package kube

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/link"
)

// A paper is what one process of a container has written.
type paper struct {
	lines []string // "TIME TEXT"
	ended bool
	cuts  int // how often whoever follows is cut off in the middle of the next line
}

// writers are the kubelets behind a plane: the logs of all containers, by
// pod/container, of processes that run and of those before.
type writers struct {
	*plane
	mu     sync.Mutex
	turned chan struct{}
	now    map[string]*paper
	before map[string]*paper
	denied bool
	asked  []string // queries of requests for logs
}

// newWriters is a plane with logs, and a cluster that is connected to it.
func newWriters(t *testing.T) (*writers, *Cluster) {
	t.Helper()
	w := &writers{plane: newPlane(t, true), turned: make(chan struct{}), now: map[string]*paper{}, before: map[string]*paper{}}
	w.more = w.serve
	set := loadLinks(t, w.URL, link.Options{ReadOnly: true}) // to read needs no more
	set.Start()
	return w, New(kubeapi.New(set.All()[0]))
}

// moment is the time of the n-th line of a log, three of which are written in the
// same nanosecond.
func moment(n int) time.Time {
	return time.Date(2026, 11, 28, 7, 9, 0, 0, time.UTC).Add(time.Duration(n/3) * 150 * time.Millisecond)
}

func (w *writers) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	close(w.turned)
	w.turned = make(chan struct{})
}

// write adds lines first … last, each of them "line N".
func (w *writers) write(who string, first, last int) {
	w.change(func() {
		p := w.now[who]
		if p == nil {
			p = &paper{}
			w.now[who] = p
		}
		for n := first; n <= last; n++ {
			p.lines = append(p.lines, fmt.Sprintf("%s line %d", moment(n).Format(time.RFC3339Nano), n))
		}
	})
}

func (w *writers) serve(rw http.ResponseWriter, r *http.Request) {
	parts := strings.Split(r.URL.Path, "/")
	if parts[len(parts)-1] != "log" { // a workload
		answer(rw, http.StatusOK, map[string]any{
			"kind": "Deployment", "apiVersion": "apps/v1", "metadata": map[string]any{"name": parts[len(parts)-1], "namespace": "one"},
			"spec": map[string]any{"selector": map[string]any{"matchLabels": map[string]any{"app": parts[len(parts)-1]}}},
		})
		return
	}
	q := r.URL.Query()
	who := parts[len(parts)-2] + "/" + q.Get("container")
	w.mu.Lock()
	w.asked = append(w.asked, r.URL.RawQuery)
	denied, papers := w.denied, w.now
	if q.Get("previous") != "" {
		papers = w.before
	}
	p := papers[who]
	w.mu.Unlock()
	switch {
	case denied:
		fail(rw, http.StatusForbidden, "Forbidden", "the test says no")
	case p == nil:
		fail(rw, http.StatusBadRequest, "BadRequest", "container is waiting to start: ContainerCreating")
	default:
		rw.Header().Set("Content-Type", "text/plain")
		w.read(rw, r, p)
	}
}

func (w *writers) read(rw http.ResponseWriter, r *http.Request, p *paper) {
	q := r.URL.Query()
	since, _ := time.Parse(time.RFC3339, q.Get("sinceTime"))
	at := 0
	w.mu.Lock()
	if n, err := strconv.Atoi(q.Get("tailLines")); err == nil {
		at = max(0, len(p.lines)-n)
	}
	w.mu.Unlock()
	for {
		w.mu.Lock()
		lines, ended, turned := slices.Clone(p.lines[at:]), p.ended, w.turned
		cut := len(lines) > 1 && p.cuts > 0 && q.Get("follow") != ""
		if cut {
			p.cuts--
			lines = lines[:len(lines)/2+1]
		}
		w.mu.Unlock()
		at += len(lines)
		for i, l := range lines {
			stamp, _, _ := strings.Cut(l, " ")
			early, err := time.Parse(time.RFC3339Nano, stamp)
			if cut && i == len(lines)-1 {
				_, _ = rw.Write([]byte(l[:len(l)-1]))
				rw.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			}
			if err != nil || !early.Before(since) {
				_, _ = rw.Write([]byte(l + "\n"))
			}
		}
		rw.(http.Flusher).Flush()
		if ended || q.Get("follow") == "" {
			return
		}
		select {
		case <-turned:
		case <-r.Context().Done():
			return
		}
	}
}

// a pod of namespace one, with a status for each container.
func somePod(name string, statuses ...corev1.ContainerStatus) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "one", Labels: map[string]string{"app": "shop"}}}
	p.Spec.RestartPolicy = corev1.RestartPolicyAlways
	p.Status = corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: statuses}
	for _, s := range statuses {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: s.Name})
	}
	return p
}

func running(name string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
}

func hasEnded(name string, code int32) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}}
}

func waiting(name, reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

// A box is a sink that keeps everything.
type box struct {
	mu     sync.Mutex
	turned chan struct{}
	lines  []backend.LogLine
	missed int
	health backend.Health
}

func newBox() *box { return &box{turned: make(chan struct{})} }

func (b *box) change(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
	close(b.turned)
	b.turned = make(chan struct{})
}

func (b *box) Lines(lines ...backend.LogLine) {
	b.change(func() { b.lines = append(b.lines, lines...) })
}
func (b *box) Missed(n int)                           { b.change(func() { b.missed += n }) }
func (b *box) Health(_ backend.Ref, h backend.Health) { b.change(func() { b.health = h }) }

// until waits for what ok says; it fails with what there is.
func (b *box) until(t *testing.T, what string, ok func(b *box) bool) {
	t.Helper()
	limit := time.After(30 * time.Second)
	for {
		b.mu.Lock()
		good, turned := ok(b), b.turned
		b.mu.Unlock()
		if good {
			return
		}
		select {
		case <-turned:
		case <-limit:
			b.mu.Lock()
			defer b.mu.Unlock()
			t.Fatalf("no %s: %d lines, the last %v; health %v %q", what, len(b.lines), b.texts(3), b.health.State, b.health.Reason.Safe())
		}
	}
}

// texts are the last n lines with who wrote them.
func (b *box) texts(n int) (out []string) {
	for _, l := range b.lines[max(0, len(b.lines)-n):] {
		out = append(out, l.From+": "+l.Text.Raw())
	}
	return out
}

// numbers waits for lines up to last, and wants each from first on once, in order.
func (b *box) numbers(t *testing.T, first, last int) {
	t.Helper()
	b.until(t, fmt.Sprintf("line %d", last), func(b *box) bool {
		return len(b.lines) > 0 && b.lines[len(b.lines)-1].Text.Raw() == fmt.Sprintf("line %d", last)
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, l := range b.lines {
		if want := fmt.Sprintf("line %d", first+i); l.Text.Raw() != want || l.At != moment(first+i).UnixNano() {
			t.Fatalf("line %d is %q at %v, not %q", i, l.Text.Raw(), l.Time(), want)
		}
	}
	if len(b.lines) != last-first+1 {
		t.Fatalf("has %d lines, not %d", len(b.lines), last-first+1)
	}
}

func (b *box) state(t *testing.T, s backend.State, why string) {
	t.Helper()
	b.until(t, fmt.Sprintf("health %v: %s", s, why), func(b *box) bool {
		return b.health.State == s && strings.Contains(b.health.Reason.Safe(), why)
	})
}

// tail begins to read; end waits for it and gives its error.
func tail(t *testing.T, c *Cluster, q backend.LogQuery) (b *box, end func() error) {
	t.Helper()
	b = newBox()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Tail(ctx, q, b) }()
	t.Cleanup(func() { cancel(); <-done; close(done) })
	return b, func() error {
		err := <-done
		done <- err
		return err
	}
}

func logOf(name, container string) backend.Ref {
	return backend.Ref{Link: "prod-eu", Kind: cluster.KindPod, Scope: "one", Name: name, Sub: container}
}
