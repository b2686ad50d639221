package sandbox

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// An Answer is what somebody gets who calls a process.
type Answer struct {
	Status int
	Text   string // of an error; empty where there is none
	Takes  time.Duration
}

// Call is one call more to a process, which goes as its calls go now. It is written
// into the log, as any other.
func (w *World) Call(id ProcessID, method, path string) (Answer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.processes[id]
	if p == nil || p.State != Up || p.program == nil {
		return Answer{}, fmt.Errorf("process %s of %s: %w", id.Container, id.Pod, ErrNone)
	}
	a := Answer{Status: http.StatusOK, Takes: p.Takes}
	switch {
	case !p.program.knows(method, path):
		a.Status, a.Text = http.StatusNotFound, "No static resource "+strings.TrimPrefix(path, "/")+"."
		return a, nil
	case !p.Ready:
		a.Status, a.Text = http.StatusServiceUnavailable, "starting"
	case w.dice.Float64() < p.Failing:
		a.Status, a.Text = http.StatusInternalServerError, p.blames(w)
		p.says(w, "ERROR", fmt.Sprintf("%s %s 500: %s", method, path, a.Text))
	default:
		p.says(w, "INFO", fmt.Sprintf("%s %s 200 in %d ms", method, path, p.Takes.Milliseconds()))
	}
	return a, nil
}

// knows says whether a call is one of those that the program has an answer to.
func (pr *program) knows(method, path string) bool {
	path, _, _ = strings.Cut(path, "?")
	for _, d := range pr.Does {
		verb, pattern, _ := strings.Cut(d, " ")
		if verb == method && matches(strings.Split(pattern, "/"), strings.Split(path, "/")) {
			return true
		}
	}
	return len(pr.Does) == 0
}

func matches(pattern, path []string) bool {
	if len(pattern) != len(path) {
		return false
	}
	for i := range pattern {
		if pattern[i] != path[i] && (!strings.HasPrefix(pattern[i], "{") || path[i] == "") {
			return false
		}
	}
	return true
}
