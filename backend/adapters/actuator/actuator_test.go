package actuator

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/link"
	"wheelhouse/backend/service"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A process is one instance of a service as Spring Boot 3.5 with Resilience4j 2.3
// answers, below /actuator.
type process struct {
	mu       sync.Mutex
	states   map[string]string
	readOnly bool
	closed   bool // nobody may read
	stuck    bool // it answers a change and does nothing
	posts    int
}

func (p *process) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Header().Set("Content-Type", "application/vnd.spring-boot.actuator.v3+json")
	name, of := strings.CutPrefix(r.URL.Path, "/actuator/circuitbreakers/")
	switch {
	case r.URL.Path == "/actuator/health":
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"status":"DOWN"}`)
	case p.closed:
		w.WriteHeader(http.StatusForbidden)
	case r.URL.Path == "/actuator/circuitbreakers":
		_, _ = io.WriteString(w, p.list())
	case strings.HasPrefix(r.URL.Path, "/actuator/circuitbreakerevents/"):
		_, _ = io.WriteString(w, `{"circuitBreakerEvents":[
			{"circuitBreakerName":"bank","type":"STATE_TRANSITION","creationTime":"2026-11-23T05:59:50.541987284Z[Etc/UTC]","errorMessage":null,"durationInMs":null,"stateTransition":"CLOSED_TO_OPEN"},
			{"circuitBreakerName":"bank","type":"STATE_TRANSITION","creationTime":"2026-11-23T06:00:50.1Z[Etc/UTC]","stateTransition":"OPEN_TO_HALF_OPEN"},
			{"circuitBreakerName":"bank","type":"STATE_TRANSITION","creationTime":"2026-11-23T06:00:50.1Z[Etc/UTC]","stateTransition":"HALF_OPEN_TO_OPEN"}]}`)
	case of && r.Method == http.MethodPost && !p.readOnly:
		p.set(w, r, name)
	case of:
		w.WriteHeader(http.StatusMethodNotAllowed)
	default:
		http.NotFound(w, r)
	}
}

func (p *process) set(w http.ResponseWriter, r *http.Request, name string) {
	p.posts++
	var asked struct{ UpdateState string }
	_ = json.NewDecoder(r.Body).Decode(&asked)
	state := map[string]string{"CLOSE": "CLOSED", "FORCE_OPEN": "FORCED_OPEN", "DISABLE": "DISABLED"}[asked.UpdateState]
	if state == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if !p.stuck {
		p.states[name] = state // of whatever name
	}
	fmt.Fprintf(w, `{"circuitBreakerName":%q,"currentState":%q,"message":"%s state has been changed successfully"}`, name, state, name)
}

func (p *process) list() string {
	var out []string
	for name, state := range p.states {
		rate := "-1.0%"
		if state == service.Open {
			rate = "71.5%"
		}
		out = append(out, fmt.Sprintf(`%q:{"failureRate":%q,"slowCallRate":"0.0%%","failureRateThreshold":"50.0%%","slowCallRateThreshold":"100.0%%",
			"bufferedCalls":10,"failedCalls":7,"slowCalls":0,"slowFailedCalls":0,"notPermittedCalls":3,"state":%q}`, name, rate, state))
	}
	return `{"circuitBreakers":{` + strings.Join(out, ",") + `}}`
}

// several finds processes that it was given.
type several struct {
	byURL
	all []instance
}

func (s *several) find(context.Context, backend.Scope) ([]instance, error) { return s.all, nil }

// world is a link with instances of the service pay, each with faults before it.
func world(t *testing.T, processes ...*process) (*Breakers, []*backendtest.Faults) {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	var systems []link.System
	var faults []*backendtest.Faults
	for i, p := range processes {
		f := &backendtest.Faults{Server: p}
		server := httptest.NewServer(f)
		t.Cleanup(server.Close)
		faults = append(faults, f)
		systems = append(systems, link.System{Protocol: Protocol(), URL: server.URL + "/actuator", Alias: fmt.Sprintf("pay-%d", i)})
	}
	links, err := link.Load(link.Options{Systems: systems})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(links.Close)
	s := &several{}
	for _, l := range links.All() {
		in, err := ByURL(l).find(t.Context(), backend.Scope{})
		if err != nil {
			t.Fatal(err)
		}
		in[0].service = "pay"
		s.all = append(s.all, in...)
	}
	return New(links.All()[0], s), faults
}

func closed() *process { return &process{states: map[string]string{"bank": service.Closed}} }

func open() *process { return &process{states: map[string]string{"bank": service.Open}} }

func ref(sub string) backend.Ref {
	return backend.Ref{Link: "pay-0", Kind: service.KindBreaker, Scope: service.NoScope, Name: "pay.bank", Sub: sub}
}

func TestRows(t *testing.T) {
	b, faults := world(t, closed(), open(), closed())
	faults[2].Spoil(backendtest.Always(backendtest.Refused))
	got, err := b.rows(t.Context(), backend.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b service.Breaker) int { return strings.Compare(a.Instance, b.Instance) })
	if len(got) != 3 || !strings.Contains(got[0].Detail, "pay-2: ") || !strings.Contains(got[0].Detail, "503") {
		t.Fatalf("got %+v", got)
	}
	got[0].Detail = ""
	one := service.Breaker{
		Link: "pay-0", Scope: service.NoScope, Service: "pay", Name: "bank", FailureLimit: 50, SlowLimit: 100, Failure: -1, Calls: 10, Failed: 7, Refused: 3,
	}
	all, first, second := one, one, one
	first.Instance, first.States = "pay-0", service.Closed
	second.Instance, second.States, second.Failure = "pay-1", service.Open, 71.5
	second.Changed, second.Last = 1795413650, "HALF_OPEN_TO_OPEN"
	all.States, all.Failure, all.Silent, all.Calls, all.Failed, all.Refused = "CLOSED OPEN", 71.5, 1, 20, 14, 6
	all.Changed, all.Last = second.Changed, second.Last
	if diff := cmp.Diff([]service.Breaker{all, first, second}, got); diff != "" {
		t.Error(diff)
	}
}

func TestNobodyAnswers(t *testing.T) {
	b, faults := world(t, closed(), closed())
	for _, f := range faults {
		f.Spoil(backendtest.Always(backendtest.Page))
	}
	if _, err := b.rows(t.Context(), backend.Scope{}); err == nil || !strings.Contains(err.Error(), "web page") {
		t.Errorf("error is %v", err)
	}
}

// do plans an action, carries out its steps, and gives their errors.
func do(t *testing.T, b *Breakers, action string, refs ...backend.Ref) (backend.Plan, []error) {
	t.Helper()
	p, err := b.Plan(t.Context(), action, refs, nil)
	if err != nil {
		t.Fatal(err)
	}
	var errs []error
	for _, s := range p.Steps {
		errs = append(errs, s.Do(t.Context(), func(int, int, string) {}))
	}
	return p, errs
}

func TestTripAllAndOne(t *testing.T) {
	first, second := closed(), open()
	b, _ := world(t, first, second)
	p, errs := do(t, b, service.BreakerTrip, ref(""))
	if diff := cmp.Diff([]error{nil, nil}, errs); diff != "" {
		t.Error(diff)
	}
	if first.states["bank"] != service.ForcedOpen || second.states["bank"] != service.ForcedOpen {
		t.Errorf("they are %v, %v", first.states, second.states)
	}
	if p.Sentence != "Opens breaker bank of pay on its 2 instances on pay-0: calls are refused until somebody closes it." {
		t.Error(p.Sentence)
	}
	if s := p.Steps[1]; s.Target.Sub != "pay-1" || s.Request != "POST pay-1/circuitbreakers/bank  updateState: FORCE_OPEN" || !strings.HasPrefix(s.CLI, "curl -X POST") {
		t.Errorf("the second step is %+v", s)
	}
	if err := p.Steps[1].Undo.Do(t.Context(), func(int, int, string) {}); err != nil || second.states["bank"] != service.Closed {
		t.Errorf("undone it is %s, %v", second.states["bank"], err)
	}
	if _, errs := do(t, b, service.BreakerClose, ref("pay-0")); errs[0] != nil || len(errs) != 1 || first.states["bank"] != service.Closed {
		t.Errorf("one of them: %v, %v", errs, first.states)
	}
}

// TestUnknownBreakerIsRefused: the server would make one of that name.
func TestUnknownBreakerIsRefused(t *testing.T) {
	p := closed()
	b, _ := world(t, p)
	r := ref("")
	r.Name = "pay.bnak"
	_, err := b.Plan(t.Context(), service.BreakerTrip, []backend.Ref{r}, nil)
	if backend.CodeOf(err) != backend.NotFound || !strings.Contains(err.Error(), "it has bank") {
		t.Errorf("error is %v", err)
	}
	plan, err := b.Plan(t.Context(), service.BreakerTrip, []backend.Ref{ref("")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	delete(p.states, "bank") // it is another version now
	if err := plan.Steps[0].Do(t.Context(), func(int, int, string) {}); backend.CodeOf(err) != backend.NotFound {
		t.Errorf("error is %v", err)
	}
	if p.posts != 0 {
		t.Errorf("%d changes were asked for", p.posts)
	}
}

func TestSomebodyElseWasFaster(t *testing.T) {
	p := closed()
	b, _ := world(t, p)
	plan, err := b.Plan(t.Context(), service.BreakerTrip, []backend.Ref{ref("")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.states["bank"] = service.HalfOpen // which it does by itself
	if changed := plan.Steps[0].Guard.Changed(facts(service.HalfOpen)); changed != "" {
		t.Error(changed)
	}
	p.states["bank"] = service.Disabled
	if err := plan.Steps[0].Do(t.Context(), func(int, int, string) {}); backend.CodeOf(err) != backend.Conflict || p.posts != 0 {
		t.Errorf("error is %v after %d changes", err, p.posts)
	}
}

func TestLostAnswers(t *testing.T) {
	for name, lose := range map[string]struct {
		of   func(*http.Request, int) bool
		code backend.Code
		bad  bool
	}{
		"of the change":  {func(r *http.Request, _ int) bool { return r.Method == http.MethodPost }, 0, false},
		"of the look":    {func(r *http.Request, n int) bool { return r.Method == http.MethodGet && n == 2 }, 0, false},
		"of all of them": {func(_ *http.Request, n int) bool { return n > 0 }, backend.Unknown, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := closed()
			b, faults := world(t, p)
			plan, err := b.Plan(t.Context(), service.BreakerTrip, []backend.Ref{ref("")}, nil)
			if err != nil {
				t.Fatal(err)
			}
			n := -1
			faults[0].Spoil(func(r *http.Request) backendtest.Fault {
				if !strings.Contains(r.URL.Path, "circuitbreakers") {
					return 0
				}
				if n++; lose.of(r, n) {
					return backendtest.Lost
				}
				return 0
			})
			err = plan.Steps[0].Do(t.Context(), func(int, int, string) {})
			if (err != nil) != lose.bad || err != nil && backend.CodeOf(err) != lose.code {
				t.Errorf("error is %v: %v", backend.CodeOf(err), err)
			}
			if p.states["bank"] != service.ForcedOpen {
				t.Errorf("it is %s", p.states["bank"])
			}
		})
	}
}

func TestRefusedChanges(t *testing.T) {
	locked, stuck := closed(), closed()
	locked.readOnly, stuck.stuck = true, true
	b, _ := world(t, locked, stuck)
	_, errs := do(t, b, service.BreakerTrip, ref(""))
	if backend.CodeOf(errs[0]) != backend.Denied || !strings.Contains(errs[0].Error(), "management.endpoint") {
		t.Errorf("a read-only actuator gives %v", errs[0])
	}
	if backend.CodeOf(errs[1]) != backend.Failed || !strings.Contains(errs[1].Error(), "CLOSED and not FORCED_OPEN") {
		t.Errorf("one that does nothing gives %v", errs[1])
	}
}

func TestDetails(t *testing.T) {
	b, _ := world(t, open())
	doc, err := b.Fetch(t.Context(), ref("pay-0"), backend.Summary)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	_ = doc.WriteText(&text)
	for _, want := range []string{"pay-0  OPEN", "71.5 % of 50 %", "7 failed", "open to half open"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in\n%s", want, text.String())
		}
	}
	doc, err = b.Fetch(t.Context(), ref(""), backend.YAML)
	if text.Reset(); err != nil || doc.WriteText(&text) != nil || !strings.Contains(text.String(), `"failureRate": "71.5%"`) {
		t.Errorf("%v\n%s", err, text.String())
	}
}

// TestStands: in a pod that waits to be started again nobody is asked.
func TestStands(t *testing.T) {
	p := &corev1.Pod{}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{
		{Name: "app", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}},
		{Name: "sidecar", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
	}
	for name, want := range map[string]bool{"app": true, "sidecar": false, "": false, "that nothing is known of": false} {
		if got := stands(p, name); got != want {
			t.Errorf("%q stands: %v", name, got)
		}
	}
}

func TestServiceThatIsDownIsLive(t *testing.T) {
	b, _ := world(t, closed())
	if f := b.api.Link().Check(t.Context())[0]; f.State != backend.Good {
		t.Errorf("%+v", f)
	}
}
