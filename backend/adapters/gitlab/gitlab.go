// Package gitlab is the adapter for GitLab: its projects as pipelines, its
// pipelines as builds, how they are begun, stopped and let go on, and what their
// jobs write. It speaks through GitLab's own client library; what that reads whole
// and can grow without end, the jobs' logs, it reads itself.
//
// Facts of the wire are those of GitLab's REST API in version 4 (pipelines, jobs,
// projects), and of lib/api/ci/jobs.rb and ci/pipelines.rb of GitLab 18.
package gitlab

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	client "gitlab.com/gitlab-org/api/client-go"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/link"
	"wheelhouse/backend/webapi"
)

const (
	restPath    = "/api/v4/"
	graphqlPath = "/api/graphql"
)

// variablesQuery is the one GraphQL query that is sent: what a pipeline of a
// branch can be told.
const variablesQuery = `query($fullPath: ID!, $ref: String!) { project(fullPath: $fullPath) { ciConfigVariables(ref: $ref) { key value description valueOptions } } }`

// Protocol is that of a GitLab server, by the URL of its start page. The secret is
// an access token: personal, of a group, or of a project.
func Protocol() link.Protocol {
	return link.Protocol{
		Name: "gitlab", View: "builds", Reads: reads, Probe: restPath + "user",
		Well: func(status int, body []byte) bool {
			return status == http.StatusOK && strings.Contains(string(body), `"username"`)
		},
		User: func(ask link.Ask) string {
			var u struct{ Username string }
			if _, body, err := ask(http.MethodGet, restPath+"user", ""); err != nil || json.Unmarshal(body, &u) != nil {
				return ""
			}
			return u.Username
		},
		Version: func(ask link.Ask) (string, bool) {
			var v struct{ Version string }
			_, body, err := ask(http.MethodGet, restPath+"version", "")
			_ = json.Unmarshal(body, &v) // then it does not tell
			return v.Version, err == nil
		},
		Sign: func(user, secret string) (string, error) {
			if user != "" {
				return "", errors.New("GitLab takes a token alone: leave the user out")
			}
			return "Bearer " + secret, nil
		},
	}
}

// reads: what GitLab's API is asked for with GET changes nothing; of GraphQL, where
// everything is a POST, one query is known.
func reads(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return strings.HasPrefix(r.URL.EscapedPath(), restPath) && straight(r.URL) && r.Header.Get("Upgrade") == ""
	case http.MethodPost:
		return r.URL.EscapedPath() == graphqlPath && r.URL.RawQuery == "" && asksForVariables(r)
	}
	return false
}

// straight says that a path leads where it says: a server, or what stands before it,
// may leave out segments that are empty or dots, and escapes.
func straight(u *url.URL) bool {
	path, err := url.PathUnescape(u.EscapedPath())
	if err != nil {
		return false
	}
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if again, err := url.PathUnescape(segment); segment == "" || err == nil && (again == "." || again == "..") {
			return false
		}
	}
	return true
}

func asksForVariables(r *http.Request) bool {
	if r.GetBody == nil {
		return false
	}
	body, err := r.GetBody()
	if err != nil {
		return false
	}
	defer body.Close()
	var asked map[string]any
	limited := json.NewDecoder(io.LimitReader(body, 1<<16))
	if limited.Decode(&asked) != nil || limited.More() {
		return false
	}
	for name := range asked {
		if name != "query" && name != "variables" {
			return false
		}
	}
	return asked["query"] == variablesQuery
}

// limits bound what is asked for, and how often. Of the projects that are not
// followed the feeds say how many there are, of the older pipelines of each its
// details.
type limits struct {
	projects int // that are followed, the most recently active ones
	named    int // that are followed where they are named
	builds   int // that are shown of each, the newest ones
	details  int // pipelines whose jobs are read in one round
	atOnce   int // requests

	round time.Duration // between two looks at what goes on
	still time.Duration // between two looks at a project where nothing does; longer for more projects than usual
	list  time.Duration // between two looks at which projects there are; the same

	looks    []time.Duration // the waits before each look for what came of a lost answer
	settle   time.Duration   // between two looks at what is to become of a change
	variable time.Duration   // the wait before GitLab is asked again for what it still reads
	trace    time.Duration   // between two looks at a log that grows
}

func usual() limits {
	return limits{
		projects: 50, named: 200, builds: 10, details: 12, atOnce: 6,
		round: 2500 * time.Millisecond, still: 15 * time.Second, list: 30 * time.Second,
		// A minute: no request lives longer in GitLab.
		looks:  []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 15 * time.Second, 30 * time.Second},
		settle: 400 * time.Millisecond, variable: 400 * time.Millisecond, trace: 2 * time.Second,
	}
}

// GitLab is one link's part of it. Safe for concurrent use.
type GitLab struct {
	api    *webapi.Client
	rest   *client.Client
	pace   *pace
	limits limits
	board  *board
	told   *told
	marks  *marks
}

var (
	_ backend.Actor   = (*GitLab)(nil)
	_ backend.Asker   = (*GitLab)(nil)
	_ backend.Details = (*GitLab)(nil)
	_ backend.Lines   = (*GitLab)(nil)
)

// New makes the adapter for a link. Nothing is sent before it is needed.
func New(l *link.Link) *GitLab { return limited(l, usual()) }

func limited(l *link.Link, limits limits) *GitLab {
	g := &GitLab{api: webapi.New(l), limits: limits, board: newBoard(), told: newTold(), marks: newMarks()}
	g.api.Through(func(way http.RoundTripper) http.RoundTripper {
		g.pace = &pace{way: way}
		return g.pace
	})
	way := l.Client()
	way.Transport = reader{g.pace}
	// An error can only come of options, which are constant, and of the address,
	// which the link has made.
	g.rest, _ = client.NewAuthSourceClient(client.Unauthenticated{},
		client.WithBaseURL(l.Base()), client.WithHTTPClient(way), client.WithoutRetries(), client.WithCustomLimiter(g.pace))
	return g
}

// Pipelines is the source of projects. A project lies in no namespace of a scope:
// all are shown.
func (g *GitLab) Pipelines() backend.Source[delivery.Pipeline] {
	return webapi.Source(g.api, webapi.Poll[delivery.Pipeline]{Every: g.limits.round, Read: g.pipelineRows})
}

// Builds is the source of their pipelines. The namespaces of a scope are the full
// paths of projects.
func (g *GitLab) Builds() backend.Source[delivery.Build] {
	return webapi.Source(g.api, webapi.Poll[delivery.Build]{Every: g.limits.round, Read: g.buildRows})
}
