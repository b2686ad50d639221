package kube

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/validation/path"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// roleKinds are what says who may do what.
func roleKinds() []Kind {
	gv, name := rbacv1.SchemeGroupVersion, path.ValidatePathSegmentName
	return []Kind{
		{GroupVersion: gv, Kind: "Role", Resource: "roles", Namespaced: true, Object: &rbacv1.Role{}, List: &rbacv1.RoleList{}, Bare: true, Columns: madeColumns(), Called: name, Valid: validRole},
		{GroupVersion: gv, Kind: "ClusterRole", Resource: "clusterroles", Object: &rbacv1.ClusterRole{}, List: &rbacv1.ClusterRoleList{}, Bare: true, Columns: madeColumns(), Called: name, Valid: validRole},
		{GroupVersion: gv, Kind: "RoleBinding", Resource: "rolebindings", Namespaced: true, Object: &rbacv1.RoleBinding{}, List: &rbacv1.RoleBindingList{}, Columns: bindingColumns(), Called: name, Default: defaultBinding, Valid: validBinding},
		{GroupVersion: gv, Kind: "ClusterRoleBinding", Resource: "clusterrolebindings", Object: &rbacv1.ClusterRoleBinding{}, List: &rbacv1.ClusterRoleBindingList{}, Columns: bindingColumns(), Called: name, Default: defaultBinding, Valid: validBinding},
	}
}

// madeColumns are those of a kind that has none of its own.
func madeColumns() []Column {
	return []Column{
		{Name: "Name", Value: func(o runtime.Object) any { return metaOf(o).GetName() }},
		{Name: "Created At", Value: func(o runtime.Object) any {
			return metaOf(o).GetCreationTimestamp().UTC().Format("2006-01-02T15:04:05Z")
		}},
	}
}

func bindingColumns() []Column {
	of := func(kind string) func(runtime.Object) any {
		return func(o runtime.Object) any {
			_, subjects := binds(o)
			var names []string
			for _, s := range *subjects {
				switch {
				case s.Kind != kind:
				case kind == rbacv1.ServiceAccountKind:
					names = append(names, s.Namespace+"/"+s.Name)
				default:
					names = append(names, s.Name)
				}
			}
			return strings.Join(names, ", ")
		}
	}
	return []Column{
		{Name: "Role", Value: func(o runtime.Object) any {
			ref, _ := binds(o)
			return ref.Kind + "/" + ref.Name
		}},
		{Name: "Users", Wide: true, Value: of(rbacv1.UserKind)},
		{Name: "Groups", Wide: true, Value: of(rbacv1.GroupKind)},
		{Name: "ServiceAccounts", Wide: true, Value: of(rbacv1.ServiceAccountKind)},
	}
}

// binds is what a binding gives to whom.
func binds(obj runtime.Object) (*rbacv1.RoleRef, *[]rbacv1.Subject) {
	if b, ok := obj.(*rbacv1.RoleBinding); ok {
		return &b.RoleRef, &b.Subjects
	}
	b := obj.(*rbacv1.ClusterRoleBinding)
	return &b.RoleRef, &b.Subjects
}

// rulesOf are those of a role.
func rulesOf(obj runtime.Object) []rbacv1.PolicyRule {
	if r, ok := obj.(*rbacv1.Role); ok {
		return r.Rules
	}
	return obj.(*rbacv1.ClusterRole).Rules
}

func defaultBinding(obj runtime.Object) {
	ref, subjects := binds(obj)
	set(&ref.APIGroup, rbacv1.GroupName)
	for i := range *subjects {
		if s := &(*subjects)[i]; s.Kind == rbacv1.UserKind || s.Kind == rbacv1.GroupKind {
			set(&s.APIGroup, rbacv1.GroupName)
		}
	}
}

func validRole(obj, _ runtime.Object) (out field.ErrorList) {
	within := metaOf(obj).GetNamespace() != ""
	for i, r := range rulesOf(obj) {
		at := field.NewPath("rules").Index(i)
		if len(r.Verbs) == 0 {
			out = append(out, field.Required(at.Child("verbs"), "verbs must contain at least one value"))
		}
		if len(r.NonResourceURLs) > 0 {
			if within {
				out = append(out, field.Invalid(at.Child("nonResourceURLs"), r.NonResourceURLs, "namespaced rules cannot apply to non-resource URLs"))
			}
			if len(r.APIGroups) > 0 || len(r.Resources) > 0 || len(r.ResourceNames) > 0 {
				out = append(out, field.Invalid(at.Child("nonResourceURLs"), r.NonResourceURLs, "rules cannot apply to both regular resources and non-resource URLs"))
			}
			continue
		}
		if len(r.APIGroups) == 0 {
			out = append(out, field.Required(at.Child("apiGroups"), "resource rules must supply at least one api group"))
		}
		if len(r.Resources) == 0 {
			out = append(out, field.Required(at.Child("resources"), "resource rules must supply at least one resource"))
		}
	}
	if r, ok := obj.(*rbacv1.ClusterRole); ok && r.AggregationRule != nil && len(r.AggregationRule.ClusterRoleSelectors) == 0 {
		out = append(out, field.Required(field.NewPath("aggregationRule", "clusterRoleSelectors"), "at least one clusterRoleSelector required if aggregationRule is non-nil"))
	}
	return out
}

func validBinding(obj, old runtime.Object) (out field.ErrorList) {
	ref, subjects := binds(obj)
	within := metaOf(obj).GetNamespace() != ""
	kinds := []string{"ClusterRole"}
	if within {
		kinds = []string{"Role", "ClusterRole"}
	}
	at := field.NewPath("roleRef")
	if ref.APIGroup != rbacv1.GroupName {
		out = append(out, field.NotSupported(at.Child("apiGroup"), ref.APIGroup, []string{rbacv1.GroupName}))
	}
	if !slices.Contains(kinds, ref.Kind) {
		out = append(out, field.NotSupported(at.Child("kind"), ref.Kind, kinds))
	}
	if ref.Name == "" {
		out = append(out, field.Required(at.Child("name"), ""))
	}
	for i, s := range *subjects {
		out = append(out, validSubject(s, within, field.NewPath("subjects").Index(i))...)
	}
	if old != nil {
		if was, _ := binds(old); *was != *ref {
			out = append(out, field.Invalid(at, struct{ APIGroup, Kind, Name string }(*ref), "cannot change roleRef"))
		}
	}
	return out
}

func validSubject(s rbacv1.Subject, within bool, at *field.Path) (out field.ErrorList) {
	if s.Name == "" {
		out = append(out, field.Required(at.Child("name"), ""))
	}
	group := rbacv1.GroupName
	switch s.Kind {
	case rbacv1.ServiceAccountKind:
		group = ""
		if !within && s.Namespace == "" {
			out = append(out, field.Required(at.Child("namespace"), ""))
		}
	case rbacv1.UserKind, rbacv1.GroupKind:
	default:
		return append(out, field.NotSupported(at.Child("kind"), s.Kind, []string{rbacv1.ServiceAccountKind, rbacv1.UserKind, rbacv1.GroupKind}))
	}
	if s.APIGroup != group {
		out = append(out, field.NotSupported(at.Child("apiGroup"), s.APIGroup, []string{group}))
	}
	return out
}

// aggregate has a role that is made of others have their rules.
func aggregate(c *Cluster, _, name string) {
	r := Get[*rbacv1.ClusterRole](c, "", name)
	if r == nil || r.AggregationRule == nil {
		return
	}
	rules := []rbacv1.PolicyRule{}
	for _, selector := range r.AggregationRule.ClusterRoleSelectors {
		s, err := metav1.LabelSelectorAsSelector(&selector)
		for _, one := range All[*rbacv1.ClusterRole](c, "") {
			if err != nil || one.Name == name || !s.Matches(labels.Set(one.Labels)) {
				continue
			}
			for _, rule := range one.Rules {
				if !slices.ContainsFunc(rules, func(had rbacv1.PolicyRule) bool { return apiequality.Semantic.DeepEqual(had, rule) }) {
					rules = append(rules, rule)
				}
			}
		}
	}
	Change(c, "", name, func(r *rbacv1.ClusterRole) { r.Rules = rules })
}
