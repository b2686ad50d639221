//go:build unix

package main

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"

	"wheelhouse/backend/audit"
)

// TestSessionStopped: whoever stops a command while a server owes it an answer is
// told that it is unclear, and the record says who has asked for what and how it
// ended, with nothing missing behind it.
func TestSessionStopped(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel() // each waits as long as a server is waited for
			h := newSessionHome(t)
			s := newSessionServer(t)
			s.hung = make(chan struct{})
			h.kubeconfig(s.URL)
			stop := func(p *os.Process) {
				<-s.hung
				if err := p.Signal(signal); err != nil {
					t.Error(err)
				}
			}
			r := h.runWhile(stop, "act", "pod.delete", "dead:pod/shop/web-0", "--yes")
			r.wants(t, 1, "Deletes pod shop/web-0 on dead.", "may have been changed")
			tail := h.run("audit", "tail", "-o", "json")
			var records []audit.Record
			if err := json.Unmarshal([]byte(tail.out), &records); err != nil {
				t.Fatalf("%v of\n%s", err, tail.out)
			}
			var words []string
			for _, rec := range records {
				switch {
				case rec.Intent != nil:
					words = append(words, "intent by "+rec.Intent.Links[0].User)
				case rec.Step != nil:
					words = append(words, "step "+rec.Step.Code)
				case rec.Outcome != nil:
					words = append(words, "outcome "+rec.Outcome.Code)
				case rec.End != nil:
					words = append(words, "end")
				}
			}
			if got := strings.Join(words, ", "); got != "intent by ann, step unknown, outcome unknown, end" {
				t.Errorf("on record: %s\n%s%s", got, r.out, r.errs)
			}
		})
	}
}
