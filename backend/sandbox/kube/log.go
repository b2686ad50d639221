package kube

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/generic/registry"

	"wheelhouse/backend/sandbox"
)

// podLog is what a container has written.
type podLog struct {
	cluster *Cluster
	pods    *registry.Store
}

// New implements rest.Storage.
func (podLog) New() runtime.Object { return &corev1.Pod{} }

// Destroy implements rest.Storage.
func (podLog) Destroy() {}

// ProducesMIMETypes implements rest.StorageMetadata.
func (podLog) ProducesMIMETypes(string) []string { return []string{"text/plain"} }

// ProducesObject implements rest.StorageMetadata.
func (podLog) ProducesObject(string) any { return "" }

// NewGetOptions implements rest.GetterWithOptions.
func (podLog) NewGetOptions() (runtime.Object, bool, string) {
	return &corev1.PodLogOptions{}, false, ""
}

// container is the one of a pod that is meant: its only one where none is named.
func container(p *corev1.Pod, name string) (string, error) {
	if name == "" && len(p.Spec.Containers) == 1 {
		return p.Spec.Containers[0].Name, nil
	}
	var all []string
	for _, c := range p.Spec.Containers {
		if c.Name == name {
			return name, nil
		}
		all = append(all, c.Name)
	}
	if name == "" {
		return "", apierrors.NewBadRequest(fmt.Sprintf("a container name must be specified for pod %s, choose one of: %s", p.Name, all))
	}
	return "", apierrors.NewBadRequest(fmt.Sprintf("container %s is not valid for pod %s", name, p.Name))
}

// Get implements rest.GetterWithOptions.
func (l podLog) Get(ctx context.Context, name string, opts runtime.Object) (runtime.Object, error) {
	o := opts.(*corev1.PodLogOptions)
	obj, err := l.pods.Get(ctx, name, &metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	p := obj.(*corev1.Pod)
	one, err := container(p, o.Container)
	if err != nil {
		return nil, err
	}
	proc, err := l.cluster.world.Process(l.cluster.id(p, one))
	switch {
	case err != nil || proc.State == sandbox.Pulling && proc.Run == 1 || proc.State == sandbox.Unpulled:
		reason := "ContainerCreating"
		for _, s := range p.Status.ContainerStatuses {
			if s.Name == one && s.State.Waiting != nil {
				reason = s.State.Waiting.Reason
			}
		}
		return nil, apierrors.NewBadRequest(fmt.Sprintf("container %q in pod %q is waiting to start: %s", one, name, reason))
	case l.cluster.unreachable(p.Spec.NodeName):
		return nil, apierrors.NewInternalError(fmt.Errorf("Get \"https://%s:10250/containerLogs/%s/%s/%s\": dial tcp %[1]s:10250: connect: no route to host", p.Status.HostIP, p.Namespace, name, one))
	case o.Previous && proc.Run == 1:
		return nil, apierrors.NewBadRequest(fmt.Sprintf("previous terminated container %q in pod %q not found", one, name))
	}
	return &stream{world: l.cluster.world, id: l.cluster.id(p, one), run: proc.Run, o: *o}, nil
}

// stream is a log as it is sent.
type stream struct {
	corev1.Pod // an object, as a Get gives one
	world      *sandbox.World
	id         sandbox.ProcessID
	run        int
	o          corev1.PodLogOptions
}

// InputStream implements rest.ResourceStreamer.
func (s *stream) InputStream(ctx context.Context, _, _ string) (io.ReadCloser, bool, string, error) {
	var first bytes.Buffer
	last := int64(0)
	lines := s.world.Log(s.id, s.o.Previous, 0)
	since := time.Time{}
	switch {
	case s.o.SinceTime != nil:
		since = s.o.SinceTime.Time
	case s.o.SinceSeconds != nil:
		since = s.world.Now().Add(-time.Duration(*s.o.SinceSeconds) * time.Second)
	}
	if n := s.o.TailLines; n != nil && int64(len(lines)) > *n {
		lines = lines[int64(len(lines))-*n:]
	}
	for _, l := range lines {
		last = l.Seq
		if !l.At.Before(since) {
			s.write(&first, l)
		}
	}
	if limit := s.o.LimitBytes; limit != nil && int64(first.Len()) > *limit {
		first.Truncate(int(*limit))
		return io.NopCloser(&first), false, "text/plain", nil
	}
	if !s.o.Follow || s.o.Previous {
		return io.NopCloser(&first), false, "text/plain", nil
	}
	r, w := io.Pipe()
	go s.follow(ctx, w, first.Bytes(), last)
	return r, true, "text/plain", nil
}

// follow sends what is written from now on, until the run ends or nobody reads.
func (s *stream) follow(ctx context.Context, w *io.PipeWriter, first []byte, last int64) {
	defer w.Close()
	if _, err := w.Write(first); err != nil {
		return
	}
	for {
		moved := s.world.Moved()
		var out bytes.Buffer
		p, err := s.world.Process(s.id)
		over := err != nil || p.Run != s.run || p.State == sandbox.Ended
		for _, l := range s.world.Log(s.id, err == nil && p.Run == s.run+1, last) {
			last = l.Seq
			s.write(&out, l)
		}
		if _, err := w.Write(out.Bytes()); err != nil || over {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-moved:
		}
	}
}

func (s *stream) write(b *bytes.Buffer, l sandbox.Line) {
	if s.o.Timestamps {
		b.WriteString(l.At.UTC().Format("2006-01-02T15:04:05.000000000Z") + " ")
	}
	b.WriteString(l.String() + "\n")
}
