package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/adrg/xdg"

	"wheelhouse/backend"
	"wheelhouse/backend/audit"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/dispatch"
	"wheelhouse/backend/feed"
	"wheelhouse/backend/link"
	"wheelhouse/backend/signal"
	"wheelhouse/keymap"
	"wheelhouse/themes"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
	"wheelhouse/ui/page"
	"wheelhouse/ui/screen"
	"wheelhouse/views/logs"
	"wheelhouse/views/metrics"
)

// TestMain has the pictures' times be the same wherever they are made: the zone is
// read when it is first wanted. What the libraries say is set for the whole process.
func TestMain(m *testing.M) {
	_ = os.Setenv("TZ", "UTC") // it fails for no such name
	link.Quiet(nil)
	os.Exit(m.Run())
}

// ownState has what the console keeps be kept in a folder of the test's own.
func ownState(t *testing.T) {
	t.Helper()
	t.Cleanup(xdg.Reload) // when the variable is what it was
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	xdg.Reload()
}

// rigNow is the time at which every rig stands still.
func rigNow() time.Time { return time.Date(2026, 3, 14, 9, 30, 0, 0, time.UTC) }

// A rig is the shell with all views over feeds that the test fills itself, and
// no program around it: the test gives it messages and carries out its commands,
// so that nothing happens by chance. It stands in a bubble of synctest, where
// the pauses that commands make take no time.
type rig struct {
	t       *testing.T
	shell   *ui.Shell
	desk    *dispatch.Desk
	links   *rigLinks
	actor   *rigActor
	memory  *rigMemory
	aliases keymap.Aliases
	keys    *keymap.Map // nil: those built in
	bell    *feed.Bell
	feeds   *feed.Set
	fetch   page.Fetch
	log     backend.Lines // of everything; nil: nothing has one
	quit    bool

	own        []ui.Opener // besides all views
	companions []ui.Companion
}

// newRig makes one without rows and links.
func newRig(t *testing.T) *rig {
	bell := feed.NewBell()
	r := &rig{
		t: t, links: &rigLinks{}, actor: &rigActor{}, memory: &rigMemory{kept: map[string][]string{}}, bell: bell,
		feeds: feed.NewSet(bell),
		fetch: rigFetch,
	}
	r.desk = dispatch.New(dispatch.Options{
		Actions: actions(), Record: rigRecord{},
		Route: func(to backend.Ref) (dispatch.Route, bool) {
			return dispatch.Route{Actor: r.actor, Server: "https://" + to.Link + ".example.com:6443", User: "ann"}, true
		},
	})
	return r
}

// options is what the rig's shell is made of.
func (r *rig) options() ui.Options {
	if r.keys == nil {
		keys, err := keymap.Default()
		if err != nil {
			r.t.Fatal(err)
		}
		r.keys = keys
	}
	return ui.Options{
		Desk: r.desk, Keys: r.keys, Openers: append(r.openers(), r.own...), Companions: r.companions, Links: r.links, Bell: r.bell, Memory: r.memory,
		Aliases: r.aliases, Signs: themes.Unicode(), Now: rigNow,
	}
}

// openers are all views, over the rig's feeds.
func (r *rig) openers() []ui.Opener {
	shared := list.Shared{
		Memory:  r.memory,
		Save:    func(string, []byte) tea.Cmd { return nil },
		Details: func(string) page.Fetch { return r.fetch },
		Logged: func(to backend.Ref) bool {
			return r.log != nil && slices.Contains([]string{cluster.KindPod, cluster.KindDeployment, delivery.KindBuild, signal.KindStream}, to.Kind)
		},
	}
	log := logs.Options{Read: func(backend.Ref) backend.Lines { return r.log }, Refs: nouns().ParseRefs, Save: shared.Save, Bell: r.bell}
	return views(r.feeds, outlook{links: r.links, lists: shared, logs: log, numbers: func(string) metrics.Read { return someNumbers }})
}

// inBubble runs f on a rig whose feeds fill has filled.
func inBubble(t *testing.T, fill, f func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.desk.Close(t.Context())
		if fill != nil {
			fill(r)
		}
		f(r)
	})
}

// start opens the shell on the view that line says.
func (r *rig) start(line string, w, h int) {
	o := r.options()
	o.First = line
	r.shell = ui.New(o, nil, nil)
	r.resize(w, h)
	r.run(r.shell.Init())
	r.settle()
}

// settle draws and tells of changes until nothing is left to be worked out.
func (r *rig) settle() {
	for range 3 {
		synctest.Wait()
		r.send(ui.Changed{})
		r.shell.Picture()
	}
}

func (r *rig) resize(w, h int) { r.send(tea.WindowSizeMsg{Width: w, Height: h}) }

// send gives the shell a message and carries out what it asks for.
func (r *rig) send(msg tea.Msg) {
	_, cmd := r.shell.Update(msg)
	r.run(cmd)
}

func (r *rig) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.QuitMsg:
		r.quit = true
	case tea.BatchMsg:
		for _, c := range msg {
			r.run(c)
		}
	default:
		r.send(msg)
	}
}

// press presses keys, named as in the keymap and divided by blanks.
func (r *rig) press(keys string) {
	r.t.Helper()
	for _, name := range strings.Fields(keys) {
		k, err := ui.ParseKey(name)
		if err != nil {
			r.t.Fatal(err)
		}
		r.send(k)
	}
	r.settle()
}

// paste gives the shell a text as the terminal does when one is pasted.
func (r *rig) paste(text string) {
	r.send(tea.PasteMsg{Content: text})
	r.settle()
}

func (r *rig) picture() screen.Canvas { return r.shell.Picture() }

// rigFetch is what a server says of any object.
func rigFetch(_ context.Context, r backend.Ref, a backend.Aspect) (backend.Doc, error) {
	doc := backend.Doc{Title: r.Name, Lines: []backend.Line{
		{Level: backend.Good, Label: "app", Text: backend.T("running 3h, 2 restarts, last exit 1 4h ago")},
		{Label: "image", Text: backend.T("registry.example.com/shop/checkout:1.42.0")},
		{Label: "node", Text: backend.T("eu-west-1a-node-07")},
		{Level: backend.Warning, Label: "event 2m", Text: backend.T("Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503, 14 times")},
	}}
	if a == backend.Summary {
		return doc, nil
	}
	for i := range 60 {
		doc.Lines = append(doc.Lines, backend.Line{Text: backend.T(fmt.Sprintf("%s line %d of what the server says", a, i+5))})
	}
	return doc, nil
}

// rigLinks are links that only say what the test has put into them.
type rigLinks struct{ states []ui.LinkState }

func (l *rigLinks) States() []ui.LinkState { return l.states }
func (l *rigLinks) Connect(string)         {}
func (l *rigLinks) Disconnect(string)      {}
func (l *rigLinks) Retry(string)           {}

// add adds a link in that state.
func (l *rigLinks) add(alias string, h backend.Health) {
	l.states = append(l.states, ui.LinkState{Alias: alias, User: "ann", Contexts: []string{alias}, Health: h})
}

// rigMemory forgets with the test.
type rigMemory struct {
	mu   sync.Mutex
	kept map[string][]string
}

// Get implements ui.Memory.
func (m *rigMemory) Get(key string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept[key]
}

// Put implements ui.Memory.
func (m *rigMemory) Put(key string, values []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept[key] = values
}

// rigRecord takes everything.
type rigRecord struct{}

func (rigRecord) Write(audit.Entry) error { return nil }
func (rigRecord) Keep(audit.Entry) error  { return nil }

// rigActor plans in the words of the Kubernetes adapter and does nothing. What
// is in more stands in every text of a plan as well.
type rigActor struct {
	more  string
	why   string                   // speaks against every action, as far as is known
	not   string                   // for which no permission is given; empty: all are
	asked func([]backend.Ref)      // is told of whom Why is asked; nil: nobody is
	lag   map[string]time.Duration // how long a step takes, by the name of its object
}

func (a *rigActor) Why(_ string, refs []backend.Ref) string {
	if a.asked != nil {
		a.asked(refs)
	}
	return a.why
}

func (a *rigActor) May(context.Context, backend.Permission, backend.Ref) (bool, string, error) {
	return a.not == "", a.not, nil
}

// Params implements backend.Asker.
func (a *rigActor) Params(context.Context, string, backend.Ref) ([]backend.Param, error) {
	return []backend.Param{
		{Name: "BRANCH", Title: "BRANCH", Default: "main", Help: "What is built." + a.more},
		{Name: "TARGET", Title: "TARGET", Type: backend.Choice, Choices: []string{"staging", "production"}, Help: "Where it goes." + a.more},
		{Name: "CLEAN", Title: "CLEAN", Type: backend.Bool, Default: "false"},
		{Name: "KEY", Title: "KEY" + a.more, Secret: true, Help: "For the registry."},
	}, nil
}

func (a *rigActor) Plan(_ context.Context, action string, refs []backend.Ref, args backend.Args) (backend.Plan, error) {
	first := refs[0]
	kind, _, _ := strings.Cut(first.Kind, ".")
	what := fmt.Sprintf("%s %s/%s", kind, first.Scope, first.Name)
	if len(refs) > 1 {
		what = fmt.Sprintf("%d %ss in %s", len(refs), kind, first.Scope)
	}
	p := backend.Plan{Action: action, Warnings: []string{"Argo CD manages it and may set it back" + a.more}}
	verb, word := "PATCH", "rollout restart"
	switch action {
	case cluster.WorkloadScale:
		word = "scale"
		p.Sentence = fmt.Sprintf("Scales %s on %s from 3 to %s.%s", what, first.Link, args["replicas"], a.more)
	case cluster.WorkloadRestart:
		p.Sentence = fmt.Sprintf("Restarts %s on %s.%s", what, first.Link, a.more)
	default:
		verb, word = "DELETE", "delete"
		p.Sentence = fmt.Sprintf("Deletes %s on %s.%s", what, first.Link, a.more)
		p.Warnings = []string{"replicaset checkout-7d9f5c makes another" + a.more, "its emptyDir data goes with it: cache" + a.more}
	}
	for _, r := range refs {
		p.Steps = append(p.Steps, backend.Step{
			Target: r, Do: func(context.Context, backend.Progress) error { time.Sleep(a.lag[r.Name]); return nil },
			Request: fmt.Sprintf("%s %ss/%s/%s  only if uid is %s%s", verb, kind, r.Scope, r.Name, r.UID, a.more),
			CLI:     fmt.Sprintf("kubectl --context %s -n %s %s %s/%s%s", r.Link, r.Scope, word, kind, r.Name, a.more),
			Needs:   []backend.Permission{{Verb: strings.ToLower(verb), Resource: kind + "s"}},
		})
	}
	return p, nil
}
