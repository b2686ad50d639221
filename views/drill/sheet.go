package drill

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/backend/sandbox/drill"
	"wheelhouse/themes"
	"wheelhouse/ui"
	"wheelhouse/ui/screen"
	"wheelhouse/ui/widget/pager"
)

// The views by their names.
const (
	menus     = "drills"
	briefings = "briefing"
	debriefs  = "debrief"
)

// Openers are the ways in.
func (p *Player) Openers() []ui.Opener {
	out := []ui.Opener{{
		Name: menus, Alias: []string{"drill"}, Title: "Drills: incidents to practise on",
		Open: func(ui.OpenWith) ui.View { return &menu{player: p} },
	}}
	if p.o.World == nil {
		return out
	}
	return append(out, ui.Opener{
		Name: briefings, Title: "Briefing: what the pager says of the drill",
		Open: func(ui.OpenWith) ui.View { return newSheet(p, briefings, p.brief, p.begin) },
	}, ui.Opener{
		Name: debriefs, Title: "Debrief: how the drill went",
		Open: func(ui.OpenWith) ui.View { return newSheet(p, debriefs, p.debrief, p.again) },
	})
}

// begin lets the drill begin, and goes to where everybody begins.
func (p *Player) begin() tea.Cmd {
	home := func(s *ui.Shell) tea.Cmd { return s.Command("home") }
	if s, _ := p.now(); s.Phase != drill.Briefing {
		return ui.Ask(home)
	}
	return p.tell(p.o.World.Begin, home)
}

// again opens the world anew, with the same drill.
func (p *Player) again() tea.Cmd {
	s, _ := p.now()
	return p.o.Start(s.Name)
}

// sheet is a page of text about the drill.
type sheet struct {
	player *Player
	name   string
	text   func([]Act) []backend.Line
	enter  func() tea.Cmd
	pager  pager.Pager
	acts   []Act
	asked  bool
}

func newSheet(p *Player, name string, text func([]Act) []backend.Line, enter func() tea.Cmd) *sheet {
	s := &sheet{player: p, name: name, text: text, enter: enter}
	s.pager.ToggleWrap()
	return s
}

// Name implements ui.View.
func (s *sheet) Name() string { return s.name }

// Scopes implements ui.View.
func (*sheet) Scopes() []string { return []string{"drill", "pager"} }

// Title implements ui.View.
func (s *sheet) Title() ui.Title {
	now, _ := s.player.now()
	return ui.Title{What: s.name, Place: now.Title}
}

// Open implements ui.View.
func (*sheet) Open(ui.Place) {}

// Close implements ui.View.
func (*sheet) Close() {}

// recorded is what the record says was done.
type recorded struct{ acts []Act }

// Update implements ui.View.
func (s *sheet) Update(msg tea.Msg) tea.Cmd {
	if r, ok := msg.(recorded); ok {
		s.acts = r.acts
	}
	s.pager.Set(pager.Doc(backend.Doc{Lines: s.text(s.acts)}), 0)
	now, ok := s.player.now()
	if s.asked || !ok || !now.Phase.Over() {
		return nil
	}
	s.asked = true
	read, since := s.player.o.Record, s.player.began
	return func() tea.Msg { return recorded{read(since)} }
}

// Draw implements ui.View.
func (s *sheet) Draw(f screen.Frame) {
	if _, ok := s.player.now(); !ok {
		f.Text(1, 1, themes.Dim, f.Signs.Level[backend.Moving]+" asking the world …")
		return
	}
	s.pager.Draw(f.Sub(1, 1, max(0, min(f.Width()-2, widest)), max(0, f.Height()-1)))
}

// widest is how wide a text may be and still be read with ease.
const widest = 110

// Commands implements ui.View.
func (s *sheet) Commands() []ui.Command {
	title := "Begin"
	if s.name == debriefs {
		title = "Once more, from the beginning"
	}
	return append(ui.PagerCommands(&s.pager, func(string) {}), ui.Command{ID: "drill.go", Title: title, Group: "drill", Run: s.enter})
}

// Hints implements ui.Hinter.
func (s *sheet) Hints() [][2]string {
	word := "begin"
	if now, _ := s.player.now(); s.name == debriefs {
		word = "once more"
	} else if now.Phase != drill.Briefing {
		word = "home"
	}
	return [][2]string{{"drill.go", word}}
}

// Selection implements ui.View.
func (*sheet) Selection() ui.Selection { return ui.Selection{} }

// Settled implements ui.View.
func (s *sheet) Settled() bool {
	_, ok := s.player.now()
	return ok
}

// line is one of text; heading one that others stand below.
func line(label, text string) backend.Line { return backend.Line{Label: label, Text: backend.T(text)} }
func heading(text string) []backend.Line   { return []backend.Line{line("", ""), line("", text)} }

// span is a time as m:ss, as the clock of a drill has it.
func span(d time.Duration) string {
	d = max(0, d.Truncate(time.Second))
	return fmt.Sprintf("%d:%02d", d/time.Minute, d%time.Minute/time.Second)
}

// brief is the briefing.
func (p *Player) brief([]Act) []backend.Line {
	s, ok := p.now()
	if !ok {
		return nil
	}
	var out []backend.Line
	for l := range strings.Lines(s.Briefing) {
		out = append(out, line("", strings.TrimRight(l, "\n")))
	}
	out = append(out, heading("WHAT TO DO")...)
	out = append(out, line("", "Put an end to it, by whatever means you have. What is mended for good comes later."),
		line("", fmt.Sprintf("You have %s. The clock stands at the end of the last line.", span(s.Limit))),
		line("", fmt.Sprintf("H, or :hint, gives the next of %s; :briefing shows this page again.", ui.Count(s.Left+len(s.Hints), "hint"))))
	if len(s.Hints) > 0 {
		out = append(out, heading("HINTS")...)
		for i, h := range s.Hints {
			out = append(out, line("", fmt.Sprintf("%d  %s", i+1, h)))
		}
	}
	switch s.Phase {
	case drill.Briefing:
		out = append(out, line("", ""), line("", "enter begins · esc leaves"))
	case drill.Running:
		out = append(out, line("", ""), line("", "It goes on since "+clock(s)+". enter shows what is wrong · esc goes back"))
	default:
		out = append(out, line("", ""), line("", "It is over: :debrief says how it went."))
	}
	return out
}

// debrief is how it went.
func (p *Player) debrief(acts []Act) []backend.Line {
	s, ok := p.now()
	switch {
	case !ok:
		return nil
	case !s.Phase.Over():
		return []backend.Line{line("", "The drill is not over. :briefing says what to do · esc goes back")}
	}
	after := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return "after " + span(t.Sub(s.Began))
	}
	verdict := backend.Line{Level: backend.Good, Text: backend.T("MITIGATED " + after(s.Ended))}
	if s.Phase == drill.Lost {
		verdict = backend.Line{Level: backend.Critical, Text: backend.T("LOST: after " + span(s.Limit) + " it still went on")}
	}
	out := []backend.Line{
		verdict, line("began", s.Began.Local().Format(time.TimeOnly)), line("noticed", after(s.Noticed)),
	}
	if s.Phase == drill.Mitigated {
		out = append(out, line("mitigated", after(s.Ended)))
	}
	out = append(out, heading("WHAT YOU DID")...)
	for _, a := range acts {
		l := line(span(a.At.Sub(p.began)), a.Sentence+" "+a.Outcome)
		l.Level = a.Level
		out = append(out, l)
	}
	if len(acts) == 0 {
		out = append(out, line("", "nothing that the record knows of"))
	}
	out = append(out, heading(fmt.Sprintf("HINTS: %d of %d", len(s.Hints), len(s.Hints)+s.Left))...)
	for i, h := range s.Hints {
		out = append(out, line(fmt.Sprint(i+1), h))
	}
	out = append(out, heading("THE SHORTEST WAY")...)
	for i, w := range s.Way {
		out = append(out, line(fmt.Sprint(i+1), w.Keys), line("", w.Why))
	}
	return append(out, line("", ""), line("", "enter plays it once more · :drills lists the others · esc leaves"))
}
