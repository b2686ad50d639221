package sandbox

import (
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
	"time"
)

// A Line is what a process has written.
type Line struct {
	Seq int64 // among all lines of the world, from 1
	At  time.Time
	ProcessID
	Machine string
	Run     int // of the process
	Program string
	Version string
	Level   string // INFO, WARN, ERROR
	Thread  string
	Logger  string
	Text    string
}

// String is the line as Spring Boot writes it.
func (l Line) String() string {
	if l.Logger == "" {
		return l.Text
	}
	return fmt.Sprintf("%s %5s 1 --- [%s] [%15s] %-40s : %s", l.At.UTC().Format("2006-01-02T15:04:05.000Z"), l.Level, l.Program, l.Thread, l.Logger, l.Text)
}

const (
	ofProcess = 2000   // lines of a run of a process that are kept
	ofAll     = 100000 // lines of all together
)

// pages are the lines of a process: of this run and of the one before.
type pages struct{ now, before []Line }

func (p *pages) turn() { p.now, p.before = nil, p.now }

func (p *pages) add(l Line) {
	if len(p.now) == ofProcess {
		p.now = slices.Delete(p.now, 0, ofProcess/2)
	}
	p.now = append(p.now, l)
}

// book is the last lines of all processes, a ring.
type book struct {
	lines []Line
	last  int64
}

func (b *book) add(l Line) {
	if len(b.lines) < ofAll {
		b.lines = append(b.lines, l)
	} else {
		b.lines[(l.Seq-1)%ofAll] = l
	}
}

// Log is what a process has written in this run, or in the one before, behind a line
// that is known by its Seq.
func (w *World) Log(id ProcessID, before bool, after int64) []Line {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.processes[id]
	if p == nil {
		return nil
	}
	lines := p.log.now
	if before {
		lines = p.log.before
	}
	n, _ := slices.BinarySearchFunc(lines, after+1, func(l Line, seq int64) int { return int(l.Seq - seq) })
	return slices.Clone(lines[n:])
}

// Lines are those of all processes behind a line that is known by its Seq, oldest
// first, at most that many. What was written long before is not kept.
func (w *World) Lines(after int64, most int) []Line {
	w.mu.Lock()
	defer w.mu.Unlock()
	after = max(after, w.logs.last-int64(len(w.logs.lines)))
	var out []Line
	for seq := after + 1; seq <= w.logs.last && len(out) < most; seq++ {
		out = append(out, w.logs.lines[(seq-1)%ofAll])
	}
	return out
}

// A Writer is a program on a cluster that has written something.
type Writer struct{ Program, Cluster string }

// Writers are those of the processes that there are, even if it was so long ago that
// it is not among the Lines any more.
func (w *World) Writers() []Writer {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[Writer]bool{}
	for id, p := range w.processes {
		if name, _ := Image(p.Image); len(p.log.now) > 0 || len(p.log.before) > 0 {
			all[Writer{name, id.Cluster}] = true
		}
	}
	return slices.Collect(maps.Keys(all))
}

// Say has a process write a line, as somebody makes it who is in it.
func (w *World) Say(id ProcessID, level, text string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.processes[id]
	if p == nil {
		return fmt.Errorf("process %s of %s: %w", id.Container, id.Pod, ErrNone)
	}
	p.says(w, level, text)
	return nil
}

// says writes a line; a process of no known program writes as it likes.
func (p *process) says(w *World, level, text string) {
	name, tag := Image(p.Image)
	w.logs.last++
	l := Line{
		Seq: w.logs.last, At: w.clock().Add(-time.Duration(w.dice.IntN(999)) * time.Millisecond), ProcessID: p.ProcessID, Machine: p.Machine,
		Run: p.Run, Program: name, Version: tag, Level: level, Text: text,
	}
	if n := len(p.log.now); n > 0 && p.log.now[n-1].At.After(l.At) {
		l.At = p.log.now[n-1].At
	}
	if p.program != nil {
		l.Thread, l.Logger = "main", "shop."+name+".Application"
		if p.Ready {
			l.Thread, l.Logger = fmt.Sprintf("nio-8080-exec-%d", 1+w.dice.IntN(9)), "shop."+name+".Endpoint"
		}
	}
	p.log.add(l)
	w.logs.add(l)
}

const (
	atMost = 2.0  // lines of a kind that a process writes a second
	spoken = 0.03 // share of the good calls that it writes a line for
)

// speak has the processes write about their calls.
func (w *World) speak(d time.Duration) {
	for _, p := range w.serving {
		if !p.Ready || p.State != Up || p.Calls == 0 {
			continue
		}
		good, bad := p.Calls*(1-p.Failing)*spoken, p.Calls*p.Failing
		for range w.times(good, d) {
			p.says(w, "INFO", fmt.Sprintf("%s 200 in %d ms", p.does(w), int(float64(p.Takes.Milliseconds())*(0.5+w.dice.ExpFloat64()/2))+1))
		}
		for range w.times(bad, d) {
			p.says(w, "ERROR", fmt.Sprintf("%s 500: %s", p.does(w), p.blames(w)))
		}
	}
}

// times is how often something is written that comes so often a second.
func (w *World) times(rate float64, d time.Duration) int {
	n, part := math.Modf(min(rate, atMost) * min(d, stride).Seconds())
	if w.dice.Float64() < part {
		n++
	}
	return int(n)
}

// does is one of its calls.
func (p *process) does(w *World) string {
	if len(p.program.Does) == 0 {
		return "GET /"
	}
	return strings.ReplaceAll(p.program.Does[w.dice.IntN(len(p.program.Does))], "{id}", fmt.Sprint(10000+w.dice.IntN(80000)))
}

// blames is why one of its failed calls has failed: a cause comes as often as it is
// one.
func (p *process) blames(w *World) string {
	pr := p.program
	type cause struct {
		weight float64
		says   string
	}
	causes := []cause{
		{p.version.Failing, p.version.Says},
		{pr.fault.Failing, "java.lang.IllegalStateException: " + pr.Name + " has no answer"},
		{p.share, "org.apache.tomcat.util.threads.RejectedExecutionException: all " + fmt.Sprint(pr.Threads) + " threads are busy"},
		{1e-6, "java.net.SocketException: Connection reset by peer"},
	}
	if m := w.machines[p.MachineID()]; pr.Writes && m.full() {
		causes = append(causes, cause{1, "java.io.IOException: No space left on device: " + path.Join("/var/lib", pr.Name, "wal")})
	}
	for i, c := range pr.Calls {
		if c.Optional {
			continue
		}
		b, to := p.breakers[i], w.program(c.To)
		bad, took := c.goes(to)
		if b.wants > b.passes {
			causes = append(causes, cause{1 - b.passes/b.wants, fmt.Sprintf("CallNotPermittedException: CircuitBreaker '%s' is %s and does not permit further calls", b.Name, b.State)})
		}
		says := fmt.Sprintf("ResourceAccessException: I/O error on POST request for \"http://%s\": Connection refused", c.To)
		switch {
		case c.Patience > 0 && took >= c.Patience/2:
			says = fmt.Sprintf("ResourceAccessException: I/O error on POST request for \"http://%s\": Read timed out after %d ms", c.To, c.Patience.Milliseconds())
		case len(to.up) > 0:
			says = fmt.Sprintf("HttpServerErrorException: 500 from http://%s", c.To)
		}
		causes = append(causes, cause{bad, says})
	}
	var all float64
	for _, c := range causes {
		all += c.weight
	}
	at := w.dice.Float64() * all
	for _, c := range causes {
		if at -= c.weight; at <= 0 {
			return c.says
		}
	}
	return causes[0].says
}
