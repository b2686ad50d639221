package argo

import (
	"math"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
)

// weight is the canary's share, in percent: that of the last step that set one.
func (w *work) weight() int32 {
	at, index := w.current()
	switch {
	case w.was.PromoteFull || w.was.StableRS == "" || w.was.CurrentPodHash == w.was.StableRS:
		return 100
	case w.was.Abort:
		return 0
	case at == nil:
		return 100
	}
	for _, s := range slices.Backward(w.spec.Strategy.Canary.Steps[:index+1]) {
		if s.SetWeight != nil {
			return *s.SetWeight
		}
	}
	return 0
}

// share is how many pods of all that are wanted come closest to a weight; with a pod
// more where there may be one.
func share(want, weight, surge int32) (canary, stable int32) {
	if want == 0 {
		return 0, 0
	}
	none := weight == 100 || weight == 0 || want == 1 && surge == 0 // may have no pod of the one or the other
	best, total, least := int32(-1), want, math.Inf(1)
	exact := float64(want*weight) / 100
	up, down := int32(math.Ceil(exact)), int32(math.Floor(exact))
	try := func(n, of int32) {
		if delta := math.Abs(float64(n*100)/float64(of) - float64(weight)); delta < least {
			best, total, least = n, of, delta
		}
	}
	for of := want; of <= want+min(surge, 1); of++ {
		_, part := math.Modf(float64(of) * float64(weight) / 100)
		if of > want || up < want || none {
			try(up, of)
		}
		if part != 0.5 && (down != 0 || none) { // of two that are as close the larger one
			try(down, of)
		}
	}
	if best < 0 {
		return 0, want
	}
	return best, total - best
}

// counts are the pods that the version of the template and the stable one are to have
// next, without more or fewer in all than there may be.
func (w *work) counts() (fresh, stable int32) {
	want := w.spec.replicas()
	surge, away := w.spec.bounds()
	other := w.stable
	if w.stable == w.fresh {
		other = nil
	}
	two := other != nil
	wantFresh, wantStable := share(want, w.weight(), surge)
	fresh = *w.fresh.Spec.Replicas
	if two {
		stable = *w.stable.Spec.Replicas
	} else {
		wantFresh, wantStable = want, 0
	}
	old := int32(0)
	for _, r := range w.others {
		old += *r.Spec.Replicas
	}
	room := max(0, want+surge-old-fresh-stable)
	if two && stable < wantStable {
		more := min(room, wantStable-stable)
		stable, room = stable+more, room-more
	}
	growing := wantFresh >= fresh
	if fresh < wantFresh {
		fresh += min(room, wantFresh-fresh)
	}
	if old > 0 {
		return fresh, stable
	}
	spare := staying(w.fresh, !growing) - (want - away)
	if two {
		spare += staying(w.stable, growing)
	}
	switch {
	case spare <= 0:
	case !growing:
		fresh = min(fresh, max(wantFresh, *w.fresh.Spec.Replicas-spare))
		fresh, stable = limit(w.fresh, other, fresh, stable, want+surge, want-away)
	case two:
		if now := *w.stable.Spec.Replicas; now > wantStable {
			stable = max(wantStable, now-spare)
		}
		stable, fresh = limit(w.stable, w.fresh, stable, fresh, want+surge, want-away)
	}
	return fresh, stable
}

// staying are the pods of a set that count when it is asked how many may go; of the one
// that shrinks all do, so that one that never comes up does not stay for ever.
func staying(r *appsv1.ReplicaSet, shrinks bool) int32 {
	if shrinks {
		return *r.Spec.Replicas
	}
	return min(*r.Spec.Replicas, r.Status.AvailableReplicas)
}

// limit takes from the set that grows what is more than there may be, as long as
// enough pods are left; the rest from the one that shrinks.
func limit(shrinks, grows *appsv1.ReplicaSet, less, more, most, least int32) (shrunk, grown int32) {
	over := max(0, less+more-most)
	if grows == nil {
		return less, more
	}
	more -= over
	lost := max(0, grows.Status.AvailableReplicas-more)
	left := min(shrinks.Status.AvailableReplicas, less) + min(grows.Status.AvailableReplicas, more)
	more += min(lost, max(0, least-left))
	return less - max(0, less+more-most), more
}
