package backend

import (
	"context"
	"time"
)

// A SeriesQuery says which numbers are wanted.
type SeriesQuery struct {
	Of       Ref       // what is measured
	From, To time.Time // of the points that are wanted
	Points   int       // about how many of each series there is room for
}

// A Series is how one number went, oldest point first.
type Series struct {
	Name   string // what tells it from the others of the answer: "p95 host=a"; the server's words, unchecked
	Unit   string // "ms", "B", "%"; empty when unknown
	Points []Point
}

// A Point is a number at a time.
type Point struct {
	At    time.Time
	Value float64 // NaN: nothing was measured then, as far as the system says so
}

// Numbers reads series. Safe for concurrent use.
type Numbers interface {
	// Series gives what was measured. No series, and no error, where nothing was.
	// More series than most are cut, and left says how many.
	Series(ctx context.Context, q SeriesQuery, most int) (all []Series, left int, err error)
}
