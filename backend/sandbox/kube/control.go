package kube

import (
	"fmt"
	"path"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// A Controller brings the objects of one kind, and what belongs to them, to where they
// are meant to be.
type Controller struct {
	Of   runtime.Object // an empty one of its kind
	Near runtime.Object // an empty one of a kind that all objects of its own kind look at: those of the same namespace, or of all; may be nil
	// Reconcile is called when the object has changed or is gone, when one that it
	// owns has, and when that was asked for with After. Once for all that has changed.
	Reconcile func(c *Cluster, namespace, name string)
}

// mostRounds bounds how long changes may lead to further changes within a Step; what is
// left is done in the next.
const mostRounds = 20

// Step lets the controllers act on what has changed, and brings pods and nodes to where
// what runs on the machines is. Called by one goroutine, often.
func (c *Cluster) Step() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes()
	c.processes()
	if c.world.Now().Sub(c.chronicle.swept) >= eventsLook {
		c.sweep()
	}
	for range mostRounds {
		todo := c.due()
		if len(todo) == 0 {
			return
		}
		for _, t := range todo {
			t.by.Reconcile(c, t.namespace, t.name)
		}
	}
}

// task is one object that its controller is to look at.
type task struct {
	by              Controller
	namespace, name string
}

// due is whatever is to be looked at, each once, in the order of their keys.
func (c *Cluster) due() []task {
	found := map[string]task{}
	add := func(kind Kind, namespace, name string) {
		for i, by := range c.controllers {
			if c.kindOf(by.Of).gvk() == kind.gvk() {
				found[fmt.Sprintf("%s %02d", kind.key(namespace, name), i)] = task{by, namespace, name}
			}
		}
	}
	for key, obj := range c.memory.changed() {
		m := metaOf(obj)
		c.collect(key, m)
		k := c.kindOf(obj)
		add(k, m.GetNamespace(), m.GetName())
		if quotas, _ := c.named("v1", "ResourceQuota"); m.GetNamespace() != "" {
			for _, e := range c.memory.under(path.Join(quotas.prefix(), m.GetNamespace()) + "/") {
				add(quotas, m.GetNamespace(), metaOf(e.obj).GetName()) // whatever it is, it may count
			}
		}
		for _, by := range c.controllers {
			if by.Near != nil && c.kindOf(by.Near).gvk() == k.gvk() {
				of := c.kindOf(by.Of)
				for _, e := range c.memory.under(path.Join(of.prefix(), m.GetNamespace()) + "/") {
					add(of, metaOf(e.obj).GetNamespace(), metaOf(e.obj).GetName())
				}
			}
		}
		if owner := metav1.GetControllerOf(m); owner != nil {
			if k, ok := c.named(owner.APIVersion, owner.Kind); ok {
				c.waited(k.key(m.GetNamespace(), owner.Name))
				add(k, m.GetNamespace(), owner.Name)
			}
		}
	}
	now := c.world.Now()
	for key, l := range c.later {
		if !now.Before(l.at) {
			add(l.kind, l.namespace, l.name)
			delete(c.later, key)
		}
	}
	keys := make([]string, 0, len(found))
	for key := range found {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	out := make([]task, len(keys))
	for i, key := range keys {
		out[i] = found[key]
	}
	return out
}

// reminder is when an object is to be looked at again.
type reminder struct {
	kind            Kind
	namespace, name string
	at              time.Time
}

// After has the controller of an object look at it again in a while, or sooner where
// that was asked for already.
func (c *Cluster) After(obj runtime.Object, d time.Duration) {
	m, k := metaOf(obj), c.kindOf(obj)
	key, at := k.key(m.GetNamespace(), m.GetName()), c.world.Now().Add(d)
	if l, ok := c.later[key]; !ok || at.Before(l.at) {
		c.later[key] = reminder{k, m.GetNamespace(), m.GetName(), at}
	}
}

func (c *Cluster) named(apiVersion, kind string) (Kind, bool) {
	i := slices.IndexFunc(c.kinds, func(k Kind) bool { return k.Kind == kind && k.GroupVersion.String() == apiVersion })
	if i < 0 {
		return Kind{}, false
	}
	return c.kinds[i], true
}

// Change does something to an object, on a copy that takes its place, and again where
// somebody was faster. Where there is no such object nothing happens.
func Change[T runtime.Object](c *Cluster, namespace, name string, do func(T)) {
	var of T
	c.rewrite(c.kindOf(of).key(namespace, name), func(obj runtime.Object) { do(obj.(T)) })
}

// Owned are the objects of a kind that another one of their namespace controls.
func Owned[T runtime.Object](c *Cluster, owner metav1.Object) []T {
	var out []T
	for _, key := range c.memory.owned(owner.GetUID()) {
		if obj, ok := c.memory.get(key).(T); ok && metav1.IsControlledBy(metaOf(obj), owner) {
			out = append(out, obj)
		}
	}
	return out
}

func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// owner is a reference to what controls an object.
func (c *Cluster) owner(obj runtime.Object) []metav1.OwnerReference {
	return []metav1.OwnerReference{*metav1.NewControllerRef(metaOf(obj), c.kindOf(obj).gvk())}
}

// selected are the pods of a namespace that a selector takes.
func (c *Cluster) selected(namespace string, of *metav1.LabelSelector) []*corev1.Pod {
	s, err := metav1.LabelSelectorAsSelector(of)
	if err != nil || s.Empty() {
		return nil
	}
	return slices.DeleteFunc(All[*corev1.Pod](c, namespace), func(p *corev1.Pod) bool { return !s.Matches(labels.Set(p.Labels)) })
}
