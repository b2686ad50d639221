package feed

// A Bell tells one listener that something changed, not how often: however many
// times it is rung, at most one token waits. Safe for concurrent use.
type Bell struct{ c chan struct{} }

// NewBell makes a silent bell.
func NewBell() *Bell { return &Bell{make(chan struct{}, 1)} }

// Ring never waits.
func (b *Bell) Ring() {
	select {
	case b.c <- struct{}{}:
	default:
	}
}

// C gives a token when it has been rung since the last one was taken.
func (b *Bell) C() <-chan struct{} { return b.c }
