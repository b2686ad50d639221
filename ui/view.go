package ui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/ui/screen"
)

// A View is one screen of the stack. All methods are called from the program's
// goroutine; none does I/O: what takes time goes into a tea.Cmd.
type View interface {
	// Name is what ':' opens it by.
	Name() string
	// Scopes are the keymap's scopes that hold here, innermost first; the
	// shell's own comes after them.
	Scopes() []string
	// Title is what the header line says of it.
	Title() Title
	// Open is called when it comes onto the stack, and again when the place
	// changes while it stands there.
	Open(Place)
	// Close is called when it has left the stack for good.
	Close()
	// Update takes every message that is not a key of the shell's.
	Update(tea.Msg) tea.Cmd
	// Draw is a pure function of the view's state and the frame.
	Draw(screen.Frame)
	// Commands is what can be done here now, beside the shell's own commands
	// and the actions on the selection.
	Commands() []Command
	// Selection is what an action would be done to.
	Selection() Selection
	// Settled says whether its data is in, or the reason why not is shown.
	Settled() bool
}

// A Searcher is a view whose content can be filtered or searched with '/'.
type Searcher interface {
	// Query is the filter in force.
	Query() string
	// Search sets it; the error is a sentence, and the last good one stays. While
	// it is still typed, what would ask a server waits.
	Search(query string, typed bool) error
}

// Filtered is a view that may have been opened with a filter that is none.
type Filtered interface {
	// Wrong is why it is none; "" when it is one.
	Wrong() string
}

// A Finder is a view whose objects can be found by name in the palette.
type Finder interface {
	// Find gives up to n objects of the place whose names hold query.
	Find(query string, n int) []backend.Ref
	// Goto puts the cursor on one of them. What hides it is taken off, and said.
	Goto(backend.Ref) (said string)
}

// Title is a view's part of the header line.
type Title struct {
	What   string // "pods", "describe pod shop/checkout-7d9f"
	Place  string // which part of the platform: "prod-eu · shop"
	Counts string // "1,204 pods, 37 shown (/check), 2 marked"
	Health backend.Health
	Failed bool // nothing of what it shows could be had; Health says why
}

// Selection is what an action would be done to: the marked objects, or the one
// under the cursor.
type Selection struct {
	Refs    []backend.Ref
	Hidden  int          // how many of them the filter hides
	Prefill backend.Args // sensible first values of an action's parameters
}

// kinds are the kinds of what is selected, each once.
func (s Selection) kinds() []string {
	var kinds []string
	for _, r := range s.Refs {
		if !slices.Contains(kinds, r.Kind) {
			kinds = append(kinds, r.Kind)
		}
	}
	return kinds
}

// Place is which part of the platform the views show. Empty fields mean all.
type Place struct {
	Links      []string
	Namespaces []string
}

// String is the place as the header says it.
func (p Place) String() string {
	links, namespaces := "all clusters", "all namespaces"
	if len(p.Links) > 0 {
		links = strings.Join(p.Links, ",")
	}
	if len(p.Namespaces) > 0 {
		namespaces = strings.Join(p.Namespaces, ",")
	}
	return links + " · " + namespaces
}

// A Command is one thing that a key, the palette or the ':' prompt can do here
// and now. Which key it is on is the keymap's business.
type Command struct {
	ID    string // "list.down", "pod.delete"
	Title string // as help and palette show it
	Group string // what it stands under in the help: "go", "table", "pods"
	Why   string // not empty: can't be done now, and this is the reason
	Quiet bool   // too common for the palette: cursor movements
	Run   func() tea.Cmd
}

// An Opener makes a view for ':' and the palette.
type Opener struct {
	Name  string   // "pods"
	Alias []string // "po"
	Title string   // one line for palette and completion
	Open  func(o OpenWith) View
	Word  func(word string) string                    // the ':' line that ":ns shop" stands for; nil: the word is a namespace
	Words func() []string                             // what that word may be, for completion; nil: namespaces
	Refs  func(words []string) ([]backend.Ref, error) // the words are references, which this reads; nil: they are not
}

// OpenWith is what a view is opened with.
type OpenWith struct {
	Ref    backend.Ref   // an object to stand on; zero for none
	Refs   []backend.Ref // objects that the line names, for a view that is of objects
	Filter string        // the '/' filter to begin with
}
