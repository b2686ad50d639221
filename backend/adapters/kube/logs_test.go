package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
)

// TestLogOverCuts: whatever breaks, in the middle of a line or of many of the same
// nanosecond, each line comes once.
func TestLogOverCuts(t *testing.T) {
	w, c := newWriters(t)
	w.putPod(somePod("a", running("app")))
	w.write("a/app", 0, 99)
	b, _ := tail(t, c, backend.LogQuery{Of: []backend.Ref{logOf("a", "")}, Last: 10})
	b.numbers(t, 90, 99)
	b.state(t, backend.Live, "")
	for i := range 5 {
		w.change(func() { w.now["a/app"].cuts = i % 3 })
		w.write("a/app", 100+i*20, 119+i*20)
		b.numbers(t, 90, 119+i*20)
		b.state(t, backend.Live, "")
	}
}

// TestLogSince: without Last, but the log of some time is asked for.
func TestLogSince(t *testing.T) {
	w, c := newWriters(t)
	w.putPod(somePod("a", running("app")))
	w.write("a/app", 0, 99)
	b, _ := tail(t, c, backend.LogQuery{Of: []backend.Ref{logOf("a", "")}, Since: moment(60)})
	b.numbers(t, 60, 99)
	w.write("a/app", 100, 102)
	b.numbers(t, 60, 102)
}

func TestLogOfNothingBefore(t *testing.T) {
	w, c := newWriters(t)
	w.putPod(somePod("a", running("app")))
	w.write("a/app", 0, 9)
	b, _ := tail(t, c, backend.LogQuery{Of: []backend.Ref{logOf("a", "")}})
	b.state(t, backend.Live, "")
	w.write("a/app", 10, 12)
	b.numbers(t, 10, 12)
}

func TestLogOfSeveralContainers(t *testing.T) {
	w, c := newWriters(t)
	pod := somePod("a", running("app"), running("side"))
	pod.Spec.InitContainers = []corev1.Container{{Name: "warm"}}
	pod.Status.InitContainerStatuses = []corev1.ContainerStatus{hasEnded("warm", 0)}
	w.putPod(pod)
	for _, name := range []string{"app", "side", "warm"} {
		w.write("a/"+name, 0, 2)
	}
	w.change(func() { w.now["a/warm"].ended = true })
	b, _ := tail(t, c, backend.LogQuery{Of: []backend.Ref{logOf("a", "")}, Last: 10})
	b.until(t, "all lines", func(b *box) bool { return len(b.lines) == 9 })
	got := map[string]int{}
	for _, l := range b.lines {
		got[l.From]++
	}
	if got["app"] != 3 || got["side"] != 3 || got["warm"] != 3 {
		t.Errorf("has lines of %v", got)
	}
	one, _ := tail(t, c, backend.LogQuery{Of: []backend.Ref{logOf("a", "side")}, Last: 10})
	one.numbers(t, 0, 2)
	other, end := tail(t, c, backend.LogQuery{Of: []backend.Ref{logOf("a", "nobody")}})
	if err := end(); backend.CodeOf(err) != backend.NotFound || !strings.Contains(err.Error(), "it has app, side, warm") || len(other.lines) > 0 {
		t.Errorf("error is %v", err)
	}
}

func TestLogOfTheProcessBefore(t *testing.T) {
	w, c := newWriters(t)
	w.putPod(somePod("a", running("app")))
	w.write("a/app", 0, 9)
	w.change(func() {
		w.before["a/app"] = w.now["a/app"]
		delete(w.now, "a/app")
	})
	w.write("a/app", 10, 12)
	b, end := tail(t, c, backend.LogQuery{Of: []backend.Ref{logOf("a", "")}, Last: 4, Previous: true})
	if err := end(); err != nil {
		t.Error(err)
	}
	b.numbers(t, 6, 9)
	w.change(func() { clear(w.before) })
	none, end := tail(t, c, backend.LogQuery{Of: []backend.Ref{logOf("a", "")}, Last: 4, Previous: true})
	if err := end(); err != nil {
		t.Error(err)
	}
	none.state(t, backend.Down, "does not take it")
}

// TestLogOverRestarts: the log of a container goes on with its next process, and
// what the one before had still to say is read.
func TestLogOverRestarts(t *testing.T) {
	w, c := newWriters(t)
	w.putPod(somePod("a", running("app")))
	w.write("a/app", 0, 8)
	b, _ := tail(t, c, backend.LogQuery{Of: []backend.Ref{logOf("a", "")}, Last: 100})
	b.numbers(t, 0, 8)
	w.change(func() { w.now["a/app"].ended = true })
	crashed := waiting("app", "CrashLoopBackOff", "back-off 40s")
	crashed.LastTerminationState = hasEnded("app", 1).State
	w.putPod(somePod("a", crashed))
	w.change(func() {
		w.before["a/app"] = w.now["a/app"]
		delete(w.now, "a/app")
	})
	w.write("a/app", 9, 19)
	again := running("app")
	again.RestartCount = 1
	w.putPod(somePod("a", again))
	b.numbers(t, 0, 19)
	b.state(t, backend.Live, "")
}

func TestLogOfAContainerThatWaits(t *testing.T) {
	w, c := newWriters(t)
	pending := somePod("a")
	pending.Spec.Containers = []corev1.Container{{Name: "app"}}
	pending.Status.Phase = corev1.PodPending
	w.putPod(pending)
	b, _ := tail(t, c, backend.LogQuery{Of: []backend.Ref{logOf("a", "app")}, Last: 3})
	b.state(t, backend.Connecting, "pod a waits: Pending")
	w.putPod(somePod("a", waiting("app", "ImagePullBackOff", "no such image")))
	b.state(t, backend.Connecting, "app waits: ImagePullBackOff: no such image")
	w.write("a/app", 0, 9)
	w.putPod(somePod("a", running("app")))
	b.numbers(t, 0, 9) // all that it says, however few are wanted of those that run already
	b.state(t, backend.Live, "")
}

func TestLogEnds(t *testing.T) {
	w, c := newWriters(t)
	w.putPod(somePod("a", running("app")))
	w.write("a/app", 0, 9)
	b, end := tail(t, c, backend.LogQuery{Of: []backend.Ref{logOf("a", "")}, Last: 100})
	b.numbers(t, 0, 9)
	w.write("a/app", 10, 10)
	w.change(func() { w.now["a/app"].ended = true })
	done := somePod("a", hasEnded("app", 0))
	done.Spec.RestartPolicy, done.Status.Phase = corev1.RestartPolicyNever, corev1.PodSucceeded
	w.putPod(done)
	if err := end(); err != nil {
		t.Error(err)
	}
	b.numbers(t, 0, 10)
	_, end = tail(t, c, backend.LogQuery{Of: []backend.Ref{logOf("gone", "")}})
	if err := end(); backend.CodeOf(err) != backend.NotFound || !strings.Contains(err.Error(), "pod one/gone is not there") && !strings.Contains(err.Error(), "Pod one/gone is not there") {
		t.Errorf("error is %v", err)
	}
}

func TestLogOfADeletedPodEnds(t *testing.T) {
	w, c := newWriters(t)
	w.putPod(somePod("a", running("app")))
	w.write("a/app", 0, 9)
	b, end := tail(t, c, backend.LogQuery{Of: []backend.Ref{logOf("a", "")}, Last: 100})
	b.numbers(t, 0, 9)
	w.remove("pods", "one", "a")
	w.change(func() { w.now["a/app"].ended = true })
	if err := end(); err != nil {
		t.Error(err)
	}
}

func TestLogDenied(t *testing.T) {
	w, c := newWriters(t)
	w.putPod(somePod("a", running("app")))
	w.change(func() { w.denied = true })
	b, _ := tail(t, c, backend.LogQuery{Of: []backend.Ref{logOf("a", "")}})
	b.state(t, backend.Forbidden, "You may not get pods/log in one on prod-eu")
}

// TestLogOfAWorkload: pods come, go, and come again under the same name.
func TestLogOfAWorkload(t *testing.T) {
	w, c := newWriters(t)
	b, _ := tail(t, c, backend.LogQuery{Of: []backend.Ref{{Link: "prod-eu", Kind: cluster.KindDeployment, Scope: "one", Name: "shop"}}, Last: 5})
	b.state(t, backend.Live, "")
	has := func(n int, who string) func(*box) bool {
		return func(b *box) bool {
			have := 0
			for _, l := range b.lines {
				if l.From == who {
					have++
				}
			}
			return have == n
		}
	}
	other := somePod("other", running("app"))
	other.Labels = nil
	w.putPod(other)
	for _, name := range []string{"a", "b"} {
		w.write(name+"/app", 0, 9)
		w.putPod(somePod(name, running("app")))
		b.until(t, "lines of "+name, has(10, name+"/app"))
	}
	w.remove("pods", "one", "a")
	w.change(func() { w.now["a/app"].ended = true })
	w.write("b/app", 10, 11)
	b.until(t, "more lines of b", has(12, "b/app"))
	w.change(func() { delete(w.now, "a/app") })
	w.write("a/app", 0, 4)
	w.putPod(somePod("a", running("app")))
	b.until(t, "lines of the second a", has(15, "a/app"))
	if n := strings.Count(strings.Join(b.texts(1000), "\n"), "other"); n > 0 {
		t.Errorf("%d lines of a pod that is not its own", n)
	}
}

// TestLogOfTooMany: a bounded number is read at once, and that is told.
func TestLogOfTooMany(t *testing.T) {
	w, c := newWriters(t)
	var all []corev1.ContainerStatus
	for i := range mostLogs + 2 {
		name := fmt.Sprintf("c%02d", i)
		all = append(all, running(name))
		w.write("a/"+name, 0, 0)
	}
	w.putPod(somePod("a", all...))
	b, _ := tail(t, c, backend.LogQuery{Of: []backend.Ref{logOf("a", "")}, Last: 1})
	b.state(t, backend.Stale, fmt.Sprintf("2 of %d containers are not read", mostLogs+2))
	if len(b.lines) != mostLogs {
		t.Errorf("has %d lines", len(b.lines))
	}
}

// TestOlderLinesOfTooMany: as many are read, and of the others that is told.
func TestOlderLinesOfTooMany(t *testing.T) {
	for name, test := range map[string]struct {
		pods, containers int // of each
		says             string
	}{
		"containers": {2, mostLogs/2 + 1, fmt.Sprintf("What 2 of %d containers wrote is not among them", mostLogs+2)},
		"pods":       {mostPods + 1, 1, fmt.Sprintf("What %d containers, and all pods after the first %d, wrote is not among them", mostPods-mostLogs, mostPods)},
	} {
		t.Run(name, func(t *testing.T) {
			w, c := newWriters(t)
			for i := range test.pods {
				var all []corev1.ContainerStatus
				for k := range test.containers {
					all = append(all, running(fmt.Sprintf("c%02d", k)))
					w.write(fmt.Sprintf("p%03d/c%02d", i, k), 0, 0)
				}
				w.putPod(somePod(fmt.Sprintf("p%03d", i), all...))
			}
			q := backend.LogQuery{Of: []backend.Ref{{Link: "prod-eu", Kind: cluster.KindDeployment, Scope: "one", Name: "shop"}}}
			lines, next, err := c.Before(t.Context(), q, backend.Cursor{Oldest: backend.LogLine{At: moment(5).UnixNano()}}, 1000)
			if len(lines) != mostLogs || !next.IsZero() {
				t.Errorf("%d lines, and then %v", len(lines), next)
			}
			if backend.CodeOf(err) != backend.Partly || !strings.HasPrefix(err.Error(), test.says) {
				t.Errorf("it says %v", err)
			}
		})
	}
}

func TestLogQueriesThatMakeNoSense(t *testing.T) {
	_, c := newWriters(t)
	for says, q := range map[string]backend.LogQuery{
		"Whose log?":    {},
		"has no log":    {Of: []backend.Ref{{Link: "prod-eu", Kind: cluster.KindNamespace, Name: "one"}}},
		"does not sift": {Of: []backend.Ref{logOf("a", "")}, Match: "error"},
		"no log. Pods":  {Of: []backend.Ref{logOf("", "")}},
	} {
		err := c.Tail(t.Context(), q, newBox())
		if backend.CodeOf(err) != backend.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: error is %v", q, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Tail(ctx, backend.LogQuery{Of: []backend.Ref{logOf("a", "")}}, newBox()); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

// TestOlderLines: back to the first line, in pages, of one container and of two.
func TestOlderLines(t *testing.T) {
	for name, pods := range map[string][]string{"one": {"a"}, "two": {"a", "b"}} {
		t.Run(name, func(t *testing.T) {
			w, c := newWriters(t)
			q := backend.LogQuery{}
			for _, p := range pods {
				w.putPod(somePod(p, running("app")))
				w.write(p+"/app", 0, 999)
				q.Of = append(q.Of, logOf(p, ""))
			}
			cur := backend.Cursor{Oldest: backend.LogLine{At: moment(900).UnixNano(), From: fromOf(q, "a", "app"), Text: backend.T("line 900")}}
			var all []string
			for pages := 0; !cur.IsZero(); pages++ {
				if pages > 100 {
					t.Fatal("no end")
				}
				lines, next, err := c.Before(t.Context(), q, cur, 70)
				if err != nil {
					t.Fatal(err)
				}
				var page []string
				for _, l := range lines {
					page = append(page, l.From+" "+l.Text.Raw())
				}
				all, cur = append(page, all...), next
			}
			// of the other pod those of the same moment come behind
			if len(all) != 900*len(pods) {
				t.Fatalf("has %d lines, from %q to %q", len(all), all[0], all[len(all)-1])
			}
			seen := map[string]bool{}
			for _, l := range all {
				if seen[l] {
					t.Errorf("%q comes twice", l)
				}
				seen[l] = true
			}
			if all[0] != fromOf(q, "a", "app")+" line 0" {
				t.Errorf("begins with %q", all[0])
			}
		})
	}
}
