package feed

import (
	"bytes"
	"slices"

	"wheelhouse/backend"
)

// A Keep is a compiled filter: a conjunction of terms. The zero value keeps
// every row. A value: the methods that add a term give a new Keep.
type Keep[T any] struct {
	texts []textTerm
	rows  []rowTerm[T]
	best  func(*T) int // nil: the lens's order
}

// textTerm asks for a substring of what AppendText gives.
type textTerm struct {
	sub []byte // folded
	not bool
}

// rowTerm asks the row itself. Terms of the same id are the same.
type rowTerm[T any] struct {
	id string
	ok func(*T) bool
}

// Text keeps the rows whose searchable text holds sub in any case. It is the
// cheap term: one walk over all rows' text. An empty sub asks for nothing.
func (k Keep[T]) Text(sub string) Keep[T] { return k.text(sub, false) }

// NotText keeps the rows whose searchable text does not hold sub in any case.
func (k Keep[T]) NotText(sub string) Keep[T] { return k.text(sub, true) }

func (k Keep[T]) text(sub string, not bool) Keep[T] {
	if sub != "" {
		k.texts = append(slices.Clip(k.texts), textTerm{fold([]byte(sub)), not})
	}
	return k
}

// Where keeps the rows that ok accepts. It depends on the row alone, and is
// called from other goroutines. Two terms of the same id must accept the same
// rows: what has been judged already is not judged again.
func (k Keep[T]) Where(id string, ok func(*T) bool) Keep[T] {
	k.rows = append(slices.Clip(k.rows), rowTerm[T]{id, ok})
	return k
}

// Best puts the rows with the highest score first and leaves the lens's order
// for equal ones. score depends on the row alone, and is called from other
// goroutines. The last Best counts.
func (k Keep[T]) Best(score func(*T) int) Keep[T] {
	k.best = score
	return k
}

// all says whether it keeps every row as it stands.
func (k Keep[T]) all() bool { return len(k.texts) == 0 && !k.costly() }

// costly says whether each row has to be asked.
func (k Keep[T]) costly() bool { return len(k.rows) > 0 || k.best != nil }

// beyond gives the row terms of k that before has not judged; ok is false when
// k may keep a row that before did not.
func (k Keep[T]) beyond(before Keep[T]) (rows []rowTerm[T], ok bool) {
	for _, t := range before.texts {
		if !slices.ContainsFunc(k.texts, t.impliedBy) {
			return nil, false
		}
	}
	for _, t := range before.rows {
		if !slices.ContainsFunc(k.rows, t.same) {
			return nil, false
		}
	}
	for _, t := range k.rows {
		if !slices.ContainsFunc(before.rows, t.same) {
			rows = append(rows, t)
		}
	}
	return rows, true
}

func (t rowTerm[T]) same(o rowTerm[T]) bool { return t.id == o.id }

// impliedBy says whether every row that other accepts is accepted by t too.
func (t textTerm) impliedBy(other textTerm) bool {
	if t.not {
		return other.not && bytes.Contains(t.sub, other.sub)
	}
	return !other.not && bytes.Contains(other.sub, t.sub)
}

// sift gives those of list that all the terms accept, in the same order, as a
// list of its own. Few are looked at one by one, many by a walk over the texts.
func (s *Store[T]) sift(list []*entry[T], terms []textTerm) []*entry[T] {
	if len(terms) == 0 {
		return slices.Clone(list)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(list) < len(s.rows)/8 {
		var kept []*entry[T]
		for _, e := range list {
			if s.accepted(e, terms) {
				kept = append(kept, e)
			}
		}
		return kept
	}
	found := make(bits, len(s.texts.ends)/64+1)
	for i := range found {
		found[i] = ^uint64(0)
	}
	for _, t := range terms {
		found.and(s.texts.marked(t.sub), t.not)
	}
	kept := make([]*entry[T], 0, min(found.count(), len(list)))
	for _, e := range list {
		if e.dead && s.accepted(e, terms) || !e.dead && found.has(e.slot) {
			kept = append(kept, e)
		}
	}
	return kept
}

// accepted looks at one row. One that is dead has no text any more and makes it
// again. s.mu is held.
func (s *Store[T]) accepted(e *entry[T], terms []textTerm) bool {
	var text []byte
	if e.dead {
		text = fold(e.value.AppendText(nil))
	} else {
		text = s.texts.at(e.slot)
	}
	for _, t := range terms {
		if bytes.Contains(text, t.sub) == t.not {
			return false
		}
	}
	return true
}

// judged gives those of list that all the terms accept, in place, and stops
// when stop says so.
func judged[T backend.Object](list []*entry[T], terms []rowTerm[T], stop func() bool) []*entry[T] {
	if len(terms) == 0 {
		return list
	}
	kept := list[:0]
	for i, e := range list {
		if i%64 == 0 && stop() {
			return nil
		}
		if !slices.ContainsFunc(terms, func(t rowTerm[T]) bool { return !t.ok(&e.value) }) {
			kept = append(kept, e)
		}
	}
	return kept
}
