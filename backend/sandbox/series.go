package sandbox

import (
	"math"
	"slices"
	"strings"
	"time"
)

// A Series is what is measured of one thing, every ten seconds.
type Series struct {
	Measurement string // http_requests, process, machine
	Tags        []Tag  // by key
	Field       string
	Points      []Point // oldest first
}

// A Tag says of what a Series is.
type Tag struct{ Key, Value string }

// A Point is one measurement.
type Point struct {
	At    time.Time
	Value float64
}

const (
	between = 10 * time.Second // two measurements
	kept    = 6 * 360          // of each series: six hours
)

// samples are all series, rings with one place for each time of measuring.
type samples struct {
	times []time.Time // of each place
	count int         // measured times
	all   []series
	at    map[string]int // by key
}

type series struct {
	Series
	values []float32 // NaN: not measured then
}

// Measured are the series of which something was measured from a time on and before
// another, without their points.
func (w *World) Measured(from, to time.Time) []Series {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Series
	for _, s := range w.samples.all {
		if w.samples.any(s, from, to) {
			out = append(out, s.Series)
		}
	}
	return out
}

// Points are those of one of them.
func (w *World) Points(of Series, from, to time.Time) []Point {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, known := w.samples.at[keyOf(of.Measurement, of.Tags, of.Field)]
	if !known {
		return nil
	}
	return w.samples.points(w.samples.all[i], from, to)
}

// Measure puts a number of somebody's own among what was measured last.
func (w *World) Measure(measurement string, tags []Tag, field string, value float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &w.samples
	if s.count == 0 {
		s.times, s.count = append(s.times, w.clock()), 1
	}
	s.put(measurement, tags, field, value)
}

// Strike forgets all that was measured of something with a tag.
func (w *World) Strike(measurement string, of Tag) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &w.samples
	s.all = slices.DeleteFunc(s.all, func(one series) bool { return one.Measurement == measurement && slices.Contains(one.Tags, of) })
	clear(s.at)
	for i, one := range s.all {
		s.at[keyOf(one.Measurement, one.Tags, one.Field)] = i
	}
}

// any says whether there is a point, newest first: most are asked for of late.
func (s *samples) any(of series, from, to time.Time) bool {
	for n := s.count - 1; n >= max(0, s.count-kept); n-- {
		at := s.times[n%kept]
		if at.Before(from) {
			return false
		}
		if at.Before(to) && !math.IsNaN(float64(of.values[n%kept])) {
			return true
		}
	}
	return false
}

func (s *samples) points(of series, from, to time.Time) []Point {
	var out []Point
	for n := max(0, s.count-kept); n < s.count; n++ {
		at, v := s.times[n%kept], of.values[n%kept]
		if !math.IsNaN(float64(v)) && !at.Before(from) && at.Before(to) {
			out = append(out, Point{at, float64(v)})
		}
	}
	return out
}

// sample measures everything, if it is time.
func (w *World) sample() {
	s := &w.samples
	if s.count > 0 && w.at.Sub(s.times[(s.count-1)%kept]) < between {
		return
	}
	if len(s.times) < kept {
		s.times = append(s.times, w.at)
	} else {
		s.times[s.count%kept] = w.at
	}
	for i := range s.all {
		s.all[i].values[s.count%kept] = float32(math.NaN())
	}
	s.count++
	w.samplePrograms()
	for id, m := range w.machines {
		if !m.Up {
			continue
		}
		tags := []Tag{{"cluster", id.Cluster}, {"host", id.Name}}
		s.put("machine", tags, "cpu", 100*m.Uses.CPU/m.Room.CPU)
		s.put("machine", tags, "memory", 100*float64(m.Uses.Memory)/float64(m.Room.Memory))
		s.put("machine", tags, "disk", 100*float64(m.DiskUsed)/float64(m.Disk))
	}
}

// samplePrograms measures the calls to each version of each program, and what its
// processes take.
func (w *World) samplePrograms() {
	type sum struct {
		calls, failed, takes, n float64
		uses                    Usage
	}
	for _, pr := range w.programs {
		sums := map[[2]string]*sum{}
		for _, p := range pr.up {
			_, tag := Image(p.Image)
			key := [2]string{p.Cluster, tag}
			if sums[key] == nil {
				sums[key] = &sum{}
			}
			one := sums[key]
			one.calls, one.failed, one.takes, one.n = one.calls+p.Calls, one.failed+p.Calls*p.Failing, one.takes+p.Takes.Seconds(), one.n+1
			one.uses.CPU, one.uses.Memory = one.uses.CPU+p.Uses.CPU, one.uses.Memory+p.Uses.Memory
		}
		for key, one := range sums {
			tags := []Tag{{"cluster", key[0]}, {"service", pr.Name}, {"version", key[1]}}
			w.samples.put("http_requests", tags, "rate", one.calls)
			w.samples.put("http_requests", tags, "errors", 100*one.failed/max(one.calls, 1e-9))
			w.samples.put("http_requests", tags, "mean", 1000*one.takes/one.n)
			w.samples.put("http_requests", tags, "p95", 2400*one.takes/one.n)
			w.samples.put("process", tags, "cpu", one.uses.CPU/one.n)
			w.samples.put("process", tags, "memory", float64(one.uses.Memory)/one.n)
		}
	}
}

func keyOf(measurement string, tags []Tag, field string) string {
	var b strings.Builder
	b.WriteString(measurement + "\x00" + field)
	for _, t := range tags {
		b.WriteString("\x00" + t.Key + "=" + t.Value)
	}
	return b.String()
}

// put measures one thing now.
func (s *samples) put(measurement string, tags []Tag, field string, value float64) {
	key := keyOf(measurement, tags, field)
	i, known := s.at[key]
	if !known {
		i = len(s.all)
		s.at[key] = i
		s.all = append(s.all, series{
			Series: Series{Measurement: measurement, Tags: slices.Clone(tags), Field: field},
			values: slices.Repeat([]float32{float32(math.NaN())}, kept),
		})
	}
	s.all[i].values[(s.count-1)%kept] = float32(value)
}

// A Rate is how the calls to one version of a program went lately.
type Rate struct {
	Calls   float64 // a second
	Failing float64 // share of them
	Takes   time.Duration
	Up      int // processes that take them
}

// Rate is how the calls to a program go now, in all clusters; of one version only where
// that is named.
func (w *World) Rate(program, version string) Rate {
	w.mu.Lock()
	defer w.mu.Unlock()
	var r Rate
	pr := w.program(program)
	if pr == nil {
		return r
	}
	var takes float64
	for _, p := range pr.up {
		if _, tag := Image(p.Image); version == "" || tag == version {
			r.Calls += p.Calls
			r.Failing += p.Calls * p.Failing
			takes += p.Takes.Seconds()
			r.Up++
		}
	}
	if r.Calls > 0 {
		r.Failing /= r.Calls
	}
	if r.Up > 0 {
		r.Takes = time.Duration(takes / float64(r.Up) * float64(time.Second))
	} else if version == "" && pr.comes > 0 {
		r.Calls, r.Failing = pr.comes, 1
	}
	return r
}
