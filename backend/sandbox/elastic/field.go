package elastic

import (
	"net/http"
	"slices"
	"strings"
	"unicode"
)

// A field is one of the documents: all have the same.
type field struct {
	name, kind string
	of         func(*doc) any // a string, an int64, or nil where there is none
}

func fields() []field {
	word := func(name string, of func(*doc) string) field {
		return field{name, "keyword", func(d *doc) any {
			if s := of(d); s != "" {
				return s
			}
			return nil
		}}
	}
	return []field{
		{"@timestamp", "date", func(d *doc) any { return d.at }},
		word("container.id", func(d *doc) string { return unique(d.Cluster + d.Namespace + d.Pod + d.Container) }),
		word("data_stream.dataset", func(d *doc) string { return d.Program }),
		word("data_stream.namespace", func(d *doc) string { return d.Cluster }),
		word("data_stream.type", func(*doc) string { return "logs" }),
		{"event.sequence", "long", func(d *doc) any { return d.Seq }},
		word("host.name", func(d *doc) string { return d.Machine }),
		word("kubernetes.container.name", func(d *doc) string { return d.Container }),
		word("kubernetes.namespace", func(d *doc) string { return d.Namespace }),
		word("kubernetes.node.name", func(d *doc) string { return d.Machine }),
		word("kubernetes.pod.name", func(d *doc) string { return d.Pod }),
		word("log.level", func(d *doc) string { return d.Level }),
		word("log.logger", func(d *doc) string { return d.Logger }),
		{"message", "text", func(d *doc) any { return d.Text }},
		word("orchestrator.cluster.name", func(d *doc) string { return d.Cluster }),
		word("process.thread.name", func(d *doc) string { return d.Thread }),
		word("service.name", func(d *doc) string { return d.Program }),
		word("service.version", func(d *doc) string { return d.Version }),
	}
}

// meta are the fields that Elasticsearch itself has of a document.
func meta() []field {
	return []field{
		{"_id", "_id", func(d *doc) any { return d.id() }},
		{"_index", "_index", func(d *doc) any { return d.in.name }},
		{"_seq_no", "_seq_no", func(d *doc) any { return d.no }},
	}
}

func fieldOf(name string) (field, bool) {
	for _, f := range slices.Concat(fields(), meta()) {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

// source is the document as it was shipped, as far as it is wanted; nil where it is
// not at all.
func (d *doc) source(wants func(string) bool) object {
	out := object{}
	for _, f := range fields() {
		v := f.of(d)
		if v == nil || !wants(f.name) {
			continue
		}
		if f.kind == "date" {
			v = wall(d.at)
		}
		put(out, f.name, v)
	}
	return out
}

// put sets what a path of names leads to.
func put(in object, path string, v any) {
	name, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		in[name] = v
		return
	}
	inner, ok := in[name].(object)
	if !ok {
		inner = object{}
		in[name] = inner
	}
	put(inner, rest, v)
}

// tokens are the words of a text, as the standard analyser makes them.
func tokens(text string) []string {
	var out []string
	letters := []rune(" " + strings.ToLower(text) + "  ")
	begin := 0
	for i := 1; i < len(letters)-1; i++ {
		switch inside := inWord(letters[i]) || joins(letters[i-1], letters[i], letters[i+1]); {
		case inside && begin == 0:
			begin = i
		case !inside && begin > 0:
			out = append(out, string(letters[begin:i]))
			begin = 0
		}
	}
	return out
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

// joins says whether a sign between two letters, or two digits, belongs to their word.
func joins(before, sign, after rune) bool {
	digits := unicode.IsDigit(before) && unicode.IsDigit(after)
	words := unicode.IsLetter(before) && unicode.IsLetter(after)
	return strings.ContainsRune(".'", sign) && (digits || words) || sign == ',' && digits
}

// mapping tells what the fields are.
func (s *server) mapping(c *call) {
	in, ok := s.named(c, c.names(), deed{"indices:admin/mappings/get", "view_index_metadata,manage,all"})
	if !ok {
		return
	}
	out := object{}
	for _, i := range in {
		out[i.name] = object{"mappings": mappings()}
	}
	c.answer(http.StatusOK, out)
}

func mappings() object {
	properties := object{}
	for _, f := range fields() {
		put(properties, strings.ReplaceAll(f.name, ".", ".properties."), object{"type": f.kind})
	}
	return object{"_data_stream_timestamp": object{"enabled": true}, "properties": properties}
}

// about tells how indices were made.
func (s *server) about(c *call) {
	in, ok := s.named(c, c.names(), deed{"indices:admin/get", "view_index_metadata,manage,all"})
	if !ok {
		return
	}
	out := object{}
	for _, i := range in {
		out[i.name] = object{"aliases": object{}, "data_stream": i.of.name, "mappings": mappings(), "settings": object{"index": object{
			"hidden": "true", "number_of_shards": "1", "number_of_replicas": "0", "provided_name": i.name, "uuid": unique(i.name),
		}}}
	}
	c.answer(http.StatusOK, out)
}

// names is what of the path names streams; empty where there is nothing.
func (c *call) names() string {
	if len(c.args) == 0 {
		return ""
	}
	return c.args[0]
}

// caps tells what can be done with fields.
func (s *server) caps(c *call) {
	in, ok := s.named(c, c.names(), deed{"indices:data/read/field_caps", "view_index_metadata,manage,read,all"})
	if !ok {
		return
	}
	wanted := words(c.body["fields"])
	if asked := c.asked.Get("fields"); asked != "" {
		wanted = strings.Split(asked, ",")
	}
	if len(wanted) == 0 {
		c.refuse(http.StatusBadRequest, fault{Type: "action_request_validation_exception", Reason: "Validation Failed: 1: no fields specified;"})
		return
	}
	wants := func(name string) bool {
		return slices.ContainsFunc(wanted, func(w string) bool { return like(w, name) })
	}
	out, indices := object{}, []string{}
	add := func(name, kind string, meta, searchable, aggregatable bool) {
		if wants(name) {
			out[name] = object{kind: object{"type": kind, "metadata_field": meta, "searchable": searchable, "aggregatable": aggregatable}}
		}
	}
	for _, i := range in {
		indices = append(indices, i.name)
	}
	if len(in) > 0 {
		for _, f := range fields() {
			add(f.name, f.kind, false, true, f.kind != "text")
			for at, r := range f.name {
				if r == '.' {
					add(f.name[:at], "object", false, false, false)
				}
			}
		}
		for _, f := range meta() {
			add(f.name, f.kind, true, true, f.name != "_id")
		}
		add("_source", "_source", true, false, false)
	}
	c.answer(http.StatusOK, object{"indices": indices, "fields": out})
}
