// Package drill is the screens of incidents to practise on: the menu of them, the
// briefing as the pager gives it, the debrief. While one is played it goes along with
// whatever else is on the screen, and tells the world what is looked at.
//
// What happens in a drill, and when it is over, is the world's business; here it is
// asked for and shown.
package drill

import (
	"context"
	"slices"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/backend/audit"
	"wheelhouse/backend/feed"
	"wheelhouse/backend/sandbox/drill"
	"wheelhouse/ui"
)

// Options are how a drill is reached.
type Options struct {
	All    []drill.Drill               // that are at hand
	World  World                       // where one is played; nil: none is
	Start  func(name string) tea.Cmd   // opens another world, with that drill
	Record func(since time.Time) []Act // what this session has done
	Bell   *feed.Bell
}

// A World is where a drill is played. Each of its methods says how it stands then; see
// drill.Client.
type World interface {
	State(ctx context.Context) (drill.State, error)
	Begin(ctx context.Context) (drill.State, error)
	Hint(ctx context.Context) (drill.State, error)
	Look(ctx context.Context, refs []string) (drill.State, error)
}

// An Act is something that was done, by the record.
type Act struct {
	At       time.Time
	Sentence string
	Outcome  string // empty: it goes on
	Level    backend.Level
}

// Acts takes out of records what was done since a time.
func Acts(all []audit.Record, since time.Time) []Act {
	var out []Act
	at := map[string]int{}
	for _, r := range all {
		switch {
		case r.Time.Before(since):
		case r.Intent != nil:
			at[r.Intent.Run] = len(out)
			out = append(out, Act{At: r.Time, Sentence: r.Intent.Sentence, Level: backend.Moving})
		case r.Outcome != nil:
			if i, ok := at[r.Outcome.Run]; ok {
				out[i].Outcome, out[i].Level = r.Outcome.Code, backend.Critical
				if r.Outcome.Code == "done" {
					out[i].Level = backend.Good
				}
			}
		}
	}
	return out
}

// A Player follows a drill, and is the companion of whoever plays it. Use New.
type Player struct {
	o Options

	mu    sync.Mutex
	state drill.State // the newest
	known bool        // there is one

	// These belong to the program's goroutine.
	began  time.Time // by the clock here; zero: not that this session knows
	looked []string  // what was told last
	over   bool      // the debrief was shown
}

// New makes a player; Follow has it follow.
func New(o Options) *Player { return &Player{o: o} }

const (
	often   = 500 * time.Millisecond // the world is asked how the drill stands
	patient = 3 * time.Second        // at most, for one answer
)

// Follow asks the world how the drill stands until ctx ends.
func (p *Player) Follow(ctx context.Context) {
	if p.o.World == nil {
		return
	}
	tick := time.NewTicker(often)
	defer tick.Stop()
	for {
		p.ask(ctx, p.o.World.State)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// ask asks the world something and takes in how the drill stands then. A world that
// does not answer is told by every link, and asked again soon.
func (p *Player) ask(ctx context.Context, what func(context.Context) (drill.State, error)) {
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	now, err := what(ctx)
	if err != nil {
		return
	}
	p.mu.Lock()
	was := p.state
	if now.Now.After(was.Now) || now.Phase != was.Phase || len(now.Hints) > len(was.Hints) {
		p.state, p.known = now, true
	}
	p.mu.Unlock()
	if clock(now) != clock(was) || now.Phase != was.Phase || len(now.Hints) != len(was.Hints) {
		p.o.Bell.Ring()
	}
}

// now is how the drill stands; ok is false while nobody knows, or none is played.
func (p *Player) now() (s drill.State, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state, p.known
}

// tell asks the world something outside of the program's goroutine, and looks again.
func (p *Player) tell(what func(context.Context) (drill.State, error), then func(*ui.Shell) tea.Cmd) tea.Cmd {
	return ui.Ask(func(s *ui.Shell) tea.Cmd {
		return s.Work(func() tea.Msg {
			p.ask(context.Background(), what)
			return ui.Do{With: then}
		})
	})
}

// Commands implements ui.Companion.
func (p *Player) Commands() []ui.Command {
	s, ok := p.now()
	why := ""
	switch {
	case !ok:
		why = "no drill is played; :drills lists them"
	case s.Phase == drill.Briefing:
		why = "the drill has not begun; :briefing, then enter"
	case s.Phase.Over():
		why = "the drill is over; :debrief says how it went"
	case s.Left == 0:
		why = "there are no more; :briefing has them all"
	}
	hint := ui.Command{ID: "drill.hint", Title: "The next hint", Group: "drill", Why: why, Run: p.hint}
	typed := hint
	typed.ID, typed.Quiet = "hint", true
	return []ui.Command{hint, typed}
}

func (p *Player) hint() tea.Cmd {
	return p.tell(p.o.World.Hint, func(s *ui.Shell) tea.Cmd {
		if now, _ := p.now(); len(now.Hints) > 0 {
			s.Say(now.Hints[len(now.Hints)-1], backend.Waiting)
		}
		return nil
	})
}

// Status implements ui.Companion: for how long it has gone on.
func (p *Player) Status(time.Time) string {
	s, ok := p.now()
	switch {
	case !ok:
		return ""
	case s.Phase == drill.Running:
		return "drill " + clock(s) + "/" + span(s.Limit)
	}
	return "drill " + string(s.Phase)
}

// Line implements ui.Companion.
func (p *Player) Line() string { return "" }

// Leave implements ui.Companion: a drill goes on whatever is pressed.
func (p *Player) Leave() bool { return false }

// most is how many objects are told at once.
const most = 50

// Look implements ui.Companion: what is looked at is told to the world until that
// counts as noticed; when the drill is over, the debrief is opened.
func (p *Player) Look(scene ui.Scene) tea.Cmd {
	s, ok := p.now()
	if !ok || scene.Prompt || scene.Dialog != "" {
		return nil
	}
	if p.began.IsZero() && s.Phase == drill.Running {
		p.began = time.Now().Add(s.Began.Sub(s.Now))
	}
	if s.Phase.Over() && !p.over {
		p.over = true
		return ui.Ask(func(s *ui.Shell) tea.Cmd { return s.Command(debriefs) })
	}
	if s.Phase != drill.Running || !s.Noticed.IsZero() || scene.View.Name() == "home" {
		return nil
	}
	refs := scene.View.Selection().Refs
	var names []string
	for _, r := range refs[:min(len(refs), most)] {
		names = append(names, r.Key().String())
	}
	if len(names) == 0 || slices.Equal(names, p.looked) {
		return nil
	}
	p.looked = names
	return func() tea.Msg {
		p.ask(context.Background(), func(ctx context.Context) (drill.State, error) { return p.o.World.Look(ctx, names) })
		return nil
	}
}

// clock is for how long it has gone on, as m:ss.
func clock(s drill.State) string {
	end := s.Now
	if s.Phase.Over() {
		end = s.Ended
	}
	return span(end.Sub(s.Began))
}
