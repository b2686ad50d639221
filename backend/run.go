package backend

import "time"

// A Run is a plan being carried out, or carried out. It outlives the screen
// that began it. Values are snapshots, safe to keep.
type Run struct {
	ID    string // unique within the audit chain
	Plan  Plan
	Steps []StepState // one for each of Plan.Steps
	Began time.Time
	Ended time.Time // zero while it goes on
	Err   error     // nil when all was done; its Code says what kind of end it was
	// Outcome tells the end in a sentence: past tense, how long it took, and
	// after a failure what to do next. Empty while it goes on.
	Outcome string
}

// Done counts the steps that the server has acknowledged.
func (r Run) Done() int {
	n := 0
	for _, s := range r.Steps {
		if s.Phase == StepDone {
			n++
		}
	}
	return n
}

// A StepState is how far one step has come.
type StepState struct {
	Phase       Phase
	Done, Total int // of the step's own progress; Total zero while unknown
	Note        string
	Err         error
}

// String is what became of the step, in the server's words where there are any.
func (s StepState) String() string {
	switch {
	case s.Err != nil:
		return s.Err.Error()
	case s.Phase == StepWaiting:
		return "not begun"
	case s.Note != "":
		return s.Note
	case s.Phase == StepGoing:
		return "awaited"
	}
	return "done"
}

// Phase is a step's stage.
type Phase uint8

// The phases.
const (
	StepWaiting Phase = iota
	StepGoing
	StepDone
	StepFailed
)
