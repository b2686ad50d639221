// Package logs is the view of what systems write down, line by line: of pods,
// builds, streams and whatever else has a log, each read through its own adapter
// and shown in the same pager; and the list of the streams. A log follows, is paused by
// looking back, reads what is older, and counts every line that is not there any more.
package logs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
	"wheelhouse/backend/signal"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
	"wheelhouse/ui/widget/pager"
	"wheelhouse/ui/widget/table"
)

// What is held of a log, and how much of it comes first.
const (
	mostLines = 100_000
	mostBytes = 48 << 20
	atFirst   = 1000 // lines of each that were there before
)

// Options is what the view stands on.
type Options struct {
	Read func(backend.Ref) backend.Lines             // who reads the log of an object; nil where it has none
	Refs func(words []string) ([]backend.Ref, error) // reads references
	Save func(name string, b []byte) tea.Cmd         // writes a file and says where
	Bell *feed.Bell
}

// Openers are the ways in: the log of objects that are named, or the streams that
// there are.
func Openers(o Options, streams *feed.Feed[signal.Stream], shared list.Shared) []ui.Opener {
	return []ui.Opener{
		{
			Name: "logs", Alias: []string{"log"}, Title: "Logs: what pods, builds and streams write, as it comes", Refs: o.Refs,
			Open: func(with ui.OpenWith) ui.View {
				refs := with.Refs
				if with.Ref.Name != "" {
					refs = append(refs, with.Ref)
				}
				return open(o, refs, with.Filter)
			},
		},
		{
			Name: "streams", Alias: []string{"stream", "index", "indices"}, Title: "Streams: where log lines are kept; enter shows them",
			Open: func(with ui.OpenWith) ui.View {
				return list.New(list.Spec[signal.Stream]{
					Name: "streams", Noun: "stream", Feed: streams, Columns: StreamColumns(), Sort: "name",
					Broken: func(s *signal.Stream) bool { return s.Level.Broken() },
					Enter: func(s signal.Stream) tea.Cmd {
						return ui.Ask(func(shell *ui.Shell) tea.Cmd { return shell.Command("logs " + s.Ref().String()) })
					},
				}, shared, with)
			},
		},
	}
}

// StreamColumns are what a row of streams shows.
func StreamColumns() []table.Column[signal.Stream] {
	return []table.Column[signal.Stream]{
		list.Name("name", "STREAM", func(s *signal.Stream) string { return s.Name }),
		list.Text("link", "LINK", 3, func(s *signal.Stream) string { return s.Link }),
		list.State("state", "STATE", func(s *signal.Stream) (string, backend.Level) { return s.State, s.Level }),
		list.Number("lines", "LINES", 2, func(s *signal.Stream) int64 { return s.Lines }),
		list.Bytes("size", "SIZE", 4, func(s *signal.Stream) int64 { return s.Bytes }),
		list.Text("why", "WHY", 5, func(s *signal.Stream) string { return s.Detail }),
	}
}

// logs is the view.
type logs struct {
	o        Options
	refs     []backend.Ref
	previous bool
	match    string // what the servers sift by
	query    string // as typed
	reading  reading
	pager    pager.Pager
	shown    window         // what the pager shows
	seen     feed.TapeState // when it was set
	still    bool           // nothing came since the last look
	paused   bool
	held     bool  // paused by the person, and not by looking back
	sought   bool  // paused by a search while it followed
	newer    int64 // lines that came since it was paused
	find     string
	hits     []int64 // numbers of the lines that hold it, in order
	counted  int64   // the number of the line up to which they were looked for
	older    older
}

// reading is what goes on beside the view: one tail for each link.
type reading struct {
	tape   *feed.Tape
	by     map[backend.Lines][]backend.Ref // who reads what
	cancel context.CancelFunc
	left   time.Time // when the view was left: nobody reads since; zero: somebody does
}

func open(o Options, refs []backend.Ref, filter string) *logs {
	v := &logs{o: o, refs: refs, query: filter}
	v.pager.Signs, v.pager.Head = true, head
	v.find, v.match = parts(filter)
	v.begin()
	v.pager.Find(v.find)
	return v
}

// begin reads from the beginning, with what is asked for now.
func (v *logs) begin() {
	if v.reading.cancel != nil {
		v.reading.cancel()
	}
	ctx, cancel := context.WithCancel(context.Background())
	v.reading = reading{tape: feed.NewTape(v.o.Bell, mostLines, mostBytes), by: map[backend.Lines][]backend.Ref{}, cancel: cancel}
	v.seen, v.older, v.hits, v.counted, v.newer = feed.TapeState{}, older{}, nil, 0, 0
	v.paused, v.held, v.sought = false, false, false
	v.shown = window{tape: v.reading.tape, times: v.shown.times, short: shortest(v.refs)}
	v.pager.Set(v.shown, 0)
	v.share()
	for reader, refs := range v.reading.by {
		q := backend.LogQuery{Of: refs, Last: atFirst, Match: v.match, Previous: v.previous}
		tape := v.reading.tape
		go func() { ended(ctx, tape, refs, tail(ctx, reader, q, tape)) }()
	}
}

// share finds out who reads what.
func (v *logs) share() {
	for _, r := range v.refs {
		if reader := v.o.Read(r); reader != nil {
			v.reading.by[reader] = append(v.reading.by[reader], r)
		} else {
			v.reading.tape.Health(r, backend.Health{State: backend.Down, Reason: backend.T(r.String() + " has no log here, or its link is not connected: :ctx lists the links.")})
		}
	}
}

// tail follows; a panic in an adapter is its own failure.
func tail(ctx context.Context, reader backend.Lines, q backend.LogQuery, sink backend.LineSink) (err error) {
	defer backend.Caught(&err)
	for _, r := range q.Of {
		sink.Health(r, backend.Health{State: backend.Connecting})
	}
	return reader.Tail(ctx, q, sink)
}

// ended tells how a tail ended: by itself, or because it can't be. Of whom the tail
// had something else to say in the end, that stands.
func ended(ctx context.Context, tape *feed.Tape, refs []backend.Ref, err error) {
	if ctx.Err() != nil {
		return
	}
	h := backend.Health{State: backend.Off, Reason: backend.T("it has ended")}
	if err != nil {
		h = backend.Health{State: backend.Down, Reason: backend.T(err.Error())}
	}
	all := backend.Health{State: backend.Off}
	for _, r := range refs {
		switch last := tape.Healths()[r]; {
		case err != nil || last.Reason.IsZero() || last.State == backend.Connecting:
			tape.Health(r, h)
			all = h
		case last.State == backend.Live:
			last.State = backend.Off
			tape.Health(r, last)
		}
	}
	tape.Health(backend.Ref{}, all)
}

// parts divides what is typed: words to search for, and behind -q what the server
// sifts by.
func parts(query string) (find, match string) {
	find, match, sifts := strings.Cut(" "+query, " -q ")
	if !sifts {
		match = ""
	}
	return strings.ToLower(strings.TrimSpace(find)), strings.TrimSpace(match)
}

// Name is what ':' opens it by.
func (v *logs) Name() string { return "logs" }

// Scopes are its own, then those of a text.
func (v *logs) Scopes() []string { return []string{"logs", "pager"} }

// Open reads on. Where the view was left it reads anew, from the last lines that there
// are now; what is looked at stays, and it is said that nothing was read since. An
// answer that came while another view had the keys is lost, and can be asked for again.
func (v *logs) Open(ui.Place) {
	v.older.asking = false
	v.older.asked++
	if !v.reading.left.IsZero() && !v.paused {
		v.again()
	}
}

// again reads anew what was left.
func (v *logs) again() {
	v.begin()
	v.pager.Find(v.find)
}

// Left implements ui.Leaver: a log that nobody looks at is not read on.
func (v *logs) Left() {
	v.reading.cancel()
	if v.reading.left.IsZero() {
		v.reading.left = time.Now()
	}
}

// Close ends the reading.
func (v *logs) Close() { v.reading.cancel() }

// Selection is whose logs they are.
func (v *logs) Selection() ui.Selection { return ui.Selection{Refs: v.refs} }

// Settled says whether all have answered, and nothing more comes at once.
func (v *logs) Settled() bool {
	for _, h := range v.reading.tape.Healths() {
		if h.State == backend.Connecting {
			return false
		}
	}
	return v.still && !v.older.asking
}

// Update takes in what came.
func (v *logs) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.MouseWheelMsg:
		down := map[tea.MouseButton]int{tea.MouseWheelDown: 3, tea.MouseWheelUp: -3}[msg.Button]
		v.pager.Scroll(down)
		v.moved(down > 0)
	case olderCame:
		v.take(msg)
	}
	v.refresh()
	return v.back()
}

// refresh shows what is held now.
func (v *logs) refresh() {
	now := v.reading.tape.State()
	v.still = now == v.seen
	if v.still {
		return
	}
	v.count(now)
	v.shown.first, v.shown.n = now.First, now.Len
	v.pager.Set(v.shown, int(now.First-v.seen.First))
	v.newer += now.Came - v.seen.Came
	v.seen = now
	if !v.paused {
		v.newer = 0
		v.pager.Bottom()
	}
}

// count counts hits among the lines that are new, and learns how wide the names of
// those are who wrote them.
func (v *logs) count(now feed.TapeState) {
	end := now.First + int64(now.Len)
	for i := max(v.counted, now.First); i < end; i++ {
		l, ok := v.reading.tape.At(i)
		if !ok {
			continue
		}
		v.shown.learn(l)
		if pager.Holds(l.Text.Plain(), v.find) {
			v.hits = append(v.hits, i)
		}
	}
	v.counted = end
	gone, _ := slices.BinarySearch(v.hits, now.First)
	v.hits = v.hits[gone:]
}

// recount looks for hits in all lines that are held.
func (v *logs) recount() {
	v.hits, v.counted = nil, v.seen.First
	v.count(v.seen)
}

// moved pauses when one has looked back, and goes on when one has come down to the
// end again, unless the person has paused it there.
func (v *logs) moved(down bool) {
	switch {
	case !v.pager.AtEnd():
		v.pause(true)
	case down && !v.held:
		v.pause(false)
	}
}

// after is what follows a command of the pager.
func (v *logs) after(id string) {
	switch id {
	case "pager.bottom":
		v.pause(false)
	case "pager.down", "pager.pageDown":
		v.moved(true)
	case "pager.wrap":
		if !v.paused {
			v.pager.Bottom()
		}
	case "pager.up", "pager.pageUp", "pager.top", "pager.next", "pager.previous":
		v.moved(false)
	}
}

func (v *logs) pause(on bool) {
	if !on && !v.reading.left.IsZero() {
		v.again()
		return
	}
	v.reading.tape.Keep(on)
	if on && v.paused {
		return
	}
	v.paused, v.newer, v.held, v.sought = on, 0, false, false
	if !on {
		v.pager.Bottom()
	}
}

// Query is what is searched for, and sifted by.
func (v *logs) Query() string { return v.query }

// Search goes to the first line from the window on that holds the words. What the
// server sifts by, it does once it is typed.
func (v *logs) Search(query string, typed bool) error {
	find, match := parts(query)
	v.query = query
	if typed && match != v.match {
		v.match, v.find = match, find
		v.again()
		return nil
	}
	if find == v.find {
		return nil
	}
	v.find = find
	switch {
	case find == "" && v.sought: // as it was before one searched
		v.pager.Find("")
		v.pause(false)
	case v.paused && !v.sought:
		v.pager.Find(find)
	default:
		v.pager.FindBack(find)
		if !v.pager.AtEnd() {
			v.pause(true)
			v.sought = true
		}
	}
	v.recount()
	return nil
}

// SearchHelp is what can be typed behind '/'.
func (v *logs) SearchHelp() []backend.Line {
	return []backend.Line{
		{Text: backend.T("SEARCH IN WHAT IS HELD")},
		{Label: "words", Text: backend.T("goes to the next line that holds them, in any case; all hits are marked and counted")},
		{Label: "-q level:error", Text: backend.T("has the server give only what fits, in its own query language, where it has one")},
	}
}

// called is whose logs they are, in a few words.
func (v *logs) called() string {
	switch len(v.refs) {
	case 0:
		return "of nothing"
	case 1:
		r := v.refs[0]
		return r.Link + " · " + strings.Trim(strings.Join([]string{r.Scope, r.Name, r.Sub}, "/"), "/")
	}
	var links []string
	for _, r := range v.refs {
		if !slices.Contains(links, r.Link) {
			links = append(links, r.Link)
		}
	}
	first := strings.Trim(v.refs[0].Scope+"/"+v.refs[0].Name, "/")
	return fmt.Sprintf("%s · %s and %d more", strings.Join(links, ","), first, len(v.refs)-1)
}
