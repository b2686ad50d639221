package kube

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/google/btree"
	"github.com/google/uuid"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// memory keeps the objects of a cluster in the order of their keys, as etcd does. An
// object that is in it is never changed again: what is new takes its place. Safe for
// concurrent use.
type memory struct {
	mu       sync.RWMutex
	rev      uint64
	objects  *btree.BTreeG[entry]
	most     int      // of changes that are kept, at least
	changes  []change // the last ones, by revision
	watchers map[*watcher]bool
	pages    []page                        // what lists that are read page by page go on in
	children map[types.UID]map[string]bool // keys of what an object owns
	dirty    map[string]runtime.Object     // what was written or removed, as it was last there
}

type entry struct {
	key string
	obj runtime.Object
}

// A change is what became of one object: nil before it was there, nil after it is
// gone; then last is the object with the revision of its end.
type change struct {
	rev            uint64
	key            string
	before, object runtime.Object
}

// page is everything as it was at a revision.
type page struct {
	rev     uint64
	objects *btree.BTreeG[entry]
}

// mostPages are the revisions at which lists may go on.
const mostPages = 16

func newMemory(most int) *memory {
	return &memory{
		rev: 1, most: most, objects: btree.NewG(16, func(a, b entry) bool { return a.key < b.key }),
		watchers: map[*watcher]bool{}, children: map[types.UID]map[string]bool{}, dirty: map[string]runtime.Object{},
	}
}

// get is one object, or nil. It must not be changed.
func (m *memory) get(key string) runtime.Object {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.find(key)
}

func (m *memory) find(key string) runtime.Object {
	e, _ := m.objects.Get(entry{key: key})
	return e.obj
}

// under are the objects under a prefix, in the order of their keys. They must not be
// changed.
func (m *memory) under(prefix string) (out []entry) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	m.objects.AscendRange(entry{key: prefix}, entry{key: prefix + "\xff"}, func(e entry) bool {
		out = append(out, e)
		return true
	})
	return out
}

// write puts an object where another was, or none; what is written belongs to the
// memory from then on. It fills in what only a server does.
func (m *memory) write(key string, obj runtime.Object) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(key, m.find(key), obj)
}

// swap puts an object where another is, if that is still there.
func (m *memory) swap(key string, old, obj runtime.Object) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.find(key) != old {
		return false
	}
	m.put(key, old, obj)
	return true
}

// same says whether nothing would change with an object in the place of another.
func same(old, obj runtime.Object) bool {
	metaOf(obj).SetResourceVersion(metaOf(old).GetResourceVersion())
	return apiequality.Semantic.DeepEqual(old, obj)
}

// remove takes an object out.
func (m *memory) remove(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old := m.find(key); old != nil {
		m.take(key, old)
	}
}

func (m *memory) put(key string, before, obj runtime.Object) {
	m.rev++
	to := metaOf(obj)
	if before == nil && to.GetUID() == "" {
		to.SetUID(types.UID(uuid.NewSHA1(uuid.Nil, []byte(key+strconv.FormatUint(m.rev, 10))).String()))
	}
	to.SetResourceVersion(strconv.FormatUint(m.rev, 10))
	m.objects.ReplaceOrInsert(entry{key, obj})
	m.tell(change{m.rev, key, before, obj})
}

func (m *memory) take(key string, old runtime.Object) {
	m.rev++
	m.objects.Delete(entry{key: key})
	m.tell(change{m.rev, key, old, nil})
}

func (m *memory) tell(c change) {
	m.changes = append(m.changes, c)
	if len(m.changes) > 2*m.most {
		m.changes = append(m.changes[:0], m.changes[m.most:]...)
	}
	m.dirty[c.key] = cmp.Or(c.object, c.before)
	m.adopt(c.key, c.before, false)
	m.adopt(c.key, c.object, true)
	for w := range m.watchers {
		w.offer(c)
	}
}

// adopt keeps up who owns what.
func (m *memory) adopt(key string, obj runtime.Object, on bool) {
	if obj == nil {
		return
	}
	for _, r := range metaOf(obj).GetOwnerReferences() {
		all := m.children[r.UID]
		switch {
		case on && all == nil:
			m.children[r.UID] = map[string]bool{key: true}
		case on:
			all[key] = true
		case len(all) == 1:
			delete(m.children, r.UID)
		default:
			delete(all, key)
		}
	}
}

// owned are the keys of what an object owns, in order.
func (m *memory) owned(owner types.UID) []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Sorted(maps.Keys(m.children[owner]))
}

// changed are the objects that were written or removed since it was last asked, by key,
// as they were last there.
func (m *memory) changed() map[string]runtime.Object {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.dirty
	m.dirty = map[string]runtime.Object{}
	return out
}

// oldest is the revision behind which all changes are known.
func (m *memory) oldest() uint64 {
	if len(m.changes) == 0 {
		return m.rev
	}
	return m.changes[0].rev - 1
}

func metaOf(obj runtime.Object) metav1.Object {
	m, err := meta.Accessor(obj)
	if err != nil {
		panic(fmt.Sprintf("%T is no API object", obj)) // only such have a key
	}
	return m
}
