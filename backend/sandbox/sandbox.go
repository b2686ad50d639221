// Package sandbox is a small company in memory: machines in two places, processes
// that run on them, programs that call each other, what they write into their logs,
// what is measured of them, and what is built. It moves by itself as its clock does,
// and people change it. Each folder below maps it onto the wire of one system; what
// happens, and why, is decided here.
//
// Here stands what is so, whoever looks: a process ends because its memory is full,
// and the cluster that has ordered it only finds that out. What Kubernetes, Argo or
// Cluster API do about it is their business, and stands in their folders.
//
// Nothing of wheelhouse is known here: the adapters must not be able to tell it
// from a real company.
package sandbox

import (
	"math/rand/v2"
	"sync"
	"time"
)

// A World is one company. Safe for concurrent use; what it gives are copies. With the
// same seed, the same clock and the same changes at the same times it is the same
// world.
type World struct {
	now  func() time.Time
	wait time.Duration // that a build stays in the queue

	mu        sync.Mutex
	pipelines []*pipeline
	last      int // ID of the newest build

	at        time.Time // up to which it has moved; zero: not at all
	dice      *rand.Rand
	programs  []*program // callers before those that they call
	machines  map[MachineID]*machine
	fleet     int // how often the machines have changed
	processes map[ProcessID]*process
	ordered   []*process // in the order of their IDs
	serving   []*process // those of a program, in the same order
	stale     bool       // the two have to be made anew
	touched   map[string]map[ProcessID]bool
	faults    map[string]Fault
	shelf     []string // images of no program that can be pulled; nil: all
	events    []Event
	logs      book
	samples   samples
	moved     chan struct{} // closed by the next Move
}

// New makes a world without anything in it. Builds wait in the queue for wait; nil
// for now is the wall clock.
func New(now func() time.Time, wait time.Duration) *World {
	if now == nil {
		now = time.Now
	}
	return &World{
		now: now, wait: wait, dice: rand.New(rand.NewPCG(0, 0)), //nolint:gosec // a world that can be had again is wanted, not a secret
		machines: map[MachineID]*machine{}, processes: map[ProcessID]*process{}, touched: map[string]map[ProcessID]bool{},
		faults: map[string]Fault{}, samples: samples{at: map[string]int{}}, moved: make(chan struct{}),
	}
}

// Seed says which of all worlds it is. Before the first Move.
func (w *World) Seed(n uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dice = rand.New(rand.NewPCG(n, 0)) //nolint:gosec // as in New
}

// Now is the time in the world.
func (w *World) Now() time.Time { return w.now() }

const (
	stride = time.Second      // that the world moves at a time
	jump   = 10 * time.Second // the same where much time has passed
	far    = 5 * time.Minute  // which is this much
)

// Move brings the world to where it stands now. Whoever has put it up calls it often;
// what is read is as it was then.
func (w *World) Move() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	if w.at.IsZero() {
		w.at = now.Add(-stride)
	}
	step := stride
	if now.Sub(w.at) > far {
		step = jump
	}
	for at := w.at.Add(step); !at.After(now); at = at.Add(step) {
		w.at = at
		w.step(step)
	}
	close(w.moved)
	w.moved = make(chan struct{})
}

// Moved is closed by the next Move.
func (w *World) Moved() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.moved
}

// step is everything that happens within d, up to w.at.
func (w *World) step(d time.Duration) {
	w.deliver()
	w.order()
	for _, p := range w.ordered {
		p.settle(w)
	}
	w.ail(d)
	w.traffic(d)
	w.strain()
	w.speak(d)
	w.sample()
}

// An Event is something that has come about in the world and has to be carried out by
// somebody else: a build that brings a version to the clusters.
type Event struct {
	At      time.Time
	Program string
	Tag     string
	By      string
	Build   string // "shop/checkout #812"
}

// Events gives what has come about since it was last asked.
func (w *World) Events() []Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.events
	w.events = nil
	return out
}
