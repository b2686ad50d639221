package backend

import "time"

// A Finding is what a row says of its object that somebody on call wants to know
// now: that something is wrong (Warning, Critical), waits for a person (Waiting),
// or is on its way (Moving).
type Finding struct {
	Ref      Ref    // what it is about; of another object than the row's where that is what people know
	Rule     string // findings of one Ref and one Rule are counted together: "pod.crash"
	Level    Level
	Since    time.Time // zero when unknown
	Sentence Text      // begins with the fact: "open on 3 of 3, failure 71 % (limit 50 %)"

	About  string // the service that it is about, by the name that its callers have for it; empty: none
	Blames string // the service that it is the consequence of, by the name that it is called by; empty: none
}

// A Change is what has changed, as the system tells it.
type Change struct {
	Ref      Ref
	At       time.Time
	Level    Level // of what it came to; None where a change is neither good nor bad
	Sentence Text
}

// A Finder is an Object that may have a Finding. It answers from the row alone.
type Finder interface {
	Object
	Finding() (Finding, bool)
}

// A Changer is an Object whose row may tell of its last Change.
type Changer interface {
	Object
	Change() (Change, bool)
}
