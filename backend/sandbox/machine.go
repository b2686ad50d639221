package sandbox

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// MachineID says which machine is meant.
type MachineID struct{ Cluster, Name string }

// A Machine is what processes run on.
type Machine struct {
	MachineID
	Zone, Type, Address string
	Room                Usage // that it has
	Disk                int64 // MiB that it has

	Up       bool
	Since    time.Time // when it was booted, or went down
	Uses     Usage     // of all that runs on it
	DiskUsed int64     // MiB
}

// Usage is what something takes, or may take.
type Usage struct {
	CPU    float64 // cores
	Memory int64   // MiB
}

// machine is a Machine with what is counted on it.
type machine struct {
	Machine
	base    int64   // MiB of its disk that are taken whatever runs
	written float64 // MiB that something else has left on it
	pace    float64 // share of their time that processes get: 1 while there is room
}

// full says whether nothing more can be written on it.
func (m *machine) full() bool { return m.DiskUsed >= m.Disk }

// Boot brings a machine into the world, or switches it on again. A third of its disk
// is taken by what it has come with.
func (w *World) Boot(m Machine) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m.Up, m.Since = true, w.clock()
	w.fleet++
	w.machines[m.MachineID] = &machine{Machine: m, base: m.Disk / 3, pace: 1}
}

// Halt switches a machine off: what runs on it has ended, and nobody is told.
func (w *World) Halt(id MachineID) error { return w.power(id, false) }

// Power switches a machine on again.
func (w *World) Power(id MachineID) error { return w.power(id, true) }

func (w *World) power(id MachineID, up bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.machines[id]
	if m == nil {
		return fmt.Errorf("machine %s: %w", id.Name, ErrNone)
	}
	if m.Up != up {
		m.Up, m.Since = up, w.clock()
		w.fleet++
	}
	if up {
		m.written = 0
		return nil
	}
	for _, p := range w.processes {
		if p.MachineID() == id && p.State == Up {
			p.end(w, 137, "Error", "")
		}
	}
	return nil
}

// Scrap takes a machine out of the world, with all that runs on it.
func (w *World) Scrap(id MachineID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.machines, id)
	w.fleet++
	for _, p := range w.processes {
		if p.MachineID() == id && p.State != Ended {
			p.end(w, 137, "Error", "")
		}
	}
}

// Fleet is another number whenever a machine has come, has gone, or was switched.
func (w *World) Fleet() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fleet
}

// Machines are those of a cluster, by name.
func (w *World) Machines(cluster string) []Machine {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Machine
	for id, m := range w.machines {
		if id.Cluster == cluster {
			out = append(out, m.Machine)
		}
	}
	slices.SortFunc(out, func(a, b Machine) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// strain is what all that runs on a machine takes of it together, and what comes of
// that: processes that get less time, or are ended for want of memory.
func (w *World) strain() {
	for _, m := range w.machines {
		m.Uses = Usage{CPU: 0.05 * m.Room.CPU, Memory: m.Room.Memory / 20}
		m.DiskUsed = m.base + int64(m.written)
	}
	for _, p := range w.processes {
		if m := w.machines[p.MachineID()]; m != nil {
			m.Uses.CPU += p.Uses.CPU
			m.Uses.Memory += p.Uses.Memory
			m.DiskUsed += int64(p.written)
		}
	}
	for id, m := range w.machines {
		m.pace = min(1, m.Room.CPU/m.Uses.CPU)
		m.Uses.CPU = min(m.Uses.CPU, m.Room.CPU)
		m.DiskUsed = min(m.DiskUsed, m.Disk)
		if m.Up && m.Uses.Memory > m.Room.Memory {
			w.shed(id, m)
		}
	}
}

// shed ends the process that takes the most memory beyond what it has asked for, as
// the kernel does with the one of the worst score.
func (w *World) shed(id MachineID, m *machine) {
	var worst *process
	beyond := func(p *process) int64 { return p.Uses.Memory - p.Asks.Memory }
	for _, p := range w.processes {
		if p.MachineID() == id && p.State == Up &&
			(worst == nil || cmp.Or(cmp.Compare(beyond(p), beyond(worst)), p.ProcessID.compare(worst.ProcessID)) > 0) {
			worst = p
		}
	}
	if worst != nil {
		m.Uses.Memory -= worst.Uses.Memory
		worst.end(w, 137, "OOMKilled", "")
	}
}
