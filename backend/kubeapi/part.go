package kubeapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend"
)

// part keeps one collection, or one namespace's share of it, in step. It belongs
// to one goroutine.
type part[T backend.Object] struct {
	c      *Client
	col    Collection[T]
	labels string
	sink   backend.Sink[T]
	key    backend.Part

	load    backend.Load[T]
	version string    // up to which all changes are in the feed; empty: read it all anew
	live    time.Time // when it was last known to be in step; zero: never
	words   Words
	rows    []T
	gone    []backend.Ref
}

// errForbidden is the end of a whole that may not be read.
var errForbidden = errors.New("forbidden")

// keep follows until ctx ends; with giveUp, until it is forbidden.
func (p *part[T]) keep(ctx context.Context, giveUp bool) error {
	wait := p.c.BackOff()
	p.words = Words{}
	p.sink.Health(p.key, backend.Health{State: backend.Connecting, Since: time.Now()})
	for {
		epoch, err := p.c.link.Await(ctx, p.blocked)
		if err != nil {
			return err
		}
		began, before := time.Now(), p.live
		err = p.once(epoch)
		if answered := p.c.link.Answered(); p.live.After(before) && answered.After(p.live) {
			p.live = answered // a quiet watch was in step for as long as the server was there
		}
		lasted := time.Since(began) > p.c.steady()
		if lasted {
			wait.Reset()
		}
		if expired(err) {
			p.version = "" // its history is gone: all is read anew, and what is not there then leaves
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil: // the server has ended the watch, as it does from time to time
		case apierrors.IsForbidden(err):
			// Nobody follows any more what was seen before.
			p.sink.End(p.key)
			p.version, p.live = "", time.Time{}
			if giveUp {
				p.sink.Health(p.key, backend.Health{State: backend.Connecting, Since: time.Now()})
				return errForbidden
			}
			p.trouble(err, epoch.Err() != nil)
		case !expired(err) || !lasted:
			p.trouble(err, epoch.Err() != nil)
		}
		again := retryIn(err, lasted, wait.NextBackOff())
		if err == nil {
			again = max(again, p.col.Every)
		}
		if !pause(ctx, again) {
			return ctx.Err()
		}
	}
}

// once reads all that can be read at a time.
func (p *part[T]) once(ctx context.Context) error {
	if p.col.Every == 0 {
		return p.stream(ctx)
	}
	w, err := p.c.wire()
	if err != nil {
		return err
	}
	err = p.pages(ctx, w)
	p.version = "" // nothing goes on from there
	return err
}

// steady is how long a watch lasts at least with a server that is well: usually a
// second. One that ends sooner is not begun again at once, else it would be for ever.
func (c *Client) steady() time.Duration { return c.link.Patience() * 2 / 5 }

func expired(err error) bool { return apierrors.IsGone(err) || apierrors.IsResourceExpired(err) }

// retryIn is how long to wait: not at all after a watch that lasted, and what
// only people can mend is asked for seldom.
func retryIn(err error, lasted bool, soon time.Duration) time.Duration {
	switch {
	case lasted && (err == nil || expired(err)):
		return 0
	case apierrors.IsForbidden(err), apierrors.IsNotFound(err):
		return 15 * time.Second
	case apierrors.IsBadRequest(err), apierrors.IsInvalid(err):
		return askAgain
	}
	return soon
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// blocked says that nothing can be asked, and why.
func (p *part[T]) blocked(h backend.Health) {
	switch {
	case h.State == backend.Forbidden:
	case !p.live.IsZero():
		h.State, h.Since = backend.Stale, p.live
	case h.State == backend.Stale:
		h.State = backend.Down // the link was live, and this part never
	}
	p.sink.Health(p.key, h)
}

// trouble says why the part is not in step.
func (p *part[T]) trouble(err error, lost bool) {
	h := backend.Health{State: backend.Down, Since: time.Now(), Reason: backend.T(p.sentence(err))}
	switch {
	case apierrors.IsForbidden(err):
		h.State = backend.Forbidden
		h.Reason = backend.T(fmt.Sprintf("you may not list %s%s on %s", p.col.called(), inNamespace(p.key.Scope), p.key.Link))
	case apierrors.IsUnauthorized(err):
		h.State = backend.Forbidden
		h.Reason = backend.T("the login has expired; r on :ctx logs in again")
	case apierrors.IsBadRequest(err) && p.labels != "":
		h.Reason = backend.T(fmt.Sprintf("-l %s is no label selector: %s", p.labels, p.sentence(err)))
	case apierrors.IsNotFound(err) && (p.col.JSON || p.col.Every > 0):
		h.State = backend.Off
		h.Reason = backend.T(fmt.Sprintf("%s has no %s: what makes them is not installed there", p.key.Link, p.col.called()))
	case !p.live.IsZero():
		h.State, h.Since = backend.Stale, p.live
	}
	if lost {
		if reason := p.c.link.Health().Reason; !reason.IsZero() {
			h.Reason = reason
		}
	} else if p.col.Every == 0 || apierrors.IsUnauthorized(err) { // else it is what stands behind the server
		p.c.link.Report(err)
	}
	p.sink.Health(p.key, h)
}

func inNamespace(ns string) string {
	if ns == "" {
		return " in all namespaces"
	}
	return " in " + ns
}

// sentence is the server's own words, or the way's.
func (p *part[T]) sentence(err error) string {
	var st apierrors.APIStatus
	if errors.As(err, &st) {
		return st.Status().Message
	}
	return cause(err)
}

// stream reads all where that is needed, then follows. nil is a watch that the
// server has ended.
func (p *part[T]) stream(ctx context.Context) error {
	w, err := p.c.wire()
	if err != nil {
		return err
	}
	if p.version == "" && p.c.paged.Load() {
		if err := p.pages(ctx, w); err != nil {
			return err
		}
	}
	q := url.Values{"watch": {"1"}, "allowWatchBookmarks": {"true"}}
	p.selected(q)
	if p.version == "" {
		q.Set("sendInitialEvents", "true")
		q.Set("resourceVersionMatch", string(metav1.ResourceVersionMatchNotOlderThan))
		p.load = p.sink.Begin(p.key)
	} else {
		q.Set("resourceVersion", p.version)
	}
	body, err := w.get(ctx, p.col.path(p.key.Scope), p.col.form(), asWatch, q)
	if p.version == "" && (apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) && p.labels == "") {
		// It knows no streamed lists: Kubernetes before 1.32, or the feature is
		// off. Other parts that asked at the same time may have found out first.
		p.c.paged.Store(true)
		return p.stream(ctx)
	}
	if err != nil {
		return err
	}
	defer body.Close()
	if p.version != "" {
		body.mayRest()
		return p.resume(p.col.form().events(body), body.mayRest)
	}
	return p.follow(p.col.form().events(body), body.mayRest)
}

// resumed is how long a watch that goes on must last before it is said to be in
// step, usually 250 ms: that its history is gone a server says right after its 200.
func (c *Client) resumed() time.Duration { return c.link.Patience() / 10 }

// resume follows from where the feed is.
func (p *part[T]) resume(f events, inStep func()) error {
	lasts := p.c.resumed()
	told, at := make(chan struct{}), time.Now().Add(lasts)
	timer := time.AfterFunc(lasts, func() {
		defer close(told)
		p.sink.Health(p.key, backend.Health{State: backend.Live, Since: at})
	})
	err := p.follow(f, inStep)
	if !timer.Stop() {
		<-told // or it would be told after what comes now
		if p.live.Before(at) {
			p.live = at
		}
	}
	return err
}

func (p *part[T]) selected(q url.Values) {
	if all := Join(",", p.col.Labels, p.labels); all != "" {
		q.Set("labelSelector", all)
	}
	if p.col.Fields != "" {
		q.Set("fieldSelector", p.col.Fields)
	}
}

// alive tells that what the feed has is what the server has.
func (p *part[T]) alive() {
	p.live = time.Now()
	p.sink.Health(p.key, backend.Health{State: backend.Live, Since: p.live})
}

// How many rows are brought at once: few at first, because somebody waits for a
// screenful, then many, because each time costs.
const (
	firstBatch = 64
	batchRows  = 512
)

// follow takes events until the watch ends. It calls inStep when all is read, and
// the server has something to say only when something changes.
func (p *part[T]) follow(f events, inStep func()) error {
	most := firstBatch
	for {
		ev, err := f.next()
		if err != nil {
			p.flush()
			if p.version != "" && errors.Is(err, io.EOF) {
				p.live = time.Now()
				return nil
			}
			return fmt.Errorf("watch %s: %w", p.col.Res.Plural, err)
		}
		synced, err := p.take(ev)
		if err != nil {
			p.flush() // what came before belongs to this load, not to the next
			return err
		}
		if len(p.rows)+len(p.gone) >= most || f.waiting() || synced {
			p.flush()
			most = batchRows
		}
		if synced {
			inStep()
			p.load.Synced()
			p.alive()
		}
	}
}

func (p *part[T]) flush() {
	if len(p.rows) > 0 {
		p.load.Put(p.rows...)
	}
	if len(p.gone) > 0 {
		p.load.Delete(p.gone...)
	}
	clear(p.rows)
	p.rows, p.gone = p.rows[:0], p.gone[:0]
}

// take takes one event; synced says that it ended the full read.
func (p *part[T]) take(ev event) (synced bool, err error) {
	switch ev.kind {
	case "ADDED", "MODIFIED", "DELETED":
		return false, p.takeRow(ev)
	case "BOOKMARK":
		m, err := p.col.form().meta(ev.raw, p.words)
		if err != nil {
			return false, fmt.Errorf("read a bookmark: %w", err)
		}
		first := p.version == "" && m.listed
		if p.version != "" || first {
			p.version = m.Version
		}
		return first, nil
	case "ERROR":
		st, err := p.col.form().status(ev.raw)
		if err != nil {
			return false, fmt.Errorf("read the server's error: %w", err)
		}
		return false, &apierrors.StatusError{ErrStatus: st}
	}
	return false, nil // a kind of event that came after this was written
}

func (p *part[T]) takeRow(ev event) error {
	row, version, err := p.col.Row(ev.raw, p.key.Link, p.words)
	if err != nil {
		return fmt.Errorf("read one of the %s: %w", p.col.Res.Plural, err)
	}
	if p.version != "" {
		p.version = version
	}
	if ev.kind != "DELETED" {
		if len(p.gone) > 0 {
			p.flush() // the same name may have gone just before
		}
		p.rows = append(p.rows, row)
		return nil
	}
	if len(p.rows) > 0 {
		p.flush()
	}
	p.gone = append(p.gone, row.Ref())
	return nil
}

// pageSize is how many objects a page of a list has.
const pageSize = "500"

// pages reads all by pages. A continuation that has expired ends in 410, and all
// is read anew.
func (p *part[T]) pages(ctx context.Context, w *wire) error {
	p.load = p.sink.Begin(p.key)
	for next := ""; ; {
		q := url.Values{"limit": {pageSize}}
		p.selected(q)
		if next != "" {
			q.Set("continue", next)
		}
		body, err := w.get(ctx, p.col.path(p.key.Scope), p.col.form(), "", q)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(io.LimitReader(body, maxFrame))
		_ = body.Close() // it was read, or the error says why not
		if err != nil {
			return fmt.Errorf("list %s: %w", p.col.Res.Plural, err)
		}
		version, more, err := p.page(b)
		p.flush() // in any case: what is left would get into the next load
		if err != nil {
			return err
		}
		if version == "" && p.col.Every == 0 {
			return fmt.Errorf("list %s: the server does not say as of when it is", p.col.Res.Plural)
		}
		if next = more; next == "" {
			p.load.Synced()
			p.version = version
			p.alive()
			return nil
		}
	}
}

// page takes one page.
func (p *part[T]) page(b []byte) (version, next string, err error) {
	version, next, e := p.col.form().list(b, func(raw []byte) {
		row, _, rowErr := p.col.Row(raw, p.key.Link, p.words)
		if rowErr != nil {
			err = rowErr
			return
		}
		p.rows = append(p.rows, row)
	})
	if err = errors.Join(err, e); err != nil {
		err = fmt.Errorf("list %s: %w", p.col.Res.Plural, err)
	}
	return version, next, err
}
