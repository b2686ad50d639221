package link

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"wheelhouse/backend"
)

// A wire is a network whose answers a test sets.
type wire struct {
	mu     sync.Mutex
	status int           // 0: never answers
	err    error         // instead of an answer
	delay  time.Duration // before either
	probes int
	broken bool // it panics
}

func (w *wire) set(status int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status, w.err = status, err
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	delay, broken := w.delay, w.broken
	if r.URL.Path == "/livez" {
		w.probes++
	}
	w.mu.Unlock()
	if broken {
		panic("on the wire")
	}
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	// The answer is of the time at which it comes: a good one never comes after
	// the test has set another.
	w.mu.Lock()
	status, err := w.status, w.err
	w.mu.Unlock()
	if err == nil && status == 0 {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}

// inBubble gives f a connected link on a wire, in a synctest bubble.
func inBubble(t *testing.T, f func(t *testing.T, l *Link, w *wire)) {
	t.Helper()
	file := write(t, oneContext("http://a.invalid", nil))
	synctest.Test(t, func(t *testing.T) {
		s, err := Load(Options{Kubeconfig: file})
		if err != nil {
			t.Fatal(err)
		}
		w := &wire{status: http.StatusOK, delay: 20 * time.Millisecond}
		s.network = w
		s.Start()
		defer s.Close()
		f(t, s.All()[0], w)
	})
}

// within waits for a state in the bubble's time and gives how long it took.
func within(t *testing.T, l *Link, want backend.State, limit time.Duration) backend.Health {
	t.Helper()
	began := time.Now()
	for l.Health().State != want {
		if time.Since(began) > limit {
			t.Fatalf("still %v after %v, want %v: %s", l.Health().State, limit, want, l.Health().Reason.Safe())
		}
		time.Sleep(50 * time.Millisecond)
	}
	return l.Health()
}

func TestLossIsKnownWithinTenSecondsAndEndsByItself(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		err    error
		reason string
	}{
		"hangs":   {reason: "does not answer"},
		"refuses": {err: errors.New("connection closed: EOF"), reason: "closes connections"},
		"unwell":  {status: http.StatusServiceUnavailable, reason: "not well: 503"},
		"portal":  {status: http.StatusFound, reason: "redirect"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, l *Link, w *wire) {
				h := within(t, l, backend.Live, time.Second)
				if h.Latency != 20*time.Millisecond || !h.Reason.IsZero() {
					t.Errorf("live as %+v", h)
				}
				epoch, err := l.Await(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if epoch.Err() != nil {
					t.Fatal("the epoch ended while the link was live")
				}
				lastLive := time.Now()
				w.set(c.status, c.err)
				h = within(t, l, backend.Stale, 10*time.Second)
				if !strings.Contains(h.Reason.Safe(), c.reason) || h.NextTry.IsZero() || h.Since.After(lastLive) {
					t.Errorf("stale as %+v", h)
				}
				synctest.Wait()
				if epoch.Err() == nil || backend.CodeOf(context.Cause(epoch)) != backend.Unreachable {
					t.Errorf("the epoch's end is %v", context.Cause(epoch))
				}
				within(t, l, backend.Down, staleFor+10*time.Second)
				time.Sleep(10 * time.Minute)
				w.set(http.StatusOK, nil)
				within(t, l, backend.Live, 10*time.Second)
			})
		})
	}
}

func TestAwaitWaitsOnlyWhileTheLinkIsLost(t *testing.T) {
	inBubble(t, func(t *testing.T, l *Link, w *wire) {
		w.set(0, nil)
		if _, err := l.Await(t.Context(), nil); err != nil { // before the first answer
			t.Fatal(err)
		}
		within(t, l, backend.Down, 10*time.Second)
		came := make(chan context.Context, 1)
		go func() {
			epoch, _ := l.Await(context.Background(), nil)
			came <- epoch
		}()
		synctest.Wait()
		if len(came) != 0 {
			t.Fatal("did not wait")
		}
		short, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := l.Await(short, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
		w.set(http.StatusOK, nil)
		epoch := <-came
		if epoch.Err() != nil || l.Health().State != backend.Live {
			t.Errorf("came at %v with %v", l.Health().State, epoch.Err())
		}
		l.set.Disconnect("dev")
		<-epoch.Done()
		if l.Health().State != backend.Off {
			t.Errorf("is %v", l.Health().State)
		}
	})
}

func TestReportLooksAtOnce(t *testing.T) {
	gr := schema.GroupResource{Resource: "pods"}
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"refused":   {errors.New("connection refused"), true},
		"expired":   {apierrors.NewUnauthorized("x"), true},
		"unwell":    {apierrors.NewInternalError(errors.New("x")), true},
		"forbidden": {apierrors.NewForbidden(gr, "p", nil), false},
		"gone":      {apierrors.NewResourceExpired("x"), false},
		"read-only": {&backend.Error{Code: backend.Denied}, false},
		"cancelled": {context.Canceled, false},
		"none":      {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, l *Link, w *wire) {
				time.Sleep(l.Patience() / 5)
				w.mu.Lock()
				before := w.probes
				w.mu.Unlock()
				for range 100 {
					l.Report(c.err)
				}
				time.Sleep(time.Second)
				w.mu.Lock()
				defer w.mu.Unlock()
				if n := w.probes - before; (n > 0) != c.want || n > 2 {
					t.Errorf("%d probes", n)
				}
			})
		})
	}
}

func TestProbeIsRareAtRestAndTellsNothingNew(t *testing.T) {
	inBubble(t, func(t *testing.T, l *Link, w *wire) {
		time.Sleep(10 * time.Second)
		told := 0
		defer l.set.Subscribe(func(*Link) { told++ })()
		w.mu.Lock()
		before := w.probes
		w.mu.Unlock()
		time.Sleep(5 * time.Minute)
		w.mu.Lock()
		defer w.mu.Unlock()
		if n := w.probes - before; n > 120 || n < 95 {
			t.Errorf("%d probes in five minutes", n)
		}
		if told != 0 {
			t.Errorf("%d changes told", told)
		}
	})
}

func TestExpiredStaticLoginIsForbiddenUntilItIsGoodAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, l *Link, w *wire) {
		within(t, l, backend.Live, time.Second)
		w.set(http.StatusUnauthorized, nil)
		h := within(t, l, backend.Forbidden, 10*time.Second)
		if !strings.Contains(h.Reason.Safe(), "login expired") {
			t.Errorf("reason is %s", h.Reason.Safe())
		}
		time.Sleep(10 * time.Minute)
		w.set(http.StatusOK, nil)
		within(t, l, backend.Live, 10*time.Second)
	})
}

func TestLoginsAreNotPressed(t *testing.T) {
	for name, err := range map[string]error{
		"failed":                    &loginError{login: &login{link: &Link{way: contexts{}}}, err: errors.New("no")},
		"refused after a new login": &answer{status: http.StatusUnauthorized, renewed: true},
	} {
		p := newPace(usual)
		var all time.Duration
		for range 10 {
			all += p.after(err)
		}
		if all < 10*time.Minute {
			t.Errorf("%s: ten logins in %v", name, all)
		}
		p.after(nil)
		if again := p.after(err); again > 20*time.Second {
			t.Errorf("%s: the pace stays at %v", name, again)
		}
	}
}

// TestProbeFault: a panic on the way to a server is that link's trouble, and
// passes when it does.
func TestProbeFault(t *testing.T) {
	inBubble(t, func(t *testing.T, l *Link, w *wire) {
		within(t, l, backend.Live, time.Second)
		w.mu.Lock()
		w.broken = true
		w.mu.Unlock()
		h := within(t, l, backend.Stale, 10*time.Second)
		if !strings.Contains(h.Reason.Safe(), "a fault in wheelhouse, a panic with a string in link.(*wire).RoundTrip") {
			t.Errorf("told as %q", h.Reason.Safe())
		}
		w.mu.Lock()
		w.broken = false
		w.mu.Unlock()
		within(t, l, backend.Live, 10*time.Second)
	})
}
