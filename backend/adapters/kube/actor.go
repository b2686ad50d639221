package kube

import (
	"fmt"
	"strings"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
)

var (
	_ backend.Actor   = (*Cluster)(nil)
	_ backend.Details = (*Cluster)(nil)
)

// Why implements backend.Actor. What the server permits is known from its
// rules review, which is fetched in the background when a namespace is first
// asked about; until it is there, nothing is refused for that reason.
func (c *Cluster) Why(action string, refs []backend.Ref) string {
	if _, err := c.asked(action, refs); err != nil {
		return strings.TrimSuffix(err.Error(), ".")
	}
	switch h := c.link.Health(); h.State {
	case backend.Off:
		return c.link.Alias() + " is not connected"
	case backend.Stale, backend.Down:
		return c.link.Alias() + " is not reachable"
	case backend.Forbidden:
		return c.link.Alias() + ": " + h.Reason.Safe()
	}
	type asked struct{ kind, scope string }
	seen := map[asked]bool{}
	for _, r := range refs {
		if seen[asked{r.Kind, r.Scope}] {
			continue
		}
		seen[asked{r.Kind, r.Scope}] = true
		res, _ := resourceOf(r.Kind)
		if need := needed(action, res); c.forbids(r.Scope, need) {
			return backend.T(fmt.Sprintf("you may not %s%s on %s", need, in(r.Scope), c.link.Alias())).Safe()
		}
	}
	return ""
}

// asked gives the action when it can be asked of refs at all, or an Invalid
// error.
func (c *Cluster) asked(action string, refs []backend.Ref) (backend.Action, error) {
	bad := func(r backend.Ref, form string, args ...any) (backend.Action, error) {
		return backend.Action{}, &backend.Error{Code: backend.Invalid, Op: action, Ref: r, Human: backend.T(fmt.Sprintf(form, args...)).Safe()}
	}
	var a backend.Action
	for _, known := range cluster.Actions() {
		if known.ID == action {
			a = known
		}
	}
	if a.ID == "" {
		return bad(backend.Ref{}, "A cluster has no action %q.", action)
	}
	if len(refs) == 0 {
		return bad(backend.Ref{}, "%s needs something to be done to: choose it first.", a.Title)
	}
	for _, r := range refs {
		switch res, known := resourceOf(r.Kind); {
		case !known || !a.Takes(r.Kind):
			return bad(r, "%s does not go with a %s; it takes %s.", a.Title, r.Kind, strings.Join(a.Kinds, ", "))
		case r.Link != c.link.Alias():
			return bad(r, "%s belongs to %s, not to %s.", upper(res.named(r)), r.Link, c.link.Alias())
		case r.Scope == "" || r.Name == "":
			return bad(r, "%s needs a namespace and a name.", a.Title)
		case r.Sub != "":
			return bad(r, "%s takes the whole %s, not %s of it.", a.Title, res.word, r.Sub)
		}
	}
	return a, nil
}

// needed is the permission that an action needs on a resource.
func needed(action string, res resource) backend.Permission {
	switch action {
	case cluster.PodDelete:
		return res.may("delete", "")
	case cluster.WorkloadScale:
		return res.may("patch", "scale")
	}
	return res.may("patch", "")
}
