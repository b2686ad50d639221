package kube

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
)

// A logStream reads the log of one container, of all its processes one after the
// other, for as long as there may be more.
type logStream struct {
	*crew
	pod             backend.Ref
	container, from string
	history         bool // what is there already is read by its end, not from the beginning
	place           logPlace
	read            int32 // restarts of the process that was read last
	cut             bool  // that reading did not come to its end
	whole           int32 // restarts of the process whose log was read to its end after it had ended

	// what the crew tells of it, under the crew's lock
	state backend.Health
	left  bool // it waits until another one has ended
	done  bool // nothing more will come
	// its pod is gone, and its reading is about to be stopped
	leaving bool
	stop    func()
}

// run reads until ctx ends or nothing more can come.
func (s *logStream) run(ctx context.Context) {
	err := func() (err error) {
		defer backend.Caught(&err)
		wait := s.c.BackOff()
		for {
			c, ok := s.await(ctx)
			if !ok || !s.take(ctx) {
				return nil
			}
			err := s.once(ctx, c, wait)
			if ctx.Err() != nil || err != nil && s.q.Previous && backend.CodeOf(err) == backend.Invalid {
				return nil // in the second case there was no process before, which is told
			}
			if (err != nil || s.whole != c.restarts) && !rest(ctx, again(err, wait.NextBackOff())) {
				return nil
			}
		}
	}()
	s.stop()
	s.change(func() {
		s.done = s.ctx.Err() == nil
		if err != nil {
			s.state = backend.Health{State: backend.Down, Since: time.Now(), Reason: backend.T(err.Error())}
		}
	})
}

// once reads as far as it goes, and tells why it went no further.
func (s *logStream) once(ctx context.Context, c logContainer, wait *backoff.ExponentialBackOff) error {
	defer func() { <-s.slots }()
	epoch, err := s.c.Link().Await(ctx, nil) // the watch of the pods tells why it waits
	if err != nil {
		return err
	}
	err = s.process(epoch, c, wait)
	if err == nil || epoch.Err() != nil || backend.CodeOf(err) == backend.NotFound {
		return err // of a lost link, and of a pod that is gone, the watch of the pods tells
	}
	h := logHealth(err, s.place.newest != 0)
	if backend.CodeOf(err) == backend.Invalid && !s.q.Previous {
		h.State = backend.Connecting // the server knows before the watch that it waits
	}
	s.change(func() { s.state = h })
	return err
}

// take waits for a slot; the container is told as left out meanwhile.
func (s *logStream) take(ctx context.Context) bool {
	select {
	case s.slots <- struct{}{}:
		return true
	default:
	}
	s.change(func() { s.left = true })
	defer s.change(func() { s.left = false })
	select {
	case s.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// await waits for something to read; ok is false when there will be nothing.
func (s *logStream) await(ctx context.Context) (c logContainer, ok bool) {
	for {
		s.mu.Lock()
		p, there := s.pods[s.pod.Name]
		there = there && p.meta.UID == s.pod.UID
		c := p.find(s.container)
		turned := s.turned
		s.mu.Unlock()
		readWhole := !c.running && s.whole == c.restarts
		switch {
		case !there || p.over() && !c.hasRun():
			return c, false
		case s.q.Previous:
			return c, s.whole < 0
		case readWhole && !p.again(c):
			return c, false
		case c.hasRun() && !readWhole:
			return c, true
		}
		s.wait(c)
		select {
		case <-turned:
		case <-ctx.Done():
			return c, false
		}
	}
}

// wait tells what the container waits for. One whose log was read before is not
// unread because of that.
func (s *logStream) wait(c logContainer) {
	s.mu.Lock()
	told := s.state.State == backend.Live || s.state.Reason.Safe() == c.waits()
	s.mu.Unlock()
	if !told {
		s.change(func() {
			s.state = backend.Health{State: backend.Connecting, Since: time.Now(), Reason: backend.T(c.waits())}
		})
	}
}

// process reads the log of the process that runs, or ran last: first what is
// there, then what comes. nil is a log that has ended.
func (s *logStream) process(ctx context.Context, c logContainer, wait *backoff.ExponentialBackOff) error {
	if s.history || s.q.Previous {
		last := max(s.q.Last, 1)
		if s.q.Last == 0 && !s.q.Since.IsZero() {
			last = -1
		}
		err := s.pump(ctx, kubeapi.LogOptions{Last: last, Since: s.q.Since, Previous: s.q.Previous}, true, wait)
		s.history = err != nil && s.place.newest == 0 // a part of it is gone on from
		s.place.begin()
		if err != nil {
			return err
		}
		s.live()
	}
	if s.q.Previous {
		s.whole = c.restarts
		return nil
	}
	if s.cut && c.restarts > s.read { // the end of the process before may be unread
		_ = s.pump(ctx, kubeapi.LogOptions{Last: -1, Since: s.since(), Previous: true}, true, wait) // it may be gone
	}
	s.read, s.cut = c.restarts, true
	if s.place.newest == 0 {
		s.live() // nothing is there
	}
	if err := s.pump(ctx, kubeapi.LogOptions{Last: -1, Since: s.since(), Follow: c.running}, !c.running, wait); err != nil {
		return err
	}
	s.cut = false
	if !c.running {
		s.whole = c.restarts
	}
	return nil
}

func (s *logStream) since() time.Time {
	if at := s.place.since(); at.After(s.q.Since) {
		return at
	}
	return s.q.Since
}

// pump gives the lines of one answer. ended says that the last one need not have
// an end.
func (s *logStream) pump(ctx context.Context, o kubeapi.LogOptions, ended bool, wait *backoff.ExponentialBackOff) error {
	o.Container = s.container
	res := kinds()[cluster.KindPod]
	refused := func(err error) error { return s.c.Refused("read log", res, s.pod, res.May("get", "log"), err) }
	body, err := s.c.Log(ctx, s.pod, o)
	if err != nil {
		return refused(err)
	}
	defer body.Close()
	s.place.resume()
	r := newLogReader(body, s.from)
	for {
		lines, err := r.next()
		s.give(lines)
		switch {
		case err == nil:
			wait.Reset()
			s.live()
		case !brokeOff(err):
			if ended {
				s.give(r.rest())
			}
			s.live()
			return nil
		default:
			return refused(readError{err})
		}
	}
}

// readError is the end of an answer in its middle.
type readError struct{ error }

// Unwrap gives the cause.
func (e readError) Unwrap() error { return e.error }

// Error says so.
func (e readError) Error() string { return "the log broke off: " + e.error.Error() }

// give hands on the lines that were not given before.
func (s *logStream) give(lines []backend.LogLine) {
	unasked := s.history && s.q.Last == 0 && s.q.Since.IsZero()
	if lines = s.place.fresh(lines); len(lines) > 0 && !unasked {
		s.sink.Lines(lines...)
	}
}

// live tells that lines come.
func (s *logStream) live() {
	s.mu.Lock()
	is := s.state.State == backend.Live
	s.mu.Unlock()
	if !is && !s.history {
		s.change(func() { s.state = backend.Health{State: backend.Live} })
	}
}
