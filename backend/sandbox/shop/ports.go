package shop

import (
	"encoding/json"
	"net/http"
	"time"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/actuator"
)

// The ports that every program of the company listens on.
const (
	httpPort       = 8080
	managementPort = 8081
)

// ports is what listens on a port of a container; nil where nothing does.
func ports(w *sandbox.World) func(sandbox.ProcessID, int) http.Handler {
	return func(id sandbox.ProcessID, port int) http.Handler {
		if id.Container != "app" || id.Namespace != namespace {
			return nil
		}
		switch port {
		case managementPort:
			return actuator.New(w, id)
		case httpPort:
			return program{w, id}
		}
		return nil
	}
}

// program is what a program answers whoever calls it.
type program struct {
	world *sandbox.World
	id    sandbox.ProcessID
}

// ServeHTTP implements http.Handler.
func (p program) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, err := p.world.Call(p.id, r.Method, r.URL.RequestURI())
	if err != nil {
		panic(http.ErrAbortHandler) // it has ended, and its connections with it
	}
	wait := time.NewTimer(a.Takes)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-r.Context().Done():
		return
	}
	body := struct {
		Status    int    `json:"status"`
		ServedBy  string `json:"servedBy,omitempty"`
		Timestamp string `json:"timestamp,omitempty"`
		Error     string `json:"error,omitempty"`
		Message   string `json:"message,omitempty"`
		Path      string `json:"path,omitempty"`
	}{Status: a.Status, ServedBy: p.id.Pod}
	if a.Text != "" {
		body.ServedBy, body.Timestamp = "", p.world.Now().UTC().Format("2006-01-02T15:04:05.000+00:00")
		body.Error, body.Message, body.Path = http.StatusText(a.Status), a.Text, r.URL.Path
	}
	b, err := json.Marshal(body)
	if err != nil {
		a.Status, b = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.Status)
	_, _ = w.Write(b) // whoever has gone does not read it
}
