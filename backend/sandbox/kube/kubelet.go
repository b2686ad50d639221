package kube

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"wheelhouse/backend/sandbox"
)

// What a kubelet waits before it starts a container again: twice as long each time.
const (
	firstBackOff = 10 * time.Second
	lastBackOff  = 5 * time.Minute
	calmAfter    = 10 * time.Minute // it has run for this long, and begins anew
)

// processes has the pods looked at whose processes have changed.
func (c *Cluster) processes() {
	seen := map[[2]string]bool{}
	for _, id := range c.world.Touched(c.o.Name) {
		if key := [2]string{id.Namespace, id.Pod}; !seen[key] {
			seen[key] = true
			if p := Get[*corev1.Pod](c, id.Namespace, id.Pod); p != nil {
				c.After(p, 0)
			}
		}
	}
}

// runPod does with a pod what the scheduler, and then its node, do.
func runPod(c *Cluster, namespace, name string) {
	p := Get[*corev1.Pod](c, namespace, name)
	if was, ok := c.running[namespace+"/"+name]; ok && p != nil && was.uid != p.UID {
		c.vanish(namespace, name) // another one has its name already
	}
	switch {
	case p == nil:
		c.vanish(namespace, name)
	case p.DeletionTimestamp != nil:
		c.ending(p)
	case p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed:
		c.promise(p, false)
	case p.Spec.NodeName == "":
		c.place(p)
	default:
		c.promise(p, true)
		c.containers(p)
		c.oust(p)
	}
}

func (c *Cluster) id(p *corev1.Pod, container string) sandbox.ProcessID {
	return sandbox.ProcessID{Cluster: c.o.Name, Namespace: p.Namespace, Pod: p.Name, Container: container}
}

// started is which containers were started of which pod.
type started struct {
	uid        types.UID
	containers []string
	stopped    bool // all of them were told to end
}

// vanish forgets what a pod that is gone has run.
func (c *Cluster) vanish(namespace, name string) {
	c.promise(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}, false)
	for _, container := range c.running[namespace+"/"+name].containers {
		id := sandbox.ProcessID{Cluster: c.o.Name, Namespace: namespace, Pod: name, Container: container}
		c.world.Forget(id)
		c.scratches.forget(id)
	}
	delete(c.running, namespace+"/"+name)
	delete(c.doomed, namespace+"/"+name)
}

// place finds a node for a pod, or says why there is none.
func (c *Cluster) place(p *corev1.Pod) {
	if p.Spec.SchedulerName != "" && p.Spec.SchedulerName != corev1.DefaultSchedulerName {
		return // it waits for a scheduler of that name
	}
	node, why := c.schedule(p)
	if node == "" {
		c.condemn(p, "Unschedulable", why)
		c.After(p, 5*time.Second)
		return
	}
	var zones map[string]string
	if n := Get[*corev1.Node](c, "", node); n != nil {
		zones = n.Labels
	}
	Change(c, p.Namespace, p.Name, func(p *corev1.Pod) {
		p.Spec.NodeName = node
		for _, label := range []string{corev1.LabelTopologyZone, corev1.LabelTopologyRegion} {
			if where := zones[label]; where != "" {
				p.Labels = Copied(p.Labels)
				p.Labels[label] = where
			}
		}
		c.podCondition(p, corev1.PodScheduled, true, "", "")
	})
	if p = Get[*corev1.Pod](c, p.Namespace, p.Name); p != nil {
		c.scheduled(p)
		c.promise(p, true)
	}
}

// condemn says that a pod finds no node.
func (c *Cluster) condemn(p *corev1.Pod, reason, why string) {
	for _, cond := range p.Status.Conditions {
		if cond.Type == corev1.PodScheduled && cond.Message == why {
			return
		}
	}
	c.schedulerEvent(p, corev1.EventTypeWarning, "FailedScheduling", "Scheduling", why)
	Change(c, p.Namespace, p.Name, func(p *corev1.Pod) { c.podCondition(p, corev1.PodScheduled, false, reason, why) })
}

// podCondition sets one of a pod's.
func (c *Cluster) podCondition(p *corev1.Pod, kind corev1.PodConditionType, on bool, reason, message string) {
	status := corev1.ConditionFalse
	if on {
		status = corev1.ConditionTrue
	}
	i := slices.IndexFunc(p.Status.Conditions, func(o corev1.PodCondition) bool { return o.Type == kind })
	if i < 0 {
		one := corev1.PodCondition{Type: kind, Status: status, Reason: reason, Message: message, LastTransitionTime: c.now()}
		end := slices.IndexFunc(p.Status.Conditions, func(o corev1.PodCondition) bool { return o.Type == corev1.PodScheduled }) // which is there first and told of last
		if end < 0 {
			end = len(p.Status.Conditions)
		}
		p.Status.Conditions = slices.Insert(p.Status.Conditions, end, one)
		return
	}
	one := &p.Status.Conditions[i]
	if one.Status != status {
		one.LastTransitionTime = c.now()
	}
	one.Status, one.Reason, one.Message = status, reason, message
}

// lost says whether nobody hears of what runs on a node.
func (c *Cluster) lost(node string) bool {
	m := c.machines[node]
	return !m.Up
}

// containers starts what of a pod does not run, and writes down how the rest is.
func (c *Cluster) containers(p *corev1.Pod) {
	if c.lost(p.Spec.NodeName) {
		c.After(p, nodeLook)
		return
	}
	key := p.Namespace + "/" + p.Name
	if _, ok := c.running[key]; !ok {
		now := started{uid: p.UID}
		for _, one := range p.Spec.Containers {
			now.containers = append(now.containers, one.Name)
			c.start(p, &one)
			c.kubeletEvent(p, &one, corev1.EventTypeNormal, "Pulling", fmt.Sprintf("Pulling image %q", one.Image))
		}
		c.running[key] = now
	}
	status := make([]corev1.ContainerStatus, len(p.Spec.Containers))
	for i := range p.Spec.Containers {
		status[i] = c.container(p, &p.Spec.Containers[i])
	}
	Change(c, p.Namespace, p.Name, func(p *corev1.Pod) { c.podStatus(p, status) })
}

func (c *Cluster) start(p *corev1.Pod, one *corev1.Container) {
	c.world.Run(sandbox.Command{
		ProcessID: c.id(p, one.Name), Image: one.Image, Machine: p.Spec.NodeName, Asks: usage(one.Resources.Requests), May: usage(one.Resources.Limits), Lasts: lasts(p, one),
	})
}

// shortly is how long a command takes that is to end, unless it says so itself.
const shortly = 5 * time.Second

// lasts is how long a container of no known program runs: for good, where it is started
// again whenever it ends.
func lasts(p *corev1.Pod, one *corev1.Container) time.Duration {
	if p.Spec.RestartPolicy == corev1.RestartPolicyAlways {
		return 0
	}
	words := slices.Concat(one.Command, one.Args)
	if i := slices.Index(words, "sleep"); i >= 0 && i+1 < len(words) {
		if n, err := strconv.Atoi(words[i+1]); err == nil && n > 0 {
			return time.Duration(n) * time.Second
		}
	}
	return shortly
}

// container is how one is, and starts it where it is time to.
func (c *Cluster) container(p *corev1.Pod, one *corev1.Container) corev1.ContainerStatus {
	var was corev1.ContainerStatus
	for _, s := range p.Status.ContainerStatuses {
		if s.Name == one.Name {
			was = s
		}
	}
	proc, err := c.world.Process(c.id(p, one.Name))
	if err != nil {
		proc.State = sandbox.Pulling
	}
	if err == nil && proc.Image != one.Image { // it was told to run another
		c.start(p, one)
	}
	s := corev1.ContainerStatus{
		Name: one.Name, Image: one.Image, ImageID: one.Image + "@sha256:" + strings.Repeat(fmt.Sprintf("%016x", hash(one.Image)), 4),
		RestartCount: int32(max(proc.Run-1, 0)), LastTerminationState: was.LastTerminationState, Started: new(bool), //nolint:gosec // starts are few
	}
	switch proc.State {
	case sandbox.Unpulled:
		c.pullAgain(p, one, &s, &was, proc)
	case sandbox.Up:
		if was.State.Running == nil {
			pulled := fmt.Sprintf("Successfully pulled image %q", one.Image)
			if proc.Run > 1 && one.ImagePullPolicy != corev1.PullAlways {
				pulled = fmt.Sprintf("Container image %q already present on machine and can be accessed by the pod", one.Image)
			}
			c.kubeletEvent(p, one, corev1.EventTypeNormal, "Pulled", pulled)
			c.kubeletEvent(p, one, corev1.EventTypeNormal, "Created", "Container created")
			c.kubeletEvent(p, one, corev1.EventTypeNormal, "Started", "Container started")
		}
		*s.Started, s.Ready = true, proc.Ready
		s.State.Running = &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(proc.Began.Truncate(time.Second))}
		s.ContainerID = containerID(p, one.Name, proc.Run)
	case sandbox.Ended:
		c.endedOne(p, one, &s, &was, proc)
	default:
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}
		if was.State.Waiting != nil && was.State.Waiting.Reason == "CrashLoopBackOff" {
			s.State.Waiting = was.State.Waiting
		}
	}
	return s
}

func containerID(p *corev1.Pod, name string, run int) string {
	return "containerd://" + strings.Repeat(fmt.Sprintf("%016x", hash(fmt.Sprint(p.UID, name, run))), 4)
}

// pullAgain is a container whose image is not to be had.
func (c *Cluster) pullAgain(p *corev1.Pod, one *corev1.Container, s, was *corev1.ContainerStatus, proc sandbox.Process) {
	key := p.Namespace + "/" + p.Name + "/" + one.Name
	next := c.backOff(key, proc.Since, false)
	if !c.world.Now().Before(next) {
		c.again(key)
		c.start(p, one)
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: proc.Reason}
		return
	}
	s.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: fmt.Sprintf("Back-off pulling image %q: %s", one.Image, proc.Reason)}
	if was.State.Waiting == nil || was.State.Waiting.Reason != "ImagePullBackOff" {
		c.kubeletEvent(p, one, corev1.EventTypeWarning, "Failed", fmt.Sprintf("Failed to pull image %q: %s", one.Image, proc.Reason))
		c.kubeletEvent(p, one, corev1.EventTypeWarning, "Failed", "Error: ErrImagePull")
		c.kubeletEvent(p, one, corev1.EventTypeNormal, "BackOff", fmt.Sprintf("Back-off pulling image %q", one.Image))
		c.kubeletEvent(p, one, corev1.EventTypeWarning, "Failed", "Error: ImagePullBackOff")
	}
	c.After(p, next.Sub(c.world.Now()))
}

// endedOne is a container whose process has ended: for good, or until its back-off is
// over.
func (c *Cluster) endedOne(p *corev1.Pod, one *corev1.Container, s, was *corev1.ContainerStatus, proc sandbox.Process) {
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: int32(proc.Exit), Reason: cmp.Or(proc.Reason, "Completed"), StartedAt: metav1.NewTime(proc.Began.Truncate(time.Second)), //nolint:gosec // 0 to 255
		FinishedAt: metav1.NewTime(proc.Since.Truncate(time.Second)), ContainerID: containerID(p, one.Name, proc.Run),
	}}
	if p.Spec.RestartPolicy == corev1.RestartPolicyNever || p.Spec.RestartPolicy == corev1.RestartPolicyOnFailure && proc.Exit == 0 {
		s.State = ended
		return
	}
	key := p.Namespace + "/" + p.Name + "/" + one.Name
	next := c.backOff(key, proc.Since, proc.Since.Sub(proc.Began) > calmAfter)
	s.LastTerminationState = ended
	if !c.world.Now().Before(next) {
		c.again(key)
		c.start(p, one)
		s.RestartCount++
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}
		return
	}
	s.State.Waiting = &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)", next.Sub(proc.Since), one.Name, p.Name, p.Namespace, p.UID)}
	if was.State.Waiting == nil || was.State.Waiting.Reason != "CrashLoopBackOff" {
		c.kubeletEvent(p, one, corev1.EventTypeWarning, "BackOff", fmt.Sprintf("Back-off restarting failed container %s in pod %s_%s(%s)", one.Name, p.Name, p.Namespace, p.UID))
		if proc.Reason == "OOMKilled" {
			if n := Get[*corev1.Node](c, "", p.Spec.NodeName); n != nil {
				c.Event(n, "kernel-monitor", corev1.EventTypeWarning, "OOMKilling", fmt.Sprintf("Memory cgroup out of memory: Killed process 1 (java) of %s/%s", p.Namespace, p.Name))
			}
		}
	}
	c.After(p, next.Sub(c.world.Now()))
}

// backOff is when a container may be started again that has ended at a time.
func (c *Cluster) backOff(key string, ended time.Time, calm bool) time.Time {
	if calm {
		delete(c.waits, key)
	}
	return ended.Add(c.waits[key])
}

// again makes the next wait longer.
func (c *Cluster) again(key string) {
	c.waits[key] = min(lastBackOff, max(firstBackOff, 2*c.waits[key]))
}

// podStatus writes a pod's status from that of its containers.
func (c *Cluster) podStatus(p *corev1.Pod, status []corev1.ContainerStatus) {
	st := &p.Status
	if st.StartTime == nil {
		now := c.now()
		st.StartTime = &now
	}
	node := Get[*corev1.Node](c, "", p.Spec.NodeName)
	if node != nil && len(node.Status.Addresses) > 0 {
		st.HostIP = node.Status.Addresses[0].Address
		st.HostIPs = []corev1.HostIP{{IP: st.HostIP}}
	}
	if st.PodIP == "" {
		h := hash(string(p.UID))
		st.PodIP = fmt.Sprintf("10.%d.%d.%d", 64+h%64, h>>8%256, 2+h>>16%250)
		st.PodIPs = []corev1.PodIP{{IP: st.PodIP}}
	}
	st.ContainerStatuses, st.ObservedGeneration = status, p.Generation
	st.Phase = phase(status)
	var waits []string
	for _, s := range status {
		if !s.Ready {
			waits = append(waits, s.Name)
		}
	}
	why, reason := "", ""
	if waits != nil {
		reason, why = "ContainersNotReady", fmt.Sprintf("containers with unready status: [%s]", strings.Join(waits, " "))
	}
	c.podCondition(p, corev1.PodReadyToStartContainers, true, "", "")
	c.podCondition(p, corev1.PodInitialized, true, "", "")
	c.podCondition(p, corev1.PodReady, waits == nil, reason, why)
	c.podCondition(p, corev1.ContainersReady, waits == nil, reason, why)
	c.podCondition(p, corev1.PodScheduled, true, "", "")
}

// phase is how far a pod is with containers like that.
func phase(status []corev1.ContainerStatus) corev1.PodPhase {
	started, ended, failed := false, true, false
	for _, s := range status {
		t := s.State.Terminated
		started = started || s.State.Running != nil || s.LastTerminationState.Terminated != nil || t != nil
		ended = ended && t != nil
		failed = failed || t != nil && t.ExitCode != 0
	}
	switch {
	case ended && failed:
		return corev1.PodFailed
	case ended:
		return corev1.PodSucceeded
	case started:
		return corev1.PodRunning
	}
	return corev1.PodPending
}

// stop says that the containers of a pod are told to end.
func (c *Cluster) stop(p *corev1.Pod) {
	key := p.Namespace + "/" + p.Name
	was, ok := c.running[key]
	if !ok || was.stopped || c.lost(p.Spec.NodeName) {
		return
	}
	was.stopped = true
	c.running[key] = was
	for i := range p.Spec.Containers {
		c.kubeletEvent(p, &p.Spec.Containers[i], corev1.EventTypeNormal, "Killing", "Stopping container "+p.Spec.Containers[i].Name)
	}
}

// ending ends what a pod runs, and takes it out when that has happened, or its time is
// over. Of a node that is lost nobody knows whether it has.
func (c *Cluster) ending(p *corev1.Pod) {
	c.stop(p)
	left := false
	for _, one := range c.running[p.Namespace+"/"+p.Name].containers {
		proc, err := c.world.Process(c.id(p, one))
		if err == nil && proc.State != sandbox.Ended && proc.State != sandbox.Unpulled {
			left = true
			if p.DeletionGracePeriodSeconds == nil || *p.DeletionGracePeriodSeconds > 0 {
				c.world.Kill(c.id(p, one))
			}
		}
	}
	switch {
	case p.Spec.NodeName != "" && c.lost(p.Spec.NodeName) && c.machines[p.Spec.NodeName].Name != "":
		c.After(p, nodeLook)
	case !left || !c.world.Now().Before(p.DeletionTimestamp.Time):
		if len(p.Finalizers) == 0 {
			c.Remove(p)
		}
	default:
		Change(c, p.Namespace, p.Name, func(p *corev1.Pod) {
			for i := range p.Status.ContainerStatuses {
				p.Status.ContainerStatuses[i].Ready = false
			}
			c.podCondition(p, corev1.ContainersReady, false, "ContainersNotReady", "the pod is ending")
			c.podCondition(p, corev1.PodReady, false, "ContainersNotReady", "the pod is ending")
		})
		c.After(p, time.Second)
	}
}
