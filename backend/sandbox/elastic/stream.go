package elastic

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"wheelhouse/backend/sandbox"
)

const (
	cluster = "shop-logs"
	node    = "logs-0"
	kept    = 100_000 // documents of all streams together: what is older has been deleted
	batch   = 5000    // lines that are shipped at a time
)

// A stream is a data stream: the indices of its days.
type stream struct {
	name    string
	program string
	cluster string
	indices []*index // oldest first
}

// An index holds what was written on one day. Its documents are only ever added, and
// never changed, so that whoever holds the list holds it as it was.
type index struct {
	name string
	of   *stream
	day  string
	docs []*doc
	next int64 // _seq_no of the next document
}

// A doc is one line.
type doc struct {
	sandbox.Line
	in *index
	at int64 // Unix milliseconds
	no int64 // _seq_no
}

func (d *doc) id() string { return fmt.Sprintf("%020d", d.Seq) }

// unique is the name that a machine gives to something.
func unique(of string) string {
	sum := sha256.Sum256([]byte(of))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// ship brings what was written since it was last done into the streams, and deletes
// what is too old.
func (s *server) ship() {
	first := s.last == 0
	for {
		lines := s.world.Lines(s.last, batch)
		for _, l := range lines {
			s.keep(l)
		}
		if len(lines) < batch {
			break
		}
	}
	if first { // who has written long ago has a stream, in which nothing is left
		for _, w := range s.world.Writers() {
			s.of(w, s.world.Now())
		}
	}
	for _, st := range s.streams {
		for _, i := range st.indices {
			n, _ := slices.BinarySearchFunc(i.docs, s.last-kept+1, func(d *doc, seq int64) int { return int(d.Seq - seq) })
			i.docs = i.docs[n:]
		}
		st.indices = slices.DeleteFunc(st.indices, func(i *index) bool { return len(i.docs) == 0 && i != st.indices[len(st.indices)-1] })
	}
	for id, p := range s.pits {
		if p.until < s.now() {
			delete(s.pits, id)
		}
	}
}

func (s *server) keep(l sandbox.Line) {
	s.last = l.Seq
	s.of(sandbox.Writer{Program: l.Program, Cluster: l.Cluster}, l.At).add(l)
}

// of is the index that what a program writes at a time goes into.
func (s *server) of(w sandbox.Writer, at time.Time) *index {
	name := "logs-" + w.Program + "-" + w.Cluster
	st := s.streams[name]
	if st == nil {
		st = &stream{name: name, program: w.Program, cluster: w.Cluster}
		s.streams[name] = st
	}
	day, generation := at.UTC().Format("2006.01.02"), 1
	if n := len(st.indices); n > 0 {
		if last := st.indices[n-1]; last.day >= day {
			return last
		}
		_, _ = fmt.Sscanf(st.indices[n-1].name[len(st.indices[n-1].name)-6:], "%06d", &generation) // it was written below
		generation++
	}
	i := &index{name: fmt.Sprintf(".ds-%s-%s-%06d", name, day, generation), of: st, day: day}
	st.indices = append(st.indices, i)
	return i
}

func (i *index) add(l sandbox.Line) {
	d := &doc{Line: l, in: i, at: l.At.UnixMilli(), no: i.next}
	i.docs = append(i.docs, d)
	i.next++
}

// size is about how much room the documents take.
func (i *index) size() int64 { return 226 + 180*int64(len(i.docs)) }

// reads says whether all that a pattern may name can be read.
func (u User) reads(pattern string) bool {
	return u.Rules || slices.ContainsFunc(u.Reads, func(p string) bool { return like(p, pattern) })
}

// like says whether a name is like a pattern, in which * is anything.
func like(pattern, name string) bool {
	head, rest, some := strings.Cut(pattern, "*")
	if !some {
		return pattern == name
	}
	if !strings.HasPrefix(name, head) {
		return false
	}
	for at := len(head); at <= len(name); at++ {
		if like(rest, name[at:]) {
			return true
		}
	}
	return false
}

// named are the indices that a call names, by name, and false where it was refused:
// who may not do it with what is named outright, or where that is not there. Of what
// a pattern names one gets what one may.
func (s *server) named(c *call, expression string, what deed) ([]*index, bool) {
	if !c.user.Rules && len(c.user.Reads) == 0 {
		c.forbid(what)
		return nil, false
	}
	if expression == "" || expression == "_all" {
		expression = "*"
	}
	found := map[string]*index{}
	var denied, missing []string
	for name := range strings.SplitSeq(expression, ",") {
		name, not := strings.CutPrefix(name, "-")
		hit := s.match(name, c.user)
		if !not && !strings.Contains(name, "*") && len(hit) == 0 {
			if !c.user.reads(s.streamOf(name)) {
				denied = append(denied, name)
			}
			missing = append(missing, name)
		}
		for _, i := range hit {
			if found[i.name] = i; not {
				delete(found, i.name)
			}
		}
	}
	switch {
	case len(denied) > 0:
		c.forbid(what, denied...)
		return nil, false
	case len(missing) > 0 && c.asked.Get("ignore_unavailable") != "true":
		c.missing(missing[0])
		return nil, false
	}
	out := slices.Collect(maps.Values(found))
	slices.SortFunc(out, func(a, b *index) int { return strings.Compare(a.name, b.name) })
	return out, true
}

// streamOf is the stream that an index belongs to, or the name itself.
func (s *server) streamOf(name string) string {
	for _, st := range s.streams {
		if slices.ContainsFunc(st.indices, func(i *index) bool { return i.name == name }) {
			return st.name
		}
	}
	return name
}

// match are the indices of a name or pattern that somebody may read.
func (s *server) match(pattern string, u User) (out []*index) {
	for _, st := range s.streams {
		if !u.reads(st.name) {
			continue
		}
		for _, i := range st.indices {
			if like(pattern, st.name) || strings.HasPrefix(pattern, ".") && like(pattern, i.name) {
				out = append(out, i)
			}
		}
	}
	return out
}

// visible are the streams that a pattern names, by name.
func (s *server) visible(pattern string, u User) (out []*stream) {
	for _, st := range s.streams {
		if u.reads(st.name) && slices.ContainsFunc(strings.Split(pattern, ","), func(p string) bool { return like(p, st.name) }) {
			out = append(out, st)
		}
	}
	slices.SortFunc(out, func(a, b *stream) int { return strings.Compare(a.name, b.name) })
	return out
}
