package kube

import (
	"maps"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/user"
)

// aggregates marks the roles of which another one is made.
const aggregates = "rbac.authorization.k8s.io/aggregate-to-"

// bootstrap gives a cluster the roles that every one has: for what everybody may, for
// who may everything, and those that people are bound to within their namespaces.
func (c *Cluster) bootstrap() {
	all := []string{"*"}
	of := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, Labels: map[string]string{"kubernetes.io/bootstrapping": "rbac-defaults"}, Annotations: map[string]string{rbacv1.AutoUpdateAnnotationKey: "true"}}
	}
	role := func(name string, rules ...rbacv1.PolicyRule) {
		c.Put(&rbacv1.ClusterRole{ObjectMeta: of(name), Rules: rules})
	}
	create := func(group string, resources ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{Verbs: []string{"create"}, APIGroups: []string{group}, Resources: resources}
	}
	role("cluster-admin", rbacv1.PolicyRule{Verbs: all, APIGroups: all, Resources: all}, rbacv1.PolicyRule{Verbs: all, NonResourceURLs: all})
	role("system:basic-user", create("authorization.k8s.io", "selfsubjectaccessreviews", "selfsubjectrulesreviews"), create("authentication.k8s.io", "selfsubjectreviews"))
	role("system:public-info-viewer", rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: []string{"/healthz", "/livez", "/readyz", "/version", "/version/"}})
	role("system:discovery", rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: []string{
		"/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version", "/version/",
	}})
	for _, name := range []string{"cluster-admin", "system:basic-user", "system:discovery", "system:public-info-viewer"} {
		group := user.AllAuthenticated
		if name == "cluster-admin" {
			group = user.SystemPrivilegedGroup
		}
		c.Create(&rbacv1.ClusterRoleBinding{ObjectMeta: of(name), RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: name}, Subjects: []rbacv1.Subject{{Kind: rbacv1.GroupKind, Name: group}}})
	}
	parts := map[string][]rbacv1.PolicyRule{"view": c.viewing(), "edit": c.editing(), "admin": {{
		Verbs: []string{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}, APIGroups: []string{rbacv1.GroupName}, Resources: []string{"rolebindings", "roles"},
	}}}
	within := map[string]string{"view": "edit", "edit": "admin"}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		part := &rbacv1.ClusterRole{ObjectMeta: of("system:aggregate-to-" + name), Rules: parts[name]}
		part.Labels[aggregates+name] = "true"
		c.Put(part)
		whole := &rbacv1.ClusterRole{ObjectMeta: of(name), AggregationRule: &rbacv1.AggregationRule{
			ClusterRoleSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{aggregates + name: "true"}}},
		}}
		if into := within[name]; into != "" {
			whole.Labels[aggregates+into] = "true"
		}
		c.Put(whole)
	}
}

// viewing are the rules of who may look at what is in a namespace, but secrets and who
// may do what.
func (c *Cluster) viewing() []rbacv1.PolicyRule {
	return c.over([]string{"get", "list", "watch"}, func(k Kind) (out []string) {
		if k.Resource == "secrets" {
			return nil
		}
		out = append(out, k.Resource)
		if k.Status {
			out = append(out, k.Resource+"/status")
		}
		if k.Scale {
			out = append(out, k.Resource+"/scale")
		}
		if k.Resource == "pods" {
			out = append(out, "pods/log")
		}
		return out
	})
}

// editing are those of who may change it, but not the limits that others have set.
func (c *Cluster) editing() []rbacv1.PolicyRule {
	into := []string{"pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets", "services/proxy"}
	not := []string{"events", "resourcequotas", "limitranges", "endpointslices", "controllerrevisions"}
	return append([]rbacv1.PolicyRule{
		{Verbs: []string{"get", "list", "watch"}, APIGroups: []string{""}, Resources: into},
		{Verbs: []string{"create", "delete", "deletecollection", "patch", "update"}, APIGroups: []string{""}, Resources: into},
		{Verbs: []string{"create"}, APIGroups: []string{""}, Resources: []string{"pods/eviction"}},
	}, c.over([]string{"create", "delete", "deletecollection", "patch", "update"}, func(k Kind) (out []string) {
		if slices.Contains(not, k.Resource) {
			return nil
		}
		out = append(out, k.Resource)
		if k.Scale {
			out = append(out, k.Resource+"/scale")
		}
		return out
	})...)
}

// over are rules for what is in a namespace, one for each group.
func (c *Cluster) over(verbs []string, of func(Kind) []string) (out []rbacv1.PolicyRule) {
	groups := map[string][]string{}
	for _, k := range c.kinds {
		if k.Namespaced && k.Group != rbacv1.GroupName {
			groups[k.Group] = append(groups[k.Group], of(k)...)
		}
	}
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		if resources := groups[group]; len(resources) > 0 {
			slices.Sort(resources)
			out = append(out, rbacv1.PolicyRule{Verbs: verbs, APIGroups: []string{group}, Resources: resources})
		}
	}
	return out
}
