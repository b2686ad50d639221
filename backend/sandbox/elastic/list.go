package elastic

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// resolve tells what there is of a name.
func (s *server) resolve(c *call) {
	if _, ok := s.named(c, c.args[0], deed{"indices:admin/resolve/index", "view_index_metadata,manage,read,all"}); !ok {
		return
	}
	asked := strings.Split(c.args[0], ",")
	names := func(name string) bool {
		return slices.ContainsFunc(asked, func(p string) bool { return like(p, name) })
	}
	hidden := slices.ContainsFunc(asked, func(p string) bool { return strings.HasPrefix(p, ".") })
	for _, e := range strings.Split(c.asked.Get("expand_wildcards"), ",") {
		hidden = hidden || e == "all" || e == "hidden"
	}
	streams, indices := []object{}, []object{}
	for _, st := range s.visible("*", c.user) {
		of := []string{}
		for _, i := range st.indices {
			of = append(of, i.name)
			if hidden && names(i.name) {
				indices = append(indices, object{"name": i.name, "attributes": []string{"hidden", "open"}, "data_stream": st.name})
			}
		}
		if names(st.name) {
			streams = append(streams, object{"name": st.name, "backing_indices": of, "timestamp_field": "@timestamp"})
		}
	}
	c.answer(http.StatusOK, object{"indices": indices, "aliases": []object{}, "data_streams": streams})
}

// dataStream tells what data streams there are, or deletes them: what their programs
// write then, begins them anew.
func (s *server) dataStream(c *call) {
	pattern := c.names()
	if pattern == "" || pattern == "_all" {
		pattern = "*"
	}
	found := s.visible(pattern, c.user)
	if !strings.Contains(pattern, "*") && !c.user.reads(pattern) {
		c.forbid(deed{"indices:admin/data_stream/get", "view_index_metadata,manage,all"}, pattern)
		return
	}
	if !strings.Contains(pattern, "*") && len(found) == 0 {
		c.missing(pattern)
		return
	}
	if c.Method == http.MethodDelete {
		if !c.user.Rules {
			c.forbid(deed{"indices:admin/data_stream/delete", "delete_index,manage,all"}, pattern)
			return
		}
		for _, st := range found {
			delete(s.streams, st.name)
		}
		c.answer(http.StatusOK, object{"acknowledged": true})
		return
	}
	out := []object{}
	for _, st := range found {
		of := []object{}
		for _, i := range st.indices {
			of = append(of, object{"index_name": i.name, "index_uuid": unique(i.name), "prefer_ilm": true, "managed_by": "Data stream lifecycle"})
		}
		out = append(out, object{
			"name": st.name, "timestamp_field": object{"name": "@timestamp"}, "indices": of, "generation": len(of), "status": "GREEN", "template": "logs",
			"hidden": false, "system": false, "allow_custom_routing": false, "replicated": false,
		})
	}
	c.answer(http.StatusOK, object{"data_streams": out})
}

// stats tells how much there is.
func (s *server) stats(c *call) {
	names, metric := "*", "_all"
	switch on := strings.HasPrefix(strings.Trim(c.URL.Path, "/"), "_stats"); {
	case len(c.args) == 2:
		names, metric = c.args[0], c.args[1]
	case len(c.args) == 1 && on:
		metric = c.args[0]
	case len(c.args) == 1:
		names = c.args[0]
	}
	metrics := strings.Split(metric, ",")
	if n := slices.IndexFunc(metrics, func(m string) bool { return !slices.Contains([]string{"_all", "docs", "store"}, m) }); n >= 0 {
		c.refuse(http.StatusBadRequest, *wrong("illegal_argument_exception", "request [%s] contains unrecognized metric: [%s]", c.URL.Path, metrics[n])) //nolint:misspell // the server's words
		return
	}
	if names == "*" || names == "_all" {
		names = "*,.ds-*"
	}
	in, ok := s.named(c, names, deed{"indices:monitor/stats", "monitor,manage,all"})
	if !ok {
		return
	}
	amount := func(docs int, bytes int64) object {
		all := object{
			"docs":  object{"count": docs, "deleted": 0, "total_size_in_bytes": bytes},
			"store": object{"size_in_bytes": bytes, "total_data_set_size_in_bytes": bytes, "reserved_in_bytes": 0},
		}
		maps.DeleteFunc(all, func(m string, _ any) bool { return metric != "_all" && !slices.Contains(metrics, m) })
		return all
	}
	of, docs, bytes := object{}, 0, int64(0)
	for _, i := range in {
		docs, bytes = docs+len(i.docs), bytes+i.size()
		one := amount(len(i.docs), i.size())
		of[i.name] = object{"uuid": unique(i.name), "health": "green", "status": "open", "primaries": one, "total": one}
	}
	all := object{"primaries": object{}, "total": object{}}
	if len(in) > 0 {
		all = object{"primaries": amount(docs, bytes), "total": amount(docs, bytes)}
	}
	c.answer(http.StatusOK, object{"_shards": shards(len(in)), "_all": all, "indices": of})
}

// shards says that all of them have answered: each index has one.
func shards(n int) object { return object{"total": n, "successful": n, "skipped": 0, "failed": 0} }

// monitors refuses who may not look at the cluster.
func (c *call) monitors(what string) bool {
	if !c.user.Rules {
		c.forbid(deed{what, "monitor,manage,all"})
	}
	return c.user.Rules
}

func (s *server) indices() (n int) {
	for _, st := range s.streams {
		n += len(st.indices)
	}
	return n
}

func (s *server) health(c *call) {
	if !c.monitors("cluster:monitor/health") {
		return
	}
	n := s.indices()
	c.answer(http.StatusOK, object{
		"cluster_name": cluster, "status": "green", "timed_out": false, "number_of_nodes": 1, "number_of_data_nodes": 1, "active_primary_shards": n, "active_shards": n,
		"relocating_shards": 0, "initializing_shards": 0, "unassigned_shards": 0, "unassigned_primary_shards": 0, "delayed_unassigned_shards": 0, //nolint:misspell // the server's word
		"number_of_pending_tasks": 0, "number_of_in_flight_fetch": 0, "task_max_waiting_in_queue_millis": 0, "active_shards_percent_as_number": 100.0,
	})
}

// A column is one of a table that people read.
type column struct{ name, value string }

func (s *server) catHealth(c *call) {
	if !c.monitors("cluster:monitor/health") {
		return
	}
	now, n := s.world.Now().UTC(), fmt.Sprint(s.indices())
	c.table([][]column{{
		{"epoch", fmt.Sprint(now.Unix())},
		{"timestamp", now.Format(time.TimeOnly)},
		{"cluster", cluster},
		{"status", "green"},
		{"node.total", "1"},
		{"node.data", "1"},
		{"shards", n},
		{"pri", n},
		{"relo", "0"},
		{"init", "0"},
		{"unassign", "0"},
		{"unassign.pri", "0"},
		{"pending_tasks", "0"},
		{"max_task_wait_time", "-"},
		{"active_shards_percent", "100.0%"},
	}})
}

func (s *server) catIndices(c *call) {
	if !c.monitors("cluster:monitor/state") {
		return
	}
	names := c.names()
	if names == "" {
		names = "*"
	}
	in, ok := s.named(c, names, deed{"indices:monitor/stats", "monitor,manage,all"})
	if !ok {
		return
	}
	var rows [][]column
	for _, i := range in {
		size := sized(i.size())
		rows = append(rows, []column{
			{"health", "green"},
			{"status", "open"},
			{"index", i.name},
			{"uuid", unique(i.name)},
			{"pri", "1"},
			{"rep", "0"},
			{"docs.count", fmt.Sprint(len(i.docs))},
			{"docs.deleted", "0"},
			{"store.size", size},
			{"pri.store.size", size},
			{"dataset.size", size},
		})
	}
	c.table(rows)
}

func sized(bytes int64) string {
	switch {
	case bytes < 1<<10:
		return fmt.Sprintf("%db", bytes)
	case bytes < 1<<20:
		return fmt.Sprintf("%.1fkb", float64(bytes)/(1<<10))
	}
	return fmt.Sprintf("%.1fmb", float64(bytes)/(1<<20))
}

// table writes rows as JSON (format=json), or in columns, with their names (v).
func (c *call) table(rows [][]column) {
	if c.asked.Get("format") == "json" || strings.HasPrefix(c.Request.Header.Get("Accept"), "application/json") {
		all := []object{}
		for _, r := range rows {
			one := object{}
			for _, col := range r {
				one[col.name] = col.value
			}
			all = append(all, one)
		}
		c.answer(http.StatusOK, all)
		return
	}
	if c.asked.Has("v") && len(rows) > 0 {
		var head []column
		for _, col := range rows[0] {
			head = append(head, column{col.name, col.name})
		}
		rows = slices.Insert(rows, 0, head)
	}
	var wide []int
	for _, r := range rows {
		wide = append(wide, make([]int, len(r)-min(len(wide), len(r)))...)
		for n, col := range r {
			wide[n] = max(wide[n], len(col.value))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		for n, col := range r {
			fmt.Fprintf(&b, "%-*s ", wide[n], col.value)
		}
		b.WriteString("\n")
	}
	c.w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	_, _ = c.w.Write([]byte(b.String())) // whoever has gone does not read it
}
