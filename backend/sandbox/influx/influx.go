// Package influx serves the embedded world as InfluxDB 2 does: its series in buckets,
// asked for in Flux. Of Flux it has what charts use, and says of everything else what
// it does not know. What is measured is decided in the world; here stands only how
// InfluxDB keeps and tells it.
//
// The facts are those of InfluxDB 2.7.12, seen there.
package influx

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"wheelhouse/backend/sandbox"
)

// Version is what the server calls itself.
const Version = "v2.7.12"

// Options say what there is and who may see it.
type Options struct {
	Org     string
	Buckets []Bucket
	Tokens  map[string]User // by the token
}

// A Bucket keeps the series of a cluster, or of all.
type Bucket struct {
	Name    string
	Cluster string        // empty: of all
	Keeps   time.Duration // how long; zero: for ever
}

// A User is whose token it is.
type User struct {
	Name  string
	Reads []string // buckets; nil: all
}

type server struct {
	world *sandbox.World
	o     func() Options
}

// New serves a world. What there is and who may see it is asked for with each request.
func New(w *sandbox.World, o func() Options) http.Handler {
	s := &server{w, o}
	mux := http.NewServeMux()
	for path, h := range map[string]map[string]http.HandlerFunc{
		"/health":        {http.MethodGet: s.health},
		"/ping":          {http.MethodGet: s.ping, http.MethodHead: s.ping},
		"/query":         {http.MethodGet: s.influxQL, http.MethodPost: s.influxQL},
		"/api/v2/query":  {http.MethodPost: s.query},
		"/api/v2/me":     {http.MethodGet: s.me},
		"/api/v2/orgs":   {http.MethodGet: s.orgs},
		"/api/v2/ping":   {http.MethodGet: s.ping},
		"/api/v2/health": {http.MethodGet: s.health},
		"/api/v2/buckets": {
			http.MethodGet: s.list,
		},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if do := h[r.Method]; do != nil {
				do(w, r)
				return
			}
			methods := []string{http.MethodOptions}
			for m := range h {
				methods = append(methods, m)
			}
			slices.Sort(methods)
			w.Header().Set("Allow", strings.Join(methods, ", "))
			refuse(w, http.StatusMethodNotAllowed, "method not allowed", "allow: "+strings.Join(methods, ", "))
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "not found", "path not found")
	})
	return mux
}

type object map[string]any

func answer(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		status, b = http.StatusInternalServerError, nil
	}
	marked(w)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b) // whoever has gone does not read it
}

func marked(w http.ResponseWriter) {
	w.Header().Set("X-Influxdb-Build", "OSS")
	w.Header().Set("X-Influxdb-Version", Version)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Platform-Error-Code", code)
	answer(w, status, object{"code": code, "message": message})
}

// identified is the ID that something of a name has.
func identified(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:8])
}

// user finds whose token a request has; false where it was refused. The password of an
// InfluxDB 1 client is the token.
func (s *server) user(w http.ResponseWriter, r *http.Request) (User, bool) {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if _, password, ok := r.BasicAuth(); ok {
		kind, token = "token", password
	}
	if p := r.URL.Query().Get("p"); kind == "" && r.URL.Path == "/query" {
		kind, token = "token", p
	}
	for known, u := range s.o().Tokens {
		if (strings.EqualFold(kind, "token") || strings.EqualFold(kind, "bearer")) && subtle.ConstantTimeCompare([]byte(known), []byte(token)) == 1 {
			return u, true
		}
	}
	refuse(w, http.StatusUnauthorized, "unauthorized", "unauthorized access")
	return User{}, false
}

// source is what somebody may read.
func (s *server) source(u User) *source {
	o := s.o()
	out := &source{world: s.world, org: identified(o.Org)}
	for _, b := range o.Buckets {
		if u.Reads == nil || slices.Contains(u.Reads, b.Name) {
			out.buckets = append(out.buckets, b)
		}
	}
	return out
}

func (s *server) health(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, object{
		"name": "influxdb", "message": "ready for queries and writes", "status": "pass", "checks": []object{}, "version": Version, "commit": "none",
	})
}

func (s *server) ping(w http.ResponseWriter, _ *http.Request) {
	marked(w)
	w.WriteHeader(http.StatusNoContent)
}

// influxQL is the query of InfluxDB 1, of which only the list of databases is served.
func (s *server) influxQL(w http.ResponseWriter, r *http.Request) {
	u, ok := s.user(w, r)
	if !ok {
		return
	}
	q := strings.TrimSuffix(strings.TrimSpace(r.FormValue("q")), ";")
	if !regexp.MustCompile(`(?i)^show\s+databases$`).MatchString(q) {
		found, at := "EOF", len(q)+1
		if words := strings.Fields(q); len(words) > 0 {
			found, at = words[min(1, len(words)-1)], 1
		}
		refuse(w, http.StatusBadRequest, "invalid", fmt.Sprintf("failed to parse query: found %s, expected DATABASES at line 1, char %d", found, at))
		return
	}
	one := object{"name": "databases", "columns": []string{"name"}}
	var names [][]string
	for _, b := range s.source(u).buckets {
		names = append(names, []string{b.Name})
	}
	if names != nil {
		one["values"] = names
	}
	answer(w, http.StatusOK, object{"results": []object{{"statement_id": 0, "series": []object{one}}}})
}

const longest = 1 << 20 // bytes of a request

// query carries a script out.
func (s *server) query(w http.ResponseWriter, r *http.Request) {
	u, ok := s.user(w, r)
	if !ok {
		return
	}
	script, d, why := s.asked(w, r)
	if why != "" {
		refuse(w, http.StatusBadRequest, "invalid", why)
		return
	}
	now := s.world.Now().UTC()
	yields, err := run(script, s.source(u), now)
	var none *notFoundError
	switch {
	case errors.As(err, &none):
		refuse(w, http.StatusNotFound, "not found", err.Error())
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, "invalid", err.Error())
		return
	}
	marked(w)
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	_ = d.write(w, yields) // whoever has gone does not read it
}

// asked takes a request apart; why is why it can't be.
func (s *server) asked(w http.ResponseWriter, r *http.Request) (script string, d dialect, why string) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return "", d, err.Error()
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, longest))
	if err != nil {
		return "", d, "failed to decode request body: " + err.Error()
	}
	const broken = "failed to decode request body: "
	if script = string(raw); kind != "application/vnd.flux" {
		var body struct {
			Query   string          `json:"query"`
			Type    string          `json:"type"`
			Extern  json.RawMessage `json:"extern"`
			AST     json.RawMessage `json:"ast"`
			Dialect dialect         `json:"dialect"`
			Now     json.RawMessage `json:"now"`
			Params  json.RawMessage `json:"params"`
		}
		if err := json.Unmarshal(raw, &body); err != nil {
			return "", d, broken + err.Error()
		}
		script, d = body.Query, body.Dialect
		switch {
		case body.Type != "" && body.Type != "flux":
			return "", d, fmt.Sprintf("%sunknown query type: %s", broken, body.Type)
		case body.Extern != nil || body.AST != nil || body.Params != nil:
			return "", d, broken + "only a query is supported, without AST, extern and params"
		}
	}
	if strings.TrimSpace(script) == "" {
		return "", d, broken + "request body requires either query or AST"
	}
	if why := s.of(r.URL.Query()); why != "" {
		return "", d, broken + why
	}
	return script, d, ""
}

// of says why the organisation that is named is not this one.
func (s *server) of(asked url.Values) (why string) {
	org, id := asked.Get("org"), asked.Get("orgID")
	switch {
	case org == "" && id == "":
		return "Please provide either orgID or org"
	case org != "" && org != s.o().Org:
		return fmt.Sprintf("organization name %q not found", org)
	case org == "" && id != identified(s.o().Org):
		return "organization not found"
	}
	return ""
}

func (s *server) me(w http.ResponseWriter, r *http.Request) {
	if u, ok := s.user(w, r); ok {
		id := identified(u.Name)
		answer(w, http.StatusOK, object{"links": object{"self": "/api/v2/users/" + id}, "id": id, "name": u.Name, "status": "active"})
	}
}

func (s *server) orgs(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.user(w, r); !ok {
		return
	}
	name := s.o().Org
	if asked := r.URL.Query().Get("org"); asked != "" && asked != name {
		refuse(w, http.StatusNotFound, "not found", fmt.Sprintf("organization name %q not found", asked))
		return
	}
	id := identified(name)
	answer(w, http.StatusOK, object{"links": object{"self": "/api/v2/orgs"}, "orgs": []object{{
		"links": object{"self": "/api/v2/orgs/" + id, "buckets": "/api/v2/buckets?org=" + name}, "id": id, "name": name, "description": "",
	}}})
}

// list lists the buckets.
func (s *server) list(w http.ResponseWriter, r *http.Request) {
	u, ok := s.user(w, r)
	if !ok {
		return
	}
	asked, src := r.URL.Query(), s.source(u)
	if org := asked.Get("org"); org != "" && org != s.o().Org {
		refuse(w, http.StatusNotFound, "not found", fmt.Sprintf("organization name %q not found", org))
		return
	}
	out := []object{}
	for _, b := range src.buckets {
		if name := asked.Get("name"); name != "" && name != b.Name {
			continue
		}
		id := identified(b.Name)
		out = append(out, object{
			"id": id, "orgID": src.org, "type": "user", "name": b.Name, "labels": []object{}, "links": object{"self": "/api/v2/buckets/" + id, "org": "/api/v2/orgs/" + src.org},
			"retentionRules": []object{{"type": "expire", "everySeconds": int64(b.Keeps.Seconds()), "shardGroupDurationSeconds": 86400}},
		})
	}
	if name := asked.Get("name"); name != "" && len(out) == 0 {
		refuse(w, http.StatusNotFound, "not found", fmt.Sprintf("bucket %q not found", name))
		return
	}
	answer(w, http.StatusOK, object{"links": object{"self": "/api/v2/buckets?descending=false&limit=20&offset=0"}, "buckets": out})
}
