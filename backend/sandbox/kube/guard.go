package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/component-helpers/auth/rbac/validation"
)

// guard refuses what is valid, but not to be written: who writes down what people may
// can give no more than they have, and a namespace holds no more than its quotas let.
func (c *Cluster) guard(k Kind, s *registry.Store) {
	s.BeginCreate = func(ctx context.Context, obj runtime.Object, _ *metav1.CreateOptions) (registry.FinishFunc, error) {
		if k.Namespaced && metaOf(obj).GetNamespace() == "" {
			metaOf(obj).SetNamespace(namespaceOf(ctx))
		}
		if err := c.escalates(ctx, k, obj); err != nil {
			return nil, err
		}
		done, err := c.admitted(k, obj)
		return func(context.Context, bool) { done() }, err
	}
	s.BeginUpdate = func(ctx context.Context, obj, old runtime.Object, _ *metav1.UpdateOptions) (registry.FinishFunc, error) {
		if err := c.escalates(ctx, k, obj); err != nil {
			return nil, err
		}
		return func(context.Context, bool) {}, c.exceeds(k, obj, old)
	}
}

// escalates refuses a role, or a binding of one, that gives more than who writes it has,
// unless they may do just that.
func (c *Cluster) escalates(ctx context.Context, k Kind, obj runtime.Object) error {
	if k.Group != rbacv1.GroupName {
		return nil
	}
	who, ok := genericapirequest.UserFrom(ctx)
	if !ok {
		return apierrors.NewInternalError(errors.New("nobody asks"))
	}
	namespace := metaOf(obj).GetNamespace()
	may := authorizer.AttributesRecord{User: who, Verb: "escalate", APIGroup: rbacv1.GroupName, APIVersion: "*", Resource: k.Resource, Name: metaOf(obj).GetName(), Namespace: namespace, ResourceRequest: true}
	var gives []rbacv1.PolicyRule
	switch obj.(type) {
	case *rbacv1.Role, *rbacv1.ClusterRole:
		gives = rulesOf(obj)
	default:
		ref, _ := binds(obj)
		may.Verb, may.Resource, may.Name = "bind", strings.ToLower(ref.Kind)+"s", ref.Name
	}
	if d, _, err := c.access.Authorize(ctx, may); err != nil || d == authorizer.DecisionAllow {
		return err
	}
	if may.Verb == "bind" {
		ref, _ := binds(obj)
		rules, err := c.access.role(*ref, namespace)
		if err != nil { // the real server names the binding's kind, too
			return apierrors.NewNotFound(k.WithResource(k.Resource).GroupResource(), ref.Name)
		}
		gives = rules
	}
	if why := c.lacks(who, namespace, gives); why != nil {
		return k.forbidden(obj, why)
	}
	return nil
}

// forbidden refuses an object.
func (k Kind) forbidden(obj runtime.Object, why error) error {
	return apierrors.NewForbidden(k.WithResource(k.Resource).GroupResource(), metaOf(obj).GetName(), why)
}

// lacks says which rules somebody does not have themselves.
func (c *Cluster) lacks(who user.Info, namespace string, rules []rbacv1.PolicyRule) error {
	held, unknown := c.access.held(who, namespace)
	covered, missing := validation.Covers(held, rules)
	if covered {
		return nil
	}
	var lines []string
	for _, r := range compact(missing) {
		lines = append(lines, inShort(r))
	}
	slices.Sort(lines)
	why := fmt.Sprintf("user %q (groups=%q) is attempting to grant RBAC permissions not currently held:\n%s", who.GetName(), who.GetGroups(), strings.Join(slices.Compact(lines), "\n"))
	if unknown != nil {
		why += fmt.Sprintf("; resolution errors: %v", []error{unknown})
	}
	return errors.New(why)
}

// compact puts rules together that differ in their verbs only.
func compact(rules []rbacv1.PolicyRule) (out []rbacv1.PolicyRule) {
	for _, r := range rules {
		i := slices.IndexFunc(out, func(o rbacv1.PolicyRule) bool {
			return len(r.Resources) == 1 && slices.Equal(o.APIGroups, r.APIGroups) && slices.Equal(o.Resources, r.Resources) && slices.Equal(o.ResourceNames, r.ResourceNames)
		})
		if i < 0 {
			out = append(out, *r.DeepCopy())
			continue
		}
		out[i].Verbs = append(out[i].Verbs, r.Verbs...)
	}
	return out
}

// inShort is a rule in one line.
func inShort(r rbacv1.PolicyRule) string {
	var out []string
	for _, part := range []struct {
		name   string
		values []string
	}{{"APIGroups", r.APIGroups}, {"Resources", r.Resources}, {"NonResourceURLs", r.NonResourceURLs}, {"ResourceNames", r.ResourceNames}, {"Verbs", r.Verbs}} {
		if len(part.values) > 0 {
			out = append(out, fmt.Sprintf("%s:%q", part.name, part.values))
		}
	}
	return "{" + strings.Join(out, ", ") + "}"
}
