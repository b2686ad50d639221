// Package jenkins is the adapter for Jenkins: jobs in their folders, builds with
// their stages, what waits in the queue, logs as they grow; and how a build is
// triggered, stopped, let go on or refused.
//
// Pipelines are what Jenkins calls jobs, branches of a multibranch project among
// them; folders are not. Stages and inputs need the plugin Pipeline Stage View
// (wfapi): without it there are none. Webapi's client is the client: none of the
// libraries for Jenkins in Go is kept up.
//
// Facts of the wire are those of jenkinsci's jenkins, stapler, workflow-job-plugin,
// pipeline-stage-view-plugin and pipeline-input-step-plugin.
package jenkins

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/link"
	"wheelhouse/backend/webapi"
)

// Protocol is that of a Jenkins controller; its URL is that of its dashboard. With
// a user, the secret is an API token, or the password.
func Protocol() link.Protocol {
	return link.Protocol{
		Name: "jenkins", View: "builds", Reads: reads, Probe: "/api/json?tree=mode", Sign: link.BasicOrBearer,
		Well: func(status int, body []byte) bool {
			return status == http.StatusOK && strings.Contains(string(body), `"mode"`)
		},
		User:      user,
		Redirects: true, // what is queued already, and what was stopped, it answers with one
	}
}

// user asks who Jenkins takes us for.
func user(ask link.Ask) string {
	status, body, err := ask(http.MethodGet, "/whoAmI/api/json?tree=name", "")
	var me struct{ Name string }
	if err != nil || status != http.StatusOK || json.Unmarshal(body, &me) != nil {
		return ""
	}
	return me.Name
}

// reading are the paths that are asked for and only read. A verb answers whatever
// stands behind its name, so that the whole path is looked at.
const reading = `^(/job/[^/]+)*(/api/json|/wfapi/runs|/[0-9]+/(api/json|consoleText|logText/progressiveText|wfapi/(describe|pendingInputActions|nextPendingInputAction)))$` +
	`|^/(whoAmI|queue|queue/item/[0-9]+|crumbIssuer)/api/json$`

var readingPath = regexp.MustCompile(reading)

func reads(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && readingPath.MatchString(r.URL.EscapedPath())
}

// Jenkins is one link's part of it. Safe for concurrent use.
type Jenkins struct {
	api    *webapi.Client
	limits limits
	crumb  crumb
	shots  snapshots
	stages stages
	old    atomic.Bool // the server knows no ranges

	mu    sync.Mutex
	turns map[string]chan struct{} // by job: who triggers a build that has no mark goes alone
	force map[backend.Ref]int      // of builds that were asked to stop: how hard
}

var (
	_ backend.Actor   = (*Jenkins)(nil)
	_ backend.Asker   = (*Jenkins)(nil)
	_ backend.Details = (*Jenkins)(nil)
	_ backend.Lines   = (*Jenkins)(nil)
)

// limits are how often and how much is asked, and for how long is waited.
type limits struct {
	fast, slow time.Duration // between two looks while something is going, and while nothing is
	builds     int           // the newest of each job that are shown
	jobs, rows int           // that are shown at most
	look       time.Duration // in which a build whose answer was lost must come up
	wait       time.Duration // for what was queued to begin, and what was stopped to end
	pause      time.Duration // between two looks at one thing that is waited for
	tail       time.Duration // between two looks at a log that grows
	window     int64         // bytes of a log that are looked back by at a time
	back       int64         // bytes of a log that are looked back by at most
}

// New makes the adapter for a link.
func New(l *link.Link) *Jenkins {
	return &Jenkins{
		api: webapi.New(l),
		limits: limits{
			fast: 2 * time.Second, slow: 10 * time.Second, builds: 10, jobs: 3000, rows: 6000,
			look: 10 * time.Second, wait: 30 * time.Second, pause: time.Second, tail: time.Second, window: 64 << 10, back: 16 << 20,
		},
		shots: snapshots{turn: make(chan struct{}, 1)},
		turns: map[string]chan struct{}{}, force: map[backend.Ref]int{},
	}
}

// Pipelines is the source of jobs. All of a server are one part.
func (j *Jenkins) Pipelines() backend.Source[delivery.Pipeline] {
	return webapi.Source(j.api, webapi.Poll[delivery.Pipeline]{Every: j.limits.fast, Read: j.pipelines})
}

// Builds is the source of the newest builds of each job and of what is queued. A
// scope's namespaces are names of jobs.
func (j *Jenkins) Builds() backend.Source[delivery.Build] {
	return webapi.Source(j.api, webapi.Poll[delivery.Build]{Every: j.limits.fast, Read: j.builds})
}

// stir has everything looked at again: something was changed.
func (j *Jenkins) stir() {
	j.shots.forget()
	j.api.Stir()
}
