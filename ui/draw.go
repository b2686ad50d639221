package ui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

// View makes the picture and hands it to the renderer. Bubble Tea calls it
// after every message; what it returns is drawn only by the stock renderer.
func (s *Shell) View() tea.View {
	s.Picture()
	if s.show != nil {
		s.show(s.canvas)
		return tea.View{}
	}
	return tea.View{Content: s.styled(s.canvas), AltScreen: true}
}

// Picture draws the whole screen and gives it; it is valid until the next one.
func (s *Shell) Picture() screen.Canvas {
	s.drawn++
	if s.canvas.Width() != s.size.w || s.canvas.Height() != s.size.h {
		s.canvas = screen.New(s.size.w, s.size.h)
	}
	s.canvas.Clear()
	f := screen.Frame{Canvas: s.canvas, Now: s.o.Now(), Signs: s.o.Signs, Wake: s.wake}
	if f.Height() >= 3 {
		s.top().Draw(f.Sub(0, 1, f.Width(), f.Height()-2))
		s.drawHeader(f.Sub(0, 0, f.Width(), 1)) // it counts what has found room
		s.drawFooter(f)
	} else {
		s.top().Draw(f)
	}
	for _, d := range s.dialogs {
		s.drawDialog(f, d)
	}
	return s.canvas
}

// drawHeader says where we are, what of it is shown, and which systems are live.
// Where room is short the name of the program goes first, then the place is cut;
// counts and health stay.
func (s *Shell) drawHeader(f screen.Frame) {
	const brand, least = "wheelhouse", 8 // least is what a place is not cut below
	f.Fill(themes.Plain | themes.Bar)
	t := s.top().Title()
	f = f.Sub(0, 0, max(0, f.Width()-s.drawLinks(f)-1), 1)
	place, counts := backend.T(t.Place).Safe(), backend.T(t.Counts).Safe()
	health := healthWords(f, t.Health)
	width := func(words string) int {
		if words == "" {
			return 0
		}
		return screen.Width(words) + 2
	}
	x, rest := 1, f.Width()-1-screen.Width(t.What)-width(counts)-width(health)
	if width(place)+len(brand)+1 <= rest {
		x = f.Text(x, 0, themes.Dim|themes.Bar, brand) + 1
	}
	x = f.Text(x, 0, themes.Accent|themes.Bold|themes.Bar, t.What)
	if room := min(width(place), rest) - 2; room >= min(least, width(place)-2) && place != "" {
		f.Fit(x+2, 0, room, themes.Plain|themes.Bar, place, false)
		x += 2 + room
	}
	if counts != "" {
		x = f.Text(x+2, 0, themes.Plain|themes.Bar, counts)
	}
	f.Text(x+2, 0, themes.Of(LevelOf(t.Health.State))|themes.Bar, health)
}

// healthWords is a state of health as the header says it; empty for none.
func healthWords(f screen.Frame, h backend.Health) string {
	if h.State == backend.Off {
		return ""
	}
	words := f.Signs.Level[LevelOf(h.State)] + " " + h.State.String()
	if h.State == backend.Stale && !h.Since.IsZero() {
		age, until := Age(h.Since, f.Now)
		f.Until(until)
		words += " " + age
	}
	return words
}

// drawLinks draws each system's name and sign at the right end, only the signs
// where there is no room, and gives how many cells it took.
func (s *Shell) drawLinks(f screen.Frame) int {
	states := s.o.Links.States()
	long := f.Width() >= 100
	w := 1
	for _, l := range states {
		if l.Health.State == backend.Off {
			continue
		}
		w += 2
		if long {
			w += screen.Width(l.Alias) + 2
		}
	}
	tags := s.tags(states)
	w += screen.Width(tags)
	x := f.Width() - w
	for _, l := range states {
		if l.Health.State == backend.Off {
			continue
		}
		level := LevelOf(l.Health.State)
		if long {
			x = f.Text(x, 0, themes.Colour(l.Colour)|themes.Bar, l.Alias) + 1
		}
		x = f.Text(x, 0, themes.Of(level)|themes.Bar, f.Signs.Level[level]) + 1
		if long {
			x++
		}
	}
	f.Text(x, 0, themes.Warning|themes.Bold|themes.Bar, tags)
	return w
}

// tags are the words that must not be missed.
func (s *Shell) tags(states []LinkState) string {
	var tags, readOnly []string
	insecure, connected := false, 0
	for _, l := range states {
		if l.Health.State == backend.Off {
			continue
		}
		connected++
		insecure = insecure || l.Insecure
		if l.ReadOnly {
			readOnly = append(readOnly, l.Alias)
		}
	}
	switch n := len(readOnly); {
	case n > 0 && n == connected:
		tags = append(tags, "READ-ONLY")
	case n > 0:
		tags = append(tags, "READ-ONLY: "+strings.Join(readOnly, ","))
	}
	if insecure {
		tags = append(tags, "TLS NOT VERIFIED")
	}
	return strings.Join(tags, " ")
}

// LevelOf is the level that a health state is drawn with.
func LevelOf(st backend.State) backend.Level {
	switch st {
	case backend.Live:
		return backend.Good
	case backend.Connecting:
		return backend.Moving
	case backend.Stale, backend.Forbidden:
		return backend.Warning
	case backend.Down:
		return backend.Critical
	}
	return backend.Idle
}

// drawFooter is the prompt, or what has just happened, or what can be done now;
// at its right end what goes on and what was not looked at yet.
func (s *Shell) drawFooter(f screen.Frame) {
	rest := f.Sub(0, 0, f.Width(), f.Height()-1)
	f = f.Sub(0, f.Height()-1, f.Width(), 1)
	right := s.drawStatus(f)
	f = f.Sub(0, 0, max(0, f.Width()-right-1), 1)
	switch {
	case s.prompt != nil:
		s.prompt.draw(f, s.completions(s.prompt.line.Value()))
	case s.flash.on(f.Now):
		s.flash.draw(f, rest)
	default:
		s.drawKeys(f)
	}
}

// drawStatus draws who we are, runs and unread outcomes at the right end and
// gives how many cells it took.
func (s *Shell) drawStatus(f screen.Frame) int {
	var words []string
	if s.runs.going > 0 {
		words = append(words, f.Signs.Level[backend.Moving]+" "+s.runs.progress)
	}
	if s.runs.unread > 0 {
		words = append(words, Count(s.runs.unread, "outcome")+" ("+s.keyOf("shell.outcomes")+")")
	}
	if who := s.who(); who != "" && f.Width() >= 60 {
		words = append(words, who)
	}
	text := strings.Join(words, " · ")
	w := min(screen.Width(text)+1, f.Width())
	f.Fit(f.Width()-w, 0, w, themes.Dim, text, false)
	return w
}

// who is the name under which the place's links know us, where it is one.
func (s *Shell) who() string {
	who := ""
	for _, l := range s.o.Links.States() {
		if l.User == "" || len(s.stack.place.Links) > 0 && !slices.Contains(s.stack.place.Links, l.Alias) {
			continue
		}
		if who != "" && who != l.User {
			return "several users"
		}
		who = l.User
	}
	return backend.T(who).Safe()
}

// drawKeys shows the likeliest actions by key. What can't be done now is dim.
func (s *Shell) drawKeys(f screen.Frame) {
	x := 1
	for _, h := range s.hints() {
		w := screen.Width(h.key) + 1 + screen.Width(h.title)
		if x+w > f.Width() {
			break
		}
		pen := themes.Accent
		if h.dim {
			pen = themes.Dim
		}
		x = f.Text(x, 0, pen, h.key)
		x = f.Text(x+1, 0, themes.Dim, h.title) + 2
	}
}
