package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
)

// A User is somebody who may log in. What they may do, the roles say that are bound to
// them.
type User struct {
	Name   string
	Groups []string
	Token  string
}

// access decides who may do what: as the roles of the cluster say.
type access struct{ *Cluster }

// visit shows the rules that hold for somebody, in a namespace or, where that is "",
// in all of them, with what says so, until one is enough. What could not be found out is
// the error.
func (a access) visit(who user.Info, namespace string, enough func(source string, rule *rbacv1.PolicyRule) bool) error {
	var unknown []error
	bound := func(kind string, of metav1.Object, ref rbacv1.RoleRef, subjects []rbacv1.Subject) bool {
		i := slices.IndexFunc(subjects, func(s rbacv1.Subject) bool { return means(s, who, of.GetNamespace()) })
		if i < 0 {
			return false
		}
		rules, err := a.role(ref, of.GetNamespace())
		if err != nil {
			unknown = append(unknown, err)
		}
		name, subject := of.GetName(), subjects[i].Name
		if of.GetNamespace() != "" {
			name += "/" + of.GetNamespace()
		}
		if subjects[i].Kind == rbacv1.ServiceAccountKind {
			subject += "/" + cmp.Or(subjects[i].Namespace, of.GetNamespace())
		}
		source := fmt.Sprintf("%s %q of %s %q to %s %q", kind, name, ref.Kind, ref.Name, subjects[i].Kind, subject)
		return slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool { return enough(source, &r) })
	}
	for _, b := range All[*rbacv1.ClusterRoleBinding](a.Cluster, "") {
		if bound("ClusterRoleBinding", b, b.RoleRef, b.Subjects) {
			return nil
		}
	}
	if namespace != "" {
		for _, b := range All[*rbacv1.RoleBinding](a.Cluster, namespace) {
			if bound("RoleBinding", b, b.RoleRef, b.Subjects) {
				return nil
			}
		}
	}
	return utilerrors.NewAggregate(unknown)
}

// means says whether somebody is the subject of a binding.
func means(s rbacv1.Subject, who user.Info, namespace string) bool {
	switch s.Kind {
	case rbacv1.UserKind:
		return who.GetName() == s.Name
	case rbacv1.GroupKind:
		return slices.Contains(who.GetGroups(), s.Name)
	case rbacv1.ServiceAccountKind:
		in := cmp.Or(s.Namespace, namespace)
		return in != "" && serviceaccount.MatchesUsername(in, s.Name, who.GetName())
	}
	return false
}

// role are the rules that a binding means.
func (a access) role(ref rbacv1.RoleRef, namespace string) ([]rbacv1.PolicyRule, error) {
	switch ref.Kind {
	case "Role":
		if r := Get[*rbacv1.Role](a.Cluster, namespace, ref.Name); r != nil {
			return r.Rules, nil
		}
		return nil, apierrors.NewNotFound(rbacv1.Resource("roles"), ref.Name)
	case "ClusterRole":
		if r := Get[*rbacv1.ClusterRole](a.Cluster, "", ref.Name); r != nil {
			return r.Rules, nil
		}
		return nil, apierrors.NewNotFound(rbacv1.Resource("clusterroles"), ref.Name)
	}
	return nil, fmt.Errorf("unsupported role reference kind: %q", ref.Kind)
}

// lets says whether a rule lets something be done.
func lets(r *rbacv1.PolicyRule, at authorizer.Attributes) bool {
	among := func(all []string, one string) bool { return slices.Contains(all, "*") || slices.Contains(all, one) }
	if !among(r.Verbs, at.GetVerb()) {
		return false
	}
	if !at.IsResourceRequest() {
		return slices.ContainsFunc(r.NonResourceURLs, func(url string) bool {
			start, any := strings.CutSuffix(url, "*")
			return url == at.GetPath() || any && strings.HasPrefix(at.GetPath(), start)
		})
	}
	resource := at.GetResource()
	below := at.GetSubresource() != "" && slices.Contains(r.Resources, "*/"+at.GetSubresource())
	if at.GetSubresource() != "" {
		resource += "/" + at.GetSubresource()
	}
	return among(r.APIGroups, at.GetAPIGroup()) && (below || among(r.Resources, resource)) && (len(r.ResourceNames) == 0 || slices.Contains(r.ResourceNames, at.GetName()))
}

// Authorize implements authorizer.Authorizer.
func (a access) Authorize(_ context.Context, at authorizer.Attributes) (authorizer.Decision, string, error) {
	who, by := at.GetUser(), ""
	if slices.Contains(who.GetGroups(), user.SystemPrivilegedGroup) {
		return authorizer.DecisionAllow, "", nil
	}
	err := a.visit(who, at.GetNamespace(), func(source string, r *rbacv1.PolicyRule) bool {
		if lets(r, at) {
			by = source
		}
		return by != ""
	})
	switch {
	case by != "":
		return authorizer.DecisionAllow, "RBAC: allowed by " + by, nil
	case err != nil:
		return authorizer.DecisionNoOpinion, "RBAC: " + err.Error(), nil
	}
	return authorizer.DecisionNoOpinion, "", nil
}

// held are all rules that hold for somebody.
func (a access) held(who user.Info, namespace string) (out []rbacv1.PolicyRule, err error) {
	err = a.visit(who, namespace, func(_ string, r *rbacv1.PolicyRule) bool {
		out = append(out, *r)
		return false
	})
	return out, err
}

// A review is a resource that is only created, to be answered.
type review struct {
	kind   runtime.Object
	name   string
	answer func(ctx context.Context, obj runtime.Object, who user.Info) error
}

// New implements rest.Storage.
func (r review) New() runtime.Object { return fresh(r.kind) }

// Destroy implements rest.Storage.
func (review) Destroy() {}

// NamespaceScoped implements rest.Scoper.
func (review) NamespaceScoped() bool { return false }

// GetSingularName implements rest.SingularNameProvider.
func (r review) GetSingularName() string { return r.name }

// Create answers it.
func (r review) Create(ctx context.Context, obj runtime.Object, _ rest.ValidateObjectFunc, _ *metav1.CreateOptions) (runtime.Object, error) {
	who, ok := genericapirequest.UserFrom(ctx)
	if !ok {
		return nil, fmt.Errorf("review: nobody asks")
	}
	return obj, r.answer(ctx, obj, who)
}

func (a access) mayI(ctx context.Context, obj runtime.Object, who user.Info) error {
	r := obj.(*authorizationv1.SelfSubjectAccessReview)
	at := authorizer.AttributesRecord{User: who}
	switch s := r.Spec; {
	case s.ResourceAttributes != nil:
		o := s.ResourceAttributes
		at.ResourceRequest, at.Verb, at.Namespace, at.APIGroup, at.APIVersion = true, o.Verb, o.Namespace, o.Group, o.Version
		at.Resource, at.Subresource, at.Name = o.Resource, o.Subresource, o.Name
	case s.NonResourceAttributes != nil:
		at.Verb, at.Path = s.NonResourceAttributes.Verb, s.NonResourceAttributes.Path
	}
	decision, reason, err := a.Authorize(ctx, at)
	r.Status = authorizationv1.SubjectAccessReviewStatus{Allowed: decision == authorizer.DecisionAllow, Reason: reason}
	return err
}

func (a access) rules(_ context.Context, obj runtime.Object, who user.Info) error {
	r := obj.(*authorizationv1.SelfSubjectRulesReview)
	if r.Spec.Namespace == "" {
		return apierrors.NewBadRequest("no namespace on request")
	}
	held, err := a.held(who, r.Spec.Namespace)
	r.Status = authorizationv1.SubjectRulesReviewStatus{ResourceRules: []authorizationv1.ResourceRule{}, NonResourceRules: []authorizationv1.NonResourceRule{}}
	if err != nil {
		r.Status.EvaluationError = err.Error()
	}
	for _, rule := range held {
		if len(rule.Resources) > 0 {
			r.Status.ResourceRules = append(r.Status.ResourceRules, authorizationv1.ResourceRule{Verbs: rule.Verbs, APIGroups: rule.APIGroups, Resources: rule.Resources, ResourceNames: rule.ResourceNames})
		}
		if len(rule.NonResourceURLs) > 0 {
			r.Status.NonResourceRules = append(r.Status.NonResourceRules, authorizationv1.NonResourceRule{Verbs: rule.Verbs, NonResourceURLs: rule.NonResourceURLs})
		}
	}
	return nil
}

func whoAmI(_ context.Context, obj runtime.Object, who user.Info) error {
	obj.(*authenticationv1.SelfSubjectReview).Status.UserInfo = authenticationv1.UserInfo{Username: who.GetName(), UID: who.GetUID(), Groups: who.GetGroups()}
	return nil
}
