package kube

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/google/btree"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"
)

// shallow is a copy whose own fields may be changed: who writes an object onto the
// wire sets its kind.
func shallow(obj runtime.Object) runtime.Object {
	v := reflect.New(reflect.TypeOf(obj).Elem())
	v.Elem().Set(reflect.ValueOf(obj).Elem())
	return v.Interface().(runtime.Object)
}

// shelf is the memory as one kind's registry wants it.
type shelf struct {
	*memory
	kind func() runtime.Object
	versioner
}

// versioner reads and writes the revision of objects; embedded under a name of its
// own, as storage.Interface has a method Versioner.
type versioner struct{ storage.APIObjectVersioner }

// Versioner implements storage.Interface.
func (s shelf) Versioner() storage.Versioner { return s.APIObjectVersioner }

// into gives an object out.
func into(out, obj runtime.Object) {
	reflect.ValueOf(out).Elem().Set(reflect.ValueOf(obj).Elem())
}

// Create implements storage.Interface.
func (s shelf) Create(_ context.Context, key string, obj, out runtime.Object, _ uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.find(key) != nil {
		return storage.NewKeyExistsError(key, 0)
	}
	obj = obj.DeepCopyObject()
	s.put(key, nil, obj)
	if out != nil {
		into(out, obj)
	}
	return nil
}

// Delete implements storage.Interface.
func (s shelf) Delete(ctx context.Context, key string, out runtime.Object, pre *storage.Preconditions, valid storage.ValidateObjectFunc, _ runtime.Object, _ storage.DeleteOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.find(key)
	if old == nil {
		return storage.NewKeyNotFoundError(key, 0)
	}
	if err := errors.Join(pre.Check(key, old), valid(ctx, old)); err != nil {
		return err
	}
	s.take(key, old)
	into(out, last(old, s.rev))
	return nil
}

// last is an object with the revision of its end.
func last(obj runtime.Object, rev uint64) runtime.Object {
	obj = shallow(obj)
	metaOf(obj).SetResourceVersion(strconv.FormatUint(rev, 10))
	return obj
}

// Get implements storage.Interface.
func (s shelf) Get(_ context.Context, key string, o storage.GetOptions, out runtime.Object) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.notBefore(o.ResourceVersion); err != nil {
		return err
	}
	switch obj := s.find(key); {
	case obj != nil:
		into(out, obj)
	case o.IgnoreNotFound:
		return runtime.SetZeroValue(out)
	default:
		return storage.NewKeyNotFoundError(key, 0)
	}
	return nil
}

// notBefore refuses a revision that is not there yet.
func (m *memory) notBefore(version string) error {
	rev, err := storage.APIObjectVersioner{}.ParseResourceVersion(version)
	if err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	if rev > m.rev {
		return storage.NewTooLargeResourceVersionError(rev, m.rev, 1)
	}
	return nil
}

// GuaranteedUpdate implements storage.Interface.
func (s shelf) GuaranteedUpdate(ctx context.Context, key string, out runtime.Object, ignoreNotFound bool, pre *storage.Preconditions, update storage.UpdateFunc, _ runtime.Object) error {
	for {
		s.mu.RLock()
		old := s.find(key)
		s.mu.RUnlock()
		now := s.kind()
		switch {
		case old != nil:
			now = old.DeepCopyObject()
		case !ignoreNotFound:
			return storage.NewKeyNotFoundError(key, 0)
		}
		if err := pre.Check(key, now); err != nil {
			return err
		}
		rev, _ := s.ObjectResourceVersion(now)
		updated, _, err := update(now, storage.ResponseMeta{ResourceVersion: rev})
		if err != nil {
			return err
		}
		if done, err := s.replace(ctx, key, old, updated.DeepCopyObject(), out); done || err != nil {
			return err
		}
	}
}

// replace puts an object in the place of the one that it was made from; not done: that
// one is not there any more.
func (s shelf) replace(ctx context.Context, key string, old, obj, out runtime.Object) (done bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if s.find(key) != old {
		return false, nil
	}
	if old != nil && same(old, obj) {
		into(out, old)
		return true, nil
	}
	s.put(key, old, obj)
	into(out, obj)
	return true, nil
}

// GetList implements storage.Interface.
func (s shelf) GetList(_ context.Context, key string, o storage.ListOptions, list runtime.Object) error {
	prefix := strings.TrimSuffix(key, "/") + "/"
	objects, rev, from, err := s.snapshot(prefix, o)
	if err != nil {
		return err
	}
	ptr, err := meta.GetItemsPtr(list)
	if err != nil {
		return err
	}
	items := reflect.ValueOf(ptr).Elem()
	items.Set(reflect.MakeSlice(items.Type(), 0, 0))
	var failed error
	next, left := "", int64(0)
	take := func(e entry) bool {
		ok, err := o.Predicate.Matches(e.obj)
		switch failed = err; {
		case !ok || err != nil:
		case o.Predicate.Limit > 0 && int64(items.Len()) == o.Predicate.Limit:
			next = cmp.Or(next, e.key)
			left++
		default:
			items.Set(reflect.Append(items, reflect.ValueOf(e.obj).Elem()))
		}
		return err == nil
	}
	if o.Recursive {
		objects.AscendRange(entry{key: from}, entry{key: prefix + "\xff"}, take)
	} else if e, ok := objects.Get(entry{key: key}); ok {
		take(e)
	}
	if failed != nil {
		return failed
	}
	if next == "" {
		return s.UpdateList(list, rev, "", nil)
	}
	token, err := storage.EncodeContinue(next, prefix, int64(rev)) //nolint:gosec // revisions are small
	if err != nil {
		return err
	}
	remaining := &left
	if !o.Predicate.Empty() {
		remaining = nil // as the real one, which does not look at what it does not send
	}
	return s.UpdateList(list, rev, token, remaining)
}

// snapshot is what a list is read from, and from which key on.
func (s shelf) snapshot(prefix string, o storage.ListOptions) (objects *btree.BTreeG[entry], rev uint64, from string, err error) {
	want, from, err := storage.ValidateListOptions(prefix, s.Versioner(), o)
	if err != nil {
		return nil, 0, "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.notBefore(o.ResourceVersion); err != nil {
		return nil, 0, "", err
	}
	from = cmp.Or(from, prefix)
	if rev := uint64(max(want, 0)); rev != 0 && rev != s.rev { //nolint:gosec // not below 0
		for _, p := range s.pages {
			if p.rev == rev {
				return p.objects, rev, from, nil
			}
		}
		return nil, 0, "", apierrors.NewResourceExpired("The provided continue parameter is too old to display a consistent list result.")
	}
	objects = s.objects.Clone()
	if o.Predicate.Limit > 0 && (len(s.pages) == 0 || s.pages[len(s.pages)-1].rev != s.rev) {
		s.pages = append(s.pages, page{s.rev, objects})
		if len(s.pages) > mostPages {
			s.pages = append([]page(nil), s.pages[1:]...)
		}
	}
	return objects, s.rev, from, nil
}

// Stats implements storage.Interface.
func (s shelf) Stats(context.Context) (storage.Stats, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return storage.Stats{ObjectCount: int64(s.objects.Len())}, nil
}

// ReadinessCheck implements storage.Interface.
func (shelf) ReadinessCheck() error { return nil }

// RequestWatchProgress implements storage.Interface.
func (shelf) RequestWatchProgress(context.Context) error { return nil }

// GetCurrentResourceVersion implements storage.Interface.
func (s shelf) GetCurrentResourceVersion(context.Context) (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rev, nil
}

// EnableResourceSizeEstimation implements storage.Interface.
func (shelf) EnableResourceSizeEstimation(storage.KeysFunc) error { return nil }

// CompactRevision implements storage.Interface.
func (shelf) CompactRevision() int64 { return 0 }
