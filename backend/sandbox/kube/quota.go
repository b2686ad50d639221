package kube

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	quota "k8s.io/apiserver/pkg/quota/v1"
)

func quotaColumns() []Column {
	of := func(limits bool) func(*corev1.ResourceQuota) any {
		return func(q *corev1.ResourceQuota) any {
			var out []string
			for _, name := range slices.Sorted(maps.Keys(q.Status.Hard)) {
				if strings.HasPrefix(string(name), "limits.") == limits {
					used, hard := q.Status.Used[name], q.Status.Hard[name]
					out = append(out, fmt.Sprintf("%s: %s/%s", name, used.String(), hard.String()))
				}
			}
			return strings.Join(out, ", ")
		}
	}
	return []Column{ColumnOf("Request", of(false)), ColumnOf("Limit", of(true))}
}

// countedKinds are those that have a name of their own in a quota, besides count/….
func countedKinds() []string {
	return []string{"configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers", "resourcequotas", "secrets", "services", "services.loadbalancers", "services.nodeports"}
}

// amounts are what a quota knows of what pods and claims ask for.
func amounts() []string {
	return []string{
		"cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.ephemeral-storage", "requests.storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage",
	}
}

func validQuota(obj, old runtime.Object) (out field.ErrorList) {
	s, at := obj.(*corev1.ResourceQuota).Spec, field.NewPath("spec")
	for _, name := range slices.Sorted(maps.Keys(s.Hard)) {
		at, n := at.Child("hard").Key(string(name)), s.Hard[name]
		whole := slices.Contains(countedKinds(), string(name)) || strings.HasPrefix(string(name), "count/")
		if !strings.Contains(string(name), "/") && !whole && !slices.Contains(amounts(), string(name)) {
			out = append(out, field.Invalid(at, name, "must be a standard resource type or fully qualified"), field.Invalid(at, name, "must be a standard resource for quota"))
		}
		if n.Sign() < 0 {
			out = append(out, field.Invalid(at, n.String(), "must be greater than or equal to 0"))
		}
		if whole && n.MilliValue()%1000 != 0 {
			out = append(out, field.Invalid(at, n.String(), "must be an integer"))
		}
	}
	if old == nil {
		return out
	}
	if was := old.(*corev1.ResourceQuota).Spec.Scopes; !slices.Equal(was, s.Scopes) {
		out = append(out, field.Invalid(at.Child("scopes"), s.Scopes, "field is immutable"))
	}
	return out
}

// spent says whether a pod is done: it holds nothing any more.
func spent(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}

// charged is what an object takes of any quota.
func (k Kind) charged(obj runtime.Object) corev1.ResourceList {
	one := *resource.NewQuantity(1, resource.DecimalSI)
	out := corev1.ResourceList{corev1.ResourceName("count/" + k.WithResource(k.Resource).GroupResource().String()): one}
	if k.Group == "" && slices.Contains(countedKinds(), k.Resource) {
		out[corev1.ResourceName(k.Resource)] = one
	}
	switch o := obj.(type) {
	case *corev1.Service:
		switch o.Spec.Type {
		case corev1.ServiceTypeLoadBalancer:
			out[corev1.ResourceServicesLoadBalancers] = one
			out[corev1.ResourceServicesNodePorts] = *resource.NewQuantity(int64(len(o.Spec.Ports)), resource.DecimalSI)
		case corev1.ServiceTypeNodePort:
			out[corev1.ResourceServicesNodePorts] = *resource.NewQuantity(int64(len(o.Spec.Ports)), resource.DecimalSI)
		}
	case *corev1.PersistentVolumeClaim:
		out[corev1.ResourceRequestsStorage] = o.Spec.Resources.Requests[corev1.ResourceStorage]
	case *corev1.Pod:
		if spent(o) {
			delete(out, corev1.ResourcePods)
			break
		}
		for _, c := range o.Spec.Containers {
			asks, may := corev1.ResourceList{}, corev1.ResourceList{}
			for name, n := range c.Resources.Limits {
				may["limits."+name], asks["requests."+name], asks[name] = n, n, n // who limits only asks for that much
			}
			for name, n := range c.Resources.Requests {
				asks["requests."+name], asks[name] = n, n
			}
			out = quota.Add(out, quota.Add(asks, may))
		}
	}
	return out
}

// covers says whether a quota is about an object at all: some are about some pods only.
func covers(q *corev1.ResourceQuota, obj runtime.Object) bool {
	p, ok := obj.(*corev1.Pod)
	scopes := slices.Clone(q.Spec.Scopes)
	if q.Spec.ScopeSelector != nil {
		for _, m := range q.Spec.ScopeSelector.MatchExpressions {
			if m.ScopeName != corev1.ResourceQuotaScopePriorityClass {
				scopes = append(scopes, m.ScopeName)
			} else if !ok || !classed(m, p.Spec.PriorityClassName) {
				return false
			}
		}
	}
	for _, s := range scopes {
		if !ok {
			return false
		}
		ends, best := p.Spec.ActiveDeadlineSeconds != nil, qos(p) == corev1.PodQOSBestEffort
		if !map[corev1.ResourceQuotaScope]bool{
			corev1.ResourceQuotaScopeTerminating: ends, corev1.ResourceQuotaScopeNotTerminating: !ends, corev1.ResourceQuotaScopeBestEffort: best, corev1.ResourceQuotaScopeNotBestEffort: !best,
		}[s] {
			return false
		}
	}
	return true
}

func classed(m corev1.ScopedResourceSelectorRequirement, class string) bool {
	switch m.Operator {
	case corev1.ScopeSelectorOpIn:
		return slices.Contains(m.Values, class)
	case corev1.ScopeSelectorOpNotIn:
		return !slices.Contains(m.Values, class)
	case corev1.ScopeSelectorOpExists:
		return class != ""
	}
	return class == ""
}

// used is what all that there is takes of a quota.
func (c *Cluster) used(q *corev1.ResourceQuota) corev1.ResourceList {
	names := quota.ResourceNames(q.Spec.Hard)
	sum := corev1.ResourceList{}
	for _, name := range names {
		sum[name] = *resource.NewQuantity(0, resource.DecimalSI)
	}
	for _, k := range c.kinds {
		if !k.Namespaced || len(quota.Mask(k.charged(fresh(k.Object)), names)) == 0 && k.Resource != "pods" && k.Resource != "persistentvolumeclaims" && k.Resource != "services" {
			continue
		}
		for _, e := range c.memory.under(path.Join(k.prefix(), q.Namespace) + "/") {
			if covers(q, e.obj) {
				sum = quota.Add(sum, quota.Mask(k.charged(e.obj), names))
			}
		}
	}
	return sum
}

// exceeds says which quota of its namespace an object that is to be, in the place of
// another or of none, would exceed, as the real server does.
func (c *Cluster) exceeds(k Kind, obj, old runtime.Object) error {
	for _, q := range All[*corev1.ResourceQuota](c, metaOf(obj).GetNamespace()) {
		names := quota.ResourceNames(q.Spec.Hard)
		takes := quota.Mask(k.charged(obj), names)
		if !covers(q, obj) {
			continue
		}
		if p, ok := obj.(*corev1.Pod); ok && old == nil {
			if why := unsaid(p, names); why != "" {
				return k.forbidden(obj, fmt.Errorf("failed quota: %s: must specify %s", q.Name, why))
			}
		}
		if old != nil && covers(q, old) {
			takes = quota.SubtractWithNonNegativeResult(takes, quota.Mask(k.charged(old), names))
		}
		if takes = quota.RemoveZeros(takes); len(takes) == 0 {
			continue
		}
		used := c.used(q)
		if fits, over := quota.LessThanOrEqual(quota.Mask(quota.Add(used, takes), quota.ResourceNames(takes)), q.Spec.Hard); !fits {
			say := func(l corev1.ResourceList) string { return inWords(quota.Mask(l, over)) }
			return k.forbidden(obj, fmt.Errorf("exceeded quota: %s, requested: %s, used: %s, limited: %s", q.Name, say(takes), say(used), say(q.Spec.Hard)))
		}
	}
	return nil
}

// unsaid is what the containers of a pod must say for a quota, and do not.
func unsaid(p *corev1.Pod, names []corev1.ResourceName) string {
	missing := map[string][]string{}
	for _, c := range p.Spec.Containers {
		says := (&Kind{}).charged(&corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{c}}})
		for _, name := range names {
			if _, ok := says[name]; !ok && slices.Contains(amounts(), string(name)) && name != corev1.ResourceRequestsStorage {
				missing[string(name)] = append(missing[string(name)], c.Name)
			}
		}
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		slices.Sort(missing[name])
		out = append(out, name+" for: "+strings.Join(missing[name], ","))
	}
	return strings.Join(out, "; ")
}

func inWords(l corev1.ResourceList) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(l)) {
		n := l[name]
		out = append(out, string(name)+"="+n.String())
	}
	return strings.Join(out, ",")
}

// account keeps up how much of a quota is used.
func account(c *Cluster, namespace, name string) {
	q := Get[*corev1.ResourceQuota](c, namespace, name)
	if q == nil {
		return
	}
	used := c.used(q)
	Change(c, namespace, name, func(q *corev1.ResourceQuota) {
		q.Status = corev1.ResourceQuotaStatus{Hard: q.Spec.Hard.DeepCopy(), Used: used}
	})
}

// admitted has an object that is to be written hold to the limits and quotas of its namespace. As
// long as it is written no other is, or two would take what is left for one; then the
// quotas know of it.
func (c *Cluster) admitted(k Kind, obj runtime.Object) (done func(), err error) {
	namespace := metaOf(obj).GetNamespace()
	if err := c.limits(k, obj); err != nil {
		return nil, err
	}
	if !k.Namespaced || len(All[*corev1.ResourceQuota](c, namespace)) == 0 {
		return func() {}, nil
	}
	c.admits.Lock()
	if err := c.exceeds(k, obj, nil); err != nil {
		c.admits.Unlock()
		return nil, err
	}
	return func() {
		defer c.admits.Unlock()
		for _, q := range All[*corev1.ResourceQuota](c, namespace) {
			account(c, q.Namespace, q.Name)
		}
	}, nil
}

// Admit writes a new object as Put does, if the quotas let it.
func (c *Cluster) Admit(obj runtime.Object) error {
	done, err := c.admitted(c.kindOf(obj), obj)
	if err != nil {
		return err
	}
	c.Put(obj)
	done()
	return nil
}

// hold is how long a set makes no pods, unless it is changed: one was not let be.
type hold struct {
	until      time.Time
	generation int64
}

// brings writes a new pod of a set, if the quotas let it; if not the set says so, and
// tries again later, and later still each time. How its failing is told begins with how.
func (c *Cluster) brings(set runtime.Object, p *corev1.Pod, from, how string) (made bool, err error) {
	m := metaOf(set)
	key := c.kindOf(set).key(m.GetNamespace(), m.GetName())
	if h, ok := c.holds[key]; ok && h.generation == m.GetGeneration() && c.world.Now().Before(h.until) {
		return false, nil
	}
	if err := c.Admit(p); err != nil {
		c.Event(set, from, corev1.EventTypeWarning, "FailedCreate", how+err.Error())
		c.again(key)
		c.holds[key] = hold{c.world.Now().Add(c.waits[key]), m.GetGeneration()}
		c.After(set, c.waits[key])
		return false, err
	}
	delete(c.holds, key)
	delete(c.waits, key)
	return true, nil
}
