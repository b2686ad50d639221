package ui

import (
	"fmt"
	"maps"
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
		s.top().Draw(s.drawLines(f.Sub(0, 1, f.Width(), f.Height()-2)))
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
	place, counts := backend.T(t.Place).Safe(), backend.T(t.Counts).Safe()
	health := healthWords(f, t.Health)
	width := func(words string) int {
		if words == "" {
			return 0
		}
		return screen.Width(words) + 2
	}
	needed := 1 + screen.Width(t.What) + width(counts) + width(health)
	f = f.Sub(0, 0, max(0, f.Width()-s.drawLinks(f, f.Width()-needed-min(least, width(place)), f.Width()-needed-width(place))-1), 1)
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

// drawLinks draws the systems at the right end, in the longest form that leaves
// the rest its room, and gives how many cells it took. Names are drawn only where
// there is plenty of it: what is looked at is told before what is connected.
func (s *Shell) drawLinks(f screen.Frame, room, plenty int) int {
	on := slices.DeleteFunc(slices.Clone(s.o.Links.States()), func(l LinkState) bool { return l.Health.State == backend.Off })
	forms := [][]run{linkNames(f, on), linkSigns(f, on), linkCounts(f, on)}
	tags := tags(on, room/2)
	if f.Width() < 100 || lengthOf(forms[0])+screen.Width(tags)+1 > plenty {
		forms = forms[1:]
	}
	shown := forms[len(forms)-1]
	for _, form := range forms {
		if lengthOf(form)+screen.Width(tags)+1 <= room {
			shown = form
			break
		}
	}
	w := lengthOf(shown) + screen.Width(tags) + 1
	x := max(0, f.Width()-w)
	for _, r := range shown {
		x = f.Text(x, 0, r.pen|themes.Bar, r.text)
	}
	f.Text(x, 0, themes.Warning|themes.Bold|themes.Bar, tags)
	return min(w, f.Width())
}

// run is text in one pen.
type run struct {
	text string
	pen  themes.Pen
}

func lengthOf(runs []run) (w int) {
	for _, r := range runs {
		w += screen.Width(r.text)
	}
	return w
}

// linkNames is each system's name and sign: "prod-eu ●  lab ✖  ".
func linkNames(f screen.Frame, links []LinkState) (out []run) {
	for _, l := range links {
		level := LevelOf(l.Health.State)
		out = append(out, run{l.Alias + " ", themes.Colour(l.Colour)}, run{f.Signs.Level[level] + "  ", themes.Of(level)})
	}
	return out
}

// linkSigns is the signs alone: "● ✖ ".
func linkSigns(f screen.Frame, links []LinkState) (out []run) {
	for _, l := range links {
		level := LevelOf(l.Health.State)
		out = append(out, run{f.Signs.Level[level] + " ", themes.Of(level)})
	}
	return out
}

// linkCounts is how many there are of each sign, the worst first: "✖ 1 ● 29 ".
func linkCounts(f screen.Frame, links []LinkState) (out []run) {
	n := map[backend.Level]int{}
	for _, l := range links {
		n[LevelOf(l.Health.State)]++
	}
	for _, level := range slices.Backward(slices.Sorted(maps.Keys(n))) {
		out = append(out, run{fmt.Sprintf("%s %d ", f.Signs.Level[level], n[level]), themes.Of(level)})
	}
	return out
}

// tags are the words that must not be missed; the names in them give way to
// their number where they are wider than room.
func tags(connected []LinkState, room int) string {
	var tags, readOnly, unsafe []string
	for _, l := range connected {
		if words := strings.ToUpper(l.Unsafe); words != "" && !slices.Contains(unsafe, words) {
			unsafe = append(unsafe, words)
		}
		if l.ReadOnly {
			readOnly = append(readOnly, l.Alias)
		}
	}
	switch n := len(readOnly); {
	case n > 0 && n == len(connected):
		tags = append(tags, "READ-ONLY")
	case n > 0:
		names := strings.Join(readOnly, ",")
		if screen.Width(names) > room {
			names = fmt.Sprintf("%d of %d", n, len(connected))
		}
		tags = append(tags, "READ-ONLY: "+names)
	}
	return strings.Join(append(tags, unsafe...), " ")
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
		s.prompt.draw(f)
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
	for _, c := range s.o.Companions {
		if said := c.Status(f.Now); said != "" {
			words = append(words, said)
		}
	}
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
