package jenkins

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"wheelhouse/backend/sandbox"
)

// mostLines is how many lines of a log that still grows are given at once.
const mostLines = 10000

// progressive gives a log from an offset on, as Stapler's LargeText does: in plain
// text, or, where that is asked for, in two parts of which the second says what the
// first was.
func (s *server) progressive(c *call, b sandbox.Build) {
	log := b.Log(s.world.Now())
	start, err := strconv.Atoi(c.FormValue("start"))
	if err != nil && c.FormValue("start") != "" {
		c.page(http.StatusInternalServerError, "start is no number")
		return
	}
	if !s.o.NoTails && strings.HasPrefix(c.Request.Header.Get("Accept"), "multipart/form-data") {
		c.stream(log, start, b.Done())
		return
	}
	switch {
	case start < 0:
		c.page(http.StatusInternalServerError, "Negative seek offset")
		return
	case start > len(log):
		start = 0
	}
	text := log[start:]
	if !b.Done() { // whole lines, and not too many
		end, lines := 0, 0
		for end < len(text) && lines < mostLines {
			n := strings.IndexByte(text[end:], '\n')
			if n < 0 {
				break
			}
			end, lines = end+n+1, lines+1
		}
		text = text[:end]
		c.Header().Set("X-More-Data", "true")
	}
	c.Header().Set("X-Text-Size", strconv.Itoa(start+len(text)))
	c.Header().Set("Content-Type", "text/plain;charset=utf-8")
	_, _ = c.Write([]byte(text))
}

// stream is the newer form. A negative start counts from the end, and begins with
// a line; searchNewLineUntil has it look for the beginning of one.
func (c *call) stream(log string, start int, completed bool) {
	meta := map[string]any{"completed": completed}
	search := func(until int) {
		if n := strings.IndexByte(log[start:until], '\n'); n >= 0 && start+n+1 < until {
			start += n + 1
			meta["startFromNewLine"] = true
		}
	}
	until, err := strconv.Atoi(c.FormValue("searchNewLineUntil"))
	switch {
	case start > len(log), start < 0 && len(log) <= -start:
		start = 0
	case start < 0:
		start += len(log)
		search(len(log))
	case err == nil:
		search(max(start, min(until, len(log))))
	}
	meta["start"], meta["end"] = start, len(log)
	said, err := json.Marshal(meta)
	if err != nil {
		c.page(http.StatusInternalServerError, err.Error())
		return
	}
	boundary := rand.Text()
	c.Header().Set("Content-Type", "multipart/form-data;boundary="+boundary)
	fmt.Fprintf(c, "--%s\r\nContent-Disposition: form-data;name=text\r\nContent-Type: text/plain;charset=utf-8\r\n\r\n%s", boundary, log[start:])
	fmt.Fprintf(c, "\r\n--%s\r\nContent-Disposition: form-data;name=meta\r\nContent-Type: application/json;charset=utf-8\r\n\r\n%s\r\n--%s--", boundary, said, boundary)
}
