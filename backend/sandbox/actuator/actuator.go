// Package actuator serves a process of the embedded world as Spring Boot's actuator
// does: its health, its circuit breakers with their last transitions, what is measured
// of it. One handler is one process, as one actuator is; what happens is decided in
// the world.
//
// The facts are those of Spring Boot 3.5 with Resilience4j 2.3.
package actuator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"wheelhouse/backend/sandbox"
)

type object map[string]any

// server is the actuator of one process.
type server struct {
	world *sandbox.World
	id    sandbox.ProcessID
}

// New serves one process.
func New(w *sandbox.World, id sandbox.ProcessID) http.Handler {
	s := server{w, id}
	mux := http.NewServeMux()
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /actuator":                                    s.index,
		"GET /actuator/info":                               s.info,
		"GET /actuator/health":                             s.health,
		"GET /actuator/health/{group}":                     s.group,
		"GET /actuator/circuitbreakers":                    s.breakers,
		"POST /actuator/circuitbreakers/{name}":            s.set,
		"GET /actuator/circuitbreakers/{name}":             s.unreadable,
		"GET /actuator/circuitbreakerevents":               s.events,
		"GET /actuator/circuitbreakerevents/{name}":        s.events,
		"GET /actuator/circuitbreakerevents/{name}/{kind}": s.events,
		"GET /actuator/metrics":                            s.metrics,
		"GET /actuator/metrics/{name}":                     s.metric,
		"/":                                                func(w http.ResponseWriter, r *http.Request) { s.refuse(w, r, http.StatusNotFound) },
	} {
		mux.HandleFunc(pattern, h)
	}
	return mux
}

const ofActuator = "application/vnd.spring-boot.actuator.v3+json"

func answer(w http.ResponseWriter, status int, kind string, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		status, b = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(b) // whoever has gone does not read it
}

func (s server) say(w http.ResponseWriter, body any) { answer(w, http.StatusOK, ofActuator, body) }

// refuse answers as Spring does where no controller has.
func (s server) refuse(w http.ResponseWriter, r *http.Request, status int) {
	answer(w, status, "application/json", object{
		"timestamp": s.world.Now().UTC().Format("2006-01-02T15:04:05.000+00:00"), "status": status, "error": http.StatusText(status), "path": r.URL.Path,
	})
}

func (s server) unreadable(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, r, http.StatusMethodNotAllowed)
}

func (s server) index(w http.ResponseWriter, r *http.Request) {
	links := object{}
	for name, path := range map[string]string{
		"self": "", "health": "/health", "info": "/info", "metrics": "/metrics", "circuitbreakers": "/circuitbreakers", "circuitbreakerevents": "/circuitbreakerevents",
	} {
		links[name] = object{"href": "http://" + r.Host + "/actuator" + path, "templated": false}
	}
	s.say(w, object{"_links": links})
}

func (s server) info(w http.ResponseWriter, _ *http.Request) {
	p, _ := s.world.Process(s.id)
	name, tag := sandbox.Image(p.Image)
	s.say(w, object{"build": object{"name": name, "version": tag}})
}

// health is UP whatever the breakers are: they are only told.
func (s server) health(w http.ResponseWriter, _ *http.Request) {
	details := object{}
	for _, b := range s.world.Breakers(s.id) {
		details[b.Name] = object{"status": "CIRCUIT_" + string(b.State), "details": rates(b)}
	}
	status, word := s.up()
	answer(w, status, ofActuator, object{"status": word, "components": object{
		"circuitBreakers": object{"status": "UP", "details": details}, "ping": object{"status": "UP"},
	}})
}

func (s server) up() (status int, word string) {
	if p, err := s.world.Process(s.id); err != nil || !p.Ready {
		return http.StatusServiceUnavailable, "OUT_OF_SERVICE"
	}
	return http.StatusOK, "UP"
}

func (s server) group(w http.ResponseWriter, r *http.Request) {
	status, word := s.up()
	switch r.PathValue("group") {
	case "readiness":
	case "liveness":
		status, word = http.StatusOK, "UP"
	default:
		s.refuse(w, r, http.StatusNotFound)
		return
	}
	answer(w, status, ofActuator, object{"status": word})
}

func percent(n float64) string { return fmt.Sprintf("%.1f%%", n) }

func rates(b sandbox.Breaker) object {
	return object{
		"failureRate": percent(b.FailureRate), "slowCallRate": percent(b.SlowRate), "failureRateThreshold": percent(b.FailureLimit), "slowCallRateThreshold": percent(b.SlowLimit),
		"bufferedCalls": b.Buffered, "failedCalls": b.Failed, "slowCalls": b.Slow, "slowFailedCalls": min(b.Failed, b.Slow), "notPermittedCalls": b.Refused, "state": b.State,
	}
}

func (s server) breakers(w http.ResponseWriter, _ *http.Request) {
	all := object{}
	for _, b := range s.world.Breakers(s.id) {
		all[b.Name] = rates(b)
	}
	s.say(w, object{"circuitBreakers": all})
}

// set turns a breaker. The verbs are not the states, and are taken in any case.
func (s server) set(w http.ResponseWriter, r *http.Request) {
	var asked struct{ UpdateState string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&asked); err != nil {
		s.refuse(w, r, http.StatusBadRequest)
		return
	}
	to, ok := map[string]sandbox.BreakerState{
		"CLOSE": sandbox.Closed, "FORCE_OPEN": sandbox.ForcedOpen, "DISABLE": sandbox.Disabled,
	}[strings.ToUpper(asked.UpdateState)]
	if !ok {
		s.refuse(w, r, http.StatusBadRequest)
		return
	}
	name := r.PathValue("name")
	// A name that is not known makes a breaker of that name, as the real one does.
	b, err := s.world.SetBreaker(s.id, name, to)
	if err != nil {
		b.State = to
	}
	s.say(w, object{"circuitBreakerName": name, "currentState": b.State, "message": name + " state has been changed successfully"})
}

func (s server) events(w http.ResponseWriter, r *http.Request) {
	name, kind := r.PathValue("name"), r.PathValue("kind")
	events := []object{}
	for _, b := range s.world.Breakers(s.id) {
		if name != "" && b.Name != name || kind != "" && kind != "STATE_TRANSITION" {
			continue
		}
		for _, t := range b.Turns {
			events = append(events, object{
				"circuitBreakerName": b.Name, "type": "STATE_TRANSITION", "creationTime": t.At.UTC().Format(time.RFC3339Nano) + "[Etc/UTC]",
				"errorMessage": nil, "durationInMs": nil, "stateTransition": fmt.Sprintf("%s_TO_%s", t.From, t.To),
			})
		}
	}
	s.say(w, object{"circuitBreakerEvents": events})
}

// meters are what is measured of a process, by name.
func meters(p sandbox.Process) map[string]float64 {
	return map[string]float64{
		"process.cpu.usage": p.Uses.CPU, "jvm.memory.used": float64(p.Uses.Memory) * (1 << 20), "http.server.requests": p.Calls,
	}
}

func (s server) metrics(w http.ResponseWriter, _ *http.Request) {
	p, _ := s.world.Process(s.id)
	names := []string{}
	for name := range meters(p) {
		names = append(names, name)
	}
	s.say(w, object{"names": names})
}

func (s server) metric(w http.ResponseWriter, r *http.Request) {
	p, _ := s.world.Process(s.id)
	value, ok := meters(p)[r.PathValue("name")]
	if !ok {
		s.refuse(w, r, http.StatusNotFound)
		return
	}
	s.say(w, object{"name": r.PathValue("name"), "measurements": []object{{"statistic": "VALUE", "value": value}}, "availableTags": []object{}})
}
