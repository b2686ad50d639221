// Package elastic is the adapter for Elasticsearch 8: which streams of log lines
// it keeps (indices, data streams, aliases), how they are, what is in their
// documents, and the lines themselves, as they come and backwards. It changes
// nothing on a server.
//
// A system of the configuration logs in by user and secret, the password, or by
// a secret without a user, an API key: as Elasticsearch gives it out ("encoded"),
// or as id:api_key.
//
// Facts of the wire are those of the Elasticsearch 8.19 reference (search API,
// paginate search results, point in time API, resolve index API, index stats
// API), seen on 8.19.21.
package elastic

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/elastic/go-elasticsearch/v8"

	"wheelhouse/backend/link"
	"wheelhouse/backend/webapi"
)

// Protocol is that of an Elasticsearch node, or of what balances between several.
// Who may read indices need not be allowed to ask for the node's version: such a
// refusal tells as well that the server works.
func Protocol() link.Protocol {
	return link.Protocol{
		Name: "elastic", View: "streams", Reads: reads, Probe: "/",
		Well: func(status int, body []byte) bool {
			return status == http.StatusOK && strings.Contains(string(body), `"cluster_name"`) ||
				status == http.StatusForbidden && strings.Contains(string(body), `"security_exception"`)
		},
		User: func(ask link.Ask) string {
			var who struct {
				Username string `json:"username"`
			}
			if status, body, err := ask(http.MethodGet, "/_security/_authenticate", ""); err != nil || status != http.StatusOK || json.Unmarshal(body, &who) != nil {
				return "" // 400 or 405 where there is no security
			}
			return who.Username
		},
		Version: func(ask link.Ask) (string, bool) {
			var root struct {
				Version struct {
					Number string `json:"number"`
				} `json:"version"`
			}
			status, body, err := ask(http.MethodGet, "/", "")
			if err != nil || status == http.StatusOK && json.Unmarshal(body, &root) != nil {
				return "", false
			}
			return root.Version.Number, true
		},
		Sign: sign,
	}
}

// sign: what base64 makes has no colon in it, so an API key with one is not
// encoded yet.
func sign(user, secret string) (string, error) {
	switch {
	case user != "":
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+secret)), nil
	case strings.Contains(secret, ":"):
		secret = base64.StdEncoding.EncodeToString([]byte(secret))
	}
	return "ApiKey " + secret, nil
}

// reads knows what this adapter asks for. What is escaped twice, or is no plain
// segment, is refused: it may mean another path to what stands before the server.
func reads(r *http.Request) bool {
	path, plain := segments(r.URL)
	if q := r.URL.Query(); !plain || q.Has("scroll") || q.Has("keep_on_completion") {
		return false
	}
	if path[0] != "" && (!strings.HasPrefix(path[0], "_") || path[0] == "_all") {
		path[0] = "*"
	}
	asked := strings.Join(path, "/")
	switch r.Method {
	case http.MethodHead:
		return asked == ""
	case http.MethodGet:
		return slices.Contains([]string{"", "_security/_authenticate", "*/_mapping", "*/_field_caps", "*/_search", "*/_count"}, asked) ||
			len(path) == 3 && (strings.HasPrefix(asked, "_resolve/index/") || strings.HasPrefix(asked, "*/_stats/"))
	case http.MethodPost:
		return slices.Contains([]string{"_search", "*/_search", "*/_field_caps", "*/_pit", "*/_count", "_security/user/_has_privileges"}, asked)
	case http.MethodDelete:
		return asked == "_pit"
	}
	return false
}

// segments are those of a path, unescaped; plain is false where one may mean more
// than itself.
func segments(u *url.URL) (path []string, plain bool) {
	for s := range strings.SplitSeq(strings.TrimPrefix(u.EscapedPath(), "/"), "/") {
		s, err := url.PathUnescape(s)
		if err != nil || s == "." || s == ".." || strings.ContainsAny(s, "/\\% ") {
			return nil, false
		}
		path = append(path, s)
	}
	return path, true
}

// every is between two looks at all streams. Counting them costs a large cluster
// something.
const every = 10 * time.Second

// Elastic is one link's part of it. Safe for concurrent use.
type Elastic struct {
	api   *webapi.Client
	base  *elasticsearch.BaseClient
	err   error // why there is no base
	every time.Duration
	pace  pace
}

// New makes the adapter for a link. The client library sends what it is told
// once, to the link: trying again, and where, is the link's business.
func New(l *link.Link) *Elastic {
	base, err := elasticsearch.NewBaseClient(elasticsearch.Config{
		Addresses: []string{l.Base()}, Transport: l.Client().Transport, DisableRetry: true, DisableMetaHeader: true,
	})
	if err != nil {
		err = errors.New("its client can't be made: " + err.Error())
	}
	return &Elastic{api: webapi.New(l), base: base, err: err, every: every, pace: usual()}
}
