package sandbox

import (
	"cmp"
	"math"
	"time"
)

// traffic is what comes in from outside, what the programs then ask of each other,
// and, backwards, what becomes of it.
func (w *World) traffic(d time.Duration) {
	for _, p := range w.programs {
		p.comes, p.up = p.Enters*rush(w.at)*w.about(0.03), p.up[:0]
	}
	for _, p := range w.serving {
		p.Calls, p.share = 0, 0
		if m := w.machines[p.MachineID()]; p.Ready && p.State == Up && m != nil && m.Up {
			p.program.up = append(p.program.up, p)
		}
	}
	for _, pr := range w.programs {
		for _, p := range pr.up {
			p.takeOn(w, pr.comes/float64(len(pr.up)))
		}
	}
	for i := len(w.programs) - 1; i >= 0; i-- {
		w.programs[i].answer(w, d)
	}
}

// rush is how much of the busiest traffic there is at a time of day: least before
// dawn, most at noon and in the evening.
func rush(at time.Time) float64 {
	hour := float64(at.Hour()) + float64(at.Minute())/60
	peak := func(at, wide float64) float64 {
		off := math.Mod(hour-at+36, 24) - 12
		return math.Exp(-off * off / (2 * wide * wide))
	}
	return 0.25 + 0.6*peak(12, 3) + 0.75*peak(20, 2.5)
}

// about is 1, give or take.
func (w *World) about(by float64) float64 { return 1 + by*(2*w.dice.Float64()-1) }

// takeOn begins a process's share of the calls, as many as it can, and passes on what
// it needs of others for them.
func (p *process) takeOn(w *World, comes float64) {
	can := math.Inf(1)
	if p.program.CPU > 0 && p.May.CPU > 0 {
		can = p.May.CPU / p.program.CPU * 100
	}
	if p.Takes > 0 {
		can = min(can, float64(p.program.Threads)/p.Takes.Seconds())
	}
	p.Calls = comes
	if comes > can {
		p.share = 1 - can/comes
	}
	begun := comes * (1 - p.share)
	for i, c := range p.program.Calls {
		b := p.breakers[i]
		b.wants = begun * c.Each
		b.passes = b.permit(w.at, b.wants)
		if to := w.program(c.To); to != nil {
			to.comes += b.passes
		}
	}
}

// refusal is how soon somebody learns that nobody listens.
const refusal = 3 * time.Millisecond

// answer finds what becomes of the calls to a program; those that it calls have been
// asked before.
func (pr *program) answer(w *World, d time.Duration) {
	if len(pr.up) == 0 {
		pr.failing, pr.takes = 1, refusal
		return
	}
	var failing, takes float64
	for _, p := range pr.up {
		p.answer(w, d)
		failing += p.Failing
		takes += p.Takes.Seconds()
	}
	pr.failing = failing / float64(len(pr.up))
	pr.takes = time.Duration(takes / float64(len(pr.up)) * float64(time.Second))
}

func (p *process) answer(w *World, d time.Duration) {
	pr, m := p.program, w.machines[p.MachineID()]
	own := pr.Takes.Seconds() * max(1, p.version.Slow) * pr.fault.Slow / m.pace * w.about(0.1)
	good := (1 - p.version.Failing) * (1 - pr.fault.Failing) * (1 - 0.0004*w.dice.Float64())
	if pr.Writes && m.full() {
		good = 0
	}
	for i, c := range pr.Calls {
		b, to := p.breakers[i], w.program(c.To)
		bad, took := c.goes(to)
		b.count(w, p, b.passes*d.Seconds(), bad, c.slow(took))
		refused := b.refuses()
		own += c.Each * (1 - refused) * took.Seconds()
		if !c.Optional {
			good *= math.Pow(1-(refused+(1-refused)*bad), max(1, c.Each))
		}
	}
	p.Failing = p.share + (1-p.share)*(1-good)
	was := p.Takes.Seconds()
	p.Takes = time.Duration((was + (own-was)/2) * float64(time.Second)) // a thread that waits is seen by the next call
	p.grow(w, d)
}

// goes is what becomes of a call: the share that fails, and how long it takes.
func (c Call) goes(to *program) (bad float64, took time.Duration) {
	bad, took = to.failing, to.takes
	if c.Patience > 0 && took > 0 {
		late := math.Pow(min(1, took.Seconds()/c.Patience.Seconds()), 4)
		bad, took = bad+(1-bad)*late, min(took, c.Patience)
	}
	return bad, took
}

// slow is the share of calls that is slow when they take that long on average.
func (c Call) slow(took time.Duration) float64 {
	return min(1, math.Pow(took.Seconds()/cmp.Or(c.SlowFrom, time.Minute).Seconds(), 3))
}

// grow is what the calls cost the process, which ends when it takes more memory than
// it may.
func (p *process) grow(w *World, d time.Duration) {
	pr := p.program
	begun := p.Calls * (1 - p.share)
	cpu := (0.01 + pr.Busy + begun*pr.CPU/100) * w.about(0.08)
	if p.May.CPU > 0 {
		cpu = min(cpu, p.May.CPU)
	}
	leaked := p.version.Leaks * w.at.Sub(p.Began).Minutes()
	memory := float64(pr.Memory) + float64(pr.Grows)*begun/100 + leaked
	p.Uses = Usage{CPU: cpu, Memory: int64(memory * w.about(0.02))}
	p.written += p.version.Chatty * d.Minutes()
	if p.May.Memory > 0 && p.Uses.Memory > p.May.Memory {
		p.says(w, "ERROR", "java.lang.OutOfMemoryError: Java heap space")
		p.end(w, 137, "OOMKilled", "")
	}
}
