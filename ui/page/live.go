package page

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
)

// fetchTime is how long a server may take to answer; settle is how long the
// cursor must rest before it is asked at all.
const (
	fetchTime = 15 * time.Second
	settle    = 80 * time.Millisecond
)

// Fetch gets one face of one object; backend.Details.Fetch bound to a link.
type Fetch func(ctx context.Context, r backend.Ref, a backend.Aspect) (backend.Doc, error)

// Live keeps one document in step with what is looked at: it is fetched when
// asked for, cancelled when something else is, and fetched again when the
// object has changed. Belongs to the program's goroutine.
type Live struct {
	fetch  Fetch
	want   subject
	shown  subject
	doc    backend.Doc
	err    error
	seq    int
	cancel context.CancelFunc
}

// subject is what a document was fetched for. stamp is anything comparable that
// changes when the object does.
type subject struct {
	ref    backend.Ref
	aspect backend.Aspect
	stamp  any
}

// NewLive makes one that fetches by f.
func NewLive(f Fetch) *Live { return &Live{fetch: f} }

// Want says what is looked at now. It gives nil when that is being fetched, or
// is there, already.
func (l *Live) Want(r backend.Ref, a backend.Aspect, stamp any) tea.Cmd {
	w := subject{r, a, stamp}
	if w == l.want {
		return nil
	}
	l.Stop()
	l.want = w
	l.seq++
	if r.Name == "" {
		l.shown, l.doc, l.err = w, backend.Doc{}, nil
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), settle+fetchTime)
	l.cancel = cancel
	seq, fetch := l.seq, l.fetch
	return func() tea.Msg {
		defer cancel()
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(settle):
		}
		doc, err := fetch(ctx, r, a)
		if ctx.Err() == context.Canceled {
			return nil
		}
		return fetched{l, seq, doc, err}
	}
}

// fetched is one fetch's answer.
type fetched struct {
	live *Live
	seq  int
	doc  backend.Doc
	err  error
}

// Take takes msg when it is the answer that is waited for.
func (l *Live) Take(msg tea.Msg) bool {
	m, ok := msg.(fetched)
	if !ok || m.live != l || m.seq != l.seq {
		return false
	}
	l.shown, l.doc, l.err = l.want, m.doc, m.err
	return true
}

// Again fetches what is wanted once more.
func (l *Live) Again() tea.Cmd {
	w := l.want
	l.want = subject{}
	return l.Want(w.ref, w.aspect, w.stamp)
}

// Stop gives up a fetch that is under way.
func (l *Live) Stop() {
	if l.cancel != nil {
		l.cancel()
		l.cancel = nil
	}
}

// Doc is the newest document of the object that is wanted; ok is false until
// one has come. err is why the newest fetch gave none.
func (l *Live) Doc() (doc backend.Doc, ok bool, err error) {
	same := l.shown.ref == l.want.ref && l.shown.aspect == l.want.aspect && l.seq > 0
	return l.doc, same, l.err
}

// Settled says whether what is shown is what is wanted.
func (l *Live) Settled() bool { return l.shown == l.want }
