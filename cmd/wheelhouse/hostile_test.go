package main

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/clipperhouse/displaywidth"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/machine"
	"wheelhouse/backend/service"
	"wheelhouse/backend/signal"
	"wheelhouse/themes"
	"wheelhouse/ui"
	"wheelhouse/ui/screen"
)

// pictureLines is the picture as the terminal gets it, a string for each line,
// checked: nothing in it acts on the terminal, and each line is as wide as it.
func pictureLines(t *testing.T, c screen.Canvas, what string) []string {
	t.Helper()
	text := strings.ReplaceAll(c.ANSI(screen.NewPalette(themes.Theme{}, colorprofile.NoTTY)), "\x1b[m", "")
	lines := strings.Split(text, "\n")
	if len(lines) != c.Height() {
		t.Errorf("%s: %d lines on a screen of %d", what, len(lines), c.Height())
	}
	for y, line := range lines {
		if !utf8.ValidString(line) {
			t.Errorf("%s: line %d is not UTF-8: %q", what, y, line)
		}
		before := ' '
		for _, r := range line {
			if joins := (r == 0x200d || r == 0xfe0f) && before >= 0x2190; !joins && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Bidi_Control, unicode.Zl, unicode.Zp)) {
				t.Errorf("%s: %U on line %d: %q", what, r, y, line)
			}
			before = r
		}
		if w := displaywidth.String(line); w != c.Width() {
			t.Errorf("%s: line %d is %d cells wide on a screen of %d: %q", what, y, w, c.Width(), line)
		}
	}
	return lines
}

// markers are benign texts, one for each column.
func markers() map[string]string {
	return map[string]string{
		"namespace": "NSMARK", "name": "NAMEMARK", "state": "STATEMARK", "detail": "WHYMARK", "node": "NODEMARK", "ip": "IPMARK",
		"owner": "OWNERMARK", "image": "IMAGEMARK", "server": "SERVERMARK", "user": "USERMARK", "version": "VERSIONMARK", "contexts": "CONTEXTSMARK",
	}
}

// of gives a row's text for a column: hostile where that is the column's turn.
type of func(column string) string

// spoilt are the views with the columns in which a server speaks, and how a row
// is made of their texts.
var spoilt = []struct {
	view    string
	columns []string
	fill    func(r *rig, rows []of)
}{
	{"pods", []string{"namespace", "name", "state", "detail", "node", "ip", "owner", "image"}, func(r *rig, rows []of) {
		var all []cluster.Pod
		for _, of := range rows {
			all = append(all, cluster.Pod{
				Link: "eu", Namespace: of("namespace"), Name: of("name"), State: of("state"), Detail: of("detail"), Node: of("node"), IP: of("ip"),
				Owner: of("owner"), Image: of("image"), Created: seconds(0), Ready: 1, Containers: 1, Level: backend.Good,
			})
		}
		load[cluster.Pod](r.feeds, ofLink("eu"), live(), all...)
	}},
	{"workloads", []string{"namespace", "name", "state", "image", "owner"}, func(r *rig, rows []of) {
		var all []cluster.Workload
		for _, of := range rows {
			all = append(all, cluster.Workload{
				Link: "eu", Kind: cluster.KindDeployment, Namespace: of("namespace"), Name: of("name"), State: of("state"), Image: of("image"),
				Owner: of("owner"), Created: seconds(0), Level: backend.Good,
			})
		}
		load[cluster.Workload](r.feeds, ofLink("eu"), live(), all...)
	}},
	{"rollouts", []string{"namespace", "name", "state", "detail", "image", "version"}, func(r *rig, rows []of) {
		var all []delivery.Rollout
		var revisions []delivery.Revision
		for _, of := range rows {
			ro := delivery.Rollout{
				Link: "eu", Namespace: of("namespace"), Name: of("name"), State: of("state"), Detail: of("detail"), Steps: "5% pause 100%", Step: 1,
				Stable: "1", Current: "2", Verdict: of("version"), Strategy: "Canary", Created: seconds(0), Level: backend.Good,
			}
			all = append(all, ro)
			revisions = append(revisions, delivery.Revision{Link: "eu", Namespace: ro.Namespace, Name: ro.Name + "-1", Image: of("image"), Desired: 1, Ready: 1})
		}
		load[delivery.Rollout](r.feeds, ofLink("eu"), live(), all...)
		load[delivery.Revision](r.feeds, ofLink("eu"), live(), revisions...)
	}},
	{"breakers", []string{"namespace", "name", "state", "detail", "version"}, func(r *rig, rows []of) {
		var all []service.Breaker
		for _, of := range rows {
			all = append(all, service.Breaker{
				Link: "eu", Scope: of("namespace"), Service: service.Clean(of("name")), Name: "bank", States: of("state"), Detail: of("detail"),
				Last: of("version"), Changed: seconds(0), Failure: -1, Slow: -1, Silent: 1,
			})
		}
		load[service.Breaker](r.feeds, ofLink("eu"), live(), all...)
	}},
	{"pools", []string{"namespace", "name", "state", "detail", "version", "server"}, func(r *rig, rows []of) {
		var all []machine.Pool
		for _, of := range rows {
			all = append(all, machine.Pool{
				Link: "eu", Kind: machine.KindPool, Namespace: of("namespace"), Name: of("name"), State: of("state"), Detail: of("detail"),
				Version: of("version"), Cluster: of("server"), Level: backend.Good, Created: seconds(0),
			})
		}
		load[machine.Pool](r.feeds, ofLink("eu"), live(), all...)
	}},
	{"machines", []string{"namespace", "name", "state", "detail", "version", "server", "node", "owner"}, func(r *rig, rows []of) {
		var all []machine.Machine
		for _, of := range rows {
			all = append(all, machine.Machine{
				Link: "eu", Namespace: of("namespace"), Name: of("name"), State: of("state"), Detail: of("detail"), Version: of("version"),
				Cluster: of("server"), Node: of("node"), Pool: of("owner"), Level: backend.Good, Created: seconds(0),
			})
		}
		load[machine.Machine](r.feeds, ofLink("eu"), live(), all...)
	}},
	{"builds", []string{"name", "state", "detail", "owner", "version", "image"}, func(r *rig, rows []of) {
		var all []delivery.Build
		for i, of := range rows {
			all = append(all, delivery.Build{
				Link: "eu", Pipeline: of("name"), Number: strconv.Itoa(100 + i), State: of("state"), Detail: of("detail"), By: of("owner"),
				Branch: of("version"), Title: of("image"), Began: seconds(0), Ended: seconds(0),
			})
		}
		load[delivery.Build](r.feeds, ofLink("eu"), live(), all...)
	}},
	{"pipelines", []string{"name", "state", "detail", "version"}, func(r *rig, rows []of) {
		var all []delivery.Pipeline
		for _, of := range rows {
			all = append(all, delivery.Pipeline{Link: "eu", Name: of("name"), Last: "1", State: of("state"), Off: of("detail"), Branch: of("version"), Began: seconds(0)})
		}
		load[delivery.Pipeline](r.feeds, ofLink("eu"), live(), all...)
	}},
	{"streams", []string{"name", "state", "detail"}, func(r *rig, rows []of) {
		var all []signal.Stream
		for _, of := range rows {
			all = append(all, signal.Stream{Link: "eu", Name: of("name"), State: of("state"), Detail: of("detail"), Level: backend.Good})
		}
		load[signal.Stream](r.feeds, ofLink("eu"), live(), all...)
	}},
	{"metrics", []string{"namespace", "name", "detail", "version"}, func(r *rig, rows []of) {
		var all []signal.Metric
		for _, of := range rows {
			all = append(all, signal.Metric{Link: "eu", Bucket: of("namespace"), Name: of("name"), Fields: of("detail"), Unit: of("version")})
		}
		load[signal.Metric](r.feeds, ofLink("eu"), live(), all...)
	}},
	{"home", []string{"namespace", "name", "detail"}, func(r *rig, rows []of) {
		var all []machine.Pool
		for _, of := range rows {
			all = append(all, machine.Pool{
				Link: "eu", Kind: machine.KindPool, Namespace: of("namespace"), Name: of("name"), State: "Failed", Detail: of("detail"), Level: backend.Critical,
			})
		}
		load[machine.Pool](r.feeds, ofLink("eu"), live(), all...)
	}},
	{"namespaces", []string{"name", "state"}, func(r *rig, rows []of) {
		var all []cluster.Namespace
		for _, of := range rows {
			all = append(all, cluster.Namespace{Link: "eu", Name: of("name"), State: of("state"), Level: backend.Good, Created: seconds(0)})
		}
		load[cluster.Namespace](r.feeds, ofLink("eu"), live(), all...)
	}},
	{"clusters", []string{"name", "detail", "user", "version", "server", "contexts"}, func(r *rig, rows []of) {
		var all []cluster.Cluster
		for _, of := range rows {
			all = append(all, cluster.Cluster{
				Link: of("name"), Server: of("server"), User: of("user"), Version: of("version"), Contexts: of("contexts"),
				Health: backend.Health{State: backend.Down, Reason: backend.T(of("detail"))},
			})
		}
		load[cluster.Cluster](r.feeds, backend.Part{}, live(), all...)
	}},
}

// TestHostileRows: a text in one column of one row leaves all other columns
// where they are, on its own row as on the others.
func TestHostileRows(t *testing.T) {
	keys := newRig(t).options().Keys // one for all of them: reading it takes as long as drawing one
	for name, text := range backendtest.Hostile(t, "../..") {
		for _, v := range spoilt {
			t.Run(v.view+"/"+name, func(t *testing.T) {
				t.Parallel()
				fill := func(r *rig) {
					r.keys = keys
					r.links.add("eu", live())
					var rows []of
					for i := range len(v.columns) + 2 { // the last two have no hostile one
						rows = append(rows, func(column string) string {
							if i < len(v.columns) && v.columns[i] == column {
								return text
							}
							if column == "name" {
								return markers()[column] + strconv.Itoa(10+i)
							}
							return markers()[column]
						})
					}
					v.fill(r, rows)
				}
				inBubble(t, fill, func(r *rig) {
					r.start(v.view, 480, len(v.columns)+7) // two rows of it may be a notice
					r.press("tab ctrl+w")
					lines := pictureLines(t, r.picture(), "the list")
					checkColumns(t, lines[2:4+len(v.columns)], v.columns)
				})
			})
		}
	}
}

// checkColumns fails where a marker stands elsewhere than on the other rows, or
// where a row misses more of them than the one that is hostile there.
func checkColumns(t *testing.T, rows, columns []string) {
	t.Helper()
	stands := map[string]int{}
	for _, line := range rows {
		found := 0
		for _, c := range columns {
			before, _, ok := strings.Cut(line, markers()[c])
			if !ok {
				continue
			}
			found++
			x := displaywidth.String(before)
			if at, known := stands[c]; known && at != x {
				t.Errorf("the column %s stands at %d and at %d:\n%s", c, at, x, strings.Join(rows, "\n"))
			}
			stands[c] = x
		}
		if found < len(columns)-1 {
			t.Errorf("only %d of %d columns on %q", found, len(columns), line)
		}
	}
	if len(stands) != len(columns) {
		t.Errorf("%d of %d columns were seen", len(stands), len(columns))
	}
}

// maxWord is how much of a text stands where dialogs repeat it many times over,
// more than any of these screens holds; in rows and pages all of it does.
const maxWord = 4 << 10

// hostileRig is one in which everything that anybody says is text.
func hostileRig(whole string) func(*rig) {
	text := whole[:min(len(whole), maxWord)]
	return func(r *rig) {
		r.links.states = []ui.LinkState{{Alias: text, User: text, Colour: text, Contexts: []string{text}, Health: live()}}
		pod := somePods(text)[0]
		pod.Namespace, pod.Name, pod.State, pod.Detail = text, text, text, text
		load[cluster.Pod](r.feeds, ofLink(text), live(), pod)
		w := someWorkloads(text)[0]
		w.Namespace, w.Name, w.State, w.Owner = text, text, text, text
		load[cluster.Workload](r.feeds, ofLink(text), live(), w)
		load[cluster.Cluster](r.feeds, backend.Part{}, live(), clusterRow(r.links.states[0]))
		r.memory.kept["namespaces"], r.memory.kept["filters"], r.memory.kept["commands"] = []string{text}, []string{text}, []string{text}
		r.actor.more = text
		load[delivery.Pipeline](r.feeds, ofLink(text), live(), delivery.Pipeline{Link: text, Name: text, Last: text, State: text})
		line := backend.LogLine{From: text, Level: backend.Warning, Text: backend.T(whole)}
		r.log = &rigLog{r.t.Context(), []backend.LogLine{line, line, {Text: backend.T(text)}}, live()}
		r.fetch = func(_ context.Context, _ backend.Ref, a backend.Aspect) (backend.Doc, error) {
			said := whole
			if a == backend.Summary {
				said = text
			}
			line := backend.Line{Level: backend.Warning, Label: said, Text: backend.T(said)}
			return backend.Doc{Title: said, Lines: []backend.Line{line, line, {Text: backend.T(said)}}}, nil
		}
	}
}

// TestHostileEverywhere: no dialog, line or page lets a text act, wherever it
// comes from, on a small screen or on one with details beside the list.
func TestHostileEverywhere(t *testing.T) {
	say := func(text string) tea.Msg {
		return ui.Do{With: func(s *ui.Shell) tea.Cmd { s.Say(text, backend.Warning); return nil }}
	}
	cases := []struct {
		name, first, keys string
		then              func(r *rig, text string)
	}{
		{name: "list", first: "pods"},
		{name: "help", first: "pods", keys: "?"},
		{name: "menu", first: "pods", keys: "x"},
		{name: "palette", first: "pods", keys: "ctrl+p a"},
		{name: "delete", first: "pods", keys: "ctrl+d"},
		{name: "delete options", first: "pods", keys: "ctrl+d o"},
		{name: "delete wants the name", first: "pods", keys: "ctrl+k"},
		{name: "deleted", first: "pods", keys: "ctrl+d tab enter"},
		{name: "outcomes", first: "pods", keys: "ctrl+d tab enter !"},
		{name: "outcome read", first: "pods", keys: "ctrl+d tab enter ! enter enter"},
		{name: "describe", first: "pods", keys: "d"},
		{name: "wrapped", first: "pods", keys: "y w G"},
		{name: "scale", first: "deployments", keys: "s enter"},
		{name: "clusters", first: "clusters", keys: "r"},
		{name: "trigger", first: "pipelines", keys: "t tab tab tab"},
		{name: "triggered", first: "pipelines", keys: "t enter"},
		{name: "log", first: "pods", keys: "l"},
		{name: "log wrapped, with times", first: "pods", keys: "l t w g"},
		{name: "log that fails", first: "pods", keys: "", then: func(r *rig, text string) {
			r.log = &rigLog{until: r.t.Context(), health: backend.Health{State: backend.Down, Reason: backend.T(text)}}
			r.press("l")
		}},
		{name: "command history", first: "pods", keys: ": up"},
		{name: "filter history", first: "pods", keys: "/ up enter"},
		{name: "filter pasted", first: "pods", keys: "/", then: func(r *rig, text string) { r.paste(text) }},
		{name: "command pasted", first: "pods", keys: ":", then: func(r *rig, text string) { r.paste(text); r.press("enter") }},
		{name: "palette pasted", first: "pods", keys: "ctrl+p", then: func(r *rig, text string) { r.paste(text) }},
		{name: "said", first: "pods", then: func(r *rig, text string) { r.send(say(text)) }},
		{name: "said twice", first: "pods", then: func(r *rig, text string) { r.send(say("a long sentence before it " + text + " and one behind")) }},
		{name: "denied", first: "namespaces", then: func(r *rig, text string) {
			load[cluster.Namespace](r.feeds, ofLink(text), backend.Health{State: backend.Forbidden, Reason: backend.T(text)})
			r.settle()
		}},
		{name: "page without an answer", first: "pods", then: func(r *rig, text string) {
			r.fetch = func(context.Context, backend.Ref, backend.Aspect) (backend.Doc, error) {
				return backend.Doc{}, errors.New(text)
			}
			r.press("d")
		}},
		{name: "place", first: "pods", then: func(r *rig, text string) {
			r.send(ui.Do{With: func(s *ui.Shell) tea.Cmd { return s.MoveTo(ui.Place{Namespaces: []string{text}}) }})
			r.settle()
		}},
	}
	keys := newRig(t).options().Keys
	for name, text := range backendtest.Hostile(t, "../..") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, c := range cases {
				for _, size := range []struct{ w, h int }{{80, 24}, {131, 30}} {
					inBubble(t, hostileRig(text), func(r *rig) {
						r.keys = keys
						r.start(c.first, size.w, size.h)
						r.press(c.keys)
						if c.then != nil {
							c.then(r, text[:min(len(text), maxWord)])
						}
						pictureLines(t, r.picture(), c.name)
					})
				}
			}
		})
	}
}
