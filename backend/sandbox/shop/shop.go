// Package shop is the company of the embedded world: which programs its teams have
// written, on which clusters they run, how they are built, and who works there. It
// puts the world and all that serves it together and starts it on loopback.
//
// What happens is decided in package sandbox; how a system says it, in that system's
// folder.
package shop

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/argo"
	"wheelhouse/backend/sandbox/capi"
	"wheelhouse/backend/sandbox/drill"
	"wheelhouse/backend/sandbox/kube"
)

// Options say which of all companies it is.
type Options struct {
	Seed uint64
	Pods int              // more than the company needs
	Now  func() time.Time // nil: the wall clock
	Past time.Duration    // that it has behind it when it is opened
	// Drill is what goes wrong in it, once somebody has begun that; nil: only what its
	// own life brings.
	Drill *drill.Drill
}

// A Shop is the company.
type Shop struct {
	World    *sandbox.World
	Clusters []*kube.Cluster
	Drill    *drill.Judge // nil: there is none
	step     sync.Mutex   // held while it steps
	clock    *clock
	identity *identity
	dice     *rand.Rand
	agenda   []deed    // by time
	idle     time.Time // from when on nobody builds; zero: never
}

// clock is the time in the shop, which is behind the one outside while its past goes
// by.
type clock struct {
	mu     sync.Mutex
	now    func() time.Time
	behind time.Duration
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now().Add(-c.behind)
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.behind = max(0, c.behind-d)
}

// Open founds the company and lets its past go by.
func Open(o Options) (*Shop, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	id, err := newIdentity()
	if err != nil {
		return nil, err
	}
	s := &Shop{clock: &clock{now: o.Now, behind: o.Past}, identity: id, dice: dice(o.Seed)}
	s.World = sandbox.New(s.clock.time, 4*time.Second)
	s.World.Seed(o.Seed)
	all := programs()
	for _, p := range all {
		if err := s.World.Install(p); err != nil {
			return nil, fmt.Errorf("found the company: %w", err)
		}
	}
	s.World.Shelve("flannel", "node-exporter", "coredns", "postgres", "settlement", "worker", "busybox", "alpine", "nginx", "redis", "httpd", "debian", "ubuntu", "curl")
	for _, m := range machines() {
		s.World.Boot(m)
	}
	for _, name := range []string{Cloud, House} {
		c := kube.New(s.World, kube.Options{
			Name: name, Users: users(), Ports: ports(s.World), Certificate: id.certificate, Key: id.key,
			Kinds: slices.Concat(argo.Kinds(), capi.Kinds()), Controllers: slices.Concat(argo.Controllers(s.World), capi.Controllers(s.World, hosts())),
		})
		if err := furnish(c, name, all); err != nil {
			return nil, fmt.Errorf("furnish cluster %s: %w", name, err)
		}
		s.Clusters = append(s.Clusters, c)
	}
	for _, p := range pipelines() {
		s.World.Add(p)
	}
	if o.Drill == nil {
		s.scene(o.Past)
	} else {
		s.idle = o.Now().Add(-quiet)
	}
	s.plan(settling, work)
	s.live(o.Past)
	if o.Drill != nil {
		s.Drill = drill.NewJudge(*o.Drill, s.World, stage{s})
	}
	if o.Pods > 0 {
		fill(s.World, s.Clusters[0], o.Pods)
		s.Step()
	}
	return s, nil
}

const (
	settling = 3 * time.Minute  // until everything runs, second by second
	stride   = 10 * time.Second // of the past after that
)

// live lets the past go by.
func (s *Shop) live(past time.Duration) {
	for begun := past; past > 0; {
		d := stride
		if begun-past < settling || past <= settling {
			d = time.Second
		}
		d = min(d, past)
		s.clock.pass(d)
		past -= d
		s.Step()
	}
}

// Step brings the company to the present: the world moves, then everything that looks
// at it acts. Called often.
func (s *Shop) Step() {
	s.step.Lock()
	defer s.step.Unlock()
	s.act()
	s.World.Move()
	for _, e := range s.World.Events() {
		s.release(e)
	}
	for _, c := range s.Clusters {
		c.Step()
	}
	if s.Drill != nil {
		s.Drill.Step()
	}
}

// release brings a version to where its program runs, as the last stage of a build
// does.
func (s *Shop) release(e sandbox.Event) {
	cause, image := fmt.Sprintf("%s by %s", e.Build, e.By), Image(e.Program, e.Tag)
	bring := func(m *metav1.ObjectMeta, t *corev1.PodTemplateSpec) {
		for i := range t.Spec.Containers {
			t.Spec.Containers[i].Image = image
		}
		m.Generation++
		because(m, cause)
	}
	for _, c := range s.Clusters {
		kube.Change(c, namespace, e.Program, func(d *appsv1.Deployment) { bring(&d.ObjectMeta, &d.Spec.Template) })
		kube.Change(c, namespace, e.Program, func(d *appsv1.StatefulSet) { bring(&d.ObjectMeta, &d.Spec.Template) })
		kube.Change(c, namespace, e.Program, func(r *argo.Rollout) {
			setImages(r.Spec, image)
			r.Generation++
			because(r, cause)
		})
	}
}

// because says on an object why it was changed last.
func because(m metav1.Object, cause string) {
	notes := map[string]string{"kubernetes.io/change-cause": cause}
	for k, v := range m.GetAnnotations() {
		if _, ok := notes[k]; !ok {
			notes[k] = v
		}
	}
	m.SetAnnotations(notes)
}
