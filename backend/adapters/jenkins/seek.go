package jenkins

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/webapi"
)

// seekBuilds is how many builds are looked at to find one again. Those of the
// hundreds that were triggered in the same seconds are among them.
const seekBuilds = 1000

// A search is for an order whose answer was lost.
type search struct {
	order
	me   string // whom Jenkins takes us for
	seen int64  // the newest queue item before it was sent; what is newer came after
	same bool   // one that looks the same was queued then: Jenkins makes one of both
}

// begin notes how things stood before the order was sent: only for orders without
// a mark, which are known again by what came after.
func (j *Jenkins) begin(ctx context.Context, s *search) error {
	var me struct{ Name string }
	if err := j.api.JSON(ctx, webapi.Request{Op: trigger, What: "your login", Path: "/whoAmI" + treeQuery("name")}, &me); err != nil {
		return err
	}
	s.me = me.Name
	queue, builds, err := j.orders(ctx, s.job, 5)
	if err != nil {
		return err
	}
	for _, i := range queue {
		s.seen = max(s.seen, i.ID)
		s.same = s.same || i.job() == s.job && s.looksLike(i.Actions)
	}
	for _, b := range builds {
		s.seen = max(s.seen, b.QueueID)
	}
	return nil
}

// orders are what is queued and what a job has built, the queue first: what leaves
// it meanwhile is among the builds.
func (j *Jenkins) orders(ctx context.Context, name string, most int) ([]item, []build, error) {
	queue, err := j.queue(ctx)
	if err != nil {
		return nil, nil, err
	}
	var of struct{ AllBuilds []build }
	err = j.api.JSON(ctx, webapi.Request{
		Op: trigger, What: name, Path: jobPath(name) + treeQuery("allBuilds[number,queueId,"+actionFields+"]{0,"+strconv.Itoa(most)+"}"),
	}, &of)
	return queue, of.AllBuilds, err
}

// mine says whether an order is the one that is sought.
func (s *search) mine(id int64, all []action) bool {
	if s.id != "" {
		return slices.ContainsFunc(all, func(a action) bool {
			return slices.ContainsFunc(a.Parameters, func(p struct {
				Name  string
				Value any
			},
			) bool {
				return p.Name == mark && p.Value == s.id
			})
		})
	}
	return id > s.seen && s.looksLike(all)
}

// looksLike says whether an order has our parameters and was ours.
func (s *search) looksLike(all []action) bool {
	ours, has := false, map[string]string{}
	for _, a := range all {
		for _, c := range a.Causes {
			ours = ours || c.UserID == s.me
		}
		for _, p := range a.Parameters {
			has[p.Name] = fmt.Sprint(p.Value)
		}
	}
	for name := range s.form {
		if !slices.Contains(s.hidden, name) && has[name] != s.form.Get(name) {
			return false
		}
	}
	return ours
}

// seek looks for an order whose answer was lost. Found, it goes on as if it had
// come. Not found, it is not sent again: a request may come to Jenkins late.
func (j *Jenkins) seek(ctx context.Context, s *search, lost error, progress backend.Progress) error {
	progress(0, 0, "the answer was lost: looking for the build")
	var id int64
	looked, began, found := 0, 0, false
	until(ctx, j.limits.look, j.limits.pause, func() bool {
		queue, builds, err := j.orders(ctx, s.job, seekBuilds)
		if err != nil {
			return false
		}
		looked++
		for _, i := range queue {
			if i.job() == s.job && s.mine(i.ID, i.Actions) {
				id, found = i.ID, true
			}
		}
		for _, b := range builds {
			if s.mine(b.QueueID, b.Actions) {
				began, found = b.Number, true
			}
		}
		return found
	})
	if began > 0 {
		progress(1, 1, fmt.Sprintf("build #%d began", began))
		return nil
	}
	if found {
		return j.follow(ctx, s.order, id, progress)
	}
	return s.missing(ctx, looked, j.limits.look, lost)
}

// missing says of an order that did not come up what is known.
func (s *search) missing(ctx context.Context, looked int, most time.Duration, lost error) error {
	var status *webapi.StatusError
	switch {
	case ctx.Err() != nil:
		return fail(backend.Unknown, trigger, s.ref, lost, "It was stopped while it looked whether %s was triggered. Look at its builds and the queue before you ask again.", s.job)
	case looked < 2:
		return fail(backend.Unknown, trigger, s.ref, lost, "%s may have been triggered: the answer was lost, and Jenkins could not be looked at for %s. Look at its builds before you ask again.", s.job, most)
	case s.same:
		return fail(backend.Unknown, trigger, s.ref, lost, "%s may have been triggered: the answer was lost, and one with the same parameters was queued already. Look at its builds before you ask again.", s.job)
	case errors.As(lost, &status):
		return fail(backend.Failed, trigger, s.ref, lost, "%s was not triggered: the answer was %d, and for %s neither the queue nor its builds had it. Try again.", s.job, status.Status, most)
	case errors.Is(lost, errStranger):
		return fail(backend.Failed, trigger, s.ref, lost, "%s was not triggered: a portal or proxy before Jenkins answered, and for %s neither the queue nor its builds had it. Log in there and try again.", s.job, most)
	}
	return fail(backend.Unknown, trigger, s.ref, lost, "The answer was lost, and for %s neither the queue nor the builds of %s had it; it may still come. Look at them before you ask again.", most, s.job)
}
