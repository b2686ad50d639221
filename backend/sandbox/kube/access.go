package kube

import (
	"context"
	"fmt"
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
)

// A User is somebody who may log in.
type User struct {
	Name   string
	Groups []string
	Token  string
	May    []Rule
}

// A Rule lets its users do something, as a rule of RBAC does.
type Rule struct {
	Verbs      []string
	Groups     []string // of the API; "*" for all
	Resources  []string // "pods", "pods/log"; "*" for all with what is below them
	Namespaces []string // none: all, and what is in none
}

func (r Rule) grants(a authorizer.Attributes) bool {
	resource := a.GetResource()
	if a.GetSubresource() != "" {
		resource += "/" + a.GetSubresource()
	}
	return fits(r.Verbs, a.GetVerb()) && fits(r.Groups, a.GetAPIGroup()) && fits(r.Resources, resource) &&
		(r.Namespaces == nil || slices.Contains(r.Namespaces, a.GetNamespace()))
}

func fits(all []string, one string) bool {
	return slices.Contains(all, "*") || slices.Contains(all, one)
}

// access decides who may do what.
type access struct{ users []User }

// find gives a user; one who may do nothing where there is none of that name.
func (a access) find(name string) User {
	i := slices.IndexFunc(a.users, func(u User) bool { return u.Name == name })
	if i < 0 {
		return User{}
	}
	return a.users[i]
}

// Authorize implements authorizer.Authorizer. What is no resource everybody may read
// who has logged in: which kinds there are, and how the server is.
func (a access) Authorize(_ context.Context, at authorizer.Attributes) (authorizer.Decision, string, error) {
	switch who := at.GetUser(); {
	case slices.Contains(who.GetGroups(), user.SystemPrivilegedGroup):
		return authorizer.DecisionAllow, "", nil
	case !at.IsResourceRequest():
		if slices.Contains(who.GetGroups(), user.AllAuthenticated) && at.GetVerb() == "get" {
			return authorizer.DecisionAllow, "", nil
		}
	case at.GetAPIGroup() == authorizationv1.GroupName || at.GetAPIGroup() == authenticationv1.GroupName:
		return authorizer.DecisionAllow, "", nil // everybody may ask about themselves
	default:
		u := a.find(who.GetName())
		for _, r := range u.May {
			if r.grants(at) {
				return authorizer.DecisionAllow, "RBAC: allowed by a rule of " + u.Name, nil
			}
		}
	}
	return authorizer.DecisionNoOpinion, "", nil
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
	r.Status = authorizationv1.SubjectRulesReviewStatus{
		ResourceRules: []authorizationv1.ResourceRule{{
			Verbs: []string{"create"}, APIGroups: []string{authorizationv1.GroupName}, Resources: []string{"selfsubjectaccessreviews", "selfsubjectrulesreviews"},
		}},
		NonResourceRules: []authorizationv1.NonResourceRule{{Verbs: []string{"get"}, NonResourceURLs: []string{"*"}}},
	}
	for _, rule := range a.find(who.GetName()).May {
		if rule.Namespaces == nil || slices.Contains(rule.Namespaces, r.Spec.Namespace) {
			r.Status.ResourceRules = append(r.Status.ResourceRules, authorizationv1.ResourceRule{Verbs: rule.Verbs, APIGroups: rule.Groups, Resources: rule.Resources})
		}
	}
	return nil
}

func whoAmI(_ context.Context, obj runtime.Object, who user.Info) error {
	obj.(*authenticationv1.SelfSubjectReview).Status.UserInfo = authenticationv1.UserInfo{Username: who.GetName(), UID: who.GetUID(), Groups: who.GetGroups()}
	return nil
}
