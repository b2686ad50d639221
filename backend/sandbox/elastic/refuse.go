package elastic

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// A fault is why something is refused, as the wire has it.
type fault struct {
	Type   string `json:"type"`
	Reason string `json:"reason"`
	Index  string `json:"index,omitempty"`
	UUID   string `json:"index_uuid,omitempty"`
	Cause  *fault `json:"caused_by,omitempty"`
	status int
	phase  bool // it comes up while shards are searched, and is told with them
}

// Error implements error.
func (f *fault) Error() string { return f.Type + ": " + f.Reason }

func wrong(kind, format string, args ...any) *fault {
	return &fault{Type: kind, Reason: fmt.Sprintf(format, args...), status: http.StatusBadRequest}
}

// answer writes JSON, as far as it is wanted (filter_path).
func (c *call) answer(status int, what any) {
	b, err := json.Marshal(what)
	if wanted := c.asked.Get("filter_path"); err == nil && wanted != "" && status < http.StatusBadRequest {
		var all any
		if err = json.Unmarshal(b, &all); err == nil {
			b, err = json.Marshal(only(all, paths(wanted)))
		}
	}
	if err != nil {
		status, b = http.StatusInternalServerError, nil
	}
	c.w.Header().Set("Content-Type", c.kind("application/json"))
	c.w.WriteHeader(status)
	_, _ = c.w.Write(b) // whoever has gone does not read it
}

// kind is the type of an answer: a client that asks for that of a version gets it.
func (c *call) kind(plain string) string {
	if strings.Contains(c.Request.Header.Get("Accept"), "application/vnd.elasticsearch+json") && plain == "application/json" {
		return "application/vnd.elasticsearch+json;compatible-with=8"
	}
	return plain
}

func paths(wanted string) [][]string {
	var out [][]string
	for p := range strings.SplitSeq(wanted, ",") {
		out = append(out, strings.Split(p, "."))
	}
	return out
}

// only is what of a value is named by paths, in which * is any name; nil where
// nothing is.
func only(of any, wanted [][]string) any {
	switch of := of.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, v := range of {
			var rest [][]string
			whole := false
			for _, p := range wanted {
				if like(p[0], name) {
					whole = whole || len(p) == 1
					rest = append(rest, p[1:])
				}
			}
			if whole {
				out[name] = v
			} else if v := only(v, rest); v != nil && len(rest) > 0 {
				out[name] = v
			}
		}
		if len(out) > 0 {
			return out
		}
	case []any:
		var out []any
		for _, v := range of {
			if v := only(v, wanted); v != nil {
				out = append(out, v)
			}
		}
		if out != nil {
			return out
		}
	}
	return nil
}

// refuse answers with a fault.
func (c *call) refuse(status int, f fault) {
	c.answer(status, object{"error": rooted{Root: []fault{f.root()}, fault: f}, "status": status})
}

// rooted is a fault with its roots.
type rooted struct {
	Root []fault `json:"root_cause"`
	fault
}

func (f fault) root() fault {
	f.Cause = nil
	return f
}

// fail answers with what went wrong: where shards were searched, each tells it.
func (c *call) fail(err *fault, at *index) {
	if !err.phase || at == nil {
		c.refuse(err.status, *err)
		return
	}
	f := *err
	if f.Type == "query_shard_exception" {
		f.Index, f.UUID = at.name, unique(at.name)
	}
	c.answer(f.status, object{"status": f.status, "error": object{
		"root_cause": []fault{f.root()}, "type": "search_phase_execution_exception", "reason": "all shards failed", "phase": "query", "grouped": true,
		"failed_shards": []object{{"shard": 0, "index": at.name, "node": unique(node), "reason": f}},
	}})
}

// unknown refuses who did not log in.
func (c *call) unknown(why string) {
	ways := []string{`Basic realm="security", charset="UTF-8"`, `Bearer realm="security"`, "ApiKey"}
	c.w.Header()["Www-Authenticate"] = ways
	one := object{"type": "security_exception", "reason": why, "header": object{"WWW-Authenticate": ways}}
	c.answer(http.StatusUnauthorized, object{"error": object{"root_cause": []object{one}, "type": one["type"], "reason": why, "header": one["header"]}, "status": http.StatusUnauthorized})
}

// role is that of everybody who may not do all.
const role = "reader"

// A deed is an action by the name that Elasticsearch has for it, and what allows it.
type deed struct{ name, granted string }

// forbid refuses who may not do something, with streams or at all.
func (c *call) forbid(what deed, names ...string) {
	on, kind := "", "index"
	if len(names) > 0 {
		on = " on indices [" + strings.Join(names, ",") + "]"
	}
	if strings.HasPrefix(what.name, "cluster:") {
		kind = "cluster"
	}
	c.refuse(http.StatusForbidden, fault{Type: "security_exception", Reason: fmt.Sprintf(
		"action [%s] is unauthorized for user [%s] with effective roles [%s]%s, this action is granted by the %s privileges [%s]", what.name, c.name, role, on, kind, what.granted)})
}

// missing refuses what is not there.
func (c *call) missing(name string) {
	one := object{
		"type": "index_not_found_exception", "reason": "no such index [" + name + "]", "resource.type": "index_or_alias", "resource.id": name, "index_uuid": "_na_", "index": name,
	}
	all := object{"root_cause": []object{one}}
	for k, v := range one {
		all[k] = v
	}
	c.answer(http.StatusNotFound, object{"error": all, "status": http.StatusNotFound})
}
