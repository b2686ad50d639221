package kubeapi

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	authv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend"
)

const (
	rulesFresh = time.Minute      // how long a rules review is believed without asking again
	rulesLimit = 10 * time.Second // that one may take
	rulesKept  = 64               // namespaces
)

// May implements backend.Actor: an access review of the server.
func (c *Client) May(ctx context.Context, p backend.Permission, target backend.Ref) (ok bool, reason string, err error) {
	word, _, _ := strings.Cut(target.Kind, ".")
	res := Resource{Word: word}
	refused := func(err error) error {
		ask := backend.Permission{Verb: "create", Group: authv1.GroupName, Resource: "selfsubjectaccessreviews"}
		return c.Refused("ask whether it may "+p.String(), res, target, ask, err)
	}
	client, err := c.Typed()
	if err != nil {
		return false, "", refused(err)
	}
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	review, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authv1.SelfSubjectAccessReview{
		Spec: authv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authv1.ResourceAttributes{
			Namespace: target.Scope, Name: target.Name,
			Verb: p.Verb, Group: p.Group, Resource: p.Resource, Subresource: p.Sub,
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, "", refused(err)
	}
	return review.Status.Allowed, backend.T(review.Status.Reason).Safe(), nil
}

// rulebook is what the server has said that one may do, by namespace. The zero
// value is empty and ready. Safe for concurrent use.
type rulebook struct {
	mu    sync.Mutex
	pages map[string]*page
}

type page struct {
	as    string // the user that it is about, as the server knows it
	rules []authv1.ResourceRule
	whole bool // rules is all that there is: what it doesn't grant is forbidden
	asked time.Time
	used  time.Time
}

// forbids says whether the rules are known and do not grant p in the namespace.
// Stale ones are believed while new ones are fetched.
func (c *Client) forbids(namespace string, p backend.Permission) bool {
	now, as := time.Now(), c.link.Info().User
	b := &c.rules
	b.mu.Lock()
	defer b.mu.Unlock()
	pg := b.page(namespace, now)
	if pg == nil {
		return false
	}
	if pg.as != "" && pg.as != as { // another login may do other things
		*pg = page{}
	}
	pg.as = as
	pg.used = now
	if now.Sub(pg.asked) > rulesFresh {
		pg.asked = now
		go func() { _ = c.fetchRules(namespace) }() // asked again when it failed
	}
	return pg.whole && !slices.ContainsFunc(pg.rules, func(r authv1.ResourceRule) bool { return grants(r, p) })
}

// page finds or makes the page of a namespace; the longest unused makes room. It
// is nil while all pages are fresh: a selection of more namespaces than are kept
// would else have each asked about again and again.
func (b *rulebook) page(namespace string, now time.Time) *page {
	if pg := b.pages[namespace]; pg != nil {
		return pg
	}
	if b.pages == nil {
		b.pages = map[string]*page{}
	}
	if len(b.pages) >= rulesKept {
		oldest := ""
		for ns, pg := range b.pages {
			if oldest == "" || pg.used.Before(b.pages[oldest].used) {
				oldest = ns
			}
		}
		if now.Sub(b.pages[oldest].asked) <= rulesFresh {
			return nil
		}
		delete(b.pages, oldest)
	}
	b.pages[namespace] = &page{}
	return b.pages[namespace]
}

// fetchRules asks for the rules of a namespace. When that fails the page stays
// as it is until it is asked for again.
func (c *Client) fetchRules(namespace string) (err error) {
	defer backend.Caught(&err)
	ctx, cancel := context.WithTimeout(context.Background(), rulesLimit)
	defer cancel()
	client, err := c.Typed()
	if err != nil {
		return err
	}
	review, err := client.AuthorizationV1().SelfSubjectRulesReviews().Create(ctx, &authv1.SelfSubjectRulesReview{
		Spec: authv1.SelfSubjectRulesReviewSpec{Namespace: namespace},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("review rules: %w", err)
	}
	c.rules.mu.Lock()
	defer c.rules.mu.Unlock()
	if pg := c.rules.pages[namespace]; pg != nil {
		pg.rules, pg.whole = review.Status.ResourceRules, !review.Status.Incomplete
	}
	return nil
}

// grants says whether the rule allows p, on some objects at least.
func grants(r authv1.ResourceRule, p backend.Permission) bool {
	resource, anySub := p.Resource, p.Resource
	if p.Sub != "" {
		resource, anySub = p.Resource+"/"+p.Sub, "*/"+p.Sub
	}
	holds := func(list []string, one string) bool {
		return slices.Contains(list, one) || slices.Contains(list, "*")
	}
	return holds(r.Verbs, p.Verb) && holds(r.APIGroups, p.Group) &&
		(holds(r.Resources, resource) || slices.Contains(r.Resources, anySub))
}
