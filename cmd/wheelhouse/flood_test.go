package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"go.uber.org/goleak"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/feed"
	"wheelhouse/ui"
	"wheelhouse/ui/screen"
)

// flooded is how many rows there are, and how many change at once.
const flooded = 50_000

// running is a rig's shell in a program of its own, told of changes by the pump
// as the console is.
type running struct {
	program *tea.Program
	drawn   atomic.Int64 // pictures made
	ended   chan struct{}
}

func run(ctx context.Context, o ui.Options, w, h int) *running {
	p := &running{ended: make(chan struct{})}
	pump := ui.NewPump(o.Bell)
	shell := ui.New(o, func(screen.Canvas) { p.drawn.Add(1) }, pump.WakeAt)
	p.program = tea.NewProgram(shell, tea.WithInput(nil), tea.WithOutput(io.Discard), tea.WithoutRenderer(),
		tea.WithoutSignalHandler(), tea.WithFPS(1), tea.WithWindowSize(w, h), tea.WithContext(ctx))
	go pump.Run(ctx, p.program.Send)
	go func() {
		defer close(p.ended)
		_, _ = p.program.Run() // it ends with ctx, or on quit
	}()
	return p
}

// picture is the screen as it is now.
func (p *running) picture() string {
	reply := make(chan string, 1)
	p.program.Send(ui.Question{Ask: func(s *ui.Shell) string { return s.Picture().Plain() }, Reply: reply})
	return <-reply
}

// TestFlood: however much changes, few pictures are made of it, the last one is
// of what is so in the end, and the keys still work. Time here is synctest's: it
// stands still while anybody works, so the numbers hold on any machine.
func TestFlood(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for _, c := range []struct {
		name   string
		bursts int
		pause  time.Duration // after each
		most   int64         // pictures
	}{
		{"at once", 1, 0, 6},
		{"in half a second", 500, time.Millisecond, 20},   // one every 33 ms at most, and when what glows ends
		{"in a minute", 6000, 10 * time.Millisecond, 620}, // nobody is at the keys: one every 100 ms
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { flood(t, c.bursts, c.pause, c.most) })
		})
	}
}

func flood(t *testing.T, bursts int, pause time.Duration, most int64) {
	r := newRig(t)
	defer r.desk.Close(t.Context())
	r.links.add("eu", live())
	rows := manyPods("eu", flooded)
	part := feed.Of[cluster.Pod](r.feeds).Begin(ofLink("eu"))
	part.Put(rows...)
	part.Synced()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := r.options()
	o.First, o.Now = "pods", time.Now
	p := run(ctx, o, 100, 24)
	time.Sleep(5 * time.Second)
	if picture := p.picture(); !strings.Contains(picture, "50,000 pods") || !strings.Contains(picture, "Running") {
		t.Fatalf("they are not all there:\n%s", picture)
	}

	before := p.drawn.Load()
	for b := range bursts {
		for i := b; i < len(rows); i += bursts {
			rows[i].State = fmt.Sprintf("Changed%d", i)
			part.Put(rows[i])
		}
		time.Sleep(pause)
	}
	time.Sleep(time.Second) // what has changed glows that long
	synctest.Wait()
	if drawn := p.drawn.Load() - before; drawn == 0 || drawn > most {
		t.Errorf("%d pictures of %d changes, not 1 to %d", drawn, flooded, most)
	}
	if picture := p.picture(); !strings.Contains(picture, "Changed0") || strings.Contains(picture, "Running") {
		t.Errorf("the last state is not what is shown:\n%s", picture)
	}

	p.program.Send(tea.KeyPressMsg{Code: 'G', Text: "G"})
	if picture := p.picture(); !strings.Contains(picture, fmt.Sprintf("Changed%d", flooded-1)) {
		t.Errorf("G does not go to the end:\n%s", picture)
	}
	go part.Put(gone(rows)...) // quitting does not wait for a flood to end
	p.program.Send(tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl})
	<-p.ended
}

// gone makes every row one that is being deleted.
func gone(rows []cluster.Pod) []cluster.Pod {
	for i := range rows {
		rows[i].State = "Terminating"
	}
	return rows
}

// TestFloodOfLines: of 100,000 lines a second each is held or counted, few pictures
// are made, and the keys still work.
func TestFloodOfLines(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.desk.Close(t.Context())
		r.links.add("eu", live())
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		const seconds, batch = 5, 500
		log := &pouring{until: ctx, batches: seconds * 100_000 / batch, lines: make([]backend.LogLine, batch), pause: time.Second * batch / 100_000}
		for i := range log.lines {
			log.lines[i] = backend.LogLine{At: int64(i + 1), Text: backend.T("INFO put a cart into the cache")}
		}
		r.log = log
		o := r.options()
		o.First, o.Now = "logs eu:pod/shop/cart-0", time.Now
		p := run(ctx, o, 100, 24)
		time.Sleep(seconds * time.Second)
		time.Sleep(time.Second)
		synctest.Wait()
		if drawn := p.drawn.Load(); drawn == 0 || drawn > seconds*30+20 {
			t.Errorf("%d pictures of %d batches", drawn, log.batches)
		}
		if picture := p.picture(); !strings.Contains(picture, "100,000 lines, 400,000 older gone, 0 dropped") {
			t.Errorf("they are not all counted:\n%s", picture)
		}
		p.program.Send(tea.KeyPressMsg{Code: 'k', Text: "k"})
		if picture := p.picture(); !strings.Contains(picture, "paused") {
			t.Errorf("k does not look back:\n%s", picture)
		}
		p.program.Send(tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl})
		<-p.ended
	})
}

// pouring is a log that writes the same lines again and again.
type pouring struct {
	until   context.Context
	batches int
	lines   []backend.LogLine
	pause   time.Duration
}

// Tail implements backend.Lines.
func (l *pouring) Tail(ctx context.Context, q backend.LogQuery, sink backend.LineSink) error {
	sink.Health(q.Of[0], live())
	for range l.batches {
		sink.Lines(l.lines...)
		time.Sleep(l.pause)
	}
	select {
	case <-ctx.Done():
	case <-l.until.Done():
	}
	return nil
}

// Before implements backend.Lines.
func (l *pouring) Before(context.Context, backend.LogQuery, backend.Cursor, int) ([]backend.LogLine, backend.Cursor, error) {
	return nil, backend.Cursor{}, nil
}
