// Package jenkins serves the embedded world as Jenkins does: jobs and builds as
// JSON with ?tree= and ?depth=, the queue, logs as they grow, the stages of
// Pipeline Stage View, inputs, crumbs. What happens is decided in the world; here
// stands only how Jenkins says it, and nothing of whoever asks.
//
// The facts are those of jenkinsci's jenkins, stapler, pipeline-stage-view-plugin
// and pipeline-input-step-plugin.
package jenkins

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"wheelhouse/backend/sandbox"
)

// Version is what the server calls itself.
const Version = "2.516.3"

// Options say who may do what. Without users everybody may do everything.
type Options struct {
	Users    map[string]User
	NoStages bool // Pipeline Stage View is not installed: there is no wfapi
	NoTails  bool // the log is an older one, which can't be asked for its end
}

// A User is somebody who may log in.
type User struct {
	Token    string // an API token, which needs no crumb; empty: none
	Password string // with which changes need a crumb; empty: none
	ReadOnly bool   // changes nothing
}

type server struct {
	world *sandbox.World
	o     Options

	mu     sync.Mutex
	crumbs map[string]string // by session and user
	orders sync.Mutex        // held while something is put into the queue
}

// New serves a world.
func New(w *sandbox.World, o Options) http.Handler {
	return &server{world: w, o: o, crumbs: map[string]string{}}
}

// A call is one request with who sent it.
type call struct {
	http.ResponseWriter
	*http.Request
	user  string // "anonymous" for nobody in particular
	token bool
	base  string
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Jenkins", Version)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	c := &call{ResponseWriter: w, Request: r, user: "anonymous", base: "http://" + r.Host + "/"}
	if status, why := s.may(c); why != "" {
		c.page(status, why)
		return
	}
	path := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	for i, p := range path {
		path[i], _ = url.PathUnescape(p) // what does not read is not found
	}
	if !s.route(c, path) {
		c.page(http.StatusNotFound, "Not Found")
	}
}

// may finds who sends a call, and says why not where it is refused.
func (s *server) may(c *call) (status int, why string) {
	if name, secret, ok := c.BasicAuth(); ok {
		u, known := s.o.Users[name]
		c.token = known && u.Token != "" && secret == u.Token
		if !c.token && (!known || u.Password == "" || secret != u.Password) {
			c.Header().Set("WWW-Authenticate", `Basic realm="Jenkins"`)
			return http.StatusUnauthorized, "Invalid password/token for user: " + name
		}
		c.user = name
	}
	switch {
	case len(s.o.Users) > 0 && c.user == "anonymous":
		return http.StatusForbidden, "Authentication required: anonymous is missing the Overall/Read permission"
	case c.Method != http.MethodPost:
	case !c.token && !s.crumbed(c):
		return http.StatusForbidden, "No valid crumb was included in the request"
	case s.o.Users[c.user].ReadOnly:
		return http.StatusForbidden, c.user + " is missing the Job/Build permission"
	}
	return 0, ""
}

// route finds who answers; false: nobody.
func (s *server) route(c *call, path []string) bool {
	switch rest := strings.Join(path, "/"); rest {
	case "api/json":
		c.export(s.root(c))
	case "whoAmI/api/json":
		c.export(bean{"hudson.security.WhoAmI", []field{
			has("anonymous", shallow, c.user == "anonymous"), has("authenticated", shallow, c.user != "anonymous"),
			has("authorities", shallow, []any{"authenticated"}), has("name", shallow, c.user),
		}})
	case "":
		c.page(http.StatusOK, "Dashboard [Jenkins]")
	case "me/api/json":
		c.export(bean{"hudson.model.User", []field{
			has("id", shallow, c.user), has("fullName", always, c.user), has("absoluteUrl", always, c.base+"user/"+url.PathEscape(c.user)), has("description", shallow, nil),
		}})
	case "crumbIssuer/api/json":
		s.issue(c)
	case "queue/api/json":
		c.export(bean{"hudson.model.Queue", []field{has("items", shallow, s.queue(c))}})
	case "queue/cancelItem":
		return s.cancel(c)
	default:
		if id, ok := strings.CutPrefix(rest, "queue/item/"); ok {
			return s.queueItem(c, strings.TrimSuffix(id, "/api/json"))
		}
		return s.job(c, path)
	}
	return true
}

// job answers below /job/a/job/b.
func (s *server) job(c *call, path []string) bool {
	var names []string
	for len(path) >= 2 && path[0] == "job" {
		names, path = append(names, path[1]), path[2:]
	}
	name, what := strings.Join(names, "/"), strings.Join(path, "/")
	if name == "" {
		return false
	}
	p, ok := s.pipeline(name)
	if !ok {
		folder := what == "api/json" && len(s.below(name)) > 0
		if folder {
			c.export(s.folder(c, name))
		}
		return folder
	}
	switch what {
	case "":
		c.page(http.StatusOK, p.Name+" [Jenkins]")
	case "api/json":
		c.export(s.jobBean(c, p))
	case "build":
		s.build(c, p, false)
	case "buildWithParameters":
		s.build(c, p, true)
	case "wfapi/runs":
		return s.runs(c, p)
	default:
		return s.ofBuild(c, p, path)
	}
	return true
}

// ofBuild answers below a build.
func (s *server) ofBuild(c *call, p sandbox.Pipeline, path []string) bool {
	number, err := strconv.Atoi(path[0])
	if path[0] == "lastBuild" {
		number, err = s.lastOf(p.Name), nil
	}
	b, none := s.world.Build(p.Name, number)
	if err != nil || none != nil || !s.began(b) {
		return false
	}
	path = path[1:]
	switch what := strings.Join(path, "/"); what {
	case "":
		c.page(http.StatusOK, fmt.Sprintf("%s #%d [Jenkins]", p.Name, b.Number))
	case "api/json":
		c.export(s.buildBean(c, p, b))
	case "logText/progressiveText":
		s.progressive(c, b)
	case "consoleText":
		c.Header().Set("Content-Type", "text/plain;charset=utf-8")
		_, _ = c.Write([]byte(b.Log(s.world.Now())))
	case "stop", "term", "kill":
		s.stop(c, p, b)
	default:
		return s.inBuild(c, p, b, path)
	}
	return true
}

// inBuild answers for what plugins add to a build.
func (s *server) inBuild(c *call, p sandbox.Pipeline, b sandbox.Build, path []string) bool {
	switch {
	case len(path) == 3 && path[0] == "input":
		return s.input(c, p, b, path[1], path[2])
	case len(path) == 2 && path[0] == "wfapi" && !s.o.NoStages:
		return s.wfapi(c, p, b, path[1])
	}
	return false
}

// crumbed says whether a change carries the crumb of its session and user.
func (s *server) crumbed(c *call) bool {
	cookie, err := c.Cookie("JSESSIONID")
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	crumb := s.crumbs[cookie.Value+" "+c.user]
	return crumb != "" && c.Request.Header.Get("Jenkins-Crumb") == crumb
}

// issue gives a crumb, in the session that the request has, or a new one.
func (s *server) issue(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var session string
	if cookie, err := c.Cookie("JSESSIONID"); err == nil {
		session = cookie.Value
	} else {
		session = rand.Text()
		http.SetCookie(c, &http.Cookie{Name: "JSESSIONID", Value: session, Path: "/", HttpOnly: true})
	}
	key := session + " " + c.user
	if s.crumbs[key] == "" {
		s.crumbs[key] = rand.Text()
	}
	c.json(map[string]any{
		"_class": "hudson.security.csrf.DefaultCrumbIssuer", "crumb": s.crumbs[key], "crumbRequestField": "Jenkins-Crumb",
	})
}

// export answers with a bean as ?tree= or ?depth= want it.
func (c *call) export(b bean) {
	var t tree
	if want := c.FormValue("tree"); want != "" {
		var err error
		if t, err = parseTree(want); err != nil {
			c.page(http.StatusBadRequest, "Illegal tree")
			return
		}
	}
	depth, _ := strconv.Atoi(c.FormValue("depth")) // none is none
	c.json(b.export(t, depth, 0))
}

func (c *call) json(v any) {
	c.Header().Set("Content-Type", "application/json;charset=utf-8")
	text, err := json.Marshal(v)
	if err != nil {
		c.page(http.StatusInternalServerError, err.Error())
		return
	}
	_, _ = c.Write(text)
}

// page is what Jenkins shows to browsers.
func (c *call) page(status int, why string) {
	c.Header().Set("Content-Type", "text/html;charset=utf-8")
	c.WriteHeader(status)
	fmt.Fprintf(c, "<html><head><title>%d %s</title></head><body><h2>HTTP %d</h2><p>%s</p></body></html>",
		status, http.StatusText(status), status, html.EscapeString(why))
}

func (c *call) redirect(status int, to string) {
	c.Header().Set("Location", to)
	c.WriteHeader(status)
}

// posted says whether it is a POST, and refuses it else.
func (c *call) posted() bool {
	if c.Method != http.MethodPost {
		c.Header().Set("Allow", http.MethodPost)
		c.page(http.StatusMethodNotAllowed, "Form post required")
		return false
	}
	return true
}

// Header is the answer's.
func (c *call) Header() http.Header { return c.ResponseWriter.Header() }

// Write writes the answer's body.
func (c *call) Write(b []byte) (int, error) { return c.ResponseWriter.Write(b) }

// below are the pipelines in a folder and its folders.
func (s *server) below(folder string) []sandbox.Pipeline {
	return slices.DeleteFunc(s.world.Pipelines("jenkins"), func(p sandbox.Pipeline) bool { return !strings.HasPrefix(p.Name, folder+"/") })
}

func (s *server) pipeline(name string) (sandbox.Pipeline, bool) {
	for _, p := range s.world.Pipelines("jenkins") {
		if p.Name == name {
			return p, true
		}
	}
	return sandbox.Pipeline{}, false
}
