package link

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// Kubernetes is the protocol of every link that a kubeconfig leads to.
func Kubernetes() Protocol {
	return Protocol{
		Name: "kubernetes", View: "pods", Reads: KubernetesReads, Probe: "/livez",
		// Who may not see the probe is let in; who may not act as somebody is not.
		Well: func(status int, body []byte) bool {
			switch status {
			case http.StatusForbidden:
				return !strings.Contains(newAnswer(status, body).said, "cannot impersonate")
			case http.StatusNotFound, http.StatusTooManyRequests:
				return true
			}
			return status < 300
		},
		User: kubernetesUser, Version: kubernetesVersion,
	}
}

// kubernetesVersion reads /version.
func kubernetesVersion(ask Ask) (version string, ok bool) {
	_, body, err := ask(http.MethodGet, "/version", "")
	var v struct{ GitVersion string }
	_ = json.Unmarshal(body, &v) // what is no such object has no version
	return v.GitVersion, err == nil
}

// kubernetesUser creates a SelfSubjectReview (authentication.k8s.io/v1, served
// since Kubernetes 1.28).
func kubernetesUser(ask Ask) string {
	const review = `{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}`
	_, body, _ := ask(http.MethodPost, "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
	var v struct {
		Status struct {
			UserInfo struct{ Username string }
		}
	}
	_ = json.Unmarshal(body, &v)
	return v.Status.UserInfo.Username
}

// KubernetesReads says whether a request to a Kubernetes API server only reads.
// What is not known to read, does not. GET, HEAD and OPTIONS do, but for those
// that leave HTTP and the subresources that reach into a pod or through the
// server to something else (exec and port-forward are GET upgrades; a proxied
// GET is whatever the service makes of it). POSTs read only when they ask who
// one is or what one may do; dry runs do not, as webhooks run for them.
func KubernetesReads(req *http.Request) bool {
	if upgrades(req) {
		return false
	}
	at := parsePath(req.URL.Path)
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return !at.odd && !at.reaches()
	case http.MethodPost:
		return !at.odd && at.reviews()
	}
	return false
}

// A kubePath is a request path of the Kubernetes API, taken apart ("API
// Concepts", Resource URIs). Paths that are none have no resource.
type kubePath struct {
	group, resource, name, sub string
	odd                        bool // holds what no client sends: nothing is known of it
}

// parsePath reads prefix/{api/v1|apis/group/version}[/namespaces/ns]/resource[/name[/sub…]].
// The prefix is that of servers that stand behind a portal.
func parsePath(path string) (p kubePath) {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	p.odd = path != "/" && slices.ContainsFunc(segments, func(s string) bool { return s == "" || s == "." || s == ".." })
	for i, s := range segments {
		rest := segments[i+1:]
		switch {
		case s == "api" && len(rest) > 0 && rest[0] == "v1":
			p.object(rest[1:])
			return p
		case s == "apis":
			if len(rest) > 2 {
				p.group = rest[0]
				p.object(rest[2:])
			}
			return p
		}
	}
	return p
}

func (p *kubePath) object(rest []string) {
	if len(rest) > 2 && rest[0] == "namespaces" {
		rest = rest[2:]
	}
	for i, to := range []*string{&p.resource, &p.name, &p.sub} {
		if i < len(rest) {
			*to = rest[i]
		}
	}
}

// reaches says whether it leads beyond the API server.
func (p kubePath) reaches() bool {
	switch p.sub {
	case "exec", "attach", "portforward", "proxy":
		return true
	}
	return p.resource == "proxy" || p.resource == "redirect" // as old servers have them
}

// reviews says whether it is that of a review: what is created there is a
// question, and nothing is stored.
func (p kubePath) reviews() bool {
	if p.name != "" {
		return false
	}
	switch p.group {
	case "authorization.k8s.io":
		switch p.resource {
		case "selfsubjectaccessreviews", "selfsubjectrulesreviews", "subjectaccessreviews", "localsubjectaccessreviews":
			return true
		}
	case "authentication.k8s.io":
		return p.resource == "selfsubjectreviews"
	}
	return false
}
