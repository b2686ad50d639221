package jenkins

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/webapi"
)

// seekBuilds is how many builds are looked at to find one again. Those of the
// hundreds that were triggered in the same seconds are among them.
const seekBuilds = 1000

// mostNamed is how many of those are named that an order may be.
const mostNamed = 5

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
	var err error
	if s.me, err = j.me(ctx, trigger); err != nil {
		return err
	}
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

// me is whom Jenkins takes us for.
func (j *Jenkins) me(ctx context.Context, op string) (string, error) {
	var who struct{ Name string }
	err := j.api.JSON(ctx, webapi.Request{Op: op, What: "your login", Path: "/whoAmI" + treeQuery("name")}, &who)
	return who.Name, err
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

// seek looks for an order whose answer was lost. Found by its mark, it goes on as if
// the answer had come; one without a mark may be somebody else's with the same login,
// and is named. Not found, it is not sent again: a request may come to Jenkins late.
func (j *Jenkins) seek(ctx context.Context, s *search, lost error, progress backend.Progress) error {
	progress(0, 0, "the answer was lost: looking for the build")
	var id int64
	looked, began, found := 0, 0, false
	names := map[int64]string{}
	until(ctx, j.limits.look, j.limits.pause, func() bool {
		queue, builds, err := j.orders(ctx, s.job, seekBuilds)
		if err != nil {
			return false
		}
		looked++
		for _, i := range queue {
			if i.job() == s.job && s.mine(i.ID, i.Actions) {
				id, found = i.ID, true
				names[i.ID] = fmt.Sprintf("queue item %d", i.ID)
			}
		}
		for _, b := range builds {
			if s.mine(b.QueueID, b.Actions) {
				began, found = b.Number, true
				names[b.QueueID] = fmt.Sprintf("build #%d", b.Number)
			}
		}
		return found
	})
	if found && s.id == "" {
		return s.perhaps(names, lost)
	}
	if began > 0 {
		progress(1, 1, fmt.Sprintf("build #%d began", began))
		return nil
	}
	if found {
		return j.follow(ctx, s.order, id, progress)
	}
	return s.missing(ctx, looked, j.limits.look, lost)
}

// perhaps names what may be an order that has no mark.
func (s *search) perhaps(names map[int64]string, lost error) error {
	var all []string
	for _, id := range slices.Sorted(maps.Keys(names)) {
		all = append(all, names[id])
	}
	more := ""
	if n := len(all) - mostNamed; n > 0 {
		all, more = all[:mostNamed], fmt.Sprintf(" and %d more", n)
	}
	return fail(backend.Unknown, trigger, s.ref, lost, "The answer was lost. Of %s there is %s since then, by %s and with the same parameters: it may be this one. Look at it before you ask again; with a parameter %s a job's builds are known for certain.",
		s.job, strings.Join(all, ", ")+more, s.me, mark)
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
	case errors.As(lost, &status) && status.Status == http.StatusServiceUnavailable: // whoever says that has passed nothing on
		return fail(backend.Failed, trigger, s.ref, lost, "%s was not triggered: the answer was %d, and for %s neither the queue nor its builds had it. Try again.", s.job, status.Status, most)
	case errors.Is(lost, errStranger):
		return fail(backend.Failed, trigger, s.ref, lost, "%s was not triggered: a portal or proxy before Jenkins answered, and for %s neither the queue nor its builds had it. Log in there and try again.", s.job, most)
	}
	return fail(backend.Unknown, trigger, s.ref, lost, "The answer was lost, and for %s neither the queue nor the builds of %s had it; it may still come. Look at them before you ask again.", most, s.job)
}
