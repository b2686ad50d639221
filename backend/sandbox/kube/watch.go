package kube

import (
	"context"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"
)

// watcher gives on what becomes of the objects under a prefix. One that is not read
// from in time ends, as the real one's does: the client lists again.
type watcher struct {
	memory *memory
	shelf  shelf
	prefix string
	o      storage.ListOptions
	out    chan watch.Event
	stop   context.CancelFunc

	mu    sync.Mutex
	queue []change
	more  chan struct{} // has one when there is something in the queue
	room  int           // that the queue has
	lost  bool          // it was full
}

const (
	mostQueued   = 20000
	bookmarkEach = time.Minute
)

// Watch implements storage.Interface.
func (s shelf) Watch(ctx context.Context, key string, o storage.ListOptions) (watch.Interface, error) {
	rev, err := s.ParseResourceVersion(o.ResourceVersion)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	prefix := key
	if o.Recursive {
		prefix = strings.TrimSuffix(key, "/") + "/"
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{memory: s.memory, shelf: s, prefix: prefix, o: o, out: make(chan watch.Event, 128), stop: cancel, more: make(chan struct{}, 1), room: mostQueued}
	s.mu.Lock()
	defer s.mu.Unlock()
	initial := rev == 0
	if o.SendInitialEvents != nil {
		initial = *o.SendInitialEvents
	}
	switch {
	case rev > s.rev:
		cancel()
		return nil, storage.NewTooLargeResourceVersionError(rev, s.rev, 1)
	case initial:
		s.objects.AscendRange(entry{key: prefix}, entry{key: prefix + "\xff"}, func(e entry) bool {
			w.queue = append(w.queue, change{rev: s.rev, key: e.key, object: e.obj})
			return true
		})
		if o.SendInitialEvents != nil {
			w.queue = append(w.queue, change{rev: s.rev})
		}
	case rev != 0 && rev < s.oldest():
		cancel()
		return nil, apierrors.NewResourceExpired("too old resource version")
	case rev != 0:
		for _, c := range s.changes {
			if c.rev > rev && strings.HasPrefix(c.key, prefix) {
				w.queue = append(w.queue, c)
			}
		}
	}
	s.watchers[w] = true
	go w.run(ctx, s.rev)
	return w, nil
}

// Stop implements watch.Interface.
func (w *watcher) Stop() { w.stop() }

// ResultChan implements watch.Interface.
func (w *watcher) ResultChan() <-chan watch.Event { return w.out }

// offer takes a change, if it is one of its own. It never waits.
func (w *watcher) offer(c change) {
	if !strings.HasPrefix(c.key, w.prefix) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.room--; w.room < 0 {
		w.lost = true
	} else {
		w.queue = append(w.queue, c)
	}
	select {
	case w.more <- struct{}{}:
	default:
	}
}

// run gives on until ctx ends.
func (w *watcher) run(ctx context.Context, rev uint64) {
	defer func() {
		w.memory.mu.Lock()
		delete(w.memory.watchers, w)
		w.memory.mu.Unlock()
		close(w.out)
	}()
	tick := time.NewTicker(bookmarkEach)
	defer tick.Stop()
	for {
		w.mu.Lock()
		queue, lost := w.queue, w.lost
		w.queue, w.room = nil, mostQueued
		w.mu.Unlock()
		for _, c := range queue {
			e, ok := w.event(c)
			rev = c.rev
			if !ok {
				continue
			}
			select {
			case w.out <- e:
			case <-ctx.Done():
				return
			}
		}
		if lost {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-w.more:
		case <-tick.C:
			if w.o.Predicate.AllowWatchBookmarks {
				w.mark(ctx, w.bookmark(rev))
			}
		}
	}
}

func (w *watcher) mark(ctx context.Context, e watch.Event) {
	select {
	case w.out <- e:
	case <-ctx.Done():
	}
}

// bookmark says only up to which revision everything was sent.
func (w *watcher) bookmark(rev uint64) watch.Event {
	return watch.Event{Type: watch.Bookmark, Object: last(w.shelf.kind(), rev)}
}

// event is a change as this watcher sees it: what does not match is not there.
func (w *watcher) event(c change) (e watch.Event, ok bool) {
	if c.key == "" {
		e = w.bookmark(c.rev)
		metaOf(e.Object).SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
		return e, w.o.Predicate.AllowWatchBookmarks
	}
	was, is := w.sees(c.before), w.sees(c.object)
	switch {
	case is && was:
		return watch.Event{Type: watch.Modified, Object: shallow(c.object)}, true
	case is:
		return watch.Event{Type: watch.Added, Object: shallow(c.object)}, true
	case was:
		return watch.Event{Type: watch.Deleted, Object: last(c.before, c.rev)}, true
	}
	return e, false
}

func (w *watcher) sees(obj runtime.Object) bool {
	if obj == nil {
		return false
	}
	ok, err := w.o.Predicate.Matches(obj)
	return ok && err == nil
}
