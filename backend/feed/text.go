package feed

import (
	"bytes"
	mathbits "math/bits"
	"unicode/utf8"
)

// maxText is how many bytes of a row are searched, so that a hostile row of
// megabytes costs its neighbours nothing.
const maxText = 4096

// texts is the searchable text of all rows as one blob, each row's in a slot of
// its own, folded and ended by '\n'. A substring is looked for in all of them by
// one walk, ten times as fast as row by row. It only grows; what was dropped is
// garbage until the owner builds it anew.
type texts struct {
	blob []byte
	ends []uint32 // slot i ends before ends[i]-1 and begins at ends[i-1]
	live int      // bytes that are not garbage
	seen [256]int // how often each byte has come
}

// add puts text, which must be folded, into a new slot.
func (t *texts) add(text []byte) uint32 {
	t.blob = append(append(t.blob, text...), '\n')
	t.ends = append(t.ends, uint32(len(t.blob)))
	t.live += len(text) + 1
	for _, c := range text {
		t.seen[c]++
	}
	return uint32(len(t.ends) - 1)
}

// at is a slot's text, without the '\n'.
func (t *texts) at(slot uint32) []byte {
	begin := uint32(0)
	if slot > 0 {
		begin = t.ends[slot-1]
	}
	return t.blob[begin : t.ends[slot]-1]
}

// drop makes a slot garbage.
func (t *texts) drop(slot uint32) { t.live -= len(t.at(slot)) + 1 }

// wasteful says whether it is time to build it anew: half of it is garbage.
func (t *texts) wasteful() bool { return len(t.blob) > 1<<16 && t.live < len(t.blob)/2 }

// marked gives the slots that hold sub, which is not empty. It looks for the
// byte of sub that is rarest in the texts, so that what all rows have in common
// ("-", a link's name) does not slow it down.
func (t *texts) marked(sub []byte) bits {
	b := make(bits, len(t.ends)/64+1)
	rare := 0
	for i, c := range sub {
		if t.seen[c] < t.seen[sub[rare]] {
			rare = i
		}
	}
	slot := uint32(0)
	for at := rare; at < len(t.blob); {
		i := bytes.IndexByte(t.blob[at:], sub[rare])
		if i < 0 {
			break
		}
		at += i + 1
		if begin := at - 1 - rare; bytes.HasPrefix(t.blob[begin:], sub) {
			for int(t.ends[slot]) <= begin {
				slot++
			}
			b[slot/64] |= 1 << (slot % 64)
			at = int(t.ends[slot]) + rare
		}
	}
	return b
}

// bits is a set of slots.
type bits []uint64

func (b bits) has(slot uint32) bool { return b[slot/64]&(1<<(slot%64)) != 0 }

func (b bits) count() int {
	n := 0
	for _, word := range b {
		n += mathbits.OnesCount64(word)
	}
	return n
}

// and keeps what o has as well, or, for not, what o has not.
func (b bits) and(o bits, not bool) {
	for i := range b {
		if not {
			b[i] &^= o[i]
		} else {
			b[i] &= o[i]
		}
	}
}

// fold makes text searchable in place where it can: lower case, one line, at
// most maxText bytes.
func fold(text []byte) []byte {
	text = text[:min(len(text), maxText)]
	for i, c := range text {
		switch {
		case 'A' <= c && c <= 'Z':
			text[i] = c + 'a' - 'A'
		case c == '\n':
			text[i] = ' '
		case c >= utf8.RuneSelf:
			return bytes.ReplaceAll(bytes.ToLower(text), []byte{'\n'}, []byte{' '})
		}
	}
	return text
}
