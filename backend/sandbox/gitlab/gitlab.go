// Package gitlab maps the embedded world onto the wire of GitLab: its REST API in
// version 4, as far as pipelines and jobs go, and the one GraphQL query that tells
// what a pipeline can be told. A pipeline of the world is a project, a build is a
// pipeline, a stage is a job, and a gate is a manual job. What is not served is
// not found; nothing is decided here.
package gitlab

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"wheelhouse/backend/sandbox"
)

// The levels of access to a project, as GitLab counts them.
const (
	Guest      = 10
	Reporter   = 20
	Developer  = 30
	Maintainer = 40
)

// A User is who comes with a token, and what it may.
type User struct {
	Name     string
	Level    int            // of access to every project; zero: they can't be seen
	Projects map[string]int // where it is another
	ReadOnly bool           // the token's scope is read_api
}

// Options say where it is found and who may do what.
type Options struct {
	URL       string          // before what it calls its pages
	Users     map[string]User // by token
	Sealed    []string        // projects in which nobody may set variables
	NoGraphQL bool
}

// object is one of JSON.
type object map[string]any

// server is the handler.
type server struct {
	world *sandbox.World
	o     Options

	mu      sync.Mutex
	ids     map[string]int  // of projects, by name
	byAPI   map[int]bool    // builds that were asked for here, by ID
	reading map[string]bool // projects whose variables are known: the first who asks has to ask again
}

// New serves the world.
func New(w *sandbox.World, o Options) http.Handler {
	s := &server{world: w, o: o, ids: map[string]int{}, byAPI: map[int]bool{}, reading: map[string]bool{}}
	mux := http.NewServeMux()
	for pattern, h := range map[string]func(http.ResponseWriter, *request){
		"GET /api/v4/version":                     s.version,
		"GET /api/v4/user":                        s.user,
		"GET /api/v4/personal_access_tokens/self": s.token,
		"GET /api/v4/projects":                    s.projects,
	} {
		mux.HandleFunc(pattern, s.known(h))
	}
	const project = "/api/v4/projects/{project}"
	for pattern, h := range map[string]func(http.ResponseWriter, *request){
		"GET " + project: s.project,
		"GET " + project + "/repository/branches":            s.branches,
		"GET " + project + "/pipelines":                      s.pipelines,
		"POST " + project + "/pipeline":                      s.create,
		"GET " + project + "/pipelines/{pipeline}":           s.of(s.pipeline),
		"GET " + project + "/jobs/{job}":                     s.of(s.job),
		"GET " + project + "/jobs/{job}/trace":               s.of(s.trace),
		"POST " + project + "/jobs/{job}/play":               s.of(s.play),
		"POST " + project + "/jobs/{job}/cancel":             s.of(s.cancelJob),
		"POST " + project + "/jobs/{job}/retry":              s.of(s.retryJob),
		"POST " + project + "/pipelines/{pipeline}/cancel":   s.of(s.cancel),
		"POST " + project + "/pipelines/{pipeline}/retry":    s.of(s.retry),
		"GET " + project + "/pipelines/{pipeline}/variables": s.of(s.variables),
		"GET " + project + "/pipelines/{pipeline}/jobs":      s.of(s.jobs),
		"GET " + project + "/pipelines/{pipeline}/bridges":   s.of(s.bridges),
	} {
		mux.HandleFunc(pattern, s.known(s.within(h)))
	}
	if !o.NoGraphQL {
		mux.HandleFunc("POST /api/graphql", s.graphql)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotFound, object{"error": "404 Not Found"})
	})
	return mux
}

// A request is one with who sent it and what it is about.
type request struct {
	*http.Request
	user    User
	project sandbox.Pipeline
	level   int           // of the user's access to it
	build   sandbox.Build // where it is about one
	stage   int           // index of the job in it; -1 where it is about none
}

// known refuses who comes without a good token.
func (s *server) known(h func(http.ResponseWriter, *request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u, ok := s.who(r)
		switch {
		case !ok:
			answer(w, http.StatusUnauthorized, object{"message": "401 Unauthorized"})
		case u.ReadOnly && r.Method != http.MethodGet:
			answer(w, http.StatusForbidden, object{
				"error": "insufficient_scope", "scope": "api",
				"error_description": "The request requires higher privileges than provided by the access token.",
			})
		default:
			h(w, &request{Request: r, user: u, stage: -1})
		}
	}
}

func (s *server) who(r *http.Request) (User, bool) {
	token := r.Header.Get("Private-Token")
	if token == "" {
		token, _ = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	}
	u, ok := s.o.Users[token]
	return u, ok && token != ""
}

// within finds the project, for those who may see it.
func (s *server) within(h func(http.ResponseWriter, *request)) func(http.ResponseWriter, *request) {
	return func(w http.ResponseWriter, r *request) {
		name := r.PathValue("project")
		for _, p := range s.world.Pipelines("gitlab") {
			if p.Name != name && strconv.Itoa(s.id(p.Name)) != name {
				continue
			}
			if r.project, r.level = p, r.user.level(p.Name); r.level > 0 {
				h(w, r)
				return
			}
		}
		missing(w, "Project")
	}
}

// of finds the pipeline, or the job, that the path names.
func (s *server) of(h func(http.ResponseWriter, *request)) func(http.ResponseWriter, *request) {
	return func(w http.ResponseWriter, r *request) {
		pipeline, _ := strconv.Atoi(r.PathValue("pipeline"))
		job, _ := strconv.Atoi(r.PathValue("job"))
		b, err := s.world.BuildOf(r.project.Name, max(pipeline, job/perBuild))
		r.build, r.stage = b, slices.IndexFunc(b.Stages, func(g sandbox.Stage) bool { return job == jobID(b, g) })
		switch {
		case err != nil, pipeline == 0 && r.stage < 0:
			missing(w, "")
		case r.level < Reporter, r.project.Off, r.Method != http.MethodGet && r.level < Developer:
			forbidden(w)
		default:
			h(w, r)
		}
	}
}

func (u User) level(project string) int {
	if l, ok := u.Projects[project]; ok {
		return l
	}
	return u.Level
}

// id is that of a project, or of whatever else is named once.
func (s *server) id(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids[name] == 0 {
		s.ids[name] = len(s.ids) + 1
	}
	return s.ids[name]
}

func (s *server) version(w http.ResponseWriter, _ *request) {
	answer(w, http.StatusOK, object{"version": "18.5.1", "revision": "94c2a5ab5a9"})
}

func (s *server) user(w http.ResponseWriter, r *request) {
	answer(w, http.StatusOK, s.basicUser(r.user.Name))
}

func (s *server) basicUser(name string) object {
	return object{"id": s.id("@" + name), "username": name, "name": name, "state": "active", "locked": false, "web_url": s.o.URL + "/" + name}
}

func (s *server) token(w http.ResponseWriter, r *request) {
	scopes := []string{"api"}
	if r.user.ReadOnly {
		scopes = []string{"read_api"}
	}
	answer(w, http.StatusOK, object{"id": s.id("token of " + r.user.Name), "name": "wheelhouse", "revoked": false, "active": true, "scopes": scopes})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		return // who does not listen any more is gone
	}
}

func forbidden(w http.ResponseWriter) {
	answer(w, http.StatusForbidden, object{"message": "403 Forbidden"})
}

func missing(w http.ResponseWriter, what string) {
	answer(w, http.StatusNotFound, object{"message": strings.Join(append(append([]string{"404"}, strings.Fields(what)...), "Not Found"), " ")})
}

// stamp is a time as GitLab writes it; null for none.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// page answers with the part of a list that was asked for, and says in the headers
// what others there are.
func page[T any](w http.ResponseWriter, r *request, all []T, draw func(T) object) {
	q := r.URL.Query()
	per, at := number(q.Get("per_page"), 20), number(q.Get("page"), 1)
	per = min(per, 100)
	pages := max(1, (len(all)+per-1)/per)
	h := w.Header()
	h.Set("X-Total", strconv.Itoa(len(all)))
	h.Set("X-Total-Pages", strconv.Itoa(pages))
	h.Set("X-Per-Page", strconv.Itoa(per))
	h.Set("X-Page", strconv.Itoa(at))
	h.Set("X-Prev-Page", "")
	h.Set("X-Next-Page", "")
	var links []string
	link := func(rel string, to int) {
		q.Set("page", strconv.Itoa(to))
		q.Set("per_page", strconv.Itoa(per))
		links = append(links, "<http://"+r.Host+r.URL.EscapedPath()+"?"+q.Encode()+`>; rel="`+rel+`"`)
	}
	if at > 1 {
		h.Set("X-Prev-Page", strconv.Itoa(at-1))
		link("prev", at-1)
	}
	if at < pages {
		h.Set("X-Next-Page", strconv.Itoa(at+1))
		link("next", at+1)
	}
	link("first", 1)
	link("last", pages)
	h.Set("Link", strings.Join(links, ", "))
	from := min((at-1)*per, len(all))
	answer(w, http.StatusOK, drawn(all[from:min(from+per, len(all))], draw))
}

// keyset answers with the rows behind those that the last page ended with, in the
// order of their ids.
func keyset[T any](w http.ResponseWriter, r *request, all []T, id func(T) int, draw func(T) object) {
	q := r.URL.Query()
	per := min(number(q.Get("per_page"), 20), 100)
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(id(b), id(a)) })
	behind := "id_before"
	if q.Get("sort") == "asc" {
		slices.Reverse(all)
		behind = "id_after"
	}
	if last := number(q.Get(behind), 0); last > 0 {
		all = slices.DeleteFunc(all, func(one T) bool { return id(one) == last || (id(one) > last) != (behind == "id_after") })
	}
	if len(all) > per {
		all = all[:per]
		q.Set(behind, strconv.Itoa(id(all[per-1])))
		w.Header().Set("Link", "<http://"+r.Host+r.URL.EscapedPath()+"?"+q.Encode()+`>; rel="next"`)
	}
	answer(w, http.StatusOK, drawn(all, draw))
}

func drawn[T any](all []T, draw func(T) object) []object {
	out := []object{} // an empty list, and not null
	for _, one := range all {
		out = append(out, draw(one))
	}
	return out
}

func number(s string, otherwise int) int {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return n
	}
	return otherwise
}
