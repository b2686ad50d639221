package guide

import (
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/ui"
)

// Tour is the companion that says one thing to press after another, and goes on when that
// was done. Its zero value rests until Begin, or :tour.
type Tour struct {
	at   int  // the step that is to be done, from 1; 0: none
	away bool // on a view on which it can't be
}

// step is one thing to press, on which views, and how it is seen that it was.
type step struct {
	on   []string
	says string
	done func(ui.Scene) bool
}

func steps() []step {
	return []step{
		{[]string{"home"}, "Home says what is wrong. Now type :pods and enter", func(s ui.Scene) bool { return s.View.Name() == "pods" }},
		{[]string{"pods"}, "Narrow any list: type /checkout and enter", func(s ui.Scene) bool {
			v, ok := s.View.(ui.Searcher)
			return ok && !s.Prompt && strings.Contains(v.Query(), "checkout")
		}},
		{[]string{"pods"}, "Press l to read the log of the pod under the cursor", func(s ui.Scene) bool { return s.View.Name() == "logs" }},
		{[]string{"pods", "logs"}, "Press [ to go back, then x for all that can be done", func(s ui.Scene) bool { return s.Dialog != "" && s.View.Name() == "pods" }},
		{[]string{"pods"}, "esc closes that. ctrl+p finds anything by letters", func(s ui.Scene) bool { return strings.Contains(strings.ToLower(s.Dialog), "palette") }},
	}
}

// Begin begins it, or begins it anew.
func (t *Tour) Begin() { t.at = 1 }

// Commands implements ui.Companion.
func (t *Tour) Commands() []ui.Command {
	return []ui.Command{{ID: "tour", Title: "A tour of five steps on this screen", Group: "go", Run: func() tea.Cmd {
		return ui.Ask(func(s *ui.Shell) tea.Cmd {
			t.Begin()
			return s.Command("home")
		})
	}}}
}

// Status implements ui.Companion.
func (*Tour) Status(time.Time) string { return "" }

// Line implements ui.Companion.
func (t *Tour) Line() string {
	if t.at == 0 {
		return ""
	}
	says := steps()[t.at-1].says
	if t.away {
		says = "This leads away from it. Press [ to come back"
	}
	return "tour " + strconv.Itoa(t.at) + "/" + strconv.Itoa(len(steps())) + "  " + says + " (esc ends it)"
}

// Leave implements ui.Companion.
func (t *Tour) Leave() bool {
	was := t.at
	t.at = 0
	return was > 0
}

// Look implements ui.Companion.
func (t *Tour) Look(now ui.Scene) tea.Cmd {
	all := steps()
	switch {
	case t.at == 0:
		return nil
	case !all[t.at-1].done(now):
		t.away = !slices.Contains(all[t.at-1].on, now.View.Name())
		return nil
	}
	t.away = false
	if t.at++; t.at <= len(all) {
		return nil
	}
	t.at = 0
	return ui.Ask(func(s *ui.Shell) tea.Cmd {
		s.Say("That was the tour. ? lists the keys of a view.", backend.Good)
		return nil
	})
}
