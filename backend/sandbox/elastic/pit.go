package elastic

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A pit is a point in time: indices as they were then.
type pit struct {
	no    int
	as    []*index
	until int64 // Unix milliseconds
}

// mark begins the names of points in time.
const mark = "point in time "

// open keeps how indices are now.
func (s *server) open(c *call) {
	in, ok := s.named(c, c.names(), deed{"indices:data/read/open_point_in_time", "read,all"})
	if !ok {
		return
	}
	if !c.asked.Has("keep_alive") {
		c.refuse(http.StatusBadRequest, fault{Type: "action_request_validation_exception", Reason: "Validation Failed: 1: [keep_alive] is not specified;"})
		return
	}
	long, bad := lasts(c.asked.Get("keep_alive"))
	if bad != nil {
		c.refuse(bad.status, *bad)
		return
	}
	s.opened++
	p := &pit{no: s.opened, until: s.now() + long}
	for _, i := range in {
		then := *i
		p.as = append(p.as, &then)
	}
	id := base64.URLEncoding.EncodeToString([]byte(mark + strconv.Itoa(p.no) + strings.Repeat(" ", 40)))
	s.pits[id] = p
	c.answer(http.StatusOK, object{"id": id, "_shards": shards(len(in))})
}

// pit gives the indices of a point in time, which is kept longer by that; false where
// the call was refused.
func (s *server) pit(c *call, id string, keep any) ([]*index, bool) {
	p := s.pits[id]
	if p == nil {
		raw, err := base64.URLEncoding.DecodeString(id)
		no, ok := strings.CutPrefix(string(raw), mark)
		if err != nil || !ok {
			c.refuse(http.StatusBadRequest, fault{Type: "illegal_argument_exception", Reason: "java.io.EOFException", Cause: &fault{Type: "e_o_f_exception"}})
			return nil, false
		}
		gone := &fault{Type: "search_context_missing_exception", Reason: "No search context found for id [" + strings.TrimSpace(no) + "]", status: http.StatusNotFound, phase: true}
		c.fail(gone, &index{name: ".ds-logs"})
		return nil, false
	}
	for _, i := range p.as {
		if !c.user.reads(i.of.name) {
			c.forbid(searching(), i.name)
			return nil, false
		}
	}
	if keep != nil {
		long, bad := lasts(fmt.Sprint(keep))
		if bad != nil {
			c.refuse(bad.status, *bad)
			return nil, false
		}
		p.until = max(p.until, s.now()+long)
	}
	return p.as, true
}

// lasts reads how long something is kept, in milliseconds.
func lasts(text string) (int64, *fault) {
	units := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	n, err := strconv.Atoi(text[:digits])
	unit, ok := units[text[digits:]]
	long := time.Duration(n) * unit
	switch {
	case err != nil || !ok:
		return 0, wrong("illegal_argument_exception", "failed to parse setting [keep_alive] with value [%s] as a time value: unit is missing or unrecognized", text) //nolint:misspell // the server's words
	case long > 24*time.Hour:
		return 0, wrong("illegal_argument_exception", "Keep alive for request (%s) is too large. It must be less than (1d). This limit can be set by changing the [search.max_keep_alive] cluster level setting.", text)
	}
	return long.Milliseconds(), nil
}

// close lets go of points in time.
func (s *server) close(c *call) {
	freed := 0
	for _, id := range words(c.body["id"]) {
		if p := s.pits[id]; p != nil && !slices.ContainsFunc(p.as, func(i *index) bool { return !c.user.reads(i.of.name) }) {
			delete(s.pits, id)
			freed++
		}
	}
	status := http.StatusOK
	if freed == 0 {
		status = http.StatusNotFound
	}
	c.answer(status, object{"succeeded": freed > 0, "num_freed": freed})
}
