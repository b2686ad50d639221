// Package ui is the shell: one program with a stack of views, a header that
// says where one is and which systems are live, a footer that says what can be
// done now, and dialogs above. Keys become commands through the keymap;
// commands that change something go to dispatch and nowhere else.
//
// It knows views only through the View interface and systems only through
// LinkState; it never imports a view, a noun or an adapter. Update does no I/O,
// drawing is a pure function of the state, and nothing is drawn as done before
// a server has said so.
package ui

import (
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"wheelhouse/backend"
	"wheelhouse/backend/dispatch"
	"wheelhouse/backend/feed"
	"wheelhouse/keymap"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

// Options is what the shell is made of. Everything is needed but where noted.
type Options struct {
	Desk    *dispatch.Desk
	Keys    *keymap.Map
	Openers []Opener
	Links   Links
	Bell    *feed.Bell
	Memory  Memory
	Aliases keymap.Aliases  // what the first word of a ':' line stands for; may be nil
	Known   func() []string // namespaces as far as they are known, for completion; nil: none are
	Signs   *themes.Signs
	Place   Place
	First   string           // the ':' line that opens the first view
	Stand   backend.Ref      // the object on which the first view stands; zero for none
	Emit    func(string)     // writes a sequence to the terminal; nil: there is none
	Repaint func()           // writes the whole screen anew; nil: there is none
	Now     func() time.Time // nil: the wall clock
	Notes   []string         // what was odd at start (a config that was set aside)

	Companions []Companion // none: nobody goes along
}

// Links is what the shell shows of the systems and asks of them. Safe for
// concurrent use; no method waits.
type Links interface {
	States() []LinkState
	Connect(alias string)
	Disconnect(alias string)
	Retry(alias string)
}

// LinkState is one system's line in the status: who we are there, and whether
// it is live.
type LinkState struct {
	Alias, User, Colour string
	Contexts            []string // other names that it is known by
	ReadOnly, Protected bool
	Unsafe              string // as Unsafe says it; empty: nothing is
	Health              backend.Health
}

// Memory keeps small things between sessions: histories, chosen columns. Put
// does not wait for the disk.
type Memory interface {
	Get(key string) []string
	Put(key string, values []string)
}

// Shell is the Bubble Tea model. Use New; all of it belongs to the program's
// goroutine.
type Shell struct {
	o       Options
	stack   stack
	dialogs []dialog
	prompt  *prompt
	flash   flash
	runs    runBook
	size    struct{ w, h int }
	canvas  screen.Canvas
	show    func(screen.Canvas)        // takes each finished picture; nil with the stock renderer
	styled  func(screen.Canvas) string // the picture for the stock renderer
	fault   error                      // a panic of ours; the program ends
	wake    func(time.Time)            // asks for a redraw at a time
	drawn   int                        // pictures made
	busy    int                        // commands under way whose answer is a message
	quit    bool
}

// New makes a shell. show takes each finished picture, wake is asked for a
// redraw at a time; both may be nil.
func New(o Options, show func(screen.Canvas), wake func(time.Time)) *Shell {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Emit == nil {
		o.Emit = func(string) {}
	}
	if o.Repaint == nil {
		o.Repaint = func() {}
	}
	if wake == nil {
		wake = func(time.Time) {}
	}
	s := &Shell{o: o, show: show, wake: wake}
	s.stack.place = o.Place
	s.size.w, s.size.h = 80, 24
	return s
}

// Init opens the first view.
func (s *Shell) Init() tea.Cmd {
	cmd := s.Command(s.o.First)
	if len(s.o.Notes) > 0 {
		s.Say(strings.Join(s.o.Notes, " "), backend.Warning)
	}
	return cmd
}

func (s *Shell) wakeNow() { s.wake(s.o.Now()) }

// Copy puts text into the clipboard of the person's own terminal (OSC 52),
// also at the far end of a line.
func (s *Shell) Copy(text, what string) tea.Cmd {
	s.o.Emit(ansi.SetSystemClipboard(text))
	s.Say("Copied "+what, backend.Good)
	return nil
}

// Update takes one message. The tea.Model interface wants the model back.
func (s *Shell) Update(msg tea.Msg) (tea.Model, tea.Cmd) { return s, s.accompanied(s.update(msg)) }

func (s *Shell) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		s.size.w, s.size.h = msg.Width, msg.Height
		return nil
	case tea.KeyPressMsg:
		return s.key(msg)
	case tea.PasteMsg:
		return s.typed(msg)
	case tea.MouseMsg:
		return s.mouse(msg)
	case Changed:
		s.runs.look(s)
		if s.prompt != nil && s.prompt.sign == ':' {
			s.offer() // what was asked for may be there by now
		}
		return s.top().Update(msg)
	case Done:
		s.busy--
		return s.take(msg.Msg)
	case Question:
		msg.Reply <- msg.Ask(s)
		return nil
	}
	return s.take(msg)
}

// Changed says that feeds, runs, links or the time have changed. The pump sends
// it, bounded in rate; nothing else does.
type Changed struct{}

// Question lets another goroutine look at the shell between two updates.
type Question struct {
	Ask   func(*Shell) string
	Reply chan<- string // with room for one
}

// Done wraps the answer of a command that Work counts.
type Done struct{ Msg tea.Msg }

// Work runs f outside of Update and delivers its answer. The shell is not
// settled while any is under way.
func (s *Shell) Work(f func() tea.Msg) tea.Cmd {
	s.busy++
	return func() tea.Msg { return Done{guarded(f)} }
}

// take is for messages that are nobody's key: the shell's own first, then the
// dialog on top, then the view on top.
func (s *Shell) take(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case nil:
		return nil
	case Do:
		return msg.With(s)
	case asked:
		return s.asked(msg)
	case planned:
		return s.planned(msg)
	case started:
		return s.started(msg)
	case fault:
		s.fault = msg.err
		return tea.Quit
	}
	return s.top().Update(msg)
}

// Do is a message by which a view asks the shell for something: to open, to go
// back, to begin an action.
type Do struct{ With func(*Shell) tea.Cmd }

// Ask makes a command of f.
func Ask(f func(*Shell) tea.Cmd) tea.Cmd {
	return func() tea.Msg { return Do{f} }
}

// Failed says whether nothing of what the view on top shows could be had, and why.
func (s *Shell) Failed() (why string, is bool) {
	t := s.top().Title()
	return t.Health.Reason.Safe(), t.Failed
}

// Settled says whether everything that was asked for is on the screen, and every
// link has answered or failed.
func (s *Shell) Settled() bool {
	for _, l := range s.o.Links.States() {
		if l.Health.State == backend.Connecting {
			return false
		}
	}
	return s.busy == 0 && s.top().Settled()
}
