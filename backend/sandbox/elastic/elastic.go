// Package elastic serves the embedded world as Elasticsearch does: what processes write
// is shipped into data streams, one for each program and cluster, that can be listed,
// measured, searched, counted and read back at a point in time. What is written is
// decided in the world; here stands only how Elasticsearch keeps and tells it.
//
// The facts are those of Elasticsearch 8.19.21, seen there.
package elastic

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"wheelhouse/backend/sandbox"
)

// Version is what the server calls itself.
const Version = "8.19.21"

// Options say who may do what. Without users there is no security: everybody may do
// everything.
type Options struct{ Users map[string]User }

// A User is somebody who may log in.
type User struct {
	Password string   // empty: none
	Key      string   // an API key, id:api_key; empty: none
	Reads    []string // patterns of the streams that may be read, looked at and measured
	Rules    bool     // may do all there is
}

type server struct {
	world *sandbox.World
	o     func() Options

	mu      sync.Mutex
	streams map[string]*stream
	last    int64 // Seq of the newest line that was shipped
	pits    map[string]*pit
	opened  int // points in time so far
}

// New serves a world. Who may do what is asked for with each request.
func New(w *sandbox.World, o func() Options) http.Handler {
	return &server{world: w, o: o, streams: map[string]*stream{}, pits: map[string]*pit{}}
}

// object is a JSON object.
type object map[string]any

// A call is one request with who sent it.
type call struct {
	w http.ResponseWriter
	*http.Request
	name  string
	user  User
	args  []string // the parts of the path that are no fixed words
	asked url.Values
	body  object
}

const longest = 1 << 20 // bytes of a request

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{w: w, Request: r, asked: r.URL.Query()}
	c.w.Header().Set("X-Elastic-Product", "Elasticsearch")
	o := s.o()
	if len(o.Users) == 0 {
		c.user.Rules = true
	} else if why := c.login(o.Users); why != "" {
		c.unknown(why)
		return
	}
	do, ok := s.route(c)
	if !ok {
		return
	}
	if !c.read() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ship()
	do(c)
}

// login finds who sends a call, and says why not where it is nobody.
func (c *call) login(users map[string]User) (why string) {
	is := func(a, b string) bool { return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
	kind, secret, _ := strings.Cut(c.Request.Header.Get("Authorization"), " ")
	switch strings.ToLower(kind) {
	case "":
		return "missing authentication credentials for REST request [" + c.URL.Path + "]"
	case "basic":
		name, password, _ := c.BasicAuth()
		if c.name, c.user = name, users[name]; is(c.user.Password, password) {
			return ""
		}
		return "unable to authenticate user [" + name + "] for REST request [" + c.URL.Path + "]"
	case "apikey":
		key, _ := base64.StdEncoding.DecodeString(secret) // what is none opens nothing
		for name, u := range users {
			if is(u.Key, string(key)) {
				c.name, c.user = name, u
				return ""
			}
		}
	}
	return "unable to authenticate with provided credentials and anonymous access is not allowed for this request"
}

// read takes the body apart, and says whether the call goes on.
func (c *call) read() bool {
	raw, err := io.ReadAll(http.MaxBytesReader(c.w, c.Body, longest))
	if err != nil {
		c.refuse(http.StatusRequestEntityTooLarge, fault{Type: "content_too_long_exception", Reason: "entity content is too long"})
		return false
	}
	if len(strings.TrimSpace(string(raw))) == 0 {
		c.body = object{}
		return true
	}
	if c.body, err = parsed(raw); err != nil {
		c.refuse(http.StatusBadRequest, fault{Type: "x_content_parse_exception", Reason: err.Error()})
		return false
	}
	return true
}

// parsed reads one JSON object, with its numbers as they are written.
func parsed(raw []byte) (object, error) {
	var out object
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	err := d.Decode(&out)
	return out, err //nolint:wrapcheck // it is told as it is
}

// A route is one way of asking. In its path * is the names of streams, and {} any word.
type route struct {
	path    string
	methods []string
	do      func(*call)
}

func (s *server) routes() []route {
	get, post := []string{http.MethodGet}, []string{http.MethodPost}
	both, look := []string{http.MethodGet, http.MethodPost}, []string{http.MethodGet, http.MethodHead}
	out := []route{
		{"", look, s.root},
		{"_cluster/health", get, s.health},
		{"_cat/health", get, s.catHealth},
		{"_cat/indices", get, s.catIndices},
		{"_cat/indices/*", get, s.catIndices},
		{"_resolve/index/*", get, s.resolve},
		{"_data_stream/*", []string{http.MethodDelete, http.MethodGet}, s.dataStream},
		{"_data_stream", get, s.dataStream},
		{"_stats", get, s.stats},
		{"*/_stats", get, s.stats},
		{"_stats/{}", get, s.stats},
		{"*/_stats/{}", get, s.stats},
		{"_mapping", get, s.mapping},
		{"*/_mapping", get, s.mapping},
		{"_field_caps", both, s.caps},
		{"*/_field_caps", both, s.caps},
		{"_search", both, s.search},
		{"*/_search", both, s.search},
		{"_count", both, s.count},
		{"*/_count", both, s.count},
		{"*/_pit", post, s.open},
		{"_pit", []string{http.MethodDelete}, s.close},
		{"*/_doc/{}", look, s.document},
		{"*", look, s.about},
	}
	if len(s.o().Users) > 0 {
		out = append(out, route{"_security/_authenticate", get, s.whoami}, route{"_security/user/_has_privileges", both, s.privileges})
	}
	return out
}

// route finds who answers; false where the call was refused, as Elasticsearch does
// where it knows the path and not the method, only the method, or neither.
func (s *server) route(c *call) (do func(*call), ok bool) {
	path := strings.Split(strings.Trim(c.URL.Path, "/"), "/")
	var methods []string
	for _, r := range s.routes() {
		args, fits := r.fits(path)
		if fits && slices.Contains(r.methods, c.Method) {
			c.args = args
			return r.do, c.known()
		}
		if fits {
			methods = append(methods, r.methods...)
		}
	}
	if len(methods) == 0 && (len(path) == 2 || path[0] == "_security") && c.Method == http.MethodGet { // where documents were once put by their type
		methods = []string{http.MethodPost}
	}
	switch {
	case len(methods) > 0:
		c.w.Header().Set("Allow", strings.Join(methods, ","))
		c.answer(http.StatusMethodNotAllowed, object{
			"error":  "Incorrect HTTP method for uri [" + c.URL.RequestURI() + "] and method [" + c.Method + "], allowed: [" + strings.Join(methods, ", ") + "]",
			"status": http.StatusMethodNotAllowed,
		})
	case len(path) == 1 && strings.HasPrefix(path[0], "_") && c.Method == http.MethodGet:
		c.refuse(http.StatusBadRequest, fault{Type: "invalid_index_name_exception", Reason: "Invalid index name [" + path[0] + "], must not start with '_'.", Index: path[0]})
	default:
		c.answer(http.StatusBadRequest, object{"error": "no handler found for uri [" + c.URL.RequestURI() + "] and method [" + c.Method + "]"})
	}
	return nil, false
}

// fits takes a path apart by the route's.
func (r route) fits(path []string) (args []string, ok bool) {
	words := strings.Split(r.path, "/")
	if len(words) != len(path) {
		return nil, false
	}
	for i, w := range words {
		switch {
		case w == "*" && (path[i] == "_all" || path[i] != "" && !strings.HasPrefix(path[i], "_")), w == "{}":
			args = append(args, path[i])
		case w != path[i]:
			return nil, false
		}
	}
	return args, true
}

// known refuses what is asked for in the address and is not served.
func (c *call) known() bool {
	served := []string{
		"pretty", "human", "filter_path", "format", "v", "s", "h", "expand_wildcards", "ignore_unavailable", "allow_no_indices", "keep_alive", "fields", "q",
		"size", "from", "track_total_hits", "allow_partial_search_results", "pre_filter_shard_size", "typed_keys", "timeout", "_source", "level", "include_unmapped",
	}
	for name := range c.asked {
		if !slices.Contains(served, name) {
			c.refuse(http.StatusBadRequest, *wrong("illegal_argument_exception", "request [%s] contains unrecognized parameter: [%s]", c.URL.Path, name)) //nolint:misspell // the server's words
			return false
		}
	}
	return true
}

func (s *server) now() int64 { return s.world.Now().UnixMilli() }

func (s *server) root(c *call) {
	c.answer(http.StatusOK, object{
		"name": node, "cluster_name": cluster, "cluster_uuid": unique(cluster), "tagline": "You Know, for Search",
		"version": object{
			"number": Version, "build_flavor": "default", //nolint:misspell // the server's word
			"build_type": "docker", "build_hash": "unknown", "build_date": "2026-08-26T22:10:47.574903747Z",
			"build_snapshot": false, "lucene_version": "9.12.2", "minimum_wire_compatibility_version": "7.17.0", "minimum_index_compatibility_version": "7.0.0",
		},
	})
}

func (s *server) whoami(c *call) {
	roles := []string{role}
	if c.user.Rules {
		roles = []string{"superuser"}
	}
	c.answer(http.StatusOK, object{
		"username": c.name, "roles": roles, "full_name": nil, "email": nil, "metadata": object{}, "enabled": true, "authentication_type": "realm",
		"authentication_realm": object{"name": "default_native", "type": "native"}, "lookup_realm": object{"name": "default_native", "type": "native"},
	})
}

// privileges says which rights on which names somebody has.
func (s *server) privileges(c *call) {
	all, of := true, object{}
	asked, _ := c.body["index"].([]any)
	for _, one := range asked {
		one, _ := one.(map[string]any)
		for _, name := range words(one["names"]) {
			rights := object{}
			for _, right := range words(one["privileges"]) {
				has := c.user.Rules || slices.Contains([]string{"read", "view_index_metadata", "monitor"}, right) && c.user.reads(name)
				rights[right], all = has, all && has
			}
			of[name] = rights
		}
	}
	cluster := object{}
	for _, right := range words(c.body["cluster"]) {
		cluster[right], all = c.user.Rules, all && c.user.Rules
	}
	c.answer(http.StatusOK, object{"username": c.name, "has_all_requested": all, "cluster": cluster, "index": of, "application": object{}})
}

// words are those of a list, or the one that stands alone.
func words(of any) []string {
	switch of := of.(type) {
	case string:
		return []string{of}
	case []any:
		var out []string
		for _, one := range of {
			if s, ok := one.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// wall is a time of the world as Elasticsearch writes it.
func wall(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
