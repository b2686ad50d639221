package ui

import (
	"maps"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
	"wheelhouse/ui/widget/input"
)

// prompt is the line at the bottom in which a command or a filter is typed.
// A filter is in force while it is typed; Esc brings the former one back.
type prompt struct {
	sign    rune // ':' or '/'
	line    input.Input
	former  string   // the filter before
	wrong   string   // why the filter as typed is no filter
	history []string // newest first
	at      int      // in history, -1: the line itself
	draft   string   // what was typed before going into the history
	offers  []string // what the last word may become
}

func (s *Shell) openPrompt(sign rune) func() tea.Cmd {
	return func() tea.Cmd {
		p := &prompt{sign: sign, at: -1, history: s.o.Memory.Get(historyKey(sign))}
		if v, ok := s.top().(Searcher); ok && sign == '/' {
			p.former = v.Query()
		}
		p.line = input.New(p.former, false)
		s.prompt = p
		if sign == ':' {
			s.offer()
		}
		return nil
	}
}

func historyKey(sign rune) string {
	if sign == ':' {
		return "commands"
	}
	return "filters"
}

func (s *Shell) promptKey(msg tea.Msg) tea.Cmd {
	p := s.prompt
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch k.String() {
		case "esc":
			return s.leavePrompt()
		case "enter":
			return s.enterPrompt()
		case "up", "ctrl+p":
			p.recall(1)
			return s.promptTyped()
		case "down", "ctrl+n":
			p.recall(-1)
			return s.promptTyped()
		case "tab":
			s.complete()
			return s.promptTyped()
		case "right":
			if p.sign == ':' && p.line.AtEnd() {
				s.complete()
				return s.promptTyped()
			}
		case "backspace":
			if p.line.Value() == "" {
				return s.leavePrompt()
			}
		}
	}
	p.line.Update(msg)
	return s.promptTyped()
}

// promptTyped lets a filter take effect, and a command line show how it would
// be completed.
func (s *Shell) promptTyped() tea.Cmd {
	p := s.prompt
	if p.sign == '/' {
		p.wrong = ""
		if err := s.top().(Searcher).Search(p.line.Value(), false); err != nil {
			p.wrong = err.Error()
		}
		return s.top().Update(Changed{})
	}
	s.offer()
	return nil
}

// offer shows what the last word of a command line may become.
func (s *Shell) offer() {
	p := s.prompt
	p.line.Ghost("")
	p.offers = s.completions(p.line.Value())
	if len(p.offers) > 0 && p.line.Value() != "" {
		p.line.Ghost(strings.TrimPrefix(p.offers[0], lastWord(p.line.Value())))
	}
}

func (s *Shell) enterPrompt() tea.Cmd {
	p := s.prompt
	line := p.line.Value()
	if p.sign == '/' && p.wrong != "" {
		return nil
	}
	s.prompt = nil
	if line != "" {
		s.remember(historyKey(p.sign), line, 100)
	}
	if p.sign == ':' {
		return s.Command(line)
	}
	_ = s.top().(Searcher).Search(line, true) // it was good while it was typed
	return s.top().Update(Changed{})
}

func (s *Shell) leavePrompt() tea.Cmd {
	p := s.prompt
	s.prompt = nil
	if v, ok := s.top().(Searcher); ok && p.sign == '/' {
		_ = v.Search(p.former, true)
		return s.top().Update(Changed{})
	}
	return nil
}

// recall moves in the history: n 1 to older, -1 to newer lines.
func (p *prompt) recall(n int) {
	if p.at == -1 {
		p.draft = p.line.Value()
	}
	p.at = max(-1, min(p.at+n, len(p.history)-1))
	if p.at == -1 {
		p.line.Set(p.draft)
		return
	}
	p.line.Set(p.history[p.at])
}

// complete puts the first completion in place of the last word.
func (s *Shell) complete() {
	line := s.prompt.line.Value()
	if all := s.prompt.offers; len(all) > 0 {
		s.prompt.line.Set(strings.TrimSuffix(line, lastWord(line)) + all[0])
	}
}

func lastWord(line string) string { return line[strings.LastIndexByte(line, ' ')+1:] }

// completions are the words that the last word of the line may become: a view,
// command or alias first, then what goes with it, each name of a list by itself.
func (s *Shell) completions(line string) []string {
	word := lastWord(line)
	before := word[:strings.LastIndexByte(word, ',')+1]
	var out []string
	for _, w := range s.candidates(line) {
		if w = before + w; strings.HasPrefix(w, word) && w != word && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// candidates are the names that may stand where the line ends.
func (s *Shell) candidates(line string) []string {
	first, _, more := strings.Cut(strings.TrimLeft(line, " "), " ")
	if !more {
		return s.words()
	}
	if word := lastWord(line); strings.HasPrefix(word, "@") {
		sign := "@"
		if strings.Contains(word, ",") {
			sign = ""
		}
		var all []string
		for _, l := range s.o.Links.States() {
			all = append(all, sign+l.Alias)
		}
		return all
	}
	first, _, _ = strings.Cut(s.o.Aliases.Resolve(first), " ")
	for _, o := range s.o.Openers {
		if (o.Name == first || slices.Contains(o.Alias, first)) && o.Words != nil {
			return o.Words()
		}
	}
	all := append(slices.Clone(s.o.Memory.Get("namespaces")), everything)
	if s.o.Known != nil {
		all = append(all, s.o.Known()...)
	}
	return all
}

// words is what a ':' line may begin with.
func (s *Shell) words() []string {
	out := slices.Sorted(maps.Keys(s.o.Aliases))
	for _, o := range s.o.Openers {
		out = append(out, o.Name)
		out = append(out, o.Alias...)
	}
	for _, a := range s.o.Desk.Actions() {
		out = append(out, a.ID)
	}
	for _, c := range s.o.Companions {
		for _, one := range c.Commands() {
			out = append(out, one.ID)
		}
	}
	slices.Sort(out)
	return append(slices.Compact(out), "help", "quit")
}

func (p *prompt) draw(f screen.Frame) {
	x := f.Text(1, 0, themes.Accent|themes.Bold, string(p.sign)) + 1
	w := min(f.Width()-x, max(24, screen.Width(p.line.Value())+12))
	p.line.Draw(f, x, 0, w, themes.Plain)
	x += w + 1
	if p.wrong != "" {
		f.Text(x, 0, themes.Warning, backend.T(p.wrong).Safe())
		return
	}
	f.Text(x, 0, themes.Dim, strings.Join(p.offers, "  "))
}
