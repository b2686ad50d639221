package elastic

import (
	"context"
	"encoding/json"
	"hash/maphash"
	"slices"
	"time"
)

// Lines that are written late are found by counting: what the server has in each
// quarter of a second is compared with what was seen of it, and only where it has
// more is it read again. So looking costs next to nothing while nothing is late,
// and one can look far back.
const (
	slot    = int64(250 * time.Millisecond)
	overlap = int64(time.Minute)     // which documents are remembered, before the newest
	horizon = int64(5 * time.Minute) // how many there were is remembered
	memory  = 400_000                // documents that are remembered, at most: 5,000 a second for more than a minute
)

// seen is which documents were read, by what their names hash to.
type seen struct {
	seed  maphash.Seed
	slots map[int64]*seenSlot // by the number of the slot
	n     int                 // documents that are remembered
	exact int64               // from which time on they are
}

type seenSlot struct {
	n   int                 // how many were read
	ids map[uint64]struct{} // which; nil when that is forgotten
}

func newSeen() *seen { return &seen{seed: maphash.MakeSeed(), slots: map[int64]*seenSlot{}} }

// add notes a document of a time, and says whether it is new.
func (s *seen) add(h hit, at int64) bool {
	key := maphash.String(s.seed, h.Index+"/"+h.ID)
	sl := s.slots[at/slot]
	if sl == nil {
		sl = &seenSlot{ids: map[uint64]struct{}{}}
		s.slots[at/slot] = sl
	}
	if _, old := sl.ids[key]; old || sl.ids == nil {
		return false
	}
	sl.ids[key] = struct{}{}
	sl.n++
	s.n++
	return true
}

// forget keeps what is remembered near the newest time, and bounded.
func (s *seen) forget(newest int64) {
	if s.n <= memory && newest-s.exact < overlap+overlap/8 {
		return
	}
	s.exact = max(s.exact, (newest-overlap)/slot*slot)
	var times []int64
	for at, sl := range s.slots {
		switch {
		case at*slot < newest-horizon:
			s.n -= len(sl.ids)
			delete(s.slots, at)
		case sl.ids != nil:
			times = append(times, at)
		}
	}
	slices.Sort(times)
	for _, at := range times {
		if sl := s.slots[at]; at*slot < s.exact || s.n > memory {
			s.n -= len(sl.ids)
			sl.ids = nil
			s.exact = max(s.exact, (at+1)*slot)
		}
	}
}

// lookBack reads lines that came late, and with far counts those that came too
// late to tell them from what was read.
func (t *tail) lookBack(ctx context.Context, far bool) error {
	if t.from == 0 {
		return nil
	}
	begin := max(t.floor, t.seen.exact, t.from-horizon)
	if far {
		begin = max(t.floor, (t.from-horizon)/slot*slot+slot)
	}
	got, err := t.search(ctx, t.streams[0].ref, t.names(), object{
		"size": 0, "query": sifted(t.query.Match, span(begin, t.from)),
		"aggs": object{"times": object{"date_histogram": object{"field": timestamp, "fixed_interval": "250ms", "min_doc_count": 1}}},
	})
	if err != nil {
		return err
	}
	missed := 0
	var more [][2]int64 // times in which there is more than was seen
	for _, b := range got.Aggregations.Times.Buckets {
		at := b.Key * int64(time.Millisecond)
		sl := t.seen.slots[at/slot]
		switch {
		case sl != nil && b.Count <= sl.n:
		case at < t.seen.exact:
			if sl == nil {
				sl = &seenSlot{}
				t.seen.slots[at/slot] = sl
			}
			missed, sl.n = missed+b.Count-sl.n, b.Count
		case len(more) > 0 && more[len(more)-1][1] == at:
			more[len(more)-1][1] = at + slot
		default:
			more = append(more, [2]int64{at, at + slot})
		}
	}
	if missed > 0 {
		t.sink.Missed(missed)
	}
	for _, m := range more {
		if err := t.again(ctx, m[0], m[1]); err != nil {
			return err
		}
	}
	return nil
}

// again reads what there is in a time, and gives what was not seen of it.
func (t *tail) again(ctx context.Context, from, to int64) error {
	from, to = max(from, t.floor), min(to-1, t.from)
	if to < from {
		return nil
	}
	body := object{"sort": order("asc"), "query": sifted(t.query.Match, span(from, to))}
	var last []json.RawMessage
	for {
		body["size"] = t.size
		got, err := t.search(ctx, t.streams[0].ref, t.names(), body)
		if t.tooMany(t.size, err) {
			continue
		}
		if err != nil {
			return err
		}
		hits := got.Hits.Hits
		t.give(hits, false)
		if len(hits) < t.size || samePlace(last, hits[len(hits)-1].Sort) {
			return nil
		}
		last = hits[len(hits)-1].Sort
		body["search_after"] = last
		t.size = min(2*t.size, t.limit)
	}
}
