package kube

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// Delete does what a client's delete does: what is given time to end, or has somebody
// to finish it, is only marked.
func (c *Cluster) Delete(obj runtime.Object) {
	m, k := metaOf(obj), c.kindOf(obj)
	grace := int64(0)
	if k.Grace != nil {
		grace = k.Grace(obj)
	}
	if grace == 0 && len(m.GetFinalizers()) == 0 {
		c.Remove(obj)
		return
	}
	c.mark(k.key(m.GetNamespace(), m.GetName()), grace)
}

// mark says of an object that it is to end.
func (c *Cluster) mark(key string, grace int64) {
	c.rewrite(key, func(obj runtime.Object) {
		if m := metaOf(obj); m.GetDeletionTimestamp() == nil {
			end := metav1.NewTime(c.now().Add(time.Duration(grace) * time.Second))
			m.SetDeletionTimestamp(&end)
			m.SetDeletionGracePeriodSeconds(&grace)
			if m.GetGeneration() > 0 { // of what has one this is another
				m.SetGeneration(m.GetGeneration() + 1)
			}
		}
	})
}

// collect takes what has lost its owner out of the cluster, as the garbage collector
// does, and lets an object go that only waited for that. m is what the object was last.
func (c *Cluster) collect(key string, m metav1.Object) {
	obj := c.memory.get(key)
	switch {
	case obj == nil:
		c.dependents(m.GetUID(), c.Delete)
	case m.GetDeletionTimestamp() == nil:
	case slices.Contains(m.GetFinalizers(), metav1.FinalizerOrphanDependents):
		c.dependents(m.GetUID(), func(obj runtime.Object) { c.disown(obj, m.GetUID()) })
		c.finished(key, metav1.FinalizerOrphanDependents)
	case slices.Contains(m.GetFinalizers(), metav1.FinalizerDeleteDependents):
		waits := false
		c.dependents(m.GetUID(), func(obj runtime.Object) {
			waits = true
			c.Delete(obj)
		})
		if waits {
			return // until the last of them is gone
		}
		c.finished(key, metav1.FinalizerDeleteDependents)
	}
}

// waited looks at an owner of which something has changed: it may have waited for that.
func (c *Cluster) waited(key string) {
	if obj := c.memory.get(key); obj != nil && metaOf(obj).GetDeletionTimestamp() != nil {
		c.collect(key, metaOf(obj))
	}
}

func (c *Cluster) dependents(of types.UID, do func(runtime.Object)) {
	for _, key := range c.memory.owned(of) {
		if obj := c.memory.get(key); obj != nil {
			do(obj)
		}
	}
}

func (c *Cluster) disown(obj runtime.Object, owner types.UID) {
	m := metaOf(obj)
	c.rewrite(c.kindOf(obj).key(m.GetNamespace(), m.GetName()), func(obj runtime.Object) {
		m := metaOf(obj)
		m.SetOwnerReferences(slices.DeleteFunc(m.GetOwnerReferences(), func(r metav1.OwnerReference) bool { return r.UID == owner }))
	})
}

// finished says that one thing is done that an object has waited for; when that was
// the last one it goes.
func (c *Cluster) finished(key, finalizer string) {
	c.rewrite(key, func(obj runtime.Object) {
		m := metaOf(obj)
		m.SetFinalizers(slices.DeleteFunc(m.GetFinalizers(), func(f string) bool { return f == finalizer }))
	})
	if obj := c.memory.get(key); obj != nil && len(metaOf(obj).GetFinalizers()) == 0 {
		c.memory.remove(key)
	}
}

// rewrite is Change for an object of any kind.
func (c *Cluster) rewrite(key string, do func(runtime.Object)) {
	for {
		old := c.memory.get(key)
		if old == nil {
			return
		}
		obj := old.DeepCopyObject()
		do(obj)
		if same(old, obj) || c.memory.swap(key, old, obj) {
			return
		}
	}
}
